import { maskWord } from "../lib/address.ts";
import { IdIndex } from "../lib/columns/id-index.ts";
import { PAGE_BITS, PAGE_MASK, RecordPages } from "../lib/columns/record-pages.ts";
import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";

/**
 * The prefixes of one family as small ids, from 1 on. A record is the address (one word or four), a word of length,
 * flags and pins, and a word `head` that belongs to the route table: its first path. 12 octets (IPv6: 24) and some 13
 * of index a prefix.
 *
 * A prefix lives while it has a path, while somebody has pinned it (an update group that still owes its peers a
 * withdrawal), or while it waits for its decision; then its id is free for another one. Who keeps columns by prefix id
 * must pin what it keeps. Ids are handed out from the low end, so such columns stay short.
 */
export class PrefixTable implements PrefixWords {
  readonly family: Family;
  /** For the hot loops of this room: see RecordPages, and `metaOffset` and `headOffset` for the words. */
  readonly records: RecordPages;
  readonly stride: number;
  readonly metaOffset: number;
  readonly headOffset: number;
  /** Hears of every prefix that is inserted, while somebody needs to know. */
  onInsert: ((id: number) => void) | null = null;
  readonly #hasher: Hasher;
  readonly #index = new IdIndex();

  constructor(family: Family, hasher: Hasher) {
    this.family = family;
    this.#hasher = hasher;
    this.metaOffset = family === Family.Ipv4Unicast ? 1 : 4;
    this.headOffset = this.metaOffset + 1;
    this.stride = this.headOffset + 1;
    this.records = new RecordPages(this.stride);
  }

  /** Prefixes that are known, those without a path included. */
  get size(): number {
    return this.records.live;
  }

  /** Every id in use is below this: the length that a column by prefix id needs. */
  get limit(): number {
    return this.records.end;
  }

  /** Octets held. */
  get bytes(): number {
    return this.records.bytes + this.#index.bytes;
  }

  /** The id of an IPv4 prefix whose bits behind `length` are zero, or 0. */
  find4(address: number, length: number): number {
    return this.#search4(address, length, this.#hasher.prefix4(address, length));
  }

  find6(w0: number, w1: number, w2: number, w3: number, length: number): number {
    return this.#search6(w0, w1, w2, w3, length, this.#hasher.prefix6(w0, w1, w2, w3, length));
  }

  find(words: ArrayLike<number>, length: number): number {
    return this.family === Family.Ipv4Unicast
      ? this.find4(words[0]!, length)
      : this.find6(words[0]!, words[1]!, words[2]!, words[3]!, length);
  }

  /** The id of a prefix, made if need be; 0 when the table holds all that it can, some 268 million. */
  insert4(address: number, length: number): number {
    const hash = this.#hasher.prefix4(address, length);
    const found = this.#search4(address, length, hash);
    if (found !== 0 || this.records.live >= MAX_PREFIXES) return found;
    const id = this.records.allocate();
    const page = this.records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * 3;
    page[at] = address;
    page[at + 1] = LIVE | length;
    page[at + 2] = 0;
    this.#index.insert(hash, id);
    if (this.onInsert !== null) this.onInsert(id);
    return id;
  }

  insert6(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = this.#hasher.prefix6(w0, w1, w2, w3, length);
    const found = this.#search6(w0, w1, w2, w3, length, hash);
    if (found !== 0 || this.records.live >= MAX_PREFIXES) return found;
    const id = this.records.allocate();
    const page = this.records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * 6;
    page[at] = w0;
    page[at + 1] = w1;
    page[at + 2] = w2;
    page[at + 3] = w3;
    page[at + 4] = LIVE | length;
    page[at + 5] = 0;
    this.#index.insert(hash, id);
    if (this.onInsert !== null) this.onInsert(id);
    return id;
  }

  insert(words: ArrayLike<number>, length: number): number {
    return this.family === Family.Ipv4Unicast
      ? this.insert4(words[0]!, length)
      : this.insert6(words[0]!, words[1]!, words[2]!, words[3]!, length);
  }

