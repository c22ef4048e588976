import type { Clock } from "../lib/clock.ts";

/**
 * Who answers a question in slices asks for a turn before each: one slice in each turn of the loop, whoever asked first goes first. So
 * the loop's turns don't grow with the number of those who ask, nobody waits for another's whole answer, and BGP is served in between.
 */
export class Turns {
  readonly #clock: Clock;
  /** Those who wait, from `#next` on. */
  #waiting: (() => void)[] = [];
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a slice of work may be done. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#clock.defer(this.#turn);
    });
  }

  readonly #turn = (): void => {
    this.#waiting[this.#next++]!();
    if (this.#next < this.#waiting.length) {
      this.#clock.defer(this.#turn);
      return;
    }
    this.#waiting = [];
    this.#next = 0;
  };
}
