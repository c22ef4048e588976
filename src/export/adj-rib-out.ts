import { IdQueue } from "../rib/id-queue.ts";
import { type OutSets, widened } from "./out-sets.ts";
import type { Prefixes } from "./ports.ts";

const FIRST = 16;
/** In `#epoch`: the entry waits in the queue of tombstones. */
const QUEUED = 0x80000000;
const EPOCH = 0x7fffffff;
/** Tombstones that are still needed and that one `reap` looks at before it gives up. */
const PATIENCE = 16;

/**
 * What a group was told, an entry per prefix, or per path with ADD-PATH: the set that was sent and the epoch of the log in
 * which that was said last. A withdrawn entry stays as a tombstone (epoch, but no set) until nobody can have missed the
 * withdrawal. Without ADD-PATH an entry's number is its prefix id, and an entry costs eight octets.
 */
export class AdjRibOut {
  /** By entry: number in `OutSets`, 0 if nothing is told. */
  set = new Uint32Array(FIRST);
  #epoch = new Uint32Array(FIRST);
  /** Live entries. */
  count = 0;
  readonly paths: PathEntries | null;
  readonly #sets: OutSets;
  readonly #prefixes: Prefixes;
  readonly #tombs = new IdQueue();
  /** Live entries by source. */
  #bySource = new Uint32Array(FIRST);

  constructor(sets: OutSets, prefixes: Prefixes, addPath: boolean) {
    this.#sets = sets;
    this.#prefixes = prefixes;
    this.paths = addPath ? new PathEntries() : null;
  }

  /** All entries are below. */
  get end(): number {
    return this.set.length;
  }

  get tombstones(): number {
    return this.#tombs.length;
  }

  /** The epoch in which the entry changed last; 0 if nobody knows of it. */
  epoch(entry: number): number {
    return this.#epoch[entry]! & EPOCH;
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
    return source < this.#bySource.length ? this.#bySource[source]! : 0;
  }

  /** The set told for a prefix without ADD-PATH. */
  told(prefixId: number): number {
    return prefixId < this.set.length ? this.set[prefixId]! : 0;
  }

