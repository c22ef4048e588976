/**
 * What every room may use. Here is no protocol, no socket and but for `plain-file.ts` no file: octets and addresses (`bytes.ts`, `address.ts`), columns that grow without a stop
 * (`columns/`), long work in slices (`work-loop.ts`). Time, chance and the log are interfaces (this file, `random.ts`, `log.ts`) that are
 * handed in, so that a whole network can run on virtual time and be replayed from a seed.
 */

/** A running timer. Cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time and turns of the loop, handed in so that tests and simulations run under virtual time. */
export interface Clock {
  /** Monotonic milliseconds; never jumps with the wall clock. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for display alone. */
  wallTime(): number;
  /** Calls `fire` once, not before `delayMs` have passed. */
  setTimer(delayMs: number, fire: () => void): Timer;
  /** Calls `run` in the next turn of the loop, after sockets have been read. */
  defer(run: () => void): void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(delayMs, fire) {
    // Node cuts fractions off, and would be early by as much.
    const timer = setTimeout(fire, Math.ceil(delayMs));
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (run) => void setImmediate(run),
};
