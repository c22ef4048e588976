import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import type { Result } from "../result.ts";
import { formatAdvice } from "../scaling/advice.ts";
import { writeMeshFigures } from "../scaling/figures.ts";
import { formatScaling, quantities, seriesOf } from "../scaling/report.ts";
import { mergeScaling, type ScalingResult } from "../scaling/result.ts";
import { barChart, logChart } from "./charts.ts";
import { formatHeadline } from "./headline.ts";
import { summarize } from "./median.ts";
import { formatRegressions } from "./regression.ts";
import { latestBySlot } from "./slot.ts";
import { formatResult } from "./tables.ts";
import { formatVariants } from "./variants.ts";
import { formatBetterPeers, formatVerdict } from "./verdict.ts";

const documents = ["README.md", "docs/performance.md", "docs/scaling.md"];
const pictures = join(root, "docs/pictures");

/**
 * Writes the tables of the latest results into the documents, between `<!-- bench SLOT -->` and `<!-- end -->`, and draws the CPU of each
 * phase that is named behind the slot. Nothing else in the documents is touched, so no figure is typed by hand.
 */
export function writeDocuments(results: readonly Result[], scalings: readonly ScalingResult[]): string[] {
  const latest = latestBySlot(results);
  const scaling = mergeScaling(scalings);
  const missing: string[] = [];
  const special: Record<string, () => string | null> = {
    headline: () => formatHeadline(latest),
    verdict: () => formatVerdict(latest, scaling?.cost ?? null),
    "better-peers": () => formatBetterPeers(latest),
    variants: () => formatVariants(latest),
    regression: () => formatRegressions(latest.values(), results),
    "scaling-advice": () => scaling && formatAdvice(scaling),
    scaling: () => scaling && formatScaling(scaling) + scalingCharts(scaling),
  };
  const bodyOf = (slot: string, words: readonly string[]): string => {
    const result = latest.get(slot);
    const body = special[slot]?.() ?? (result ? formatResult(result, 3) + chartsOf(result, slot, words) : null);
    if (body !== null) return body;
    missing.push(slot);
    return "_Not measured yet._\n";
  };
  for (const document of documents) {
    const file = join(root, document);
    const filled = readFileSync(file, "utf8").replace(
      /<!-- bench (\S+)((?: \S+)*) -->\n[\s\S]*?<!-- end -->/g,
      (_whole, slot: string, words: string) =>
        `<!-- bench ${slot}${words} -->\n\n${bodyOf(slot, words.split(" ").filter(Boolean))}\n<!-- end -->`,
    );
    writeFileSync(file, filled);
  }
  if (scaling) writeMeshFigures(scaling);
  return missing;
}

function scalingCharts(result: ScalingResult): string {
  mkdirSync(pictures, { recursive: true });
  return quantities
    .map(({ name, of }) => {
      const file = `scaling-${name.replace(/\W+/g, "-")}.svg`;
      const series = seriesOf(result, of).filter(({ points }) => points.length > 1);
      if (series.length === 0) return "";
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
      writeFileSync(join(pictures, file), barChart(result.title, `CPU seconds, ${name}`, bars));
      return `\n![CPU seconds: ${result.title}](pictures/${file})\n`;
    })
    .join("");
}
