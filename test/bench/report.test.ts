import t from "tap";
import { barChart, logChart } from "../../bench/chart/charts.ts";
import type { Phase } from "../../bench/load/spec.ts";
import { parseOptions } from "../../bench/options.ts";
import { summarize } from "../../bench/report/median.ts";
import { formatRegression } from "../../bench/report/regression.ts";
import { slotOf } from "../../bench/report/slot.ts";
import { formatResult } from "../../bench/report/tables.ts";
import { formatVariants } from "../../bench/report/variants.ts";
import { formatBetterPeers, formatVerdict } from "../../bench/report/verdict.ts";
import type { Result, Run } from "../../bench/result.ts";
import { joiner, plan } from "../../bench/scaling/plan.ts";
import { mergeScaling, type ScalingResult } from "../../bench/scaling/result.ts";
import { speakerConfig } from "../../bench/scaling/speaker-config.ts";

const phase = (cpuSeconds: number, wallSeconds: number | null): Phase => ({
  name: "reflect",
  wallSeconds,
  cpuSeconds,
  loadCpuSeconds: 0.01,
  residentMb: 100,
  peakResidentMb: 110,
  bytesSent: 1e6,
  bytesReceived: 2e6,
  updatesReceived: 10,
  routesReceived: 100,
});
const run = (kind: string, cpu: number, wall: number, faults: string[] = []): Run => ({
  kind,
  label: kind,
  version: "1",
  phases: [phase(cpu, wall)],
  faults,
});

function result(at: string, runs: Run[], clients = 100): Result {
  const { workload, scale, table, variant } = parseOptions(["reflect", "--clients", String(clients)]);
  const machine = { cpu: "x", cores: 2, memoryGb: 1, kernel: "6", node: "v20" };
  const about = { command: "npm run bench -- reflect", machine, loadAverage: [0, 0] as const, commit: "c" };
  return { workload: workload.name, title: workload.title(scale), at, ...about, scale, table, variant, runs };
}

t.test("the median of good runs counts, field by field; a faulty run is shown but not counted", (t) => {
  const now = result("2026-01-01", [
    run("ours", 3, 1),
    run("ours", 1, 3),
    run("ours", 2, 2),
    run("ours", 0.1, 0.1, ["1 prefix wrong"]),
  ]);
  const [ours] = summarize(now);
  t.match(ours, { runs: 3, faults: ["1 prefix wrong"] });
  t.match(ours!.phases[0], { cpuSeconds: 2, wallSeconds: 2 });
  t.match(formatResult(now), /- ours: 1 prefix wrong/);
  t.end();
});

t.test("ratios are ours to each, and one that was not done is no number", (t) => {
  const late: Run = { ...run("gobgp", 9, 9), phases: [phase(9, null)] };
  const text = formatResult(result("2026-01-01", [run("ours", 1, 1), run("bird", 4, 2), late]));
  t.match(text, /\| bird \| 4\.00 \| 2\.00 .* 0\.25 \| 0\.50 \| 1\.00 \|/);
  t.match(text, /\| gobgp \| 9\.00 \| not done /);
  t.match(text, /`npm run bench -- reflect`, 2026-01-01, 2 x x/, "no figure without command and machine");
  t.end();
});

t.test("a peer that was given up has a row that says so, and no figure to be held against", (t) => {
  const given: Run = { ...run("gobgp", 9, 9, ["reflect: not done in 60 s"]), phases: [phase(9, null)] };
  const text = formatResult(result("2026-01-01", [run("ours", 1, 1), given]));
  t.match(text, /\| gobgp \| > 9\.00 \| not done \|/);
  t.match(text, /- gobgp: reflect: not done in 60 s/);
  t.end();
});

