import type { Clock, Timer } from "../lib/clock.ts";

/** By then a burst is over, and a write of our own that was under way is answered. */
const SOON_MS = 50;
/** Between two readings at least this many times as long as the last one took. */
const REST = 10;

/** Doubts about what the kernel has are settled by reading it: once for all that are raised together, and not all the time. */
export class Doubts {
  readonly #clock: Clock;
  readonly #read: (done: () => void) => void;
  #timer: Timer | null = null;
  #notBefore = 0;
  #closed = false;

  /** `read` reads the kernel and calls back. */
  constructor(clock: Clock, read: (done: () => void) => void) {
    this.#clock = clock;
    this.#read = read;
  }

  raise(): void {
    if (this.#timer !== null || this.#closed) return;
    const now = this.#clock.now();
    this.#timer = this.#clock.setTimer(Math.max(SOON_MS, this.#notBefore - now), () => {
      const started = this.#clock.now();
      this.#timer = null;
      this.#read(() => {
        const ended = this.#clock.now();
        this.#notBefore = ended + REST * (ended - started);
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}
