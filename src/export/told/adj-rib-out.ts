import { Column } from "../../lib/columns/column.ts";
import { IdQueue } from "../../lib/columns/id-queue.ts";
import type { Prefixes } from "../export-ports.ts";
import type { OutSets } from "./out-sets.ts";
import { PathEntries } from "./path-entries.ts";

/** Entries of the column by source start with room for this many, the first page with that for four times as many. */
const FIRST = 16;
/** Entries per page, as a power of two. */
const PAGE_BITS = 14;
const PAGE_MASK = (1 << PAGE_BITS) - 1;
const PAGE_WORDS = 2 << PAGE_BITS;
/** Stands for a page without entries. */
const NO_PAGE = new Uint32Array(0);
/** In an entry's second word: the entry waits in the queue of tombstones. */
const QUEUED = 0x80000000;
const EPOCH = 0x7fffffff;
/** Tombstones that are still needed and that one `reap` looks at before it gives up. */
const PATIENCE = 16;

/**
 * What a group was told, an entry per prefix, or per path with ADD-PATH: the set that was sent and the epoch of the log in
 * which that was said last. A withdrawn entry stays as a tombstone (epoch, but no set) until nobody can have missed the
 * withdrawal. Without ADD-PATH an entry's number is its prefix id. An entry is two words, set and epoch, in pages: growing
 * copies nothing but the first page while that is small, and a page without entries goes back.
 */
export class AdjRibOut {
  readonly #pages: Uint32Array[] = [new Uint32Array(8 * FIRST)];
  /** By page: entries that are live or tombstones. */
  readonly #used: number[] = [0];
  /** Live entries. */
  count = 0;
  readonly paths: PathEntries | null;
  readonly #sets: OutSets;
  readonly #prefixes: Prefixes;
  readonly #tombs = new IdQueue();
  /** Live entries by source. */
  readonly #bySource = new Column(Uint32Array);

  constructor(sets: OutSets, prefixes: Prefixes, addPath: boolean) {
    this.#sets = sets;
    this.#prefixes = prefixes;
    this.paths = addPath ? new PathEntries() : null;
  }

