/** Reasons that are remembered. */
const MOST = 8;
/** After so long the same reason may be said again: whoever looks at today's log finds it. */
const AGAIN_MS = 3_600_000;

/**
 * What was said of one neighbor, so that each reason is said once however often it comes, and whichever others come in between: an address
 * that nobody answers for gives EHOSTUNREACH and time-outs in turn. What is remembered is bounded; more reasons than that take turns, and
 * the log's own budget holds.
 */
export class SaidReasons {
  /** By reason, the oldest first: when it was said. */
  readonly #saidAt = new Map<string, number>();

  /** Whether it is to be said (and then was). @param now monotonic milliseconds */
  isNews(reason: string, now: number): boolean {
    const saidAt = this.#saidAt.get(reason);
    if (saidAt !== undefined && now - saidAt < AGAIN_MS) return false;
    this.#saidAt.delete(reason);
    if (this.#saidAt.size === MOST)
      for (const [oldest] of this.#saidAt) {
        this.#saidAt.delete(oldest);
        break;
      }
    this.#saidAt.set(reason, now);
    return true;
  }

  /** Whatever comes now is news. */
  clear(): void {
    this.#saidAt.clear();
  }
}
