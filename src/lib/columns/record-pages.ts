/** Records per page, as a power of two. */
export const PAGE_BITS = 14;
export const PAGE_MASK = (1 << PAGE_BITS) - 1;
const PAGE_RECORDS = 1 << PAGE_BITS;
const FIRST_RECORDS = 64;
/** Stands for a page that was given back. */
const NO_PAGE = new Uint32Array(0);

/**
 * Records of a few 32-bit words each, named by ids from 1 on and kept in pages: growing never copies more than the first
 * (small) page, freed ids are used again, lowest page first, and a page whose records are all free goes back.
 *
 * Word `w` of record `id` is `pages[id >>> PAGE_BITS][(id & PAGE_MASK) * stride + w]`; users index the pages themselves,
 * since that is all that a hot loop can afford. A page, once there, stays the same array, but for the first one, which
 * grows: fetch it anew after an `allocate`.
 */
export class RecordPages {
  readonly stride: number;
  readonly pages: Uint32Array[] = [];
  /** Per page: first free record + 1 as a list through word 0 (0 = none), records in use, records ever used. */
  readonly #free: number[] = [];
  readonly #used: number[] = [];
  readonly #fresh: number[] = [];
  /** No page below this one has room. */
  #hint = 0;
  #live = 0;

  constructor(stride: number) {
    this.stride = stride;
  }

  /** Records in use. */
  get live(): number {
    return this.#live;
  }

  /** Every id in use is below this. */
  get end(): number {
    return this.pages.length << PAGE_BITS;
  }

  /** Octets held. */
  get bytes(): number {
    let sum = 0;
    for (const page of this.pages) sum += page.byteLength;
    return sum;
  }

  /** A record whose words have no defined value. */
  allocate(): number {
    let page = this.#hint;
    while (page < this.pages.length && this.#used[page]! === PAGE_RECORDS) page++;
    this.#hint = page;
    if (page === this.pages.length || this.pages[page] === NO_PAGE) this.#open(page);
    this.#live++;
    this.#used[page]!++;
    const free = this.#free[page]!;
    if (free !== 0) {
      this.#free[page] = this.pages[page]![(free - 1) * this.stride]!;
      return (page << PAGE_BITS) | (free - 1);
    }
    const record = this.#fresh[page]!++;
    if (record * this.stride === this.pages[page]!.length) this.#widen(page);
    return (page << PAGE_BITS) | record;
  }

  /** The caller sees to it that a free record can be told from one in use: word 0 is overwritten here. */
  free(id: number): void {
    const page = id >>> PAGE_BITS;
    const record = id & PAGE_MASK;
    this.pages[page]![record * this.stride] = this.#free[page]!;
    this.#free[page] = record + 1;
    this.#live--;
    this.#used[page]!--;
    if (page < this.#hint) this.#hint = page;
    // Record 0 of page 0 is never handed out, so the page counts it for ever and is never given back.
    if (this.#used[page] === 0) this.#close(page);
  }

  #open(page: number): void {
    const first = page === 0;
    this.pages[page] = new Uint32Array((first ? FIRST_RECORDS : PAGE_RECORDS) * this.stride);
    this.#free[page] = 0;
    this.#used[page] = first ? 1 : 0;
    this.#fresh[page] = first ? 1 : 0;
  }

  #widen(page: number): void {
    const old = this.pages[page]!;
    const wide = new Uint32Array(Math.min(old.length * 4, PAGE_RECORDS * this.stride));
    wide.set(old);
    this.pages[page] = wide;
  }

  #close(page: number): void {
    this.pages[page] = NO_PAGE;
    while (this.pages.length > 0 && this.pages[this.pages.length - 1] === NO_PAGE) {
      this.pages.pop();
      this.#free.pop();
      this.#used.pop();
      this.#fresh.pop();
    }
    if (this.#hint > this.pages.length) this.#hint = this.pages.length;
  }
}