t.test("the verdict compares with the better of a peer's settings, and where a peer is better it says so", (t) => {
  const frr = (label: string, cpu: number): Run => ({ ...run("frr", cpu, 3), label });
  const slow = { ...run("bird", 12, 3), phases: [{ ...phase(12, 3), peakResidentMb: 20 }] };
  const now = result("2026-01-01", [run("ours", 1, 1), frr("FRR", 2), frr("FRR (coalesce-time 0)", 5), slow]);
  const latest = new Map([[slotOf(now), now]]);
  const text = formatVerdict(latest, null);
  t.match(text, /\| reflect 100k to 100: CPU to FRR's \| 0\.333 \| 0\.500 \| \*\*not met\*\* \|/);
  t.match(text, /\| reflect 100k to 100: wall to FRR's \| 0\.500 \| 0\.333 \| met \|/);
  t.match(text, /\| rack: .* \| not measured \|/);
  t.equal(formatBetterPeers(latest), "- `reflect-100000x100`, reflect: bird: peak RSS 20 MB (ours 110)\n");
  t.end();
});

t.test("a variant's ratios are held against the same ratios of the plain table", (t) => {
  const plain = result("2026-01-01", [run("ours", 1, 1), run("frr", 4, 4)]);
  const flat = {
    ...result("2026-01-02", [run("ours", 2, 1), run("frr", 4, 4)]),
    table: { ...plain.table, lengths: "flat" as const },
  };
  const text = formatVariants(new Map([plain, flat].map((r) => [slotOf(r), r])));
  t.match(text, /\| flat prefix lengths \| 0\.500 \(x 2\.00\) \| 0\.250 \(x 1\.00\) \| {2}\| {2}\| \*\*no\*\* \|/);
  t.match(text, /\| IPv6 \| {2}\| {2}\| {2}\| {2}\| not measured \|/);
  t.end();
});

t.test("a regression is seen in the ratio to a peer that both results have, of the same work only", (t) => {
  const before = result("2026-01-01", [run("ours", 1, 1), run("bird", 4, 4)]);
  const other = result("2026-01-02", [run("ours", 9, 9), run("bird", 9, 9)], 10);
  const now = result("2026-01-03", [run("ours", 2, 2), run("bird", 8, 8)]);
  const text = formatRegression(now, [before, other]);
  t.match(
    text,
    /reflect: CPU s \| c, .* \| 1\.00 \| 2\.00 \| bird \| 0\.25 \| 0\.25/,
    "twice the seconds on a machine that is half as fast",
  );
  t.match(formatRegression(before, [before, other, now]), /No earlier result/);
  t.end();
});

t.test("results are asked for by the work that was done", (t) => {
  const of = (...words: string[]) => {
    const { workload, scale, table, variant } = parseOptions(words);
    return slotOf({ ...result("x", []), workload: workload.name, scale, table, variant });
  };
  t.equal(of("reflect"), "reflect-100000x100");
  t.equal(of("reflect", "--routes", "1M", "--family", "6", "--add-path"), "reflect-1000000x100-ipv6-addpath");
  t.equal(
    of("ingest", "--feeders", "10", "--seed", "2", "--policy", "20"),
    "ingest-1000000x1-feeders10-seed2-policy20",
  );
  t.throws(() => parseOptions(["nonsense"]), /WORKLOAD/);
  t.throws(() => parseOptions(["reflect", "--peers", "cisco"]), /none of bird, frr/);
  t.throws(() => parseOptions(["reflect", "--clients", "many"]), /not a number: many/);
  t.throws(() => parseOptions(["reflect", "--color"]), /Unknown option/);
  t.end();
});

t.test("pictures are SVG that says what it shows, with words escaped", (t) => {
  const bars = barChart("a < b", "s", [{ label: "ours & theirs", value: 2, ours: true }]);
  t.match(bars, /^<svg xmlns=.*aria-label="a &lt; b"/);
  t.match(bars, /ours &amp; theirs/);
  const lines = logChart("n", "N", "", [
    {
      label: "mesh",
      ours: true,
      points: [
        [8, 28],
        [16, 120],
        [32, 0],
      ],
    },
  ]);
  t.equal(lines.match(/<circle/g)?.length, 2, "what has no logarithm is left out");
  t.end();
});

t.test("a mesh has N(N-1)/2 sessions, reflectors N each and one between them", (t) => {
  t.same(
    [plan("mesh", 50, 2).sessions, plan("one reflector", 50, 2).sessions, plan("two reflectors", 50, 2).sessions],
    [1225, 50, 101],
  );
  const two = plan("two reflectors", 3, 2);
  t.equal(two.routes, 6);
  t.same(
    two.nodes.map((node) => node.dials),
    [[], [0], [0, 1], [0, 1], [0, 1]],
    "whom one dials, started before",
  );
  const [first, second] = [speakerConfig(two.nodes[0]!), speakerConfig(two.nodes[1]!)];
  t.same(
    second.neighbors.map((n) => [n.address, n.routeReflectorClient]),
    [["10.0.1.0", false]],
  );
  t.same(
    first.dynamicNeighbors.map((r) => [r.range, r.routeReflectorClient]),
    [
      ["10.0.1.1/32", false],
      ["10.0.0.0/9", true],
    ],
    "the longer range comes first: the other reflector is no client",
  );
  t.same(
    speakerConfig(two.nodes[4]!).neighbors.map((n) => n.address),
    ["10.0.1.0", "10.0.1.1"],
  );
  t.end();
});

t.test("racks have a reflector each, which know each other; with an AS each they are external", (t) => {
  const flat = plan("racks, one AS", 60, 2);
  const each = plan("racks, an AS each", 60, 2);
  for (const { sessions, reflectors, mostSessions } of [flat, each])
    t.same([sessions, reflectors, mostSessions], [60 + 3, 3, 20 + 2]);
  t.same(
    each.nodes.slice(0, 4).map((node) => [node.as, node.dials, node.expects]),
    [
      [65001, [], [1, 2]],
      [65002, [0], [2]],
      [65003, [0, 1], []],
      [65001, [0], []],
    ],
  );
  t.same(each.nodes.at(-1)!.dials, [2], "the last node is in the last rack");
  const kinds = (node: number) => speakerConfig(each.nodes[node]!).neighbors.map((n) => n.kind);
  t.same([kinds(1), kinds(62)], [["external"], ["internal"]]);
  const own = speakerConfig(plan("racks, an AS each, own routes only", 60, 2).nodes[1]!).neighbors[0]!;
  t.same(own.exportPolicy, ["told-own"]);
  const joined = joiner(each, 2);
  t.same([joined.address, joined.as, joined.dials, joined.routes.length], ["10.0.1.63", 65003, [2], 2]);
  t.same(plan("mesh", 40, 1, 10).nodes.filter((node) => node.routes.length > 0).length, 10, "every fourth has a route");
  t.end();
});

t.test("of equal measurements of scaling the last counts", (t) => {
  const result = (at: string, nodes: readonly number[], seconds: number) =>
    ({
      at,
      command: at,
      commit: "c",
      faults: [],
      virtual: [],
      cost: null,
      scaling: nodes.map((n) => ({ label: "Peerage", topology: "mesh", nodes: n, seconds })),
    }) as unknown as ScalingResult;
  const merged = mergeScaling([result("1", [8, 16], 1), result("2", [16, 32], 2)]);
  t.same(
    merged!.scaling.map((run) => [run.nodes, (run as unknown as { seconds: number }).seconds]),
    [
      [8, 1],
      [16, 2],
      [32, 2],
    ],
  );
  t.equal(mergeScaling([]), null);
  t.end();
});
