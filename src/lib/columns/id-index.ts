/**
 * From hash to id by extendible hashing: the leading bits of the hash choose a page of slots, the trailing bits the place
 * in it. A page that is full is split in two, a pair that is nearly empty is merged, and only the directory (one reference
 * per page) is ever doubled or halved: no step takes longer than a fraction of a millisecond, however large the table.
 *
 * A slot is two words, id (0 = empty) and hash, so that neither a search in vain nor a split looks at the records: those
 * are scattered over memory, and to fetch one costs more than all the rest. The index holds no keys: the user compares.
 *
 * Hashes being even, all pages fill at the same pace and would split at nearly the same time, to be half empty then. So a
 * page first grows by half, in its own buffer: slots are between a half and four fifths full, and growing leaves nothing
 * behind for the garbage collector.
 *
 * ```ts
 * for (let id = index.first(hash); id !== 0; id = index.next()) if (sameKey(id)) return id;
 * index.insert(hash, fresh);
 * ```
 */
export class IdIndex {
  #directory: Page[];
  /** Leading bits of a hash that the directory looks at. */
  #depth = 0;
  #size = 0;
  /** Holds the slots of a page while it is filled anew. */
  #scratch = new Uint32Array(0);
  // The search under way.
  #page: Page;
  #at = 0;
  #hash = 0;

  constructor() {
    this.#page = newPage(FIRST_SLOTS, FIRST_SLOTS, 0);
    this.#directory = [this.#page];
  }

  get size(): number {
    return this.#size;
  }

