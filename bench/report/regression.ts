import type { Phase } from "../load/spec.ts";
import { type Result, resultKey } from "../result.ts";
import { divide } from "./measures.ts";
import { type Summary, summarize } from "./median.ts";
import { slotOf } from "./slot.ts";
import { FEEDER, markdown } from "./tables.ts";

/**
 * Ours beside the last earlier result of the same work. Machines drift by half between hours, so what counts is the ratio to a peer that
 * both results have; seconds alone say little.
 */
export function formatRegression(now: Result, earlier: readonly Result[]): string {
  const before = earlierOf(now, earlier);
  if (!before) return "No earlier result of the same work.\n";
  return table([[now, before]]);
}

/** The same for the last result of each slot that was measured before, too. */
export function formatRegressions(latest: Iterable<Result>, all: readonly Result[]): string {
  const pairs = [...latest].flatMap((now): [Result, Result][] => {
    const before = earlierOf(now, all);
    return before ? [[now, before]] : [];
  });
  return pairs.length > 0 ? table(pairs) : "No earlier results of the same work.\n";
}

const earlierOf = (now: Result, all: readonly Result[]): Result | undefined =>
  all.filter((r) => resultKey(r) === resultKey(now) && r.at < now.at && summarize(r).some(isOurs)).at(-1);

function table(pairs: readonly (readonly [now: Result, before: Result])[]): string {
  const rows = pairs.flatMap(([now, before]) => {
    const [a, b] = [summarize(before), summarize(now)];
    const shared = sharedPeer(a, b);
    return (b.find(isOurs)?.phases ?? []).flatMap((phase, index, all) => {
      if (FEEDER.test(phase.name) && index < all.length - 1) return []; // of further feeders the last stands for all
      const old = a.find(isOurs)?.phases.find((p) => p.name === phase.name);
      if (!old) return [];
      const peer = (summaries: readonly Summary[]) =>
        summaries.find((s) => s.label === shared)?.phases.find((p) => p.name === phase.name);
      const line = (what: string, pick: (p: Phase) => number | null): string[] => {
        const [was, is] = [pick(old), pick(phase)];
        const [wasTo, isTo] = [peer(a), peer(b)].map((p) => (p ? pick(p) : null));
        return [
          `${slotOf(now)} ${phase.name}: ${what}`,
          origin(before),
          origin(now),
          number(was),
          number(is),
          shared ?? "",
          number(divide(was, wasTo ?? null)),
          number(divide(is, isTo ?? null)),
        ];
      };
      return [
        line("CPU s", (p) => p.cpuSeconds),
        line("wall s", (p) => p.wallSeconds),
        line("peak MB", (p) => p.peakResidentMb),
      ];
    });
  });
  const head = ["", "earlier", "now", "was", "is", "ratio to", "was", "is"];
  return `${markdown(head, rows).join("\n")}\n`;
}

const origin = ({ commit, at, loadAverage }: Result): string =>
  `${commit}, ${at.slice(5, 16).replace("T", " ")}, load ${Math.max(...loadAverage).toFixed(1)}`;

/** A peer that both have a good run of. */
const sharedPeer = (a: readonly Summary[], b: readonly Summary[]): string | null =>
  b.find(
    (s) =>
      s.kind !== "ours" &&
      s.kind !== "floor" &&
      s.phases.length > 0 &&
      a.some((o) => o.label === s.label && o.phases.length > 0),
  )?.label ?? null;

const number = (value: number | null): string =>
  value === null || !Number.isFinite(value) ? "" : value >= 100 ? value.toFixed(0) : value.toFixed(2);

const isOurs = (s: { kind: string; phases: readonly unknown[] }): boolean => s.kind === "ours" && s.phases.length > 0;
