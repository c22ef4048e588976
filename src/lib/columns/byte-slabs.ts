/**
 * Byte strings of any length, in pages of slots of one size each: what is freed is used again for strings of about that
 * size, and a page that is empty goes back. At most an eighth of a slot is slack (7 octets in the small ones).
 *
 * A location is a number below 2^32: page in the upper 18 bits, offset in units of eight octets in the lower 14.
 */
export class ByteSlabs {
  /** By page number; `EMPTY` where there's none. */
  readonly #pages: Uint8Array[] = [];
  readonly #slotSize: number[] = [];
  /** Free slots as a list through their first four octets: slot number + 1, 0 = none. */
  readonly #free: number[] = [];
  readonly #fresh: number[] = [];
  readonly #used: number[] = [];
  readonly #freePages: number[] = [];
  /** Pages with room, by size of slot: a hundred sizes or so at most. */
  readonly #roomy = new Map<number, number[]>();
  #bytes = 0;

  /** Octets held, slack included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The page of a location; the string starts there at `offset`. */
  page(location: number): Uint8Array {
    return this.#pages[location >>> OFFSET_BITS]!;
  }

  offset(location: number): number {
    return (location & OFFSET_MASK) << 3;
  }

  /** Room for `length` octets, not cleared. */
  allocate(length: number): number {
    const size = slotSize(length);
    let roomy = this.#roomy.get(size);
    if (roomy === undefined) {
      roomy = [];
      this.#roomy.set(size, roomy);
    }
    if (roomy.length === 0) roomy.push(this.#open(size));
    const number = roomy[roomy.length - 1]!;
    const page = this.#pages[number]!;
    let slot = this.#free[number]! - 1;
    if (slot >= 0) this.#free[number] = readWord(page, slot * size);
    else slot = this.#fresh[number]!++;
    const used = ++this.#used[number]!;
    if ((used + 1) * size > page.length) roomy.pop();
    return ((number << OFFSET_BITS) | ((slot * size) >>> 3)) >>> 0;
  }

  free(location: number): void {
    const number = location >>> OFFSET_BITS;
    const page = this.#pages[number]!;
    const size = this.#slotSize[number]!;
    const roomy = this.#roomy.get(size)!;
    const used = this.#used[number]!--;
    if (used === 1) {
      if ((used + 1) * size <= page.length) roomy.splice(roomy.indexOf(number), 1);
      this.#bytes -= page.length;
      this.#pages[number] = EMPTY;
      this.#freePages.push(number);
      return;
    }
    if ((used + 1) * size > page.length) roomy.push(number);
    const at = (location & OFFSET_MASK) << 3;
    writeWord(page, at, this.#free[number]!);
    this.#free[number] = at / size + 1;
  }

  #open(size: number): number {
    const number = this.#freePages.pop() ?? this.#pages.length;
    if (number > MAX_PAGE) throw new RangeError("attribute sets hold more than 16 GiB");
    // A speaker with few routes has a few slots of each size; one with many has pages that are worth their price.
    const wanted = Math.min(PAGE_BYTES, Math.max(FIRST_BYTES, this.#bytes >>> 3));
    const page = new Uint8Array(Math.max(1, Math.floor(wanted / size)) * size);
    this.#pages[number] = page;
    this.#slotSize[number] = size;
    this.#free[number] = 0;
    this.#fresh[number] = 0;
    this.#used[number] = 0;
    this.#bytes += page.length;
    return number;
  }
}

const OFFSET_BITS = 14;
const OFFSET_MASK = (1 << OFFSET_BITS) - 1;
const MAX_PAGE = (1 << 18) - 1;
/** Large enough for the allocator to take it from the kernel and give it back to it alone. */
const PAGE_BYTES = 131_072;
const FIRST_BYTES = 512;
const EMPTY = new Uint8Array(0);

/** Multiples of 8 up to 128, then eight sizes per doubling. */
const slotSize = (length: number): number => {
  if (length <= 128) return length <= 8 ? 8 : (length + 7) & ~7;
  const step = 1 << (28 - Math.clz32(length - 1));
  return (length + step - 1) & ~(step - 1);
};

const readWord = (page: Uint8Array, at: number): number =>
  page[at]! | (page[at + 1]! << 8) | (page[at + 2]! << 16) | (page[at + 3]! << 24);

const writeWord = (page: Uint8Array, at: number, word: number): void => {
  page[at] = word;
  page[at + 1] = word >>> 8;
  page[at + 2] = word >>> 16;
  page[at + 3] = word >>> 24;
};
