import type { Clock } from "../lib/clock.ts";

/** Long work in slices. `run` does about `units` of work (a unit: one route looked at) and says whether all is done. */
export interface Job {
  run(units: number): boolean;
}

/** While input keeps arriving, work waits for more of it, so that what belongs together is packed together, but never longer. */
const GATHER_MS = 5;
/** What a slice may cost; keepalives and the command line get their turn in between. */
const SLICE_MS = 4;
const FIRST_UNITS = 4096;
const LEAST_UNITS = 256;
const MOST_UNITS = 1 << 16;

/**
 * Runs jobs at the end of a turn of the loop, in slices. Milliseconds are mapped to units by watching how long the last
 * slices took; under virtual time a slice takes none, so a simulation always runs the same units and replays exactly.
 */
export class WorkLoop {
  readonly #clock: Clock;
  readonly #jobs: readonly Job[];
  #units = FIRST_UNITS;
  #scheduled = false;
  #touched = false;
  #firstTouch = 0;

  constructor(clock: Clock, jobs: readonly Job[]) {
    this.#clock = clock;
    this.#jobs = jobs;
  }

  /** Says that there is something to do. Cheap: called once per message. */
  touch(): void {
    this.#touched = true;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#firstTouch = this.#clock.now();
    this.#clock.defer(this.#turn);
  }

  readonly #turn = (): void => {
    const start = this.#clock.now();
    if (this.#touched && start > this.#firstTouch && start - this.#firstTouch < GATHER_MS) {
      this.#touched = false;
      this.#clock.defer(this.#turn);
      return;
    }
    this.#touched = false;
    let done = true;
    for (const job of this.#jobs) if (!job.run(this.#units)) done = false;
    this.#adapt(this.#clock.now() - start);
    this.#scheduled = !done || this.#touched;
    if (!this.#scheduled) return;
    this.#firstTouch = this.#clock.now();
    this.#clock.defer(this.#turn);
  };

  #adapt(tookMs: number): void {
    if (tookMs > SLICE_MS) this.#units = Math.max(LEAST_UNITS, this.#units >>> 1);
    else if (tookMs > 0 && tookMs < SLICE_MS / 4) this.#units = Math.min(MOST_UNITS, this.#units << 1);
  }
}
