import type { Clock } from "../lib/clock.ts";

/** Turns of writing. Whoever has something for the writer asks for one; the pump has it. */
export class WriteTurns {
  /** A writer is there and the kernel was read since it came: writing may go on. */
  open = false;
  /** The writer has more than it can take at the moment. */
  blocked = false;
  readonly #clock: Clock;
  #turn: () => void = () => {};
  #asked = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who writes. */
  belongTo(turn: () => void): void {
    this.#turn = turn;
  }

  /** Sees to it that there is a turn, if there can be one. */
  ask(): void {
    if (this.#asked || !this.open || this.blocked) return;
    this.#asked = true;
    this.#clock.defer(() => {
      this.#asked = false;
      this.#turn();
    });
  }
}
