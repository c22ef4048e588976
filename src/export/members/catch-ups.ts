import type { Teller } from "../told/advertiser.ts";
import type { Cursor, Log } from "../told/update-log.ts";
import { type Arc, sayAll, sayChanges, Walk } from "./catch-up.ts";

/** The walks of a group: who needs one shares one that began a moment ago, if that will do. */
export class Walks {
  /** Walks begun, ever. */
  begun = 0;
  readonly #teller: Teller;
  readonly #log: Log;
  readonly #mayHold: (source: number) => boolean;
  readonly #walks = new Set<Walk>();

  constructor(teller: Teller, log: Log, mayHold: (source: number) => boolean) {
    this.#teller = teller;
    this.#log = log;
    this.#mayHold = mayHold;
  }

  get isEmpty(): boolean {
    return this.#walks.size === 0;
  }

  /** Whether a member may yet enter a walk that began earlier. */
  get anyIsYoung(): boolean {
    for (const walk of this.#walks) if (walk.isYoung) return true;
    return false;
  }

  /** Whether the log is needed by somebody who does not read it yet. */
  get anyIsPinned(): boolean {
    for (const walk of this.#walks) if (walk.pin !== null) return true;
    return false;
  }

  /** For a member that has nothing. `fresh`: for one that has everything, and should not see yesterday's routes again. */
  full(fresh: boolean): Walk {
    for (const walk of this.#walks) {
      if (walk.since !== 0 || !walk.isYoung) continue;
      if (walk.pin === null) this.#retire(walk);
      else if (!fresh || walk.pin.position === this.#log.total) return walk;
    }
    return this.begin(0, 0, [{ from: 1, to: this.#teller.told.end, visit: sayAll(this.#teller) }]);
  }

  /** For a member that has heard everything before epoch `since`. */
  delta(since: number): Walk {
    for (const walk of this.#walks)
      if (walk.since > 0 && walk.since <= since && walk.isYoung && walk.pin !== null) return walk;
    return this.begin(since, since, [this.#changes(1, this.#teller.told.end, since, since)]);
  }

  /**
   * For a reader that is far behind the others of its walk: the rest of that walk; then what changed since it began in the
   * part that the reader has read, and among the entries that have come since.
   */
  rest(walk: Walk, cursor: Cursor): Walk {
    const from = walk.reached(cursor);
    const { start, end, since, needs } = walk;
    return this.begin(since, needs, [
      this.#changes(from, end, needs, since),
      this.#changes(1, from, start, start),
      this.#changes(end, this.#teller.told.end, start, start),
    ]);
  }

  #changes(from: number, to: number, since: number, live: number): Arc {
    return { from, to, visit: sayChanges(this.#teller, since, live, this.#mayHold) };
  }

  /** `needs`: the oldest tombstones that the walk may still have to say; 0: none of before it begins. */
  begin(since: number, needs: number, arcs: readonly Arc[]): Walk {
    const start = this.#log.bump();
    const walk = new Walk(this.#teller, since, start, needs === 0 ? start : needs, this.#log.end(), arcs);
    this.#walks.add(walk);
    this.begun++;
    return walk;
  }

  /** A reader leaves the walk. */
  exit(walk: Walk): void {
    if (--walk.readers === 0 && !walk.isYoung) this.#walks.delete(walk);
  }

  #retire(walk: Walk): void {
    walk.close();
    if (walk.readers === 0) this.#walks.delete(walk);
  }

  /** A place in the log is kept for a walk no longer than for a member. */
  dropPins(bound: number): void {
    for (const walk of this.#walks)
      if (walk.pin !== null && this.#log.total - walk.pin.position > bound) walk.pin = null;
  }

  /** The oldest epoch of which somebody may still have to hear; infinite if nobody has. */
  oldestNeed(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const walk of this.#walks) oldest = Math.min(oldest, walk.needs);
    return oldest;
  }

  /** Ends the youth of walks; returns those that have just grown up and still have readers. */
  tick(): Walk[] {
    const grown: Walk[] = [];
    for (const walk of [...this.#walks]) {
      if (!walk.tick()) continue;
      if (walk.readers === 0) this.#walks.delete(walk);
      else grown.push(walk);
    }
    return grown;
  }
}
