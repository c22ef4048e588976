/**
 * How slow this machine is. Deadlines are written in seconds of a quiet machine and last longer on a busy or a slow one, so that
 * a test fails for what it saw and never for the company that it had.
 */

/** The work that is timed, and how long it takes on the quiet machine on which the deadlines were chosen. */
const ROUNDS = 2_000_000;
const QUIET_MS = 20;

function work(rounds: number): number {
  let x = 1;
  for (let i = 0; i < rounds; i++) {
    x = (x * 1_103_515_245 + 12_345) >>> 0;
    x ^= x >>> 7;
  }
  return x;
}

let warm = false;

/** How many times longer than a quiet machine this one takes, just now; never below 1. Costs 20 ms of CPU. */
export function measurePace(): number {
  if (!warm) work(ROUNDS);
  warm = true;
  const started = performance.now();
  work(ROUNDS);
  return Math.max(1, (performance.now() - started) / QUIET_MS);
}

/**
 * The pace when this process began, for what can't be stretched later: timers of daemons, time-outs of commands. Each process measures
 * for itself, as the kernel may give those of one session more of the CPU than those of another (sched(7), autogroup).
 */
export const pace: number = measurePace();

/** A time in whole units, as long as this machine needs it, and never longer than `most`: `stretched(9)` is 9 on a quiet one. */
export const stretched = (time: number, most = Number.POSITIVE_INFINITY): number =>
  Math.min(most, Math.ceil(time * pace));

/** A pace is good for so long; load comes and goes. */
const FRESH_MS = 3_000;
let current = pace;
let measuredAt = performance.now();

/** The pace as it was measured last, a few seconds ago at most. */
function paceNow(): number {
  if (performance.now() - measuredAt > FRESH_MS) {
    current = measurePace();
    measuredAt = performance.now();
  }
  return current;
}

/** So many seconds of a quiet machine. What counts is asked for again and again, as load comes and goes while somebody waits. */
export class Patience {
  readonly seconds: number;
  readonly #began = performance.now();
  #left: number;
  #looked = this.#began;

  constructor(seconds: number) {
    this.seconds = seconds;
    this.#left = seconds * 1000;
  }

  /** Whether it is at its end; to be asked every now and then. */
  get over(): boolean {
    const passed = performance.now() - this.#looked;
    if (passed >= Math.min(FRESH_MS, this.#left)) {
      this.#left -= passed / Math.max(pace, paceNow()); // never less than what timers were stretched by
      this.#looked = performance.now();
    }
    return this.#left <= 0;
  }

  /** Whether it is, and so many quiet seconds have passed since. */
  overBy(seconds: number): boolean {
    return this.over && this.#left <= -seconds * 1000;
  }

  /** How long it lasted, in words: "30 s", on a busy machine "142 s (30 s of a quiet machine)". */
  get spent(): string {
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    return seconds <= this.seconds + 1 ? `${this.seconds} s` : `${seconds} s (${this.seconds} s of a quiet machine)`;
  }
}
