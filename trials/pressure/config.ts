import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { Daemon, pause, until } from "./daemon.ts";

const to = "127.0.68.1";
const port = 21_008;
const METRICS = 21_908;
const head = `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
`;
const range = (policy: string) =>
  `dynamic-neighbors: [{range: 127.0.69.0/24, remote-as: internal, timers: {hold-time: 3}, import-policy: ${policy}}]\n`;
const ranges = range("all");
const policies = "policies:\n  all: [{then: accept}]\n";

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("");
const octets = (i: number) => `${(i >> 8) & 255}.${i & 255}`;
const neighborWith = (i: number, rest: string) =>
  `  - {address: 127.${2 + (i >> 16)}.${octets(i)}, remote-as: internal, passive: true${rest}}\n`;
const timers = "{hold-time: 90, keepalive: 30, connect-retry: 5}";
const families = "{ipv4-unicast: {maximum-prefix: {limit: 2000, action: warn}}, ipv6-unicast: {}}";

/** What of a config may be long: its text for so many, and what to call them. */
const tables: readonly {
  readonly name: string;
  readonly sizes: readonly number[];
  text(count: number, inventory: string): string;
}[] = [
  {
    name: "lines of a policy",
    sizes: [10_000, 100_000],
    text: (count) =>
      `${head}${range("long")}policies:\n  long:\n    - {match: {learned-from: internal}, then: accept}\n${lines(count / 2, (i) => `    - match: {communities: ["65001:${i & 0xffff}"]}\n      then: {set: {local-pref: ${i}}, accept: true}\n`)}`,
  },
  {
    name: "entries of a prefix list",
    sizes: [10_000, 100_000],
    text: (count) =>
      `${head}${range("listed")}prefix-lists:\n  long:\n${lines(count, (i) => `    - {prefix: ${20 + (i >> 16)}.${octets(i)}.0/24, le: 32}\n`)}policies:\n  listed: [{match: {prefix-list: long}, then: accept}]\n`,
  },
  {
    name: "neighbors",
    sizes: [1_000, 10_000],
    text: (count) =>
      `${head}${ranges}${policies}neighbors:\n${lines(count, (i) => neighborWith(i, `, timers: ${timers}, address-families: ${families}`))}`,
  },
  {
    name: "neighbors that share an alias",
    sizes: [1_000, 10_000],
    text: (count) =>
      `${head}${ranges}${policies}neighbors:\n${lines(count, (i) => neighborWith(i, i === 0 ? `, timers: &t ${timers}, address-families: &f ${families}` : ", timers: *t, address-families: *f"))}`,
  },
  {
    name: "nodes of the inventory",
    sizes: [2_000, 20_000],
    text: (count, inventory) => {
      writeFileSync(
        inventory,
        `nodes:\n  - {name: self, address: ${to}}\n${lines(count, (i) => `  - {name: n${i}, address: 10.${i >> 16}.${octets(i)}, rack: r${i % 100}, blocks: [172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) * 16}/28]}\n`)}`,
      );
      return `${head}${ranges}${policies}topology: {mode: none, inventory: {file: ${inventory}}}\n`;
    },
  },
  {
    name: "own prefixes",
    sizes: [2_000, 20_000],
    text: (count) =>
      `${head}${ranges}${policies}originate:\n${lines(count, (i) => `  - {prefix: 30.${octets(i)}.0/24}\n`)}`,
  },
  {
    name: "unknown keys (refused)",
    sizes: [2_000, 20_000],
    text: (count) => `${head}${ranges}${policies}${lines(count, (i) => `unknown-${i}: ${i}\n`)}`,
  },
];

/**
 * Large configs read again beside sessions with hold time 3, each table at one size and at ten times as much: reading must cost nothing worse
 * than ten times as much, no session may be lost, the loop keeps its turns short and KEEPALIVEs leave on time. Each is taken on, then read
 * again unchanged, then taken back.
 */
export async function config(): Promise<Record<string, number | string>> {
  const folder = mkdtempSync(join(tmpdir(), "pressure-config-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const daemon = await Daemon.start(head + ranges + policies, { metricsPort: METRICS, watchStalls: true });
  const peers = Array.from(
    { length: 5 },
    (_, i) => new NumberedSpeaker({ from: `127.0.69.${10 + i}`, to, port, holdTime: 3, routes: 10 }),
  );
  await until("the sessions are up", () => peers.every((peer) => peer.established));
  const figures: Record<string, number | string> = {};
  const reload = async (text: string): Promise<{ seconds: number; cpu: number; words: string }> => {
    daemon.configure(text);
    await daemon.metric("bgp_build_info");
    daemon.longestStall();
    const before = answers(daemon.log);
    const cpu = daemon.cpuSeconds;
    const begin = performance.now();
    daemon.hangUp();
    await until("the config is read", () => answers(daemon.log) > before, 120_000);
    const seconds = (performance.now() - begin) / 1000;
    await pause(1_000);
    const [p99, max] = await daemon.metric(
      'bgp_event_loop_lag_seconds{quantile="0.99"}',
      'bgp_event_loop_lag_seconds{quantile="1"}',
    );
    return {
      seconds,
      cpu: daemon.cpuSeconds - cpu,
      words: `loop p99 ${(p99! * 1000).toFixed(1)}, max ${(max! * 1000).toFixed(0)} ms; longest stall ${daemon.longestStall()}`,
    };
  };
  for (const { name, sizes, text } of tables)
    for (const size of sizes) {
      const whole = text(size, join(folder, "nodes.yaml"));
      for (const [how, what] of [
        ["new", whole],
        ["again", whole],
        ["taken back", head + ranges + policies],
      ] as const) {
        const { seconds, cpu, words } = await reload(what);
        figures[`${size} ${name}, ${how}`] =
          `${seconds.toFixed(1)} s, CPU ${cpu.toFixed(1)} s; ${words}; hold-3 sessions lost ${peers.filter((peer) => !peer.established).length}`;
      }
    }
  const [all, ...soon] = await daemon.metric(
    "bgp_keepalive_lag_seconds_count",
    ...["0.1", "0.25", "1"].map((le) => `bgp_keepalive_lag_seconds_bucket{le="${le}"}`),
  );
  figures["KEEPALIVEs; later than 0.1 s, 0.25 s, 1 s"] = `${all}; ${soon.map((count) => all! - count).join(", ")}`;
  figures["RSS at the end, peak (MiB)"] = [daemon.residentMib, daemon.peakMib].map((mib) => mib.toFixed(0)).join(", ");
  await daemon.stop();
  for (const peer of peers) peer.close();
  return figures;
}

/** Reloads that came to an end, whatever it was. */
const answers = (log: string): number => log.match(/took on the config again|reload-refused/g)?.length ?? 0;
