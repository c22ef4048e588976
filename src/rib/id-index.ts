/**
 * From hash to id by extendible hashing: the leading bits of the hash choose a page of slots, the trailing bits the place
 * in it. A page that is full is split in two, a pair that is nearly empty is merged, and only the directory (one reference
 * per page) is ever doubled or halved: work of some ten microseconds at a time, however large the table.
 *
 * A slot is an id of 24 bits under a tag of 8 bits of the hash, so that hardly any other record is looked at in vain.
 * The index holds no keys: the user compares them.
 *
 * ```ts
 * for (let id = index.first(hash); id !== 0; id = index.next()) if (sameKey(id)) return id;
 * index.insert(hash, fresh);
 * ```
 */
export class IdIndex {
  readonly #hashOf: (id: number) => number;
  #directory: Uint32Array[];
  /** Leading bits of a hash that the directory looks at. */
  #depth = 0;
  /** Slots of a page - 1: grows to PAGE_SLOTS - 1 while there's one page, and stays there once pages are split. */
  #mask = FIRST_SLOTS - 1;
  #size = 0;
  // The search under way.
  #page: Uint32Array;
  #at = 0;
  #tag = 0;

  /** `hashOf` tells the hash of an id again; asked for when slots move to another page, never in a search. */
  constructor(hashOf: (id: number) => number) {
    this.#hashOf = hashOf;
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

  /** The first id that may have this hash, or 0. */
  first(hash: number): number {
    this.#page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    this.#at = hash & this.#mask;
    this.#tag = (hash >>> TAG_SHIFT) & 0xff;
    return this.#scan();
  }

  /** The next one after `first` or `next`, or 0. Nothing may be inserted or removed in between. */
  next(): number {
    this.#at = (this.#at + 1) & this.#mask;
    return this.#scan();
  }

  #scan(): number {
    const page = this.#page;
    const mask = this.#mask;
    const tag = this.#tag;
    let at = this.#at;
    for (;;) {
      const slot = page[at]!;
      if (slot === 0) return 0;
      if (slot >>> 24 === tag && (slot & ID_MASK) !== 0) {
        this.#at = at;
        return slot & ID_MASK;
      }
      at = (at + 1) & mask;
    }
  }

