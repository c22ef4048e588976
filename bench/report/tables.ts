import type { Phase } from "../load/spec.ts";
import { formatMachine } from "../machine.ts";
import type { Result } from "../result.ts";
import { type Summary, summarize } from "./median.ts";

/** A result as Markdown under a heading of `level`: one table for each phase, then what went wrong. */
export function formatResult(result: Result, level = 2): string {
  const summaries = summarize(result);
  const names = [
    ...new Set(
      summaries.flatMap((s) => [...s.phases.map((phase) => phase.name), ...(s.unfinished ? [s.unfinished.name] : [])]),
    ),
  ];
  const lines = [
    `${"#".repeat(level)} ${result.title}`,
    "",
    `\`${result.command}\`, ${result.at.slice(0, 10)}, ${formatMachine(result.machine)}, commit ${result.commit}`,
    "",
  ];
  lines.push(
    `Medians of ${Math.max(0, ...summaries.map((s) => s.runs))} runs; load average ${result.loadAverage.map((l) => l.toFixed(1)).join(" before, ")} after.`,
    "",
  );
  const feeders = names.filter((name) => FEEDER.test(name));
  for (const name of names)
    if (!FEEDER.test(name)) lines.push(`${"#".repeat(level + 1)} ${name}`, "", ...phaseTable(name, summaries), "");
  if (feeders.length > 1)
    lines.push(
      `${"#".repeat(level + 1)} further feeders of the same routes`,
      "",
      ...pathTable(summaries, result.scale.routes),
      "",
    );
  for (const { label, faults } of summaries)
    for (const fault of [...new Set(faults)].slice(0, 3))
      lines.push(`- ${label}: ${fault.length > 160 ? `${fault.slice(0, 160)} …` : fault}`);
  return `${lines.join("\n").trimEnd()}\n`;
}

/** Phases of `ingest` in which one more feeder repeats the table. */
export const FEEDER = /^feeder \d+$/;

/** What each further path costs: the slope of resident memory over feeders, from two on. */
function pathTable(summaries: readonly Summary[], routes: number): string[] {
  const rows = summaries.flatMap(({ label, phases }) => {
    const repeats = phases.filter((phase) => FEEDER.test(phase.name));
    const cost = pathCost({ phases }, routes);
    if (cost === null) return [];
    const cpu = repeats.reduce((sum, phase) => sum + phase.cpuSeconds, 0) / repeats.length;
    const cells = [repeats[0]!.residentMb.toFixed(0), repeats.at(-1)!.residentMb.toFixed(0)];
    return [[label, ...cells, cost.toFixed(1), seconds(cpu)]];
  });
  const most = summaries
    .flatMap((s) => s.phases.map((p) => p.name))
    .filter((name) => FEEDER.test(name))
    .at(-1);
  const head = [
    "",
    "RSS MB, 2 feeders",
    `RSS MB, ${most?.replace("feeder ", "")} feeders`,
    "octets a further path",
    "CPU s a further feeder",
  ];
  return markdown(head, rows);
}

/** Octets of resident memory a further path; null where there were fewer than two further feeders. */
export function pathCost({ phases }: Pick<Summary, "phases">, routes: number): number | null {
  const repeats = phases.filter((phase) => FEEDER.test(phase.name));
  return repeats.length < 2 ? null : (slopeOf(repeats.map((phase) => phase.residentMb)) * 2 ** 20) / routes;
}

/** Of equally spaced values, by least squares. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const along = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  return along / values.reduce((sum, _value, i) => sum + (i - middle) ** 2, 0);
}

function phaseTable(name: string, summaries: readonly Summary[]): string[] {
  const rows = summaries.flatMap((s) => s.phases.filter((p) => p.name === name).map((phase) => ({ ...s, phase })));
  const ours = rows.find((row) => row.kind === "ours")?.phase;
  const figures = [...new Set(rows.flatMap((row) => Object.keys(row.phase.figures ?? {})))];
  const delays = rows.some((row) => row.phase.delaysMs);
  const head = ["", "CPU s", "wall s", "RSS MB", "peak MB", "MB out", "updates out", "generator CPU s"];
  if (delays) head.push("p50 ms", "p99 ms", "max ms");
  head.push(...figures);
  if (ours) head.push("our CPU / its", "our wall / its", "our RSS / its");
  const cells = rows.map(({ label, phase: p }) => [
    label,
    seconds(p.cpuSeconds),
    p.wallSeconds === null || p.wallSeconds === Number.POSITIVE_INFINITY ? "not done" : seconds(p.wallSeconds),
    p.residentMb.toFixed(0),
    p.peakResidentMb.toFixed(0),
    (p.bytesReceived / 1e6).toFixed(1),
    String(Math.round(p.updatesReceived)),
    seconds(p.loadCpuSeconds),
    ...(delays
      ? [p.delaysMs?.p50, p.delaysMs?.p99, p.delaysMs?.max].map((d) => (d === undefined ? "" : d.toFixed(1)))
      : []),
    ...figures.map((f) => (p.figures?.[f] === undefined ? "" : p.figures[f].toFixed(2))),
    ...(ours ? ratios(ours, p) : []),
  ]);
  for (const { label, unfinished } of summaries)
    if (unfinished?.name === name)
      cells.push([label, `> ${seconds(unfinished.cpuSeconds)}`, "not done", ...head.slice(3).map(() => "")]);
  return markdown(head, cells);
}

function ratios(ours: Phase, its: Phase): string[] {
  if (ours === its) return ["", "", ""];
  const ratio = (a: number | null, b: number | null) => (a === null || b === null || b === 0 ? "" : (a / b).toFixed(2));
  return [
    ratio(ours.cpuSeconds, its.cpuSeconds),
    ratio(ours.wallSeconds, its.wallSeconds),
    ratio(ours.peakResidentMb, its.peakResidentMb),
  ];
}

const seconds = (value: number): string => (value < 0.1 ? value.toFixed(3) : value.toFixed(2));

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)];
}
