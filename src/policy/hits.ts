import type { Term } from "./definition.ts";

/** How often a term has fitted a route that was judged: a plain number that the policy counts up. */
export interface TermHits {
  readonly policy: string;
  /** From 1. */
  readonly term: number;
  readonly verdict: "accept" | "reject" | "next";
  count: number;
}

/** The counts of all terms, whoever uses them and however often they were compiled. */
export class PolicyHits {
  readonly #byTerm = new Map<string, TermHits>();

  of(policy: string, term: number, verdict: Term["verdict"]): TermHits {
    const word = verdict ?? "next";
    const key = `${policy} ${term} ${word}`;
    let hits = this.#byTerm.get(key);
    if (hits === undefined) {
      hits = { policy, term, verdict: word, count: 0 };
      this.#byTerm.set(key, hits);
    }
    return hits;
  }

  /** Forgets the policies that are not among these. */
  keep(names: { has(name: string): boolean }): void {
    for (const [key, { policy }] of this.#byTerm) if (!names.has(policy)) this.#byTerm.delete(key);
  }

  rows(): Iterable<Readonly<TermHits>> {
    return this.#byTerm.values();
  }
}

/** Kinds of ways through a long policy that are remembered; any number of routes may take each. */
const MOST_TRAILS = 4096;

/**
 * Which terms a route has fitted, as one number: what is remembered of a verdict, so that it counts as often as it is given. Of a short
 * policy it is the terms as bits, of a long one a number in a list, 0 when that is full.
 */
export class Trails {
  readonly #lists: (readonly number[])[] = [[]];
  readonly #known = new Map<string, number>();

  of(terms: readonly number[]): number {
    const key = terms.join(" ");
    const known = this.#known.get(key);
    if (known !== undefined || this.#lists.length > MOST_TRAILS) return known ?? 0;
    this.#known.set(key, this.#lists.length);
    return this.#lists.push([...terms]) - 1;
  }

  terms(trail: number): readonly number[] {
    return this.#lists[trail]!;
  }
}
