import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import type { Result } from "../result.ts";
import { mergeScaling, type ScalingResult } from "../scaling/result.ts";
import { formatHeadline } from "./headline.ts";
import { writeMeshFigures } from "./mesh-figures.ts";
import { drawPhases, drawScaling } from "./pictures.ts";
import { formatRegressions } from "./regression.ts";
import { formatScaling } from "./scaling.ts";
import { formatAdvice } from "./scaling-advice.ts";
import { latestBySlot } from "./slot.ts";
import { formatResult } from "./tables.ts";
import { formatVariants } from "./variants.ts";
import { formatBetterPeers, formatVerdict } from "./verdict.ts";

const documents = ["README.md", "docs/performance.md", "docs/scaling.md"];

/** The documents as they are. */
export const documentTexts = (): string[] => documents.map((name) => readFileSync(join(root, name), "utf8"));

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
    scaling: () => scaling && formatScaling(scaling) + drawScaling(scaling),
  };
  const bodyOf = (slot: string, words: readonly string[]): string => {
    const result = latest.get(slot);
    const body = special[slot]?.() ?? (result ? formatResult(result, 3) + drawPhases(result, slot, words) : null);
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
