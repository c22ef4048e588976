import type { Prefix } from "../lib/address.ts";
import { IdIndex } from "../lib/columns/id-index.ts";
import { PAGE_BITS, PAGE_MASK, RecordPages } from "../lib/columns/record-pages.ts";
import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";

/**
 * Gives each prefix of one family a small number (from 1), so that what is known of it can stand in columns. Freed
 * numbers are used again, the lowest first. The search is the RIB's (`IdIndex`, with a secret hash: peers choose prefixes); its prefix table
 * is not used here, because its records carry paths and pins, and its ids live and die with those.
 */
export class PrefixIndex implements PrefixWords {
  readonly family: Family;
  readonly #hasher: Hasher;
  readonly #index = new IdIndex();
  /** Words of a prefix; behind them in its record is its length + 1, 0 if the number is free. */
  readonly #width: number;
  readonly #records: RecordPages;

  constructor(family: Family, hasher: Hasher) {
    this.family = family;
    this.#hasher = hasher;
    this.#width = family === Family.Ipv4Unicast ? 1 : 4;
    this.#records = new RecordPages(this.#width + 1);
  }

  /** Numbers in use. */
  get size(): number {
    return this.#index.size;
  }

  /** Every number in use is below this. */
  get limit(): number {
    return this.#records.end;
  }

  word(id: number, index: number): number {
    return this.#records.pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * (this.#width + 1) + index]!;
  }

  length(id: number): number {
    return this.word(id, this.#width) - 1;
  }

  /** The number of a prefix, or 0. Unused words of IPv4 are given as 0. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    return this.#search(w0, w1, w2, w3, length, this.#hash(w0, w1, w2, w3, length));
  }

  findPrefix({ words, length }: Prefix): number {
    return this.find(words[0]!, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0, length);
  }

  /** The number of a prefix, given now if it has none. */
  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = this.#hash(w0, w1, w2, w3, length);
    const found = this.#search(w0, w1, w2, w3, length, hash);
    if (found !== 0) return found;
    const id = this.#records.allocate();
    const page = this.#records.pages[id >>> PAGE_BITS]!;
    let at = (id & PAGE_MASK) * (this.#width + 1);
    page[at++] = w0;
    if (this.#width === 4) {
      page[at++] = w1;
      page[at++] = w2;
      page[at++] = w3;
    }
    page[at] = length + 1;
    this.#index.insert(hash, id);
    return id;
  }

  /** Frees a number; its column elements are the caller's to clear. */
  remove(id: number): void {
    const page = this.#records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * (this.#width + 1);
    const hash =
      this.#width === 1
        ? this.#hash(page[at]!, 0, 0, 0, page[at + 1]! - 1)
        : this.#hash(page[at]!, page[at + 1]!, page[at + 2]!, page[at + 3]!, page[at + 4]! - 1);
    this.#index.remove(hash, id);
    page[at + this.#width] = 0;
    this.#records.free(id);
  }

  /** Whether `id` (1 to limit - 1) is in use. */
  has(id: number): boolean {
    const page = this.#records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * (this.#width + 1) + this.#width;
    return at < page.length && page[at] !== 0;
  }

  #search(w0: number, w1: number, w2: number, w3: number, length: number, hash: number): number {
    const index = this.#index;
    for (let id = index.first(hash); id !== 0; id = index.next())
      if (this.#equals(id, w0, w1, w2, w3, length)) return id;
    return 0;
  }

  #equals(id: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const page = this.#records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * (this.#width + 1);
    if (page[at] !== w0) return false;
    if (this.#width === 1) return page[at + 1] === length + 1;
    return page[at + 3] === w3 && page[at + 2] === w2 && page[at + 1] === w1 && page[at + 4] === length + 1;
  }

  #hash(w0: number, w1: number, w2: number, w3: number, length: number): number {
    return this.#width === 1 ? this.#hasher.prefix4(w0, length) : this.#hasher.prefix6(w0, w1, w2, w3, length);
  }
}
