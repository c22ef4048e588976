/**
 * From hash to id by extendible hashing: the leading bits of the hash choose a page of slots, the trailing bits the place
 * in it. A page that is full is split in two, a pair that is nearly empty is merged, and only the directory (one reference
 * per page) is ever doubled or halved: no step takes longer than a fraction of a millisecond, however large the table.
 *
 * A slot is two words, hash and id (0 = empty), so that neither a search in vain nor a split looks at the records: those
 * are scattered over memory, and to fetch one costs more than all the rest. The index holds no keys: the user compares.
 *
 * ```ts
 * for (let id = index.first(hash); id !== 0; id = index.next()) if (sameKey(id)) return id;
 * index.insert(hash, fresh);
 * ```
 */
export class IdIndex {
  #directory: Uint32Array[];
  /** Leading bits of a hash that the directory looks at. */
  #depth = 0;
  /** Slots of a page - 1: grows to PAGE_SLOTS - 1 while there's one page, and stays there once pages are split. */
  #mask = FIRST_SLOTS - 1;
  #size = 0;
  // The search under way.
  #page: Uint32Array;
  #at = 0;
  #hash = 0;

  constructor() {
    this.#page = newPage(FIRST_SLOTS, 0);
    this.#directory = [this.#page];
  }

  get size(): number {
    return this.#size;
  }

