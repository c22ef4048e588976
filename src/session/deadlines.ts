import type { Clock, Timer } from "../lib/clock.ts";

/** Hears that a deadline has passed; `lateMs` is by how much. The deadline is off when this is called. */
export interface DeadlineOwner {
  expired(index: number, lateMs: number): void;
}

/**
 * Several deadlines on one timer of the clock. Moving a deadline further away, which every message does to the hold timer, costs
 * one store: the timer fires early, finds nothing expired, and arms itself for the rest. Thousands of sessions hold one
 * timer each this way.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #owner: DeadlineOwner;
  /** Monotonic milliseconds, one element per deadline; 0 = off. */
  readonly #at: number[];
  #timer: Timer | null = null;
  #firesAt = 0;

  constructor(clock: Clock, count: number, owner: DeadlineOwner) {
    this.#clock = clock;
    this.#owner = owner;
    this.#at = new Array<number>(count).fill(0);
  }

  /** Starts a deadline anew; 0 or less stops it. */
  arm(index: number, delayMs: number): void {
    this.#at[index] = 0;
    if (delayMs <= 0) return;
    const at = this.#clock.now() + delayMs;
    this.#at[index] = at;
    if (this.#timer === null || at < this.#firesAt) this.#schedule(at, delayMs);
  }

  /** Milliseconds left, null if it is off; not below 0. */
  left(index: number): number | null {
    const at = this.#at[index]!;
    return at === 0 ? null : Math.max(0, at - this.#clock.now());
  }

  isArmed(index: number): boolean {
    return this.#at[index] !== 0;
  }

  /** Stops them all and gives the timer back. */
  clear(): void {
    this.#at.fill(0);
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(at: number, delayMs: number): void {
    this.#timer?.cancel();
    this.#firesAt = at;
    this.#timer = this.#clock.setTimer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#timer = null;
    const now = this.#clock.now();
    for (let next = this.#earliest(); next >= 0 && this.#at[next]! <= now; next = this.#earliest()) {
      const late = now - this.#at[next]!;
      this.#at[next] = 0;
      this.#owner.expired(next, late);
    }
    const next = this.#earliest();
    if (next < 0 || (this.#timer !== null && this.#firesAt <= this.#at[next]!)) return;
    this.#schedule(this.#at[next]!, Math.max(0, this.#at[next]! - now));
  }

  #earliest(): number {
    let best = -1;
    for (let i = 0; i < this.#at.length; i++)
      if (this.#at[i] !== 0 && (best < 0 || this.#at[i]! < this.#at[best]!)) best = i;
    return best;
  }
}