  /** Makes sure that the columns reach to `entry`. */
  reach(entry: number): void {
    if (entry < this.set.length) return;
    this.set = widened(this.set, entry + 1);
    const epoch = new Uint32Array(this.set.length);
    epoch.set(this.#epoch);
    this.#epoch = epoch;
  }

  /** Entry of a path, made if need be. */
  entryOf(prefixId: number, pathId: number): number {
    const paths = this.paths!;
    const found = paths.find(prefixId, pathId);
    if (found !== 0) return found;
    const entry = paths.add(prefixId, pathId);
    this.reach(entry);
    return entry;
  }

  /** Notes what is told now; `set` 0 leaves a tombstone. */
  tell(entry: number, set: number, epoch: number): void {
    const before = this.set[entry]!;
    if (this.#epoch[entry] === 0) this.#pin(entry);
    if (before !== 0) {
      this.count--;
      this.#bySource[this.#sets.source[before]!]!--;
      this.#sets.release(before);
    }
    let queued = this.#epoch[entry]! & QUEUED;
    if (set !== 0) {
      this.#sets.retain(set);
      const source = this.#sets.source[set]!;
      if (source >= this.#bySource.length) this.#bySource = widened(this.#bySource, source + 1);
      this.count++;
      this.#bySource[source]!++;
    } else if (queued === 0) {
      this.#tombs.push(entry);
      queued = QUEUED;
    }
    this.set[entry] = set;
    this.#epoch[entry] = (queued | epoch) >>> 0;
  }

  /** Frees tombstones of before `epoch`, at most `budget`; returns how many it looked at. */
  reap(epoch: number, budget: number): number {
    let done = 0;
    let patience = Math.min(PATIENCE, this.#tombs.length);
    while (done < budget && this.#tombs.length > 0 && patience > 0) {
      const entry = this.#tombs.shift();
      done++;
      if (this.set[entry] !== 0) this.#epoch[entry] = this.epoch(entry);
      else if (this.epoch(entry) < epoch) this.#free(entry);
      else {
        this.#tombs.push(entry);
        patience--;
      }
    }
    return done;
  }

  /** Gives back the upper part of the columns if it is empty: after a peer with many routes has left. Not during walks. */
  shrink(): void {
    if (this.set.length <= 4096 || this.count + this.#tombs.length > this.set.length >>> 2) return;
    let end = this.set.length;
    while (end > FIRST && this.#epoch[end - 1] === 0) end--;
    if (end > this.set.length >>> 1) return;
    this.set = this.set.slice(0, end);
    this.#epoch = this.#epoch.slice(0, end);
  }

  /** Forgets an entry, live or not, without telling anybody: for a group that ends. */
  drop(entry: number): void {
    if (this.#epoch[entry] === 0) return;
    if (this.set[entry] !== 0) {
      this.count--;
      this.#bySource[this.#sets.source[this.set[entry]!]!]!--;
      this.#sets.release(this.set[entry]!);
      this.set[entry] = 0;
    }
    this.#free(entry);
  }

  #pin(entry: number): void {
    if (this.paths === null) this.#prefixes.retain(entry);
    else if (this.paths.isOnly(entry)) this.#prefixes.retain(this.paths.prefix[entry]!);
  }

  #free(entry: number): void {
    this.#epoch[entry] = 0;
    if (this.paths === null) this.#prefixes.release(entry);
    else {
      const prefixId = this.paths.prefix[entry]!;
      this.paths.remove(entry);
      if (this.paths.first(prefixId) === 0) this.#prefixes.release(prefixId);
    }
  }
}

/** Which path of which prefix an entry is, with ADD-PATH; a chain of entries per prefix. */
export class PathEntries {
  prefix = new Uint32Array(FIRST);
  pathId = new Uint32Array(FIRST);
  #next = new Uint32Array(FIRST);
  #first = new Uint32Array(FIRST);
  #free = 0;
  #end = 1;

  /** First entry of a prefix, or 0. */
  first(prefixId: number): number {
    return prefixId < this.#first.length ? this.#first[prefixId]! : 0;
  }

  /** The next entry of the same prefix, or 0. */
  next(entry: number): number {
    return this.#next[entry]!;
  }

  /** All prefixes with entries are below. */
  get prefixEnd(): number {
    return this.#first.length;
  }

  find(prefixId: number, pathId: number): number {
    let entry = this.first(prefixId);
    while (entry !== 0 && this.pathId[entry] !== pathId) entry = this.#next[entry]!;
    return entry;
  }

  isOnly(entry: number): boolean {
    return this.first(this.prefix[entry]!) === entry && this.#next[entry] === 0;
  }

  add(prefixId: number, pathId: number): number {
    let entry = this.#free;
    if (entry !== 0) this.#free = this.#next[entry]!;
    else {
      entry = this.#end++;
      if (entry === this.prefix.length) {
        this.prefix = widened(this.prefix, entry + 1);
        this.pathId = widened(this.pathId, entry + 1);
        this.#next = widened(this.#next, entry + 1);
      }
    }
    if (prefixId >= this.#first.length) this.#first = widened(this.#first, prefixId + 1);
    this.prefix[entry] = prefixId;
    this.pathId[entry] = pathId;
    this.#next[entry] = this.#first[prefixId]!;
    this.#first[prefixId] = entry;
    return entry;
  }

  remove(entry: number): void {
    const prefixId = this.prefix[entry]!;
    if (this.#first[prefixId] === entry) this.#first[prefixId] = this.#next[entry]!;
    else {
      let before = this.#first[prefixId]!;
      while (this.#next[before] !== entry) before = this.#next[before]!;
      this.#next[before] = this.#next[entry]!;
    }
    this.#next[entry] = this.#free;
    this.#free = entry;
  }
}
