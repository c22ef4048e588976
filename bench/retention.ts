import { type Result, resultKey } from "./result.ts";
import type { ScalingResult } from "./scaling/result.ts";

/** Of each figure so many measurements stay: the one that documents show, and the one that it is compared with. */
const KEPT = 2;

/** A file of bench/results/, as it was read. */
export interface ResultFile {
  readonly name: string;
  readonly content: { readonly at: string };
}

/**
 * The files that nothing needs any more: each of their figures was measured twice since. A file that a document names stays.
 * @param named names of such files
 */
export function superseded(files: readonly ResultFile[], named: ReadonlySet<string>): string[] {
  const newestFirst = files.toSorted(
    (a, b) => b.content.at.localeCompare(a.content.at) || b.name.localeCompare(a.name),
  );
  const seen = new Map<string, number>();
  const gone: string[] = [];
  for (const { name, content } of newestFirst) {
    const figures = figuresOf(name, content);
    const wanted = figures.some((figure) => (seen.get(figure) ?? 0) < KEPT);
    if (!wanted && !named.has(name)) gone.push(name);
    for (const figure of figures) seen.set(figure, (seen.get(figure) ?? 0) + 1);
  }
  return gone.toSorted();
}

/** What a file is a measurement of, a short text each. */
function figuresOf(name: string, content: object): string[] {
  if ("runs" in content) {
    const result = content as Result;
    // Documents show what has a good run of ours; another may still be the only one of a peer.
    const ours = result.runs.some(({ kind, faults }) => kind === "ours" && faults.length === 0);
    return [`${resultKey(result)}${ours ? "" : " without ours"}`];
  }
  if ("scaling" in content) return scalingFigures(content as ScalingResult);
  // Parts of the daemon alone: a figure is a row of a table, else the whole.
  const { rows, count } = content as { rows?: readonly { who: string; what: string }[]; count?: number };
  const work = name.replace(/-\d+-\d+\.json$/, "");
  if (rows !== undefined) return [...new Set(rows.map(({ who, what }) => `${work} ${count}: ${who}, ${what}`))];
  return [`${work}: ${(content as { command?: string }).command}`];
}

function scalingFigures({ scaling, virtual, cost, faults }: ScalingResult): string[] {
  return [
    ...scaling.map(({ label, topology, nodes }) => `${label}, ${topology}, ${nodes}`),
    ...virtual.map(({ topology, nodes }) => `virtual time, ${topology}, ${nodes}`),
    ...(cost === null ? [] : ["cost"]),
    ...faults.map((fault) => `fault: ${fault.split(":")[0]}`),
  ];
}
