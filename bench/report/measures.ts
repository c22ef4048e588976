import type { Phase } from "../load/spec.ts";
import type { Result } from "../result.ts";
import { type Summary, summarize } from "./median.ts";

/** What is asked of a result: figures of ours, and of the better of a peer's settings. */
export class Measures {
  readonly summaries: readonly Summary[];

  constructor(result: Result) {
    this.summaries = summarize(result);
  }

  /** Of ours, all `phases` together; null when it has no good run. */
  ours(phases: readonly string[], pick: Pick): number | null {
    return this.#smallest(phases, pick, (s) => s.kind === "ours");
  }

  /** The smallest of all daemons of this kind, or with this label. */
  best(kind: string, phases: readonly string[], pick: Pick): number | null {
    return this.#smallest(phases, pick, (s) => s.kind === kind || s.label === kind);
  }

  bestPeer(phases: readonly string[], pick: Pick): number | null {
    return this.#smallest(phases, pick, (s) => s.kind !== "ours" && s.kind !== "floor");
  }

  /** Ours to the best of `kind`. */
  ratio(kind: string, phases: readonly string[], pick: Pick): number | null {
    return divide(this.ours(phases, pick), this.best(kind, phases, pick));
  }

  #smallest(phases: readonly string[], pick: Pick, belongs: (s: Summary) => boolean): number | null {
    const values = this.summaries.filter(belongs).flatMap((summary) => {
      const found = phases.map((name) => summary.phases.find((phase) => phase.name === name));
      const numbers = found.map((phase) => (phase === undefined ? null : pick(phase)));
      return numbers.some((n) => n === null || !Number.isFinite(n))
        ? []
        : [numbers.reduce<number>((a, b) => a + b!, 0)];
    });
    return values.length > 0 ? Math.min(...values) : null;
  }
}

export type Pick = (phase: Phase) => number | null;

export const cpu = (phase: Phase): number => phase.cpuSeconds;
export const wall = (phase: Phase): number | null => phase.wallSeconds;
export const memory = (phase: Phase): number => phase.peakResidentMb;

export const divide = (a: number | null, b: number | null): number | null =>
  a === null || b === null || b === 0 ? null : a / b;
