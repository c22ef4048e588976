import { resized } from "./growth.ts";

/** Ids per page, as a power of two. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE - 1;
const FIRST = 64;

/**
 * First in, first out, for ids; grows with what waits in it, in pages that are never copied, and gives them back as it runs empty. Who
 * needs another order takes the newest, or exchanges what waits.
 */
export class IdQueue {
  /** The first one, which is small in the beginning, holds the oldest id at `#head`; the last one takes the next at `#tail`. */
  readonly #pages: Uint32Array[];
  #first: Uint32Array = new Uint32Array(FIRST);
  #last: Uint32Array = this.#first;
  #head = 0;
  #tail = 0;
  #length = 0;
  /** The page that was emptied last: a queue in which something always waits takes turns with it. */
  #spare: Uint32Array | null = null;

  constructor() {
    this.#pages = [this.#first];
  }

  get length(): number {
    return this.#length;
  }

  push(id: number): void {
    if (this.#tail === this.#last.length) this.#grow();
    this.#last[this.#tail++] = id;
    this.#length++;
  }

  /** The oldest id; 0 if there's none. */
  shift(): number {
    if (this.#length === 0) return 0;
    const id = this.#first[this.#head++]!;
    if (--this.#length === 0) this.#emptied();
    else if (this.#head === PAGE) {
      this.#spare = this.#pages.shift()!;
      this.#first = this.#pages[0]!;
      this.#head = 0;
    }
    return id;
  }

  /** The newest id; 0 if there's none. */
  pop(): number {
    if (this.#length === 0) return 0;
    if (this.#tail === 0) {
      this.#spare = this.#pages.pop()!;
      this.#last = this.#pages.at(-1)!;
      this.#tail = PAGE;
    }
    const id = this.#last[--this.#tail]!;
    if (--this.#length === 0) this.#emptied();
    return id;
  }

  /** What waits at a place, from 0, the oldest, to `length` - 1. */
  at(index: number): number {
    const at = this.#head + index;
    return this.#pages[at >>> PAGE_BITS]![at & PAGE_MASK]!;
  }

  /** Takes what waits at a place; the newest takes that place. */
  takeAt(index: number): number {
    const at = this.#head + index;
    const page = this.#pages[at >>> PAGE_BITS]!;
    const id = page[at & PAGE_MASK]!;
    // If it is the newest itself, it is gone, and what is written where it was doesn't count.
    page[at & PAGE_MASK] = this.pop();
    return id;
  }

  #emptied(): void {
    this.#pages.length = 1;
    this.#last = this.#first;
    this.#head = this.#tail = 0;
    this.#spare = null;
  }

  #grow(): void {
    if (this.#tail < PAGE) {
      this.#first = this.#last = resized(this.#first, this.#tail * 4);
      this.#pages[0] = this.#first;
      return;
    }
    this.#last = this.#spare ?? new Uint32Array(PAGE);
    this.#pages.push(this.#last);
    this.#spare = null;
    this.#tail = 0;
  }
}
