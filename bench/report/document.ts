import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import type { Result } from "../result.ts";
import { formatScaling, quantities, seriesOf } from "../scaling/report.ts";
import type { ScalingResult } from "../scaling/result.ts";
import { barChart, logChart } from "./charts.ts";
import { summarize } from "./median.ts";
import { formatResult } from "./tables.ts";

const documents = ["performance.md", "scaling.md"];
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
 * Writes the tables of the latest results into the documents, between `<!-- bench SLOT -->` and `<!-- end -->`, and draws the CPU of each
 * phase that is named behind the slot. Nothing else in the documents is touched, so no figure is typed by hand.
 */
export function writeDocuments(results: readonly Result[], scalings: readonly ScalingResult[]): string[] {
  const latest = new Map<string, Result>();
  for (const result of results)
    if (result.runs.some((run) => run.kind === "ours" && run.phases.length > 0)) latest.set(slotOf(result), result);
  const missing: string[] = [];
  const bodyOf = (slot: string, words: readonly string[]): string => {
    const scaling = scalings.at(-1);
    if (slot === "scaling" && scaling) return formatScaling(scaling) + scalingCharts(scaling);
    const result = latest.get(slot);
    if (result) return formatResult(result) + chartsOf(result, slot, words);
    missing.push(slot);
    return "_Not measured yet._\n";
  };
  for (const document of documents) {
    const file = join(root, "docs", document);
    const filled = readFileSync(file, "utf8").replace(
      /<!-- bench (\S+)((?: \S+)*) -->\n[\s\S]*?<!-- end -->/g,
      (_whole, slot: string, words: string) =>
        `<!-- bench ${slot}${words} -->\n\n${bodyOf(slot, words.split(" ").filter(Boolean))}\n<!-- end -->`,
    );
    writeFileSync(file, filled);
  }
  return missing;
}

function scalingCharts(result: ScalingResult): string {
  mkdirSync(pictures, { recursive: true });
  return quantities
    .map(({ name, of }) => {
      const file = `scaling-${name.replace(/\W+/g, "-")}.svg`;
      const series = seriesOf(result, of).filter(({ points }) => points.length > 1);
      writeFileSync(join(pictures, file), logChart(name, "N", "", series));
      return `\n![${name}](pictures/${file})\n`;
    })
    .join("");
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
