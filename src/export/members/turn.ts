/**
 * One turn of a group's work: how many units of it are left, and whether there is more to do in the next. A unit is about one
 * route evaluated or encoded.
 */
export class Turn {
  /** Units left. */
  units = 0;
  /** Of the turn, so that members can tell what they were written in it. */
  number = 1;
  /** More to do, but not in this turn. */
  more = false;
  readonly #wake: () => void;
  #woken = false;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  begin(budget: number): void {
    this.units = budget;
    this.number++;
    this.more = false;
    this.#woken = true;
  }

  end(): void {
    this.#woken = false;
  }

  /** Asks for a turn, once until it has been had. */
  wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    this.#wake();
  }

  /** Asks for another turn when this one is over. */
  again(): void {
    this.more = true;
    this.wake();
  }
}
