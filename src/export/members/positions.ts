import type { GroupEvents } from "../export-ports.ts";
import type { Cursor, Log } from "../told/update-log.ts";
import type { CatchUp } from "./catch-up.ts";
import type { CatchUps } from "./catch-ups.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Member } from "./member.ts";

/**
 * Where members stand: in the group's log, in a catch-up that brings them up to date, or nowhere, since they fell behind. How they
 * get from one of these to another, and what follows from it for what they have heard.
 */
export class Positions {
  /** Members that fell out of the log, ever. */
  resyncs = 0;
  readonly #log: Log;
  readonly #catchUps: CatchUps;
  readonly #deliveries: Deliveries;
  readonly #events: GroupEvents;

  constructor(log: Log, catchUps: CatchUps, deliveries: Deliveries, events: GroupEvents) {
    this.#log = log;
    this.#catchUps = catchUps;
    this.#deliveries = deliveries;
    this.#events = events;
  }

  // ---- moving on -------------------------------------------------------------------------------------------------

  /** A member reads the group's log from `cursor` on. */
  follow(member: Member, cursor: Cursor): void {
    member.cursor = cursor;
    member.passed = this.#deliveries.serial;
    if (member.lagsSince < 0) return;
    member.lagsSince = -1;
    this.#events.lagging?.(member.source, false);
  }

  enter(member: Member, catchUp: CatchUp): void {
    member.cursor = catchUp.enter();
    member.catchUp = catchUp;
  }

  enterAlone(member: Member, catchUp: CatchUp): void {
    member.cursor = catchUp.enterAlone();
    member.catchUp = catchUp;
  }

  exit(member: Member): void {
    const catchUp = member.catchUp!;
    member.catchUp = null;
    this.#catchUps.exit(catchUp);
  }

  /** A member has read its catch-up to the end: on into the log, or into another catch-up if the log has moved on too far. */
  finishCatchUp(member: Member): void {
    const catchUp = member.catchUp!;
    this.exit(member);
    member.move?.release();
    member.move = null;
    if (catchUp.pin === null) {
      this.enter(member, this.#catchUps.delta(catchUp.start));
      return;
    }
    this.follow(member, catchUp.pin.copy());
  }

  /** A member is too far behind: it leaves the log, and a catch-up tells it later what it has missed. */
  lag(member: Member): void {
    this.#deliveries.leave(member);
    member.lagsSince = member.cursor!.chunk.epoch;
    member.cursor = null;
    member.resyncs++;
    this.resyncs++;
    this.#events.lagging?.(member.source, true);
  }

  /** A member belongs to the group no more. */
  leave(member: Member): void {
    if (member.follows) this.#deliveries.leave(member);
    if (member.catchUp !== null) this.exit(member);
    member.cursor = null;
  }

  // ---- what a member has heard -----------------------------------------------------------------------------------

  isCaughtUp(cursor: Cursor): boolean {
    return cursor.position === this.#log.total;
  }

  /** Follows the log, and its socket has yet to take what is in it. */
  isBehind(member: Member): boolean {
    return member.follows && (member.outstanding || !this.isCaughtUp(member.cursor!));
  }

  /** Octets of the log that a member which follows it has not read. */
  unread(member: Member): number {
    return this.#log.total - member.cursor!.position;
  }

  /** The epoch before which a member has heard everything; 0: it may not have heard anything. */
  knows(member: Member): number {
    if (member.lagsSince >= 0) return member.lagsSince;
    if (member.catchUp !== null) return member.catchUp.since;
    if (member.cursor === null) return 0;
    return this.isCaughtUp(member.cursor) ? this.#log.bump() : member.cursor.chunk.epoch;
  }

  /** The oldest epoch of which one of these members, or whoever reads a catch-up, may still have to hear; infinite if none has. */
  oldestNeed(members: readonly Member[]): number {
    let oldest = this.#catchUps.oldestNeed();
    for (const member of members)
      if (member.lagsSince >= 0) oldest = Math.min(oldest, member.lagsSince);
      else if (member.follows && !this.isCaughtUp(member.cursor!))
        oldest = Math.min(oldest, member.cursor!.chunk.epoch);
    return oldest;
  }
}
