import type { Clock } from "./clock.ts";

/** Long work in slices. `run` does about `units` of work (a unit: one route looked at) and says whether all is done. */
export interface Job {
  /**
   * Units after which the clock is looked at: for work of which a thousand units may suddenly cost ten times what they did, and that
   * may be cut anywhere. Absent: a slice is one piece, since what is done together is worth more (packing).
   */
  readonly step?: number;
  run(units: number): boolean;
}

/** While input keeps arriving, work waits for more of it, so that what belongs together is packed together, but never longer. */
const GATHER_MS = 5;
/** What one job may cost in one turn; keepalives and the command line get theirs in between. */
const SLICE_MS = 3;
const FIRST_UNITS = 4096;
const LEAST_UNITS = 256;
const MOST_UNITS = 1 << 16;

interface Running {
  readonly job: Job;
  units: number;
}

/**
 * Runs jobs at the end of a turn of the loop, in slices. Milliseconds are mapped to units by watching how long the last
 * slices of a job took; under virtual time a slice takes none, so a simulation always runs the same units and replays exactly.
 */
export class WorkLoop {
  readonly #clock: Clock;
  readonly #jobs: Running[] = [];
  #scheduled = false;
  #touched = false;
  #firstTouch = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One more job; in each turn they run in the order in which they came. */
  add(job: Job): void {
    this.#jobs.push({ job, units: FIRST_UNITS });
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
    for (const running of this.#jobs) if (!this.#run(running)) done = false;
    this.#scheduled = !done || this.#touched;
    if (!this.#scheduled) return;
    this.#firstTouch = this.#clock.now();
    this.#clock.defer(this.#turn);
  };

  /** One slice of one job; true when it has nothing more to do. */
  #run(running: Running): boolean {
    const { job, units } = running;
    const step = Math.min(units, job.step ?? units);
    const start = this.#clock.now();
    let done = false;
    let tookMs = 0;
    for (let left = units; left > 0 && !done && tookMs < SLICE_MS; left -= step) {
      done = job.run(step);
      tookMs = this.#clock.now() - start;
    }
    if (tookMs > SLICE_MS) running.units = Math.max(LEAST_UNITS, units >>> 1);
    else if (tookMs > 0 && tookMs < SLICE_MS / 4) running.units = Math.min(MOST_UNITS, units << 1);
    return done;
  }
}
