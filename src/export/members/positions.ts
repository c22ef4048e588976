import type { GroupEvents } from "../export-ports.ts";
import type { Cursor, Log } from "../told/update-log.ts";
import type { Walk } from "./catch-up.ts";
import type { Walks } from "./catch-ups.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Member } from "./member.ts";

/**
 * Where members stand: in the group's log, in a walk that brings them up to date, or nowhere, since they fell behind. How they
 * get from one of these to another, and what follows from it for what they have heard.
 */
export class Places {
  /** Members that fell out of the log, ever. */
  resyncs = 0;
  readonly #log: Log;
  readonly #walks: Walks;
  readonly #deliveries: Deliveries;
  readonly #events: GroupEvents;

  constructor(log: Log, walks: Walks, deliveries: Deliveries, events: GroupEvents) {
    this.#log = log;
    this.#walks = walks;
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

  enter(member: Member, walk: Walk): void {
    member.cursor = walk.enter();
    member.walk = walk;
  }

  enterAlone(member: Member, walk: Walk): void {
    member.cursor = walk.enterAlone();
    member.walk = walk;
  }

  exit(member: Member): void {
    const walk = member.walk!;
    member.walk = null;
    this.#walks.exit(walk);
  }

  /** A member has read its walk to the end: on into the log, or into another walk if the log has moved on too far. */
  finishWalk(member: Member): void {
    const walk = member.walk!;
    this.exit(member);
    member.handover?.release();
    member.handover = null;
    if (walk.pin === null) {
      this.enter(member, this.#walks.delta(walk.start));
      return;
    }
    this.follow(member, walk.pin.copy());
  }

  /** A member is too far behind: it leaves the log, and a walk tells it later what it has missed. */
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
    if (member.walk !== null) this.exit(member);
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
    if (member.walk !== null) return member.walk.since;
    if (member.cursor === null) return 0;
    return this.isCaughtUp(member.cursor) ? this.#log.bump() : member.cursor.chunk.epoch;
  }

  /** The oldest epoch of which one of these members, or whoever reads a walk, may still have to hear; infinite if none has. */
  oldestNeed(members: readonly Member[]): number {
    let oldest = this.#walks.oldestNeed();
    for (const member of members)
      if (member.lagsSince >= 0) oldest = Math.min(oldest, member.lagsSince);
      else if (member.follows && !this.isCaughtUp(member.cursor!))
        oldest = Math.min(oldest, member.cursor!.chunk.epoch);
    return oldest;
  }
}