  /** Octets held. */
  get bytes(): number {
    let sum = 0;
    for (const page of new Set(this.#directory)) sum += page.byteLength;
    return sum;
  }

  /** The first id that was inserted under this hash, or 0. */
  first(hash: number): number {
    const page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    const mask = this.#mask;
    let at = hash & mask;
    for (;;) {
      const id = page[at << 1]!;
      if (id === 0) return 0;
      if (page[(at << 1) + 1] === hash && id !== GRAVE) break;
      at = (at + 1) & mask;
    }
    this.#page = page;
    this.#at = at;
    this.#hash = hash;
    return page[at << 1]!;
  }

  /** The next one after `first` or `next`, or 0. Nothing may be inserted or removed in between. */
  next(): number {
    const page = this.#page;
    const mask = this.#mask;
    const hash = this.#hash;
    for (let at = (this.#at + 1) & mask; ; at = (at + 1) & mask) {
      const id = page[at << 1]!;
      if (id === 0) return 0;
      if (page[(at << 1) + 1] !== hash || id === GRAVE) continue;
      this.#at = at;
      return id;
    }
  }

  insert(hash: number, id: number): void {
    let page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    while (page[((this.#mask + 1) << 1) + FILLED]! >= limit(this.#mask + 1)) {
      if (!this.#makeRoom(page, hash)) break;
      page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    }
    put(page, this.#mask, hash, id);
    this.#size++;
  }

  /** Removes an id that is there. */
  remove(hash: number, id: number): void {
    const mask = this.#mask;
    const page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    const numbers = (mask + 1) << 1;
    let at = hash & mask;
    while (page[at << 1] !== id) {
      if (page[at << 1] === 0) throw new Error(`id ${id} is not in the index`);
      at = (at + 1) & mask;
    }
    this.#size--;
    page[numbers + LIVE]!--;
    if (page[((at + 1) & mask) << 1] === 0) {
      // Nothing is searched past here: the slot is empty again, and so are grave marks before it.
      do {
        page[at << 1] = 0;
        page[numbers + FILLED]!--;
        at = (at - 1) & mask;
      } while (page[at << 1] === GRAVE);
    } else page[at << 1] = GRAVE;
    if (page[numbers + LIVE]! < MERGE_BELOW) this.#shrink(hash, page);
  }

  /** Whether it is worth asking again for the page of this hash. */
  #makeRoom(page: Uint32Array, hash: number): boolean {
    const slots = this.#mask + 1;
    const numbers = slots << 1;
    const depth = page[numbers + DEPTH]!;
    if (page[numbers + LIVE]! < page[numbers + FILLED]! * 0.75) {
      // Grave marks took the room.
      this.#replace(hash, depth, [spread(page, newPage(slots, depth))]);
    } else if (depth === MAX_DEPTH) {
      // So many records with 20 equal bits of a secret hash are no accident that can be planned for: fill to the brim.
      if (page[numbers + FILLED]! >= slots - 1) throw new RangeError("too many records share one hash");
      return false;
    } else if (this.#directory.length === 1 && slots < PAGE_SLOTS) {
      this.#mask = slots * 4 - 1;
      this.#directory = [spread(page, newPage(slots * 4, 0))];
    } else {
      if (depth === this.#depth) this.#double();
      const low = newPage(slots, depth + 1);
      const high = newPage(slots, depth + 1);
      spread(page, low, high, 31 - depth);
      this.#replace(hash, depth, [low, high]);
    }
    return true;
  }

  #double(): void {
    const doubled = new Array<Uint32Array>(this.#directory.length * 2);
    for (let i = 0; i < doubled.length; i++) doubled[i] = this.#directory[i >>> 1]!;
    this.#directory = doubled;
    this.#depth++;
  }

  /** Puts one page, or two halves, where the directory named a page of this depth. */
  #replace(hash: number, depth: number, by: readonly Uint32Array[]): void {
    const span = 1 << (this.#depth - depth);
    const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
    const each = span / by.length;
    for (let i = 0; i < by.length; i++) this.#directory.fill(by[i]!, from + i * each, from + (i + 1) * each);
  }

  /** Merges a page with its other half while both are nearly empty, and halves the directory when no page needs it. */
  #shrink(hash: number, page: Uint32Array): void {
    let merged = page;
    while (this.#directory.length > 1) {
      const depth = merged[NUMBERS + DEPTH]!;
      if (depth === 0) return;
      const span = 1 << (this.#depth - depth);
      const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
      const other = this.#directory[from ^ span]!;
      if (other[NUMBERS + DEPTH] !== depth || merged[NUMBERS + LIVE]! + other[NUMBERS + LIVE]! > MERGE_UP_TO) return;
      const both = newPage(PAGE_SLOTS, depth - 1);
      spread(merged, both);
      spread(other, both);
      const low = from & ~span;
      this.#directory.fill(both, low, low + span * 2);
      if (depth === this.#depth) this.#halve();
      merged = both;
    }
  }

  #halve(): void {
    const directory = this.#directory;
    for (let i = 0; i < directory.length; i += 2) if (directory[i] !== directory[i + 1]) return;
    this.#directory = directory.filter((_, i) => (i & 1) === 0);
    this.#depth--;
  }
}

/** Stands for an id that was removed where a search must go on. */
const GRAVE = 0xffffffff;
const FIRST_SLOTS = 16;
const PAGE_SLOTS = 4096;
/** A page with so few live slots looks for its other half, to share a page that then is less than half full. */
const MERGE_BELOW = PAGE_SLOTS / 4;
const MERGE_UP_TO = PAGE_SLOTS / 2;
const MAX_DEPTH = 20;
/** Behind its slots a page keeps three numbers: where, in a page of full size, and which. */
const NUMBERS = PAGE_SLOTS << 1;
const LIVE = 0; // slots with an id
const FILLED = 1; // slots with an id or a grave mark
const DEPTH = 2; // leading bits of the hash that all its records share

const newPage = (slots: number, depth: number): Uint32Array => {
  const page = new Uint32Array((slots << 1) + 3);
  page[(slots << 1) + DEPTH] = depth;
  return page;
};

/** Slots that may be filled before a page needs room: a little more than four fifths. */
const limit = (slots: number): number => (slots * 13) >>> 4;

const put = (page: Uint32Array, mask: number, hash: number, id: number): void => {
  let at = hash & mask;
  while (page[at << 1] !== 0) at = (at + 1) & mask;
  page[at << 1] = id;
  page[(at << 1) + 1] = hash;
  const numbers = (mask + 1) << 1;
  page[numbers + LIVE]!++;
  page[numbers + FILLED]!++;
};

/** Copies the slots of a page into another one, or into two by a bit of the hash. Returns the first. */
const spread = (from: Uint32Array, low: Uint32Array, high = low, bit = 0): Uint32Array => {
  const end = from.length - 3;
  const mask = (low.length - 3) / 2 - 1;
  for (let at = 0; at < end; at += 2) {
    const id = from[at]!;
    if (id === 0 || id === GRAVE) continue;
    const hash = from[at + 1]!;
    put(((hash >>> bit) & 1) === 0 ? low : high, mask, hash, id);
  }
  return low;
};
