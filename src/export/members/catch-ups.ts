import type { Advertiser } from "../told/advertiser.ts";
import type { Cursor, Log } from "../told/update-log.ts";
import { type Arc, CatchUp, sayAll, sayChanges } from "./catch-up.ts";

/** The catch-ups of a group: who needs one shares one that began a moment ago, if that will do. */
export class CatchUps {
  /** CatchUps begun, ever. */
  begun = 0;
  readonly #advertiser: Advertiser;
  readonly #log: Log;
  readonly #mayHold: (source: number) => boolean;
  readonly #catchUps = new Set<CatchUp>();

  constructor(advertiser: Advertiser, log: Log, mayHold: (source: number) => boolean) {
    this.#advertiser = advertiser;
    this.#log = log;
    this.#mayHold = mayHold;
  }

  get isEmpty(): boolean {
    return this.#catchUps.size === 0;
  }

  /** Whether a member may yet enter a catch-up that began earlier. */
  get anyIsYoung(): boolean {
    for (const catchUp of this.#catchUps) if (catchUp.isYoung) return true;
    return false;
  }

  /** Whether the log is needed by somebody who does not read it yet. */
  get anyIsPinned(): boolean {
    for (const catchUp of this.#catchUps) if (catchUp.pin !== null) return true;
    return false;
  }

  /** For a member that has nothing. `fresh`: for one that has everything, and should not see yesterday's routes again. */
  full(fresh: boolean): CatchUp {
    for (const catchUp of this.#catchUps) {
      if (catchUp.since !== 0 || !catchUp.isYoung) continue;
      if (catchUp.pin === null) this.#retire(catchUp);
      else if (!fresh || catchUp.pin.position === this.#log.total) return catchUp;
    }
    return this.begin(0, 0, [{ from: 1, to: this.#advertiser.told.end, visit: sayAll(this.#advertiser) }]);
  }

  /** For a member that has heard everything before epoch `since`. */
  delta(since: number): CatchUp {
    for (const catchUp of this.#catchUps)
      if (catchUp.since > 0 && catchUp.since <= since && catchUp.isYoung && catchUp.pin !== null) return catchUp;
    return this.begin(since, since, [this.#changes(1, this.#advertiser.told.end, since, since)]);
  }

  /**
   * For a reader that is far behind the others of its catch-up: the rest of that catch-up; then what changed since it began in the
   * part that the reader has read, and among the entries that have come since.
   */
  rest(catchUp: CatchUp, cursor: Cursor): CatchUp {
    const from = catchUp.reached(cursor);
    const { start, end, since, needs } = catchUp;
    return this.begin(since, needs, [
      this.#changes(from, end, needs, since),
      this.#changes(1, from, start, start),
      this.#changes(end, this.#advertiser.told.end, start, start),
    ]);
  }

  #changes(from: number, to: number, since: number, live: number): Arc {
    return { from, to, visit: sayChanges(this.#advertiser, since, live, this.#mayHold) };
  }

  /** `needs`: the oldest tombstones that the catch-up may still have to say; 0: none of before it begins. */
  begin(since: number, needs: number, arcs: readonly Arc[]): CatchUp {
    const start = this.#log.bump();
    const catchUp = new CatchUp(this.#advertiser, since, start, needs === 0 ? start : needs, this.#log.end(), arcs);
    this.#catchUps.add(catchUp);
    this.begun++;
    return catchUp;
  }

  /** A reader leaves the catch-up. */
  exit(catchUp: CatchUp): void {
    if (--catchUp.readers === 0 && !catchUp.isYoung) this.#catchUps.delete(catchUp);
  }

  #retire(catchUp: CatchUp): void {
    catchUp.close();
    if (catchUp.readers === 0) this.#catchUps.delete(catchUp);
  }

  /** A place in the log is kept for a catch-up no longer than for a member. */
  dropPins(bound: number): void {
    for (const catchUp of this.#catchUps)
      if (catchUp.pin !== null && this.#log.total - catchUp.pin.position > bound) catchUp.pin = null;
  }

  /** The oldest epoch of which somebody may still have to hear; infinite if nobody has. */
  oldestNeed(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const catchUp of this.#catchUps) oldest = Math.min(oldest, catchUp.needs);
    return oldest;
  }

  /** Ends the youth of catch-ups; returns those that have just grown up and still have readers. */
  tick(): CatchUp[] {
    const grown: CatchUp[] = [];
    for (const catchUp of [...this.#catchUps]) {
      if (!catchUp.tick()) continue;
      if (catchUp.readers === 0) this.#catchUps.delete(catchUp);
      else grown.push(catchUp);
    }
    return grown;
  }
}
