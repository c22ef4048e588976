import type { PrefixTable } from "./prefix-table.ts";

/**
 * The prefixes of a table in order (address, then length), for whoever reads it from front to end. Nothing is kept in order while
 * nobody reads: the first reader gathers runs of some two thousand sorted keys, one in each slice, and merges them as it goes; others
 * who come meanwhile use the same runs, and all are given back when the last has left. No slice sorts more than one run, and the whole
 * costs n log n.
 *
 * Runs hold keys, not ids: an id may come to stand for another prefix while somebody reads. A key is looked up when its turn has come;
 * what was withdrawn meanwhile is left out. What is inserted while runs are held is noted, and gathered before the next reader begins,
 * so that each sees every prefix that was there when it asked.
 */
export class PrefixOrder {
  readonly #table: PrefixTable;
  #runs: Runs | null = null;
  #readers = 0;

  constructor(table: PrefixTable) {
    this.#table = table;
  }

  /** Octets held for readers. */
  get bytes(): number {
    return this.#runs?.bytes ?? 0;
  }

  /** Ids in order, at most `most` in a slice; a slice may be empty. Each prefix comes once. */
  *walk(most: number): Generator<number[]> {
    const runs = this.#join();
    try {
      yield* readRuns(this.#table, runs, most);
    } finally {
      this.#leave();
    }
  }

  /** The same for the few that `accept` takes: sorted alone, and for nobody else. */
  *walkSome(most: number, accept: (id: number) => boolean): Generator<number[]> {
    yield* readRuns(this.#table, new Runs(this.#table, accept), most);
  }

  #join(): Runs {
    this.#readers++;
    if (this.#runs !== null) return this.#runs;
    const runs = new Runs(this.#table, null);
    this.#runs = runs;
    this.#table.onInsert = (id) => {
      // Keys of what has been withdrawn stay in their runs. With more of those than there are prefixes the next reader begins anew.
      if (runs.length > 2 * this.#table.size + SPARE) this.#forget();
      else runs.note(id);
    };
    return runs;
  }

  #leave(): void {
    if (--this.#readers === 0) this.#forget();
  }

  #forget(): void {
    this.#runs = null;
    this.#table.onInsert = null;
  }
}

/** Keys in a run, which is what one slice sorts. */
const RUN = 2048;
/** Ids looked at in one slice while few of them are accepted. */
const LOOKED_AT = 16_384;
/** Keys of withdrawn prefixes that are no reason to begin anew. */
const SPARE = 65_536;

/** Sorted keys of `stride` words: the address, then the length. */
class Runs {
  readonly runs: Uint32Array[] = [];
  readonly #table: PrefixTable;
  readonly #accept: ((id: number) => boolean) | null;
  readonly #stride: number;
  /** The id up to which the table has been walked; -1 when it has been walked to its end. */
  #walked = 0;
  /** Inserted since the walk began, from `#taken` on not yet gathered; how many were before those. */
  #noted: number[] = [];
  #taken = 0;
  #before = 0;
  /** Keys, those noted included. */
  length = 0;

  constructor(table: PrefixTable, accept: ((id: number) => boolean) | null) {
    this.#table = table;
    this.#accept = accept;
    this.#stride = table.metaOffset + 1;
  }

  get bytes(): number {
    return this.length * this.#stride * 4;
  }

  /** A prefix was inserted. */
  note(id: number): void {
    this.#noted.push(id);
    this.length++;
  }

  /** How many were ever noted. */
  get noted(): number {
    return this.#before + this.#noted.length;
  }

  /** One slice of gathering; false when everything is there that was in the table when so many were `noted`. */
  gather(noted: number): boolean {
    if (this.#walked >= 0) {
      this.#walk();
      return true;
    }
    if (this.#before + this.#taken >= noted) return false;
    const ids = this.#noted.slice(this.#taken, this.#taken + RUN);
    this.#taken += ids.length;
    if (this.#taken === this.#noted.length) {
      this.#before += this.#taken;
      this.#noted = [];
      this.#taken = 0;
    }
    this.#add(ids);
    return true;
  }

  #walk(): void {
    const ids: number[] = [];
    for (let looked = 0; looked < LOOKED_AT && ids.length < RUN; looked++) {
      this.#walked = this.#table.next(this.#walked);
      if (this.#walked === 0) {
        this.#walked = -1;
        break;
      }
      if (this.#accept === null || this.#accept(this.#walked)) ids.push(this.#walked);
    }
    this.length += ids.length;
    this.#add(ids);
  }

  #add(ids: number[]): void {
    if (ids.length === 0) return;
    const stride = this.#stride;
    const table = this.#table;
    ids.sort((a, b) => table.compare(a, b));
    let run: Uint32Array = new Uint32Array(ids.length * stride);
    let at = 0;
    for (const id of ids) {
      for (let i = 0; i < stride - 1; i++) run[at++] = table.word(id, i);
      run[at++] = table.length(id);
    }
    // Readers who come in quick succession would leave a run each.
    const last = this.runs.at(-1);
    if (last !== undefined && last.length + run.length <= RUN * stride) {
      this.runs.pop();
      run = merged(last, run, stride);
    }
    this.runs.push(run);
  }
}

function* readRuns(table: PrefixTable, shared: Runs, most: number): Generator<number[]> {
  const { noted } = shared;
  while (shared.gather(noted)) yield [];
  const merge = new Merge([...shared.runs], table.metaOffset + 1);
  const words: number[] = [];
  for (;;) {
    const ids: number[] = [];
    let looked = 0;
    for (; looked < most && merge.next(); looked++) {
      for (let i = 0; i < table.metaOffset; i++) words[i] = merge.word(i);
      const id = table.find(words, merge.word(table.metaOffset));
      if (id !== 0) ids.push(id);
    }
    yield ids;
    if (looked < most) return;
  }
}

/** Words `at` and `other` on of two arrays as keys: less than 0 if the first comes first. */
function compareKeys(a: Uint32Array, at: number, b: Uint32Array, other: number, stride: number): number {
  for (let i = 0; i < stride; i++) {
    const difference = a[at + i]! - b[other + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function merged(a: Uint32Array, b: Uint32Array, stride: number): Uint32Array {
  const both = new Uint32Array(a.length + b.length);
  let at = 0;
  let other = 0;
  for (let to = 0; to < both.length; to += stride) {
    const first = other === b.length || (at < a.length && compareKeys(a, at, b, other, stride) <= 0);
    const from = first ? at : other;
    both.set((first ? a : b).subarray(from, from + stride), to);
    if (first) at += stride;
    else other += stride;
  }
  return both;
}

/** Reads sorted runs as one, each key once: a heap of runs by the key that each has next. */
class Merge {
  readonly #runs: readonly Uint32Array[];
  readonly #stride: number;
  /** Where each run is read next. */
  readonly #at: number[];
  /** Runs that aren't at their end, as a heap. */
  readonly #heap: number[];
  /** The key that was read last. */
  readonly #key: Uint32Array;
  #begun = false;

  constructor(runs: readonly Uint32Array[], stride: number) {
    this.#runs = runs;
    this.#stride = stride;
    this.#at = runs.map(() => 0);
    this.#heap = runs.map((_, run) => run);
    this.#key = new Uint32Array(stride);
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  word(index: number): number {
    return this.#key[index]!;
  }

  /** Goes to the next key; false at the end. */
  next(): boolean {
    const stride = this.#stride;
    while (this.#heap.length > 0) {
      const run = this.#heap[0]!;
      const keys = this.#runs[run]!;
      const at = this.#at[run]!;
      const isNew = !this.#begun || compareKeys(this.#key, 0, keys, at, stride) !== 0;
      if (isNew) for (let i = 0; i < stride; i++) this.#key[i] = keys[at + i]!;
      this.#begun = true;
      this.#at[run] = at + stride;
      if (at + stride === keys.length) {
        const last = this.#heap.pop()!;
        if (this.#heap.length > 0) this.#heap[0] = last;
      }
      this.#sink(0);
      if (isNew) return true;
    }
    return false;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    for (let parent = from; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < heap.length && this.#before(heap[child]!, heap[least]!)) least = child;
      if (least === parent) return;
      [heap[parent], heap[least]] = [heap[least]!, heap[parent]!];
      parent = least;
    }
  }

  #before(a: number, b: number): boolean {
    return compareKeys(this.#runs[a]!, this.#at[a]!, this.#runs[b]!, this.#at[b]!, this.#stride) < 0;
  }
}