  /** Octets held. */
  get bytes(): number {
    let sum = this.#scratch.byteLength;
    for (const page of new Set(this.#directory)) sum += page.words.byteLength;
    return sum;
  }

  /** The first id that was inserted under this hash, or 0. */
  first(hash: number): number {
    const page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    const { words, slots } = page;
    let at = home(hash, slots);
    for (;;) {
      const id = words[at << 1]!;
      if (id === 0) return 0;
      if (words[(at << 1) + 1] === hash && id !== GRAVE) {
        this.#page = page;
        this.#at = at;
        this.#hash = hash;
        return id;
      }
      if (++at === slots) at = 0;
    }
  }

  /** The next one after `first` or `next`, or 0. Nothing may be inserted or removed in between. */
  next(): number {
    const { words, slots } = this.#page;
    let at = this.#at;
    for (;;) {
      if (++at === slots) at = 0;
      const id = words[at << 1]!;
      if (id === 0) return 0;
      if (words[(at << 1) + 1] !== this.#hash || id === GRAVE) continue;
      this.#at = at;
      return id;
    }
  }

  insert(hash: number, id: number): void {
    let page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    while (page.filled >= (page.slots * 13) >>> 4) {
      if (!this.#makeRoom(page, hash)) break;
      page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    }
    put(page, hash, id);
    this.#size++;
  }

  /** Removes an id that is there. */
  remove(hash: number, id: number): void {
    const page = this.#directory[(hash >>> 1) >>> (31 - this.#depth)]!;
    const { words, slots } = page;
    let at = home(hash, slots);
    while (words[at << 1] !== id) {
      if (words[at << 1] === 0) throw new Error(`id ${id} is not in the index`);
      if (++at === slots) at = 0;
    }
    this.#size--;
    page.live--;
    if (words[(at + 1 === slots ? 0 : at + 1) << 1] === 0) {
      // Nothing is searched past here: the slot is empty again, and so are grave marks before it.
      do {
        words[at << 1] = 0;
        page.filled--;
        if (--at < 0) at = slots - 1;
      } while (words[at << 1] === GRAVE);
    } else words[at << 1] = GRAVE;
    if (page.live < MERGE_BELOW && this.#directory.length > 1) this.#merge(hash, page);
  }

  /** Whether it is worth asking again for the page of this hash. */
  #makeRoom(page: Page, hash: number): boolean {
    const { depth } = page;
    if (page.live < page.filled * 0.75) {
      this.#refill(page, page.slots, null); // grave marks took the room
    } else if (page.slots < PAGE_SLOTS) {
      const slots = page.slots * 4;
      const wide = newPage(slots, slots === PAGE_SLOTS ? FULL_SLOTS : slots, 0);
      copyInto(wide, page.words, page.slots << 1);
      this.#directory = [wide];
    } else if (page.slots < FULL_SLOTS) {
      this.#refill(page, FULL_SLOTS, null);
    } else if (depth === MAX_DEPTH) {
      // So many records with 20 equal bits of a secret hash are no accident that can be planned for: fill to the brim.
      if (page.filled >= page.slots - 1) throw new RangeError("too many records share one hash");
      return false;
    } else {
      if (depth === this.#depth) this.#double();
      const high = newPage(PAGE_SLOTS, FULL_SLOTS, depth + 1);
      page.depth++;
      this.#refill(page, PAGE_SLOTS, high);
      const span = 1 << (this.#depth - depth); // directory entries that named the page
      const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
      this.#directory.fill(high, from + span / 2, from + span);
    }
    return true;
  }

  /** Fills a page anew, with this many slots in use; those with the next bit of the hash set go to `high`. */
  #refill(page: Page, slots: number, high: Page | null): void {
    const length = page.slots << 1;
    if (this.#scratch.length < length) this.#scratch = new Uint32Array(length);
    const scratch = this.#scratch;
    scratch.set(page.words.subarray(0, length));
    page.words.fill(0, 0, Math.max(length, slots << 1));
    page.slots = slots;
    page.live = 0;
    page.filled = 0;
    if (high === null) copyInto(page, scratch, length);
    else
      for (let at = 0, bit = 32 - page.depth; at < length; at += 2) {
        const id = scratch[at]!;
        const hash = scratch[at + 1]!;
        if (id !== 0 && id !== GRAVE) put(((hash >>> bit) & 1) === 0 ? page : high, hash, id);
      }
  }

  #double(): void {
    const doubled = new Array<Page>(this.#directory.length * 2);
    for (let i = 0; i < doubled.length; i++) doubled[i] = this.#directory[i >>> 1]!;
    this.#directory = doubled;
    this.#depth++;
  }

  /** Merges a page with its other half while both are nearly empty, and halves the directory when no page needs it. */
  #merge(hash: number, page: Page): void {
    let merged = page;
    while (merged.depth > 0) {
      const { depth } = merged;
      const span = 1 << (this.#depth - depth);
      const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(span - 1);
      const other = this.#directory[from ^ span]!;
      if (other.depth !== depth || merged.live + other.live > MERGE_UP_TO) return;
      const both = newPage(PAGE_SLOTS, FULL_SLOTS, depth - 1);
      copyInto(both, merged.words, merged.slots << 1);
      copyInto(both, other.words, other.slots << 1);
      const low = from & ~span;
      this.#directory.fill(both, low, low + span * 2);
      if (depth === this.#depth) this.#halve();
      merged = both;
    }
    this.#scratch = new Uint32Array(0);
  }

  #halve(): void {
    const directory = this.#directory;
    for (let i = 0; i < directory.length; i += 2) if (directory[i] !== directory[i + 1]) return;
    this.#directory = directory.filter((_, i) => (i & 1) === 0);
    this.#depth--;
  }
}

/** Slots, two words each, and what is in them. */
interface Page {
  readonly words: Uint32Array;
  /** Slots in use, counted from the first: the buffer may have room for more. */
  slots: number;
  /** Slots with an id. */
  live: number;
  /** Slots with an id or a grave mark. */
  filled: number;
  /** Leading bits of the hash that all records of the page share. */
  depth: number;
}

/** Stands for an id that was removed where a search must go on. */
const GRAVE = 0xffffffff;
const FIRST_SLOTS = 16;
const PAGE_SLOTS = 4096;
const FULL_SLOTS = PAGE_SLOTS + PAGE_SLOTS / 2;
/** A page with so few live slots looks for its other half, to share a page that then is less than half full. */
const MERGE_BELOW = PAGE_SLOTS / 4;
const MERGE_UP_TO = PAGE_SLOTS / 2;
const MAX_DEPTH = 20;

const newPage = (slots: number, capacity: number, depth: number): Page => ({
  words: new Uint32Array(capacity << 1),
  slots,
  live: 0,
  filled: 0,
  depth,
});

/** Where the search for a hash begins: its trailing 16 bits, scaled to the page. */
const home = (hash: number, slots: number): number => Math.imul(hash & 0xffff, slots) >>> 16;

const put = (page: Page, hash: number, id: number): void => {
  const { words, slots } = page;
  let at = home(hash, slots);
  while (words[at << 1] !== 0) if (++at === slots) at = 0;
  words[at << 1] = id;
  words[(at << 1) + 1] = hash;
  page.live++;
  page.filled++;
};

const copyInto = (page: Page, words: Uint32Array, length: number): void => {
  for (let at = 0; at < length; at += 2) {
    const id = words[at]!;
    if (id !== 0 && id !== GRAVE) put(page, words[at + 1]!, id);
  }
};