  #search4(address: number, length: number, hash: number): number {
    const index = this.#index;
    const pages = this.records.pages;
    for (let id = index.first(hash); id !== 0; id = index.next()) {
      const page = pages[id >>> PAGE_BITS]!;
      const at = (id & PAGE_MASK) * 3;
      if (page[at] === address && (page[at + 1]! & 0xff) === length) return id;
    }
    return 0;
  }

  #search6(w0: number, w1: number, w2: number, w3: number, length: number, hash: number): number {
    const index = this.#index;
    const pages = this.records.pages;
    for (let id = index.first(hash); id !== 0; id = index.next()) {
      const page = pages[id >>> PAGE_BITS]!;
      const at = (id & PAGE_MASK) * 6;
      if (
        page[at] === w0 &&
        page[at + 1] === w1 &&
        page[at + 2] === w2 &&
        page[at + 3] === w3 &&
        (page[at + 4]! & 0xff) === length
      )
        return id;
    }
    return 0;
  }

  #hashOf(id: number): number {
    const page = this.records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * this.stride;
    const length = page[at + this.metaOffset]! & 0xff;
    return this.family === Family.Ipv4Unicast
      ? this.#hasher.prefix4(page[at]!, length)
      : this.#hasher.prefix6(page[at]!, page[at + 1]!, page[at + 2]!, page[at + 3]!, length);
  }

  /** Word `index` of the address: 0 for IPv4, 0 to 3 for IPv6. */
  word(id: number, index: number): number {
    return this.records.pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * this.stride + index]!;
  }

  length(id: number): number {
    return this.word(id, this.metaOffset) & 0xff;
  }

  /** Keeps the id for its prefix until `release`; once per consumer, at most 65,535 times in all. */
  retain(id: number): void {
    const page = this.records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * this.stride + this.metaOffset;
    if (page[at]! >>> PIN_SHIFT === 0xffff) throw new RangeError("a prefix is pinned too often");
    page[at]! += 1 << PIN_SHIFT;
  }

  release(id: number): void {
    const page = this.records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * this.stride + this.metaOffset;
    if (page[at]! >>> PIN_SHIFT === 0) throw new Error(`prefix ${id} isn't pinned`);
    page[at]! -= 1 << PIN_SHIFT;
    this.freeIfUnused(id);
  }

  /** Gives the id back if there's no path, no pin and no decision to come. */
  freeIfUnused(id: number): void {
    const page = this.records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * this.stride;
    if (page[at + this.headOffset] !== 0 || page[at + this.metaOffset]! >>> PIN_SHIFT !== 0) return;
    if ((page[at + this.metaOffset]! & DIRTY) !== 0) return;
    this.#index.remove(this.#hashOf(id), id);
    page[at + this.metaOffset] = 0;
    this.records.free(id);
  }

  /** The next id in use behind `id` (0 to begin), or 0. Good across changes: what is inserted later may be missed. */
  next(id: number): number {
    const { pages, end } = this.records;
    const { stride, metaOffset } = this;
    for (let next = id + 1; next < end; next++) {
      const page = pages[next >>> PAGE_BITS]!;
      const at = (next & PAGE_MASK) * stride + metaOffset;
      if (at >= page.length) next |= PAGE_MASK;
      else if ((page[at]! & LIVE) !== 0) return next;
    }
    return 0;
  }

  /** Whether a prefix lies in (words, length), the same prefix included. */
  within(id: number, words: ArrayLike<number>, length: number): boolean {
    if (this.length(id) < length) return false;
    for (let i = 0; i < this.metaOffset; i++)
      if (((this.word(id, i) ^ words[i]!) & maskWord(length - 32 * i)) !== 0) return false;
    return true;
  }

  /** The longest prefix in the table that holds (words, length) and that `accept` takes; 0 if there's none. */
  longestMatch(words: ArrayLike<number>, length: number, accept: (id: number) => boolean): number {
    const masked: number[] = [];
    for (let bits = length; bits >= 0; bits--) {
      for (let i = 0; i < this.metaOffset; i++) masked[i] = (words[i]! & maskWord(bits - 32 * i)) >>> 0;
      const id = this.find(masked, bits);
      if (id !== 0 && accept(id)) return id;
    }
    return 0;
  }

  /** The order in which people read prefixes: by address, the shorter first. */
  compare(a: number, b: number): number {
    for (let i = 0; i < this.metaOffset; i++) {
      const difference = this.word(a, i) - this.word(b, i);
      if (difference !== 0) return difference;
    }
    return this.length(a) - this.length(b);
  }
}

/** So many that an id stays clear of the bit that ends a chain of paths. */
const MAX_PREFIXES = 1 << 28;
// The meta word: length in bits 0-7, flags in 8-15, pins in 16-31.
const PIN_SHIFT = 16;
/** The record is in use. */
const LIVE = 1 << 8;
/** In the queue for the decision. */
export const DIRTY = 1 << 9;
/** The first path of the chain is the best one. */
export const HAS_BEST = 1 << 10;
/** The best path itself was changed or removed since the last decision: consumers hear of it whatever comes out. */
export const TOUCHED = 1 << 11;
