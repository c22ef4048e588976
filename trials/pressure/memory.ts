import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { Daemon, pause, until } from "./daemon.ts";

const to = "127.0.64.1";
const port = 21_004;
const config = (
  more: string,
) => `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
dynamic-neighbors:
  - {range: 127.0.64.0/24, remote-as: internal, route-reflector-client: true}
  - {range: 127.0.65.0/24, remote-as: internal, route-reflector-client: true, address-families: {ipv4-unicast: {maximum-prefix: {limit: 1000, restart-after: 5}}}}
${more}`;

/** A client with big attribute sets fills a small budget: it isn't read, then goes; the others stay and what it took comes back. */
export async function memory(): Promise<Record<string, number | string>> {
  const daemon = await Daemon.start(config("limits: {memory: 128MiB}"), { metricsPort: 21_905 });
  const honest = new NumberedSpeaker({ from: "127.0.64.2", to, port, holdTime: 9 });
  const reader = new NumberedSpeaker({ from: "127.0.64.3", to, port, routes: 10_000, holdTime: 9 });
  const greedy = new NumberedSpeaker({ from: "127.0.64.4", to, port });
  await until("all are up", () => [honest, reader, greedy].every((peer) => peer.established));
  await honest.announce({ first: 0, count: 10_000, together: 10, version: 1 });
  await until("the reader knows the honest ones", () => reader.table.every((version) => version === 2));
  const before = daemon.residentMib;
  const begin = performance.now();
  // 80,000 sets of 2 KB each: more than the budget.
  void greedy.announce({ first: 100_000, count: 80_000, together: 1, version: 1, ballast: 2_000 });
  await until("it is ended", () => greedy.closed, 60_000);
  const ended = (performance.now() - begin) / 1000;
  await pause(5_000);
  const lines = daemon.log.split("\n").filter((line) => /WARN\s+memory|INFO\s+memory/.test(line));
  const figures = {
    "ended after (s)": ended.toFixed(1),
    NOTIFICATION: greedy.lastWord ?? "none",
    "RSS before, peak, 5 s after (MiB)": [before, daemon.peakMib, daemon.residentMib]
      .map((mib) => mib.toFixed(0))
      .join(", "),
    "other sessions lost": [honest, reader].filter((peer) => !peer.established).length,
    "honest routes still there": reader.table.reduce((sum, version) => sum + (version === 2 ? 1 : 0), 0),
    log: `\n    ${lines.map((line) => line.slice(25)).join("\n    ")}`,
  };
  for (const peer of [honest, reader]) peer.close();
  await daemon.stop();
  return figures;
}

/** A client sends 100,000 routes where it may have 1,000. */
export async function flood(): Promise<Record<string, number | string>> {
  const daemon = await Daemon.start(config(""), { metricsPort: 21_906 });
  const witness = new NumberedSpeaker({ from: "127.0.64.2", to, port, routes: 200_000, holdTime: 3 });
  const greedy = new NumberedSpeaker({ from: "127.0.65.4", to, port });
  await until("both are up", () => witness.established && greedy.established);
  await pause(1_000);
  const before = daemon.residentMib;
  const begin = performance.now();
  void greedy.announce({ first: 0, count: 100_000, together: 1, version: 1, ballast: 500 });
  await until("it is ended", () => greedy.closed);
  const ended = performance.now() - begin;
  await until("its routes are withdrawn", () => witness.table.every((version) => version === 0));
  await pause(2_000);
  let back = new NumberedSpeaker({ from: "127.0.65.4", to, port });
  const rest = await until("it is welcome again", () => {
    if (back.closed) back = new NumberedSpeaker({ from: "127.0.65.4", to, port });
    return back.established;
  });
  const figures = {
    "ended after (ms)": ended.toFixed(0),
    NOTIFICATION: greedy.lastWord ?? "none",
    "routes that the witness ever heard": witness.announced,
    "witness lost": String(!witness.established),
    "RSS before, peak, after (MiB)": [before, daemon.peakMib, daemon.residentMib]
      .map((mib) => mib.toFixed(0))
      .join(", "),
    "back after (s), restart-after 5": ((ended + 2_000) / 1000 + rest).toFixed(1),
  };
  for (const peer of [witness, back]) peer.close();
  await daemon.stop();
  return figures;
}