  /** @throws RangeError if `id` exceeds 24 bits: see MAX_ID. */
  insert(hash: number, id: number): void {
    if (id > MAX_ID) throw new RangeError(`an index holds ids up to ${MAX_ID}, found ${id}`);
    let page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    while (page[this.#mask + 1 + FILLED]! >= limit(this.#mask + 1)) {
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
    let at = hash & mask;
    while ((page[at]! & ID_MASK) !== id) {
      if (page[at] === 0) throw new Error(`id ${id} is not in the index`);
      at = (at + 1) & mask;
    }
    this.#size--;
    page[mask + 1 + LIVE]!--;
    if (page[(at + 1) & mask] === 0) {
      // Nothing is searched past here: the slot is empty again, and so are grave marks before it.
      do {
        page[at] = 0;
        page[mask + 1 + FILLED]!--;
        at = (at - 1) & mask;
      } while (page[at] === GRAVE);
    } else page[at] = GRAVE;
    if (page[mask + 1 + LIVE]! < MERGE_BELOW) this.#shrink(hash, page);
  }

  /** Whether it is worth asking again for the page of this hash. */
  #makeRoom(page: Uint32Array, hash: number): boolean {
    const slots = this.#mask + 1;
    if (page[slots + LIVE]! < page[slots + FILLED]! * 0.75) {
      this.#refill(page, [page]); // grave marks took the room
    } else if (page[slots + DEPTH]! === MAX_DEPTH) {
      // So many records with 20 equal bits of a secret hash are no accident that can be planned for: fill to the brim.
      if (page[slots + FILLED]! >= slots - 1) throw new RangeError("too many records share one hash");
      return false;
    } else if (this.#directory.length === 1 && slots < PAGE_SLOTS) {
      const wide = newPage(slots * 4, 0);
      this.#mask = slots * 4 - 1;
      this.#move(page, slots, wide);
      this.#directory = [wide];
    } else this.#split(page, hash);
    return true;
  }

  #split(page: Uint32Array, hash: number): void {
    const depth = page[PAGE_SLOTS + DEPTH]!;
    if (depth === this.#depth) {
      const doubled = new Array<Uint32Array>(this.#directory.length * 2);
      for (let i = 0; i < doubled.length; i++) doubled[i] = this.#directory[i >>> 1]!;
      this.#directory = doubled;
      this.#depth++;
    }
    const low = newPage(PAGE_SLOTS, depth + 1);
    const high = newPage(PAGE_SLOTS, depth + 1);
    const span = 1 << (this.#depth - depth); // directory entries that named the page
    const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
    this.#directory.fill(low, from, from + span / 2).fill(high, from + span / 2, from + span);
    this.#refill(page, [low, high]);
  }

  /** Spreads the slots of `page` over one page (perhaps itself) or two. */
  #refill(page: Uint32Array, into: readonly Uint32Array[]): void {
    const source = page.slice();
    const slots = this.#mask + 1;
    if (into.length === 1) {
      into[0]!.fill(0, 0, slots);
      into[0]![slots + LIVE] = 0;
      into[0]![slots + FILLED] = 0;
      this.#move(source, slots, into[0]!);
      return;
    }
    const bit = 31 - page[slots + DEPTH]!;
    for (let i = 0; i < slots; i++) {
      const id = source[i]! & ID_MASK;
      if (id === 0) continue;
      const hash = this.#hashOf(id);
      put(into[(hash >>> bit) & 1]!, this.#mask, hash, id);
    }
  }

  #move(from: Uint32Array, slots: number, to: Uint32Array): void {
    for (let i = 0; i < slots; i++) {
      const id = from[i]! & ID_MASK;
      if (id !== 0) put(to, this.#mask, this.#hashOf(id), id);
    }
  }

  /** Merges a page with its other half when both are nearly empty, and halves the directory when no page needs it. */
  #shrink(hash: number, page: Uint32Array): void {
    if (this.#directory.length === 1) return;
    const depth = page[PAGE_SLOTS + DEPTH]!;
    if (depth === 0) return;
    const span = 1 << (this.#depth - depth);
    const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
    const other = this.#directory[from ^ span]!;
    if (other[PAGE_SLOTS + DEPTH] !== depth || other[PAGE_SLOTS + LIVE]! >= MERGE_BELOW) return;
    const merged = newPage(PAGE_SLOTS, depth - 1);
    this.#move(page, PAGE_SLOTS, merged);
    this.#move(other, PAGE_SLOTS, merged);
    const low = from & ~span;
    this.#directory.fill(merged, low, low + span * 2);
    if (depth === this.#depth) this.#halve();
  }

  #halve(): void {
    const directory = this.#directory;
    for (let i = 0; i < directory.length; i += 2) if (directory[i] !== directory[i + 1]) return;
    this.#directory = directory.filter((_, i) => (i & 1) === 0);
    this.#depth--;
  }
}

/** Ids that an index can hold: 1 to this. */
export const MAX_ID = 0xffffff;

const ID_MASK = 0xffffff;
const TAG_SHIFT = 10;
/** A slot whose record was removed: id 0 under a tag. */
const GRAVE = 0xff000000;
const FIRST_SLOTS = 16;
const PAGE_SLOTS = 1024;
const MERGE_BELOW = PAGE_SLOTS / 4;
const MAX_DEPTH = 20;
// Behind its slots a page keeps three numbers.
const LIVE = 0; // slots with an id
const FILLED = 1; // slots with an id or a grave mark
const DEPTH = 2; // leading bits of the hash that all its records share

const newPage = (slots: number, depth: number): Uint32Array => {
  const page = new Uint32Array(slots + 3);
  page[slots + DEPTH] = depth;
  return page;
};

/** Slots that may be filled before a page needs room: a little more than four fifths. */
const limit = (slots: number): number => (slots * 13) >>> 4;

const put = (page: Uint32Array, mask: number, hash: number, id: number): void => {
  let at = hash & mask;
  while (page[at] !== 0) at = (at + 1) & mask;
  page[at] = ((((hash >>> TAG_SHIFT) & 0xff) << 24) | id) >>> 0;
  page[mask + 1 + LIVE]!++;
  page[mask + 1 + FILLED]!++;
};
