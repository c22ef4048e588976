import { PAGE_BITS, PAGE_MASK } from "./record-pages.ts";

type Numbers = Uint8Array | Uint16Array | Uint32Array;

const FIRST = 64;
const PAGE = PAGE_MASK + 1;

/**
 * A number for each id, 0 until it is set, in pages: growing never copies more than the first page, while that is small. For what is
 * known of ids that somebody else gives out; who gives them out has records (`RecordPages`).
 */
export class Column {
  readonly #kind: new (
    length: number,
  ) => Numbers;
  readonly #pages: Numbers[] = [];
  /** Stands for a page of which nothing was set. */
  readonly #none: Numbers;

  /** @param kind as wide as the numbers are. */
  constructor(kind: new (length: number) => Numbers) {
    this.#kind = kind;
    this.#none = new kind(0);
  }

  /** Every id that was set is below. */
  get end(): number {
    const last = this.#pages.length - 1;
    return last < 0 ? 0 : (last << PAGE_BITS) + this.#pages[last]!.length;
  }

  /** Octets held. */
  get bytes(): number {
    let sum = 0;
    for (const page of this.#pages) sum += page.byteLength;
    return sum;
  }

  get(id: number): number {
    const page = this.#pages[id >>> PAGE_BITS];
    const at = id & PAGE_MASK;
    return page === undefined || at >= page.length ? 0 : page[at]!;
  }

  /** Returns what it was before. */
  set(id: number, value: number): number {
    const page = this.#pages[id >>> PAGE_BITS];
    const at = id & PAGE_MASK;
    if (page === undefined || at >= page.length) {
      if (value !== 0) this.#reach(id >>> PAGE_BITS, at)[at] = value;
      return 0;
    }
    const before = page[at]!;
    page[at] = value;
    return before;
  }

  /** Gives back the pages of which every id is `end` or more. */
  shorten(end: number): void {
    const pages = (end + PAGE_MASK) >>> PAGE_BITS;
    if (pages < this.#pages.length) this.#pages.length = pages;
  }

  /** Sets all to 0 and gives the memory back. */
  clear(): void {
    this.#pages.length = 0;
  }

  #reach(page: number, at: number): Numbers {
    while (this.#pages.length <= page) this.#pages.push(this.#none);
    const old = this.#pages[page]!;
    // Only the first page of a small table is small.
    let length = page === 0 ? Math.max(FIRST, old.length) : PAGE;
    while (length <= at) length *= 4;
    const wide = new this.#kind(length);
    wide.set(old);
    this.#pages[page] = wide;
    return wide;
  }
}
