import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { attribute, capability, ipv4, message, nlri4, u16, u32 } from "../../testbed/speaker/octets.ts";
import { ScriptedSpeaker } from "../../testbed/speaker/scripted-speaker.ts";
import { Daemon, pause, until } from "./daemon.ts";

const to = "127.0.68.1";
const feederAddress = "127.0.68.10";
const PREFIX = "198.51.100.0/24";
/** Tells when all before it has been heard. */
const MARK = "203.0.113.0/24";
const METRICS = 21_909;

const config = (
  port: number,
  limit: number,
): string => `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
limits: {paths-per-prefix: ${limit}}
dynamic-neighbors:
  - {range: 127.0.68.0/25, remote-as: internal, route-reflector-client: true, add-path: {receive: true}, timers: {hold-time: 90}}
  - {range: 127.0.68.128/26, remote-as: internal, route-reflector-client: true, add-path: {send: 4}, timers: {hold-time: 90}}
  - {range: 127.0.68.192/26, remote-as: internal, route-reflector-client: true, add-path: {send: all}, timers: {hold-time: 90}}
  - {range: 127.0.69.0/24, remote-as: internal, route-reflector-client: true, timers: {hold-time: 3}}`;

const attributesOf = (med: number): string =>
  attribute(0x40, 1, "00") +
  attribute(0x40, 2) +
  attribute(0x40, 3, ipv4(feederAddress)) +
  attribute(0x80, 4, u32(med)) +
  attribute(0x40, 5, u32(100));

const body = (attributes: string, nlri: string, withdrawn = ""): Uint8Array =>
  message(2, `${u16(withdrawn.length / 2)}${withdrawn}${u16(attributes.length / 2)}${attributes}${nlri}`);

const path = (id: number, prefix = PREFIX): string => u32(id) + nlri4(prefix);

/** UPDATEs of fifty paths each, all of one prefix. */
function* pathsOf(count: number): Generator<Uint8Array> {
  for (let first = 1; first <= count; first += 50) {
    let nlri = "";
    for (let id = first; id < first + 50 && id <= count; id++) nlri += path(id);
    yield body(attributesOf(10), nlri);
  }
}

/**
 * One neighbor sends so many paths for one prefix, then changes a thousand of them one by one, then leaves. Beside it others are told the best
 * one, the best four, and all, and twenty have a hold time of three seconds.
 */
async function round(count: number, port: number, limit = 1_000_000): Promise<string> {
  const daemon = await Daemon.start(config(port, limit), { metricsPort: METRICS, watchStalls: true });
  const addPath = (from: string, mode: string) =>
    new ScriptedSpeaker({
      from,
      to,
      port,
      watch: Buffer.from(nlri4(MARK), "hex").toString("hex"),
      who: {
        as: 65001,
        routerId: from,
        capabilities: [capability(1, "00010001"), capability(65, u32(65001)), capability(69, `000101${mode}`)],
      },
    });
  const feeder = addPath(feederAddress, "02");
  const plain = new ScriptedSpeaker({
    from: "127.0.68.11",
    to,
    port,
    watch: nlri4(MARK),
    who: { as: 65001, routerId: "127.0.68.11", ipv6: false },
  });
  const four = addPath("127.0.68.130", "01");
  const all = addPath("127.0.68.200", "01");
  const nervous = Array.from(
    { length: 20 },
    (_, i) => new NumberedSpeaker({ from: `127.0.69.${10 + i}`, to, port, holdTime: 3 }),
  );
  const readers = [plain, four, all];
  await until("all sessions are up", () => [feeder, ...readers, ...nervous].every((peer) => peer.established));
  await daemon.metric("bgp_build_info");
  await pause(500);
  await daemon.metric("bgp_build_info");
  daemon.longestStall();
  const heard = (times: number) =>
    until("the mark is heard", () => readers.every((peer) => peer.watched >= times), 200_000);
  const took = async (send: () => Promise<void> | void, done: () => Promise<number>) => {
    const cpu = daemon.cpuSeconds;
    const begin = performance.now();
    await send();
    await done();
    return `${((performance.now() - begin) / 1000).toFixed(2)} s (CPU ${(daemon.cpuSeconds - cpu).toFixed(2)} s)`;
  };
  const mark = (med: number) => feeder.send(body(attributesOf(med), path(1, MARK)));
  const came = await took(
    async () => {
      await feeder.stream(pathsOf(count));
      mark(1);
    },
    () => heard(1),
  );
  const changed = await took(
    async () => {
      for (let i = 0; i < 1000; i++) {
        feeder.send(body(attributesOf(11 + (i % 7)), path(1 + ((i * 7919) % count))));
        if (i % 10 === 9) await pause(1);
      }
      mark(2);
    },
    () => heard(2),
  );
  const updates = all.updatesReceived;
  const left = await took(
    () => feeder.close(),
    async () => {
      await until("all have heard that it left", () => readers.every((peer) => peer.watched >= 3), 200_000);
      await until(
        "its routes are gone",
        async () => (await daemon.metric('bgp_memory_bytes{of="routes"}'))[0]! < 2 ** 20 * 2,
        200_000,
      ).catch(() => 0);
      return 0;
    },
  );
  const [p99, longest] = await daemon.metric(
    'bgp_event_loop_lag_seconds{quantile="0.99"}',
    'bgp_event_loop_lag_seconds{quantile="1"}',
  );
  const lost = nervous.filter((peer) => !peer.established).length + readers.filter((peer) => !peer.established).length;
  const figures = `came ${came}, 1,000 changed ${changed}, left ${left}; loop delay p99 ${(p99! * 1000).toFixed(0)}, max ${(longest! * 1000).toFixed(0)} ms; stall ${daemon.longestStall()}; sessions lost ${lost}; UPDATEs to who is told all ${updates}; peak ${daemon.peakMib.toFixed(0)} MiB`;
  for (const peer of [...readers, ...nervous]) peer.close();
  await daemon.stop();
  return figures;
}

export async function paths(): Promise<Record<string, string>> {
  const figures: Record<string, string> = {};
  for (const [i, count] of [1_000, 10_000, 30_000, 60_000].entries())
    figures[`${count} paths of one prefix`] = await round(count, 21_040 + i);
  figures["60000 paths of one prefix, 1024 taken in (the default)"] = await round(60_000, 21_045, 1024);
  return figures;
}
