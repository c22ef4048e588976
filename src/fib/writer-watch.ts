import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** A writer that owes answers and says nothing for so long hangs: it answers within milliseconds, under load in tens of them. */
const SILENCE_MS = 5000;

/**
 * Notices a writer that is there and doesn't answer: stopped, or stuck in the kernel. Its end is told by its link, its silence by
 * nobody. It is said once, and again when it answers; nothing is done about it, since what it was told it may still do.
 */
export class WriterWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #owes: () => boolean;
  #timer: Timer | null = null;
  /** Since when it owes us something and was not heard; null: it owes nothing. */
  #since: number | null = null;
  #hangs = false;

  /** @param owes whether anything that was asked of the writer is still unanswered. */
  constructor(clock: Clock, log: Log, owes: () => boolean) {
    this.#clock = clock;
    this.#log = log;
    this.#owes = owes;
  }

  /** Why nothing is written, in words; null: it answers, or has nothing to answer. */
  get trouble(): string | null {
    if (!this.#hangs || this.#since === null) return null;
    const seconds = Math.floor((this.#clock.now() - this.#since) / 1000);
    return `the kernel writer has not answered for ${seconds} s: it is stopped, or the kernel holds it`;
  }

  /** Something was asked of it. */
  asked(): void {
    if (this.#since !== null || !this.#owes()) return;
    this.#since = this.#clock.now();
    this.#timer ??= this.#clock.setTimer(SILENCE_MS, () => this.#look());
  }

  /** It has said something. */
  heard(): void {
    if (this.#hangs) this.#log.event("info", "fib-writer-answers", "the kernel writer answers again");
    this.#hangs = false;
    this.#since = this.#owes() ? this.#clock.now() : null;
  }

  /** There is no writer any more. */
  gone(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#since = null;
    this.#hangs = false;
  }

  #look(): void {
    this.#timer = null;
    if (this.#since === null) return;
    const silent = this.#clock.now() - this.#since;
    this.#timer = this.#clock.setTimer(silent < SILENCE_MS ? SILENCE_MS - silent : SILENCE_MS, () => this.#look());
    if (silent < SILENCE_MS || this.#hangs) return;
    this.#hangs = true;
    this.#log.event(
      "error",
      "fib-writer-hung",
      `${this.trouble}; routes stay in the kernel as they are until it goes on`,
    );
  }
}
