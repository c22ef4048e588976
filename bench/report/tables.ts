import type { Phase } from "../load/spec.ts";
import { formatMachine } from "../machine.ts";
import type { Result } from "../result.ts";
import { type Summary, summarize } from "./median.ts";

/** A result as Markdown: one table for each phase, then what went wrong. */
export function formatResult(result: Result): string {
  const summaries = summarize(result);
  const names = [...new Set(summaries.flatMap((s) => s.phases.map((phase) => phase.name)))];
  const lines = [
    `## ${result.title}`,
    "",
    `\`${result.command}\`, ${result.at.slice(0, 10)}, ${formatMachine(result.machine)}`,
    "",
  ];
  lines.push(
    `Medians of ${Math.max(0, ...summaries.map((s) => s.runs))} runs; load average ${result.loadAverage.map((l) => l.toFixed(1)).join(" before, ")} after.`,
    "",
  );
  for (const name of names) lines.push(...phaseTable(name, summaries), "");
  for (const { label, faults } of summaries)
    for (const fault of [...new Set(faults)].slice(0, 3)) lines.push(`- ${label}: ${fault}`);
  return `${lines.join("\n").trimEnd()}\n`;
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
  return [`### ${name}`, "", ...markdown(head, cells)];
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
