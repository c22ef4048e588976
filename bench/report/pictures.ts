import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barChart, logChart } from "../chart/charts.ts";
import { root } from "../paths.ts";
import type { Result } from "../result.ts";
import type { ScalingResult } from "../scaling/result.ts";
import { summarize } from "./median.ts";
import { quantities, seriesOf } from "./scaling.ts";

/** Which figures become which picture. How a picture is drawn is the matter of `chart/`. */
const pictures = join(root, "docs/pictures");

/** What grows with N, a picture for each quantity; the lines that show them. */
export function drawScaling(result: ScalingResult): string {
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

/** The CPU of these phases, a picture for each; the lines that show them. */
export function drawPhases(result: Result, slot: string, phases: readonly string[]): string {
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
