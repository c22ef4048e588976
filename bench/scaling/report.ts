import { formatMachine } from "../machine.ts";
import type { Series } from "../report/charts.ts";
import { fitPowerLaw } from "../report/fit.ts";
import { markdown } from "../report/tables.ts";
import type { ScalingResult, ScalingRun } from "./result.ts";

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
  { name: "memory of sessions and routes, MB", of: (r) => r.residentMb - r.builtMb },
  { name: "messages when a node joins", of: (r) => r.join.messages },
  { name: "octets when a node joins", of: (r) => r.join.wireBytes },
  { name: "messages when a route flaps", of: (r) => sum(r.withdraw.messages, r.announce.messages) },
  { name: "octets when a route flaps", of: (r) => r.withdraw.wireBytes + r.announce.wireBytes },
];

const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

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
    `\`${result.command}\`, ${result.at.slice(0, 10)}, ${formatMachine(result.machine)}; ${result.routesPerNode} routes a node.`,
    "",
  ];
  for (const { name, runs } of lines(result)) {
    parts.push(`### ${name}`, "", ...markdown(tableHead, runs.map(tableRow)), "");
  }
  parts.push(
    "### Exponents",
    "",
    "y = c N^k by least squares on the logarithms, N of 16 and more; k with its standard error.",
    "",
  );
  const all = lines(result);
  const rows = quantities.map(({ name, of }) => [name, ...all.map(({ runs }) => exponent(runs, of))]);
  parts.push(...markdown(["", ...all.map((line) => line.name)], rows), "");
  if (result.virtual.length > 0) parts.push(...virtualTable(result), "");
  for (const fault of result.faults) parts.push(`- ${fault}`);
  return `${parts.join("\n").trimEnd()}\n`;
}

/** The simulated runs, beside the real ones of the same size. */
function virtualTable(result: ScalingResult): string[] {
  const head = [
    "",
    "N",
    "sessions",
    "UPDATEs",
    "real",
    "join: UPDATEs",
    "real",
    "flap: UPDATEs",
    "real",
    "virtual s",
    "CPU s",
    "KB a speaker",
    "KB a session end",
    "MB in all",
  ];
  const rows = result.virtual.map((v) => {
    const real = result.scaling.find((r) => r.label === "Peerage" && r.topology === v.topology && r.nodes === v.nodes);
    const flap = real ? sum(real.withdraw.updates, real.announce.updates) : null;
    return [
      v.topology,
      String(v.nodes),
      String(v.sessions),
      String(v.coldMessages),
      real?.cold.updates?.toFixed(0) ?? "",
      String(v.joinMessages),
      real?.join.updates?.toFixed(0) ?? "",
      String(v.flapMessages),
      flap?.toFixed(0) ?? "",
      v.coldSeconds.toFixed(3),
      v.cpuSeconds.toFixed(1),
      v.kbPerSpeaker.toFixed(0),
      v.kbPerSessionEnd.toFixed(1),
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
    String(r.topology === "mesh" ? r.nodes - 1 : r.topology === "one reflector" ? r.nodes : r.nodes + 1),
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

/** For the pictures. */
export const seriesOf = (result: ScalingResult, of: Quantity["of"]): Series[] =>
  lines(result).map(({ name, ours, runs }) => ({
    label: name,
    ours,
    points: runs.flatMap((run): [number, number][] => {
      const value = of(run);
      return value === null ? [] : [[run.nodes, value]];
    }),
  }));
