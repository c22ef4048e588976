import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import type { Result } from "../result.ts";
import { barChart } from "./charts.ts";
import { summarize } from "./median.ts";
import { formatResult } from "./tables.ts";

const document = join(root, "docs/performance.md");
const pictures = join(root, "docs/pictures");

/** A short name for the work that was done; the document asks for results by it. */
export function slotOf(result: Result): string {
  const { scale, table, variant } = result;
  return [
    `${result.workload}-${scale.routes}x${scale.clients}`,
    ...(scale.feeders > 1 && result.workload !== "paths" ? [`feeders${scale.feeders}`] : []),
    ...(table.seed !== 1 ? [`seed${table.seed}`] : []),
    ...(table.lengths !== "internet" ? [table.lengths] : []),
    ...(table.family === 6 ? ["ipv6"] : []),
    ...(variant.addPath ? ["addpath"] : []),
    ...(variant.policyStatements > 0 ? [`policy${variant.policyStatements}`] : []),
  ].join("-");
}

/**
 * Writes the tables of the latest results into docs/performance.md, between `<!-- bench SLOT -->` and `<!-- end -->`, and draws CPU and
 * wall of each slot that has a `<!-- bench SLOT chart PHASE -->`. Nothing else in the document is touched, so no figure is typed by hand.
 */
export function writeDocument(results: readonly Result[]): string[] {
  const latest = new Map<string, Result>();
  for (const result of results)
    if (result.runs.some((run) => run.kind === "ours" && run.phases.length > 0)) latest.set(slotOf(result), result);
  const missing: string[] = [];
  const filled = readFileSync(document, "utf8").replace(
    /<!-- bench (\S+)((?: \S+)*) -->\n[\s\S]*?<!-- end -->/g,
    (_whole, slot: string, words: string) => {
      const head = `<!-- bench ${slot}${words} -->\n`;
      const result = latest.get(slot);
      if (!result) missing.push(slot);
      const body = result
        ? `${formatResult(result)}${chartsOf(result, slot, words.trim().split(" ").slice(1))}`
        : "_Not measured yet._\n";
      return `${head}\n${body}\n<!-- end -->`;
    },
  );
  writeFileSync(document, filled);
  return missing;
}

function chartsOf(result: Result, slot: string, phases: readonly string[]): string {
  mkdirSync(pictures, { recursive: true });
  return phases
    .map((name) => {
      const rows = summarize(result).flatMap((s) =>
        s.phases.filter((p) => p.name === name).map((phase) => ({ ...s, phase })),
      );
      const bars = rows.map(({ label, kind, phase }) => ({ label, value: phase.cpuSeconds, ours: kind === "ours" }));
      const file = `${slot}-${name}-cpu.svg`;
      writeFileSync(join(pictures, file), barChart(result.title, "CPU seconds", bars));
      return `\n![CPU seconds: ${result.title}](pictures/${file})\n`;
    })
    .join("");
}
