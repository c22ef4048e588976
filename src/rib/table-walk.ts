import { Column } from "../lib/columns/column.ts";
import { PAGE_BITS, PAGE_MASK } from "../lib/columns/record-pages.ts";
import { PATH_ORIGIN, PATH_RECEIVED, PATH_STRIDE, type PathTable } from "./path-table.ts";

/** What a walk does to the paths of a source, as bits: several may be under way. */
const PURGE = 1;
const SWEEP_STALE = 2;
const REEVALUATE = 4;
const REDECIDE = 8;

/** What a walk needs of its table. */
export interface WalkTarget {
  readonly paths: PathTable;
  /** Paths that a source still has. */
  received(source: number): number;
  /** Was stale when the sweep was asked for, and has not been announced since. */
  isSwept(path: number): boolean;
  remove(path: number): void;
  /** False: the path is gone. */
  reevaluate(path: number): boolean;
  /** Next-hop id under which a path takes part; 0 if it doesn't. */
  nextHop(path: number): number;
  /** Has the prefix of a path decided again. */
  redecide(path: number): void;
  /** Has the prefix of a path decided again, and consumers told whatever comes out. */
  touch(path: number): void;
}

interface Job {
  readonly action: number;
  /** 0 means every source. */
  readonly source: number;
  /** The walk has been everywhere when it comes here the second time. */
  start: number;
  wrapped: boolean;
  readonly done: (() => void) | null;
}

/**
 * One walk round and round all paths of a table, in slices, for whatever has to be done to many of them: removing those of a
 * source that went away, or its stale ones, asking the import policy again, looking at changed next hops. Jobs share it,
 * so that a hundred peers that leave together cost one round and not a hundred.
 */
export class TableWalk {
  readonly #target: WalkTarget;
  #jobs: Job[] = [];
  #at = 0;
  /** Bits by source; index 0 holds for all. */
  readonly #actions = new Column(Uint8Array);
  /** 1 by next-hop id for those that changed. */
  readonly #nextHops = new Column(Uint8Array);
  #nextHopJob: Job | null = null;

  constructor(target: WalkTarget) {
    this.#target = target;
  }

  get idle(): boolean {
    return this.#jobs.length === 0;
  }

  purge(source: number, done: (() => void) | null): void {
    this.#add(PURGE, source, done);
  }

  sweepStale(source: number, done: (() => void) | null): void {
    this.#add(SWEEP_STALE, source, done);
  }

  /** `source` 0: of every source. */
  reevaluate(source: number, done: (() => void) | null): void {
    this.#add(REEVALUATE, source, done);
  }

  /** Every prefix is to be decided again. */
  redecide(): void {
    this.#add(REDECIDE, 0, null);
  }

  nextHopsChanged(ids: Iterable<number>): void {
    for (const id of ids) {
      this.#nextHops.set(id, 1);
    }
    if (this.#nextHops.end === 0) return;
    // Paths that were passed already have to be looked at with the new ids, too.
    if (this.#nextHopJob === null) this.#nextHopJob = this.#add(0, 0, null);
    this.#nextHopJob.start = this.#at;
    this.#nextHopJob.wrapped = false;
  }

  #add(action: number, source: number, done: (() => void) | null): Job {
    this.#actions.set(source, this.#actions.get(source) | action);
    const job = { action, source, start: this.#at, wrapped: false, done };
    this.#jobs.push(job);
    return job;
  }

  /** Looks at no more than `budget` paths, where one that is changed counts several; true when no job is left. */
  work(budget: number): boolean {
    let left = budget;
    while (this.#jobs.length > 0 && left > 0) left = this.#slice(left);
    return this.#jobs.length === 0;
  }

  /** Goes on to the next place where a job may end. */
  #slice(budget: number): number {
    const records = this.#target.paths.records;
    let left = budget;
    let stop = records.end;
    for (const job of this.#jobs) if (job.wrapped && job.start >= this.#at) stop = Math.min(stop, job.start);
    let at = this.#at;
    const { pages } = records;
    while (at < stop && left > 0) {
      const page = pages[at >>> PAGE_BITS];
      const place = (at & PAGE_MASK) * PATH_STRIDE;
      if (page === undefined || place >= page.length) {
        at = (at | PAGE_MASK) + 1;
        left--;
        continue;
      }
      if (page[place + PATH_RECEIVED] !== 0 && this.#visit(at, page[place + PATH_ORIGIN]! & 0xffff)) left -= 8;
      at++;
      left--;
    }
    this.#at = Math.min(at, records.end);
    if (this.#at >= records.end) {
      this.#at = 0;
      for (const job of this.#jobs) {
        if (job.wrapped) job.start = 0; // the table has shrunk below where it began
        job.wrapped = true;
      }
    }
    this.#finish();
    return left;
  }

  #visit(path: number, source: number): boolean {
    const actions = this.#actions.get(0) | this.#actions.get(source);
    const target = this.#target;
    if ((actions & PURGE) !== 0 || ((actions & SWEEP_STALE) !== 0 && target.isSwept(path))) {
      target.remove(path);
      return true;
    }
    let changed = false;
    if ((actions & REEVALUATE) !== 0) {
      if (!target.reevaluate(path)) return true;
      changed = true;
    }
    if ((actions & REDECIDE) !== 0) target.redecide(path);
    if (this.#nextHopJob !== null && this.#nextHops.get(target.nextHop(path)) === 1) {
      target.touch(path);
      changed = true;
    }
    return changed;
  }

  #finish(): void {
    const over = this.#jobs.filter(
      (job) =>
        (job.wrapped && this.#at >= job.start) ||
        ((job.action & PURGE) !== 0 && this.#target.received(job.source) === 0),
    );
    if (over.length === 0) return;
    this.#jobs = this.#jobs.filter((job) => !over.includes(job));
    for (const job of over) {
      if (job === this.#nextHopJob) {
        this.#nextHopJob = null;
        this.#nextHops.clear();
      } else {
        let actions = 0;
        for (const other of this.#jobs) if (other.source === job.source) actions |= other.action;
        this.#actions.set(job.source, actions);
      }
    }
    for (const job of over) job.done?.();
  }
}
