import type { Series } from "../chart/charts.ts";
import { formatMachine } from "../machine.ts";
import type { ScalingResult, ScalingRun } from "../scaling/result.ts";
import { fitPowerLaw } from "./fit.ts";
import { markdown } from "./tables.ts";

/** What is looked at as a function of N. */
interface Quantity {
  readonly name: string;
  readonly of: (run: ScalingRun) => number | null;
}

export const quantities: readonly Quantity[] = [
  { name: "sessions", of: (r) => r.sessions },
  { name: "messages from cold", of: (r) => r.cold.messages },
  { name: "octets on the wire from cold", of: (r) => r.cold.wireBytes },
  { name: "CPU seconds from cold", of: (r) => r.cold.cpuSeconds },
  { name: "seconds from cold", of: (r) => r.cold.seconds },
  { name: "memory of sessions and routes, MB", of: (r) => (r.builtMb > 0 ? r.residentMb - r.builtMb : null) },
  { name: "messages when a node joins", of: (r) => r.join.messages },
  { name: "octets when a node joins", of: (r) => r.join.wireBytes },
  { name: "messages when a route flaps", of: (r) => sum(r.withdraw.messages, r.announce.messages) },
  { name: "octets when a route flaps", of: (r) => r.withdraw.wireBytes + r.announce.wireBytes },
];

export const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

/** Runs of one speaker in one topology, by rising N. */
function lines(result: ScalingResult): { name: string; ours: boolean; runs: ScalingRun[] }[] {
  const byName = new Map<string, ScalingRun[]>();
  for (const run of result.scaling) {
    const name = `${run.label}, ${run.topology}`;
    byName.set(
      name,
      [...(byName.get(name) ?? []), run].sort((a, b) => a.nodes - b.nodes),
    );
  }
  return [...byName].map(([name, runs]) => ({ name, ours: runs[0]!.label === "Peerage", runs }));
}

export function formatScaling(result: ScalingResult): string {
  const parts = [
    `\`${result.command.replaceAll(", npm", "`, `npm")}\`, ${result.at.slice(0, 10)}, commit ${result.commit}, ${formatMachine(result.machine)}; ${result.routesPerNode} routes a node.`,
    "",
  ];
  const all = lines(result);
  for (const { name, runs } of all) parts.push(`### ${name}`, "", ...markdown(tableHead, runs.map(tableRow)), "");
  if (all.length > 0) {
    const rows = quantities.map(({ name, of }) => [name, ...all.map(({ runs }) => exponent(runs, of))]);
    parts.push(
      "### Exponents",
      "",
      "y = c N^k by least squares on the logarithms, N of 16 and more; k with its standard error.",
      "",
      ...markdown(["", ...all.map((line) => line.name)], rows),
      "",
    );
  }
  if (result.virtual.length > 0) parts.push(...virtualTable(result), "");
  if (result.cost) {
    const { kbPerSpeaker, kbPerSpeakerWithTenRoutes, kbPerSessionEnd, kbPerSimulatedTcpEnd } = result.cost;
    const row = (name: string, kb: number) => [name, kb.toFixed(kb < 10 ? 2 : 0)];
    parts.push(
      "### What one costs in memory",
      "",
      "Heap and array buffers after a garbage collection, in one process.",
      "",
      ...markdown(
        ["", "KB"],
        [
          row("a speaker without routes", kbPerSpeaker),
          row("a speaker with ten routes of its own", kbPerSpeakerWithTenRoutes),
          row("an end of an idle session, all of it", kbPerSessionEnd),
          row("of this the end of the simulated TCP connection", kbPerSimulatedTcpEnd),
        ],
      ),
      "",
    );
  }
  for (const fault of new Set(result.faults)) parts.push(`- ${fault}`);
  return `${parts.join("\n").trimEnd()}\n`;
}

/** The simulated runs, beside the real ones of the same size. */
function virtualTable(result: ScalingResult): string[] {
  const head = [
    "",
    "N",
    "sessions",
    "routes",
    "UPDATEs",
    "real",
    "join: UPDATEs",
    "real",
    "flap: UPDATEs",
    "real",
    "virtual s",
    "CPU s",
    "held MB",
    "RSS MB",
  ];
  const rows = result.virtual.map((v) => {
    const real = result.scaling.find((r) => r.label === "Peerage" && r.topology === v.topology && r.nodes === v.nodes);
    const flap = real ? sum(real.withdraw.updates, real.announce.updates) : null;
    return [
      v.topology,
      String(v.nodes),
      String(v.sessions),
      String(v.routes),
      String(v.coldMessages),
      real?.cold.updates?.toFixed(0) ?? "",
      String(v.joinMessages),
      real?.join.updates?.toFixed(0) ?? "",
      String(v.flapMessages),
      flap?.toFixed(0) ?? "",
      v.coldSeconds.toFixed(3),
      v.cpuSeconds.toFixed(1),
      v.heldMb.toFixed(0),
      v.residentMb.toFixed(0),
    ];
  });
  return ["### Under virtual time", "", ...markdown(head, rows)];
}

const tableHead = [
  "N",
  "sessions",
  "most at one node",
  "messages",
  "MB on the wire",
  "CPU s",
  "seconds",
  "memory MB",
  "join: messages",
  "join: ms",
  "join: CPU ms",
  "flap: messages",
  "withdrawn after ms",
  "announced after ms",
  "flap: CPU ms",
  "processes",
];

function tableRow(r: ScalingRun): string[] {
  const number = (value: number | null) => (value === null ? "" : value.toFixed(0));
  return [
    String(r.nodes),
    String(r.sessions),
    String(r.mostSessions),
    number(r.cold.messages),
    (r.cold.wireBytes / 1e6).toFixed(2),
    r.cold.cpuSeconds.toFixed(2),
    r.cold.seconds.toFixed(2),
    r.builtMb > 0 ? (r.residentMb - r.builtMb).toFixed(0) : `${r.residentMb.toFixed(0)} in all`,
    number(r.join.messages),
    number(r.join.seconds * 1000),
    number(r.join.cpuSeconds * 1000),
    number(sum(r.withdraw.messages, r.announce.messages)),
    (r.withdraw.seconds * 1000).toFixed(1),
    (r.announce.seconds * 1000).toFixed(1),
    number((r.withdraw.cpuSeconds + r.announce.cpuSeconds) * 1000),
    String(r.processes),
  ];
}

function exponent(runs: readonly ScalingRun[], of: Quantity["of"]): string {
  const points = runs.flatMap((run): [number, number][] => {
    const value = of(run);
    return run.nodes >= 16 && value !== null && value > 0 ? [[run.nodes, value]] : [];
  });
  if (points.length < 3) return "";
  const law = fitPowerLaw(points);
  return `${law.exponent.toFixed(2)} ± ${law.error.toFixed(2)}`;
}

/** For the pictures: each line carries its exponent. */
export const seriesOf = (result: ScalingResult, of: Quantity["of"]): Series[] =>
  lines(result).map(({ name, ours, runs }) => ({
    label: `${name.replace("Peerage, ", "")} ${exponent(runs, of)}`.trim(),
    ours,
    points: runs.flatMap((run): [number, number][] => {
      const value = of(run);
      return value === null ? [] : [[run.nodes, value]];
    }),
  }));
