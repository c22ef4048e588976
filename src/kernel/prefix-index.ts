import { IdIndex } from "../lib/columns/id-index.ts";
import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";

/**
 * Gives each prefix of one family a small number (from 1), so that what is known of it can stand in columns. Freed
 * numbers are used again. The search is the RIB's (`IdIndex`, with a secret hash: peers choose prefixes); its prefix table
 * is not used here, because its records carry paths and pins, and its ids live and die with those.
 */
export class PrefixIndex {
  readonly family: Family;
  /** Highest number ever given plus one: columns need this many elements. */
  limit = 1;
  readonly #hasher: Hasher;
  readonly #index = new IdIndex();
  readonly #stride: number;
  #words: Uint32Array;
  #lengths: Uint8Array;
  /** Head of the free list, linked through the first word of each free entry. */
  #free = 0;

  constructor(family: Family, hasher: Hasher) {
    this.family = family;
    this.#hasher = hasher;
    this.#stride = family === Family.Ipv4Unicast ? 1 : 4;
    this.#words = new Uint32Array(64 * this.#stride);
    this.#lengths = new Uint8Array(64);
  }

  /** Numbers in use. */
  get size(): number {
    return this.#index.size;
  }

  /** Elements that a column needs now; grows by doubling. */
  get capacity(): number {
    return this.#lengths.length;
  }

  word(id: number, index: number): number {
    return this.#words[id * this.#stride + index]!;
  }

  length(id: number): number {
    return this.#lengths[id]!;
  }

  words(id: number): number[] {
    return Array.from(this.#words.subarray(id * this.#stride, (id + 1) * this.#stride));
  }

  /** The number of a prefix, or 0. Unused words of IPv4 are given as 0. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    return this.#search(w0, w1, w2, w3, length, this.#hash(w0, w1, w2, w3, length));
  }

  /** The number of a prefix, given now if it has none. */
  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = this.#hash(w0, w1, w2, w3, length);
    const found = this.#search(w0, w1, w2, w3, length, hash);
    if (found !== 0) return found;
    const id = this.#take();
    const at = id * this.#stride;
    this.#words[at] = w0;
    if (this.#stride === 4) {
      this.#words[at + 1] = w1;
      this.#words[at + 2] = w2;
      this.#words[at + 3] = w3;
    }
    this.#lengths[id] = length;
    this.#index.insert(hash, id);
    return id;
  }

  /** Frees a number; its column elements are the caller's to clear. */
  remove(id: number): void {
    const words = this.#words;
    const at = id * this.#stride;
    const length = this.#lengths[id]!;
    const hash =
      this.#stride === 1
        ? this.#hash(words[at]!, 0, 0, 0, length)
        : this.#hash(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, length);
    this.#index.remove(hash, id);
    words[at] = this.#free;
    this.#lengths[id] = FREE;
    this.#free = id;
  }

  /** Whether `id` (1 to limit - 1) is in use. */
  has(id: number): boolean {
    return this.#lengths[id] !== FREE;
  }

  #search(w0: number, w1: number, w2: number, w3: number, length: number, hash: number): number {
    const index = this.#index;
    for (let id = index.first(hash); id !== 0; id = index.next())
      if (this.#equals(id, w0, w1, w2, w3, length)) return id;
    return 0;
  }

  #take(): number {
    if (this.#free !== 0) {
      const id = this.#free;
      this.#free = this.#words[id * this.#stride]!;
      return id;
    }
    const id = this.limit++;
    if (id >= this.#lengths.length) {
      const words = new Uint32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
      const lengths = new Uint8Array(this.#lengths.length * 2);
      lengths.set(this.#lengths);
      this.#lengths = lengths;
    }
    return id;
  }

  #equals(id: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const words = this.#words;
    if (this.#lengths[id] !== length) return false;
    if (this.#stride === 1) return words[id] === w0;
    const at = id * 4;
    return words[at + 3] === w3 && words[at + 2] === w2 && words[at + 1] === w1 && words[at] === w0;
  }

  #hash(w0: number, w1: number, w2: number, w3: number, length: number): number {
    return this.#stride === 1 ? this.#hasher.prefix4(w0, length) : this.#hasher.prefix6(w0, w1, w2, w3, length);
  }
}

/** The length of a number that stands for no prefix. */
const FREE = 255;
