import type { Alarm, Alarms } from "./alarms.ts";

/** Hears that a deadline has passed; `lateMs` is by how much. The deadline is off when this is called. */
export interface DeadlineOwner {
  expired(index: number, lateMs: number): void;
}

/**
 * Several deadlines on one alarm. Moving a deadline further away, which every message does to the hold timer, costs
 * one store: the alarm rings early, finds nothing expired, and is set for the rest.
 */
export class Deadlines implements Alarm {
  due = 0;
  place = 0;
  readonly #alarms: Alarms;
  readonly #owner: DeadlineOwner;
  /** Monotonic milliseconds, one element per deadline; 0 = off. */
  readonly #at: number[];

  constructor(alarms: Alarms, count: number, owner: DeadlineOwner) {
    this.#alarms = alarms;
    this.#owner = owner;
    this.#at = new Array<number>(count).fill(0);
  }

  /** Starts a deadline anew; 0 or less stops it. */
  arm(index: number, delayMs: number): void {
    this.#at[index] = 0;
    if (delayMs <= 0) return;
    const at = this.#alarms.clock.now() + delayMs;
    this.#at[index] = at;
    if (this.due === 0 || at < this.due) this.#alarms.set(this, at);
  }

  /** Milliseconds left, null if it is off; not below 0. */
  left(index: number): number | null {
    const at = this.#at[index]!;
    return at === 0 ? null : Math.max(0, at - this.#alarms.clock.now());
  }

  isArmed(index: number): boolean {
    return this.#at[index] !== 0;
  }

  /** Stops them all. */
  clear(): void {
    this.#at.fill(0);
    this.#alarms.cancel(this);
  }

  ring(now: number): void {
    for (let next = this.#earliest(); next >= 0 && this.#at[next]! <= now; next = this.#earliest()) {
      const late = now - this.#at[next]!;
      this.#at[next] = 0;
      this.#owner.expired(next, late);
    }
    const next = this.#earliest();
    if (next >= 0 && (this.due === 0 || this.#at[next]! < this.due)) this.#alarms.set(this, this.#at[next]!);
  }

  #earliest(): number {
    let best = -1;
    for (let i = 0; i < this.#at.length; i++)
      if (this.#at[i] !== 0 && (best < 0 || this.#at[i]! < this.#at[best]!)) best = i;
    return best;
  }
}
