import { Column } from "../../lib/columns/column.ts";
import { IdQueue } from "../../lib/columns/id-queue.ts";
import type { Prefixes } from "../export-ports.ts";

/** A point in the work of a group: so many changes evaluated, so many full evaluations ended. */
export interface Progress {
  readonly evaluated: number;
  readonly scans: number;
}

/**
 * What waits to be evaluated: prefixes that changed, each once, in the order of their first change; and beside them, when
 * the group is new or its policy changed, a scan of the whole table. It queues what is dirty, never what is to be said: a
 * prefix that changes a hundred times while peers are slow is still one entry.
 */
export class Pending {
  readonly #queue = new IdQueue();
  readonly #isQueued = new Column(Uint8Array);
  #queued = 0;
  #evaluated = 0;
  /** The last prefix that the scan looked at; -1 when none is running. */
  #scanned = -1;
  #scansBegun = 0;
  #scansEnded = 0;

  /** Prefixes in the queue. */
  get length(): number {
    return this.#queue.length;
  }

  get isScanning(): boolean {
    return this.#scanned >= 0;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#scanned < 0;
  }

  /** Prefixes queued ever, and taken out ever. */
  get queued(): number {
    return this.#queued;
  }

  get evaluated(): number {
    return this.#evaluated;
  }

  add(prefixId: number): void {
    if (this.#isQueued.set(prefixId, 1) !== 0) return;
    this.#queue.push(prefixId);
    this.#queued++;
  }

  /** Gives back what many changes have grown, while nothing waits. */
  trim(): void {
    if (this.#queue.length === 0) this.#isQueued.clear();
  }

  /** The next changed prefix, which the caller evaluates at once; 0 if there's none. */
  take(): number {
    const prefixId = this.#queue.shift();
    if (prefixId === 0) return 0;
    this.#isQueued.set(prefixId, 0);
    this.#evaluated++;
    return prefixId;
  }

  /** Has the whole table evaluated, from its beginning. */
  scan(): void {
    this.#scanned = 0;
    this.#scansBegun++;
  }

  /** The next prefix of the scan; 0 when it has ended. */
  takeScanned(prefixes: Prefixes): number {
    this.#scanned = prefixes.next(this.#scanned);
    if (this.#scanned !== 0) return this.#scanned;
    this.#scanned = -1;
    this.#scansEnded = this.#scansBegun;
    return 0;
  }

  /** The point at which everything that waits now has been evaluated. */
  progress(): Progress {
    return { evaluated: this.#queued, scans: this.#scansBegun };
  }

  hasReached({ evaluated, scans }: Progress): boolean {
    return this.#evaluated >= evaluated && this.#scansEnded >= scans;
  }
}
