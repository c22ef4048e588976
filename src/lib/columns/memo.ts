const UNKNOWN = -1;
/** Sets per page, as a power of two. */
const PAGE_BITS = 10;
const PAGE_SETS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SETS - 1;
const FIRST_SETS = 16;
/** Words per set: the answer + 1 (0 = unknown), the generation of the set, that of the answer. */
const STRIDE = 3;

/** Ids that may come to mean something else: by id, a number that changes when that happens. */
export interface Generations {
  readonly generation: Uint32Array;
}

/**
 * A remembered number per attribute set, in pages, so that it grows without copying. An answer counts only while the id still means
 * the same set; an answer that is itself a set id counts only while that one does, too.
 */
export class Memo {
  readonly #pages: (Uint32Array | undefined)[] = [];
  /** Answers name sets. */
  #namesSets = false;

  /** The number remembered, or -1. */
  get(sets: Generations, set: number): number {
    const page = this.#pages[set >>> PAGE_BITS];
    const at = (set & PAGE_MASK) * STRIDE;
    if (page === undefined || at >= page.length) return UNKNOWN;
    const value = page[at]! - 1;
    if (value < 0 || page[at + 1] !== sets.generation[set]) return UNKNOWN;
    return value > 0 && this.#namesSets && page[at + 2] !== sets.generation[value] ? UNKNOWN : value;
  }

  /** Remembers a plain number, 0 or more. */
  put(sets: Generations, set: number, value: number): void {
    const page = this.#reach(set);
    const at = (set & PAGE_MASK) * STRIDE;
    page[at] = value + 1;
    page[at + 1] = sets.generation[set]!;
  }

  /** Remembers the id of a set, or 0. */
  putSet(sets: Generations, set: number, answer: number): void {
    this.put(sets, set, answer);
    this.#namesSets = true;
    this.#pages[set >>> PAGE_BITS]![(set & PAGE_MASK) * STRIDE + 2] = sets.generation[answer]!;
  }

  #reach(set: number): Uint32Array {
    const index = set >>> PAGE_BITS;
    const page = this.#pages[index];
    const at = set & PAGE_MASK;
    if (page !== undefined && at * STRIDE < page.length) return page;
    // The first pages of small tables are small.
    const wanted = index > 0 ? PAGE_SETS : Math.max(FIRST_SETS, (at + 1) * 2);
    const wide = new Uint32Array(Math.min(PAGE_SETS, wanted) * STRIDE);
    if (page !== undefined) wide.set(page);
    while (this.#pages.length < index) this.#pages.push(undefined);
    this.#pages[index] = wide;
    return wide;
  }
}