  /** All entries are below. */
  get end(): number {
    const last = this.#pages.length - 1;
    return (last << PAGE_BITS) + (this.#pages[last]!.length >>> 1);
  }

  get tombstones(): number {
    return this.#tombs.length;
  }

  /** Number in `OutSets` of what is told of an entry; 0: nothing. */
  set(entry: number): number {
    const page = this.#pages[entry >>> PAGE_BITS];
    const at = (entry & PAGE_MASK) << 1;
    return page === undefined || at >= page.length ? 0 : page[at]!;
  }

  /** The epoch in which the entry changed last; 0 if nobody knows of it. */
  epoch(entry: number): number {
    const page = this.#pages[entry >>> PAGE_BITS];
    const at = (entry & PAGE_MASK) << 1;
    return page === undefined || at >= page.length ? 0 : page[at + 1]! & EPOCH;
  }

  prefix(entry: number): number {
    return this.paths === null ? entry : this.paths.prefix[entry]!;
  }

  /** Path id of the entry on the wire (RFC 7911); 0 without ADD-PATH. */
  pathId(entry: number): number {
    return this.paths === null ? 0 : this.paths.pathId[entry]!;
  }

  /** Live entries from this source. */
  countOf(source: number): number {
    return this.#bySource.get(source);
  }

  /** Entry of a path, made if need be. */
  entryOf(prefixId: number, pathId: number): number {
    const paths = this.paths!;
    const found = paths.find(prefixId, pathId);
    if (found !== 0) return found;
    return paths.add(prefixId, pathId);
  }

  /** Notes what is told now; `set` 0 leaves a tombstone. */
  tell(entry: number, set: number, epoch: number): void {
    const page = this.#reach(entry);
    const at = (entry & PAGE_MASK) << 1;
    const before = page[at]!;
    if (page[at + 1] === 0) {
      this.#used[entry >>> PAGE_BITS]!++;
      this.#pin(entry);
    }
    if (before !== 0) {
      this.count--;
      this.#count(this.#sets.source[before]!, -1);
      this.#sets.release(before);
    }
    let queued = page[at + 1]! & QUEUED;
    if (set !== 0) {
      this.#sets.retain(set);
      this.count++;
      this.#count(this.#sets.source[set]!, 1);
    } else if (queued === 0) {
      this.#tombs.push(entry);
      queued = QUEUED;
    }
    page[at] = set;
    page[at + 1] = queued | epoch;
  }

  /** The page of an entry, made if need be. */
  #reach(entry: number): Uint32Array {
    const index = entry >>> PAGE_BITS;
    const page = this.#pages[index];
    if (page !== undefined && (entry & PAGE_MASK) << 1 < page.length) return page;
    if (index === 0) {
      const wide = new Uint32Array(Math.min(PAGE_WORDS, Math.max(page!.length * 4, 2 * (entry + 1))));
      wide.set(page!);
      this.#pages[0] = wide;
      return wide;
    }
    while (this.#pages.length <= index) {
      this.#pages.push(NO_PAGE);
      this.#used.push(0);
    }
    if (this.#pages[0]!.length < PAGE_WORDS) this.#reach(PAGE_MASK);
    const made = new Uint32Array(PAGE_WORDS);
    this.#pages[index] = made;
    return made;
  }

  /** Frees tombstones of before `epoch`, at most `budget`; returns how many it looked at. */
  reap(epoch: number, budget: number): number {
    let done = 0;
    let patience = Math.min(PATIENCE, this.#tombs.length);
    while (done < budget && this.#tombs.length > 0 && patience > 0) {
      const entry = this.#tombs.shift();
      done++;
      const at = ((entry & PAGE_MASK) << 1) + 1;
      const page = this.#pages[entry >>> PAGE_BITS]!;
      if (this.set(entry) !== 0) page[at] = page[at]! & EPOCH;
      else if (this.epoch(entry) < epoch) this.#free(entry);
      else {
        this.#tombs.push(entry);
        patience--;
      }
    }
    return done;
  }

  /** Gives back the pages without entries: after a peer with many routes has left. */
  shrink(): void {
    for (let i = 0; i < this.#pages.length; i++)
      if (this.#used[i] === 0 && this.#pages[i]!.length > 0)
        this.#pages[i] = i === 0 ? new Uint32Array(8 * FIRST) : NO_PAGE;
    while (this.#pages.length > 1 && this.#pages.at(-1) === NO_PAGE) {
      this.#pages.pop();
      this.#used.pop();
    }
  }

  /** Forgets an entry, live or not, without telling anybody: for a group that ends. */
  drop(entry: number): void {
    if (this.epoch(entry) === 0) return;
    const set = this.set(entry);
    if (set !== 0) {
      this.count--;
      this.#count(this.#sets.source[set]!, -1);
      this.#sets.release(set);
    }
    this.#free(entry);
  }

  #count(source: number, more: number): void {
    this.#bySource.set(source, this.#bySource.get(source) + more);
  }

  #pin(entry: number): void {
    if (this.paths === null) this.#prefixes.retain(entry);
    else if (this.paths.isOnly(entry)) this.#prefixes.retain(this.paths.prefix[entry]!);
  }

  #free(entry: number): void {
    const page = this.#pages[entry >>> PAGE_BITS]!;
    const at = (entry & PAGE_MASK) << 1;
    page[at] = page[at + 1] = 0;
    this.#used[entry >>> PAGE_BITS]!--;
    if (this.paths === null) this.#prefixes.release(entry);
    else {
      const prefixId = this.paths.prefix[entry]!;
      this.paths.remove(entry);
      if (this.paths.first(prefixId) === 0) this.#prefixes.release(prefixId);
    }
  }
}
