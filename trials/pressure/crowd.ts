import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { Daemon, pause, until } from "./daemon.ts";

const to = "127.0.62.1";
const port = 21_002;
const config = (
  more = "",
) => `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
originate: [{prefix: 20.0.0.0/24}]
neighbors:
  - {address: 127.0.62.2, remote-as: internal, passive: true, timers: {hold-time: 9}}
dynamic-neighbors:
  - {range: 127.9.0.0/16, remote-as: internal, route-reflector-client: true}
${more}`;

/** 500 members of a range connect and say nothing, 1,000 strangers knock; a legitimate peer comes in the middle of it. */
export async function silent(): Promise<Record<string, number | string>> {
  const daemon = await Daemon.start(config(), { metricsPort: 21_902 });
  const first = new NumberedSpeaker({ from: "127.0.62.2", to, port, holdTime: 9 });
  await until("the first session is up", () => first.established);
  await pause(500);
  const before = daemon.residentMib;
  const crowd = Array.from(
    { length: 500 },
    (_, i) => new NumberedSpeaker({ from: `127.9.${1 + (i >>> 8)}.${i & 255}`, to, port, silent: true }),
  );
  const strangers = Array.from(
    { length: 1_000 },
    (_, i) => new NumberedSpeaker({ from: `127.8.${1 + (i >>> 8)}.${i & 255}`, to, port, silent: true }),
  );
  const late = new NumberedSpeaker({ from: "127.9.200.1", to, port });
  await until("a legitimate peer is up", () => late.established);
  await until("strangers are closed", () => strangers.every((peer) => peer.closed));
  await until("the crowd is connected", () => crowd.every((peer) => peer.connected));
  const refusedMs = Math.max(...strangers.map((peer) => peer.overMs));
  await pause(1_000);
  const during = daemon.residentMib;
  const cpu = daemon.cpuSeconds;
  await pause(5_000);
  const idle = (daemon.cpuSeconds - cpu) / 5;
  const stayed = crowd.filter((peer) => !peer.closed).length;
  await until("the crowd is dropped", () => crowd.every((peer) => peer.closed), 90_000);
  await pause(2_000);
  const [unknown] = await daemon.metric('bgp_connections_refused_total{reason="unknown-peer"}');
  const figures = {
    "legitimate session up after (ms)": late.establishedMs.toFixed(0),
    "silent connections held": stayed,
    "KiB per silent connection": (((during - before) * 1024) / stayed).toFixed(1),
    "silent ones dropped after (s)": `${(Math.min(...crowd.map((p) => p.overMs)) / 1000).toFixed(1)} to ${(Math.max(...crowd.map((p) => p.overMs)) / 1000).toFixed(1)}`,
    "with NOTIFICATION": [...new Set(crowd.map((peer) => peer.lastWord))].join(", "),
    "strangers refused": unknown ?? "",
    "all refused within (ms)": refusedMs.toFixed(0),
    "CPU while they hold (%)": (idle * 100).toFixed(1),
    "RSS before, during, after (MiB)": [before, during, daemon.residentMib].map((mib) => mib.toFixed(0)).join(", "),
    "sessions lost": [first, late].filter((peer) => !peer.established).length,
  };
  for (const peer of [first, late]) peer.close();
  await daemon.stop();
  return figures;
}

/** With 64 open files and 500 connections: who is up stays up, nothing spins, and when the crowd has gone others get in. */
export async function descriptors(): Promise<Record<string, number | string>> {
  const daemon = await Daemon.start(config(), { metricsPort: 21_903, openFiles: 64 });
  const first = new NumberedSpeaker({ from: "127.0.62.2", to, port, holdTime: 9 });
  await until("the first session is up", () => first.established);
  const crowd = Array.from(
    { length: 500 },
    (_, i) => new NumberedSpeaker({ from: `127.9.${1 + (i >>> 8)}.${i & 255}`, to, port, silent: true }),
  );
  await pause(2_000);
  const cpu = daemon.cpuSeconds;
  await pause(12_000);
  const busy = (daemon.cpuSeconds - cpu) / 12;
  const lived = first.established;
  const held = crowd.filter((peer) => !peer.closed).length;
  for (const peer of crowd) peer.close();
  const begin = performance.now();
  let newcomer = new NumberedSpeaker({ from: "127.9.200.2", to, port });
  await until("a newcomer is up", () => {
    if (newcomer.closed) newcomer = new NumberedSpeaker({ from: "127.9.200.2", to, port });
    return newcomer.established;
  });
  const figures = {
    "connections held of 500": held,
    "first session lived": String(lived && first.established),
    "CPU meanwhile (%)": (busy * 100).toFixed(1),
    "newcomer up after the crowd left (ms)": (performance.now() - begin).toFixed(0),
    "log lines": daemon.log.split("\n").length,
    "log says": daemon.log.split("\n").find((line) => line.includes("Cannot accept")) ?? "nothing",
  };
  for (const peer of [first, newcomer]) peer.close();
  await daemon.stop();
  return figures;
}
