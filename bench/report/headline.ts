import { formatMachine } from "../machine.ts";
import type { Result } from "../result.ts";
import { summarize } from "./median.ts";
import { markdown } from "./tables.ts";

const LINES: readonly { readonly slot: string; readonly phase: string; readonly words: string }[] = [
  { slot: "reflect-100000x100", phase: "reflect", words: "100k routes to 100 clients" },
  { slot: "rack-1600x400", phase: "rack", words: "400 nodes come up, 4 routes each" },
  { slot: "late-1000000x1", phase: "late", words: "10 clients join a table of 1M" },
  { slot: "paths-100000x10", phase: "paths", words: "10 feeders, the same 100k routes" },
  { slot: "ingest-1000000x1", phase: "ingest", words: "1M routes come in, one client" },
];
const COLUMNS = ["Peerage", "BIRD", "FRR (coalesce-time 0)", "FRR", "OpenBGPD"];

/** The README's few lines: CPU seconds, seconds and peak MB of each. */
export function formatHeadline(latest: ReadonlyMap<string, Result>): string | null {
  const rows = LINES.flatMap(({ slot, phase: name, words }) => {
    const result = latest.get(slot);
    if (!result) return [];
    const summaries = summarize(result);
    const cells = COLUMNS.map((label) => {
      const phase = summaries.find((s) => s.label === label)?.phases.find((p) => p.name === name);
      if (!phase || phase.wallSeconds === null)
        return summaries.some((s) => s.label === label && s.unfinished) ? "not done" : "";
      return `${figure(phase.cpuSeconds)} / ${figure(phase.wallSeconds)} / ${phase.peakResidentMb.toFixed(0)}`;
    });
    return [[words, ...cells]];
  });
  const used = LINES.flatMap(({ slot }) => latest.get(slot) ?? []);
  const last = used.at(-1);
  if (!last) return null;
  const commits = [...new Set(used.map(({ commit }) => commit))].join(", ");
  const origin = `\`npm run bench -- all\`, ${last.at.slice(0, 10)}, commit ${commits}, ${formatMachine(last.machine)}.`;
  return `${markdown(["", ...COLUMNS], rows).join("\n")}\n\n${origin}\n`;
}

const figure = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));
