import type { Clock } from "../lib/clock.ts";
import type { Reply } from "./reply.ts";

/** A few places for answers under way. When all are taken, the answer that has been stuck for the longest gives way. */
export class Places {
  readonly most: number;
  readonly #giveWayMs: number;
  readonly #clock: Clock;
  readonly #taken = new Set<Reply>();

  constructor(most: number, giveWayMs: number, clock: Clock) {
    this.most = most;
    this.#giveWayMs = giveWayMs;
    this.#clock = clock;
  }

  /** Whether there was a place; it is kept until `leave`. */
  take(reply: Reply): boolean {
    if (this.#taken.size >= this.most && !this.makeRoom()) return false;
    this.#taken.add(reply);
    return true;
  }

  leave(reply: Reply): void {
    this.#taken.delete(reply);
  }

  /** Cuts off the answer (`among` these) whose client has taken nothing for the longest; false if none has been stuck for long enough. */
  makeRoom(among: Iterable<Reply> = this.#taken): boolean {
    let longest: Reply | null = null;
    let since = this.#clock.now() - this.#giveWayMs;
    for (const reply of among) {
      const { stalledSince } = reply;
      if (stalledSince === null || stalledSince > since) continue;
      longest = reply;
      since = stalledSince;
    }
    if (longest === null) return false;
    longest.cut();
    this.leave(longest);
    return true;
  }
}
