import { type Result, resultKey } from "../result.ts";
import { summarize } from "./median.ts";
import { markdown } from "./tables.ts";

/**
 * Ours beside the last earlier result of the same work. Machines drift by half between hours, so what counts is the ratio to a peer that
 * both results have; seconds alone say little.
 */
export function formatRegression(now: Result, earlier: readonly Result[]): string {
  const before = earlier
    .filter((r) => resultKey(r) === resultKey(now) && r.at < now.at && summarize(r).some(isOurs))
    .at(-1);
  if (!before) return "No earlier result of the same work.\n";
  const [a, b] = [summarize(before), summarize(now)];
  const rows = b.find(isOurs)?.phases.flatMap((phase) => {
    const old = a.find(isOurs)?.phases.find((p) => p.name === phase.name);
    if (!old) return [];
    const shared = b.find(
      (s) =>
        s.kind !== "ours" &&
        s.kind !== "floor" &&
        s.phases.length > 0 &&
        a.some((o) => o.label === s.label && o.phases.length > 0),
    );
    const peer = (summaries: typeof a) =>
      summaries.find((s) => s.label === shared?.label)?.phases.find((p) => p.name === phase.name);
    const share = (ours: number | null, its: number | null | undefined) =>
      ours === null || !its ? Number.NaN : ours / its;
    const cells = [
      [
        "CPU",
        old.cpuSeconds,
        phase.cpuSeconds,
        share(old.cpuSeconds, peer(a)?.cpuSeconds),
        share(phase.cpuSeconds, peer(b)?.cpuSeconds),
      ],
      [
        "wall",
        old.wallSeconds,
        phase.wallSeconds,
        share(old.wallSeconds, peer(a)?.wallSeconds),
        share(phase.wallSeconds, peer(b)?.wallSeconds),
      ],
      ["peak MB", old.peakResidentMb, phase.peakResidentMb, Number.NaN, Number.NaN],
    ] as const;
    return cells.map(([what, was, is, wasShare, isShare]) => [
      `${phase.name} ${what}`,
      was?.toFixed(2) ?? "",
      is?.toFixed(2) ?? "",
      was && is ? (is / was).toFixed(2) : "",
      Number.isNaN(wasShare) ? "" : wasShare.toFixed(2),
      Number.isNaN(isShare) ? "" : isShare.toFixed(2),
    ]);
  });
  const head = ["", `${before.commit}`, `${now.commit}`, "now / before", "to the peer before", "to the peer now"];
  return `${markdown(head, rows ?? []).join("\n")}\n`;
}

const isOurs = (s: { kind: string; phases: readonly unknown[] }): boolean => s.kind === "ours" && s.phases.length > 0;
