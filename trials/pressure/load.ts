import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { Daemon, pause, until } from "./daemon.ts";

/**
 * One peer, or fifty at once, send a million routes as fast as it can, while others have a hold time of 3 seconds and others again are told everything.
 * The loop must keep its turns short, the hold-3 sessions must live, and memory must not depend on the sender's speed.
 */
export async function load(feederCount = 1, routes = 1_000_000): Promise<Record<string, number | string>> {
  const to = "127.0.60.1";
  const port = 21_001;
  const daemon = await Daemon.start(
    `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
dynamic-neighbors:
  - {range: 127.0.60.0/24, remote-as: internal, route-reflector-client: true, timers: {hold-time: 90}}
  - {range: 127.0.61.0/24, remote-as: internal, route-reflector-client: true, timers: {hold-time: 3}}`,
    { metricsPort: 21_901, watchStalls: true },
  );
  const feeders = Array.from(
    { length: feederCount },
    (_, i) => new NumberedSpeaker({ from: `127.0.60.${100 + i}`, to, port }),
  );
  const readers = Array.from(
    { length: 4 },
    (_, i) => new NumberedSpeaker({ from: `127.0.60.${10 + i}`, to, port, routes }),
  );
  const nervous = Array.from(
    { length: 20 },
    (_, i) => new NumberedSpeaker({ from: `127.0.61.${10 + i}`, to, port, holdTime: 3 }),
  );
  const all = [...feeders, ...readers, ...nervous];
  await until("all sessions are up", () => all.every((peer) => peer.established));
  // The first scrape is slow and none of the load's business; the second starts the measurement.
  await daemon.metric("bgp_build_info");
  await pause(1_000);
  await daemon.metric("bgp_build_info");
  daemon.longestStall();
  const cpu = daemon.cpuSeconds;
  const begin = performance.now();
  const share = routes / feederCount;
  await Promise.all(
    feeders.map((feeder, i) => feeder.announce({ first: i * share, count: share, together: 5, version: 1 })),
  );
  const sent = (performance.now() - begin) / 1000;
  await until("all readers have everything", () => readers.every((peer) => peer.announced >= routes), 120_000);
  const told = (performance.now() - begin) / 1000;
  const lag = await daemon.metric(
    'bgp_event_loop_lag_seconds{quantile="0.5"}',
    'bgp_event_loop_lag_seconds{quantile="0.99"}',
    'bgp_event_loop_lag_seconds{quantile="1"}',
  );
  await pause(3_500);
  const figures = {
    routes,
    feeders: feederCount,
    "seconds to send": sent.toFixed(2),
    "seconds until all were told": told.toFixed(2),
    "CPU seconds": (daemon.cpuSeconds - cpu).toFixed(2),
    "loop delay p50, p99, max (ms)": lag.map((seconds) => (seconds * 1000).toFixed(1)).join(", "),
    "longest stall": daemon.longestStall(),
    "hold-3 sessions lost": nervous.filter((peer) => !peer.established).length,
    "other sessions lost": [...feeders, ...readers].filter((peer) => !peer.established).length,
    "wrong routes": readers.reduce(
      (sum, peer) => sum + peer.table.reduce((wrong, version) => wrong + (version === 2 ? 0 : 1), 0),
      0,
    ),
    "RSS peak (MiB)": daemon.peakMib.toFixed(0),
  };
  for (const peer of feeders) peer.close();
  await until("the routes are gone", () => readers.every((peer) => peer.withdrawn >= routes), 30_000);
  const rss: string[] = [];
  for (let i = 0; i < 3; i++) {
    await pause(4_000);
    const used = await daemon.metric('bgp_memory_bytes{of="all"}', 'bgp_memory_bytes{of="routes"}');
    rss.push(
      `${daemon.residentMib.toFixed(0)} (${used.map((octets) => (octets / 2 ** 20).toFixed(1)).join(", ")} used)`,
    );
  }
  Object.assign(figures, { "RSS 4, 8, 12 s after all routes have gone (MiB)": rss.join(", ") });
  for (const peer of all) peer.close();
  await daemon.stop();
  return figures;
}
