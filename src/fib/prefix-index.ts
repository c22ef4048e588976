import { Family } from "../lib/family.ts";

const SHARD_BITS = 6;
const SHARDS = 1 << SHARD_BITS;
const FIRST_SLOTS = 8;

/**
 * Gives each prefix of one family a small number (from 1), so that what is known of it can stand in columns. Open
 * addressing in typed arrays, in 64 shards: a shard rehashes alone, so a million prefixes never wait for one long
 * rehash. Freed numbers are used again.
 */
export class PrefixIndex {
  readonly family: Family;
  /** Numbers in use. */
  size = 0;
  /** Highest number ever given plus one: columns need this many elements. */
  limit = 1;
  readonly #stride: number;
  #words: Uint32Array;
  #lengths: Uint8Array;
  readonly #slots: Int32Array[] = Array.from({ length: SHARDS }, () => new Int32Array(FIRST_SLOTS));
  readonly #used = new Uint32Array(SHARDS);
  /** Head of the free list, linked through the first word of each free entry. */
  #free = 0;

  constructor(family: Family) {
    this.family = family;
    this.#stride = family === Family.Ipv4Unicast ? 1 : 4;
    this.#words = new Uint32Array(64 * this.#stride);
    this.#lengths = new Uint8Array(64);
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
    const hash = this.#hash(w0, w1, w2, w3, length);
    const slots = this.#slots[hash >>> (32 - SHARD_BITS)]!;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot]!;
      if (id === 0 || this.#equals(id, w0, w1, w2, w3, length)) return id;
    }
  }

  /** The number of a prefix, given now if it has none. */
  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = this.#hash(w0, w1, w2, w3, length);
    const shard = hash >>> (32 - SHARD_BITS);
    let slots = this.#slots[shard]!;
    let mask = slots.length - 1;
    let slot = hash & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask)
      if (this.#equals(slots[slot]!, w0, w1, w2, w3, length)) return slots[slot]!;
    if ((this.#used[shard]! + 1) * 3 > slots.length * 2) {
      slots = this.#grow(shard);
      mask = slots.length - 1;
      slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
    }
    const id = this.#take();
    const at = id * this.#stride;
    this.#words[at] = w0;
    if (this.#stride === 4) {
      this.#words[at + 1] = w1;
      this.#words[at + 2] = w2;
      this.#words[at + 3] = w3;
    }
    this.#lengths[id] = length;
    slots[slot] = id;
    this.#used[shard]!++;
    this.size++;
    return id;
  }

  /** Frees a number; its column elements are the caller's to clear. */
  remove(id: number): void {
    const hash = this.#hashOf(id);
    const shard = hash >>> (32 - SHARD_BITS);
    const slots = this.#slots[shard]!;
    const mask = slots.length - 1;
    let hole = hash & mask;
    while (slots[hole] !== id) hole = (hole + 1) & mask;
    // Close the gap: move back every later entry of the run that may stand here.
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const home = this.#hashOf(slots[next]!) & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        slots[hole] = slots[next]!;
        hole = next;
      }
    }
    slots[hole] = 0;
    this.#used[shard]!--;
    this.#words[id * this.#stride] = this.#free;
    this.#lengths[id] = 255;
    this.#free = id;
    this.size--;
  }

  /** Whether `id` (1 to limit - 1) is in use. */
  has(id: number): boolean {
    return this.#lengths[id] !== 255;
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

  #grow(shard: number): Int32Array {
    const old = this.#slots[shard]!;
    const slots = new Int32Array(old.length * 2);
    const mask = slots.length - 1;
    for (const id of old) {
      if (id === 0) continue;
      let slot = this.#hashOf(id) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots[shard] = slots;
    return slots;
  }

  #equals(id: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const words = this.#words;
    if (this.#stride === 1) return words[id] === w0 && this.#lengths[id] === length;
    const at = id * 4;
    return (
      words[at + 3] === w3 &&
      words[at + 2] === w2 &&
      words[at + 1] === w1 &&
      words[at] === w0 &&
      this.#lengths[id] === length
    );
  }

  #hashOf(id: number): number {
    const at = id * this.#stride;
    const words = this.#words;
    return this.#stride === 1
      ? this.#hash(words[at]!, 0, 0, 0, this.#lengths[id]!)
      : this.#hash(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, this.#lengths[id]!);
  }

  /** High bits choose the shard, low bits the slot: both must depend on every bit of the prefix. */
  #hash(w0: number, w1: number, w2: number, w3: number, length: number): number {
    let hash = Math.imul(w0 ^ Math.imul(length, 0x9e3779b1), 0x85ebca6b);
    if (this.#stride === 4) {
      hash = Math.imul((hash ^ (hash >>> 15)) + w1, 0xc2b2ae35);
      hash = Math.imul((hash ^ (hash >>> 15)) + w2, 0x27d4eb2f);
      hash = Math.imul((hash ^ (hash >>> 15)) + w3, 0x165667b1);
    }
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) >>> 0;
  }
}
