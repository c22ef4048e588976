import { encodeRouteRefresh, RefreshKind } from "../../wire/message/route-refresh.ts";
import { encodeEndOfRib } from "../../wire/message/update.ts";
import type { Advertiser } from "../told/advertiser.ts";
import type { Pending } from "../told/pending.ts";
import type { Batch, Log } from "../told/update-log.ts";
import type { CatchUps } from "./catch-ups.ts";
import type { Deliveries } from "./deliveries.ts";
import { moveEnd, sayDifference } from "./group-move.ts";
import type { Member } from "./member.ts";
import type { Positions } from "./positions.ts";
import type { Turn } from "./turn.ts";

/** What a write costs in units: a fixed part, and one for each 512 octets. */
const UNITS_PER_WRITE = 64;
const BYTES_PER_UNIT_BITS = 9;

/** What a pump needs of its group. */
export interface MemberWriterParts {
  readonly advertiser: Advertiser;
  readonly log: Log;
  readonly catchUps: CatchUps;
  readonly pending: Pending;
  readonly deliveries: Deliveries;
  readonly positions: Positions;
  readonly turn: Turn;
  /** Octets that one member is written in a turn. */
  readonly turnBytes: number;
}

/** What one member is written next, as long as its socket takes it and its share of the turn lasts. */
export class MemberWriter {
  readonly #parts: MemberWriterParts;

  constructor(parts: MemberWriterParts) {
    this.#parts = parts;
  }

  /** Writes to a member what there is for it, until its socket is full or its share of this turn is used up. */
  run(member: Member): void {
    if (member.pumping) return;
    const { turn, turnBytes } = this.#parts;
    member.pumping = true;
    while (!member.outstanding && !member.gone) {
      if (member.turn !== turn.number) {
        member.turn = turn.number;
        member.turnBytes = 0;
      }
      if (turn.units <= 0 || member.turnBytes >= turnBytes) {
        if (this.#hasMore(member)) turn.again();
        break;
      }
      const batch = this.#next(member);
      if (batch === null) break;
      member.outstanding = true;
      member.turnBytes += batch.bytes;
      member.bytesSent += batch.bytes;
      member.messagesSent += batch.messages;
      turn.units -= UNITS_PER_WRITE + (batch.bytes >>> BYTES_PER_UNIT_BITS);
      member.port.write(batch.buffers, member.taken, batch.messages);
    }
    member.pumping = false;
  }

  #hasMore(member: Member): boolean {
    const { pending, positions } = this.#parts;
    if (member.own.length > 0 || member.refresh !== "none") return true;
    if (member.waitsFor !== null) return pending.hasReached(member.waitsFor);
    if (member.catchUp !== null || member.lagsSince >= 0) return true;
    return !positions.isCaughtUp(member.cursor!) || (member.endsAt !== null && pending.hasReached(member.endsAt));
  }

  /** What a member is to be written next; null if there's nothing now. */
  #next(member: Member): Batch | null {
    const { log, catchUps, pending, deliveries, positions, turn, turnBytes } = this.#parts;
    for (;;) {
      if (member.own.length > 0) return batchOf(member.own.splice(0));
      if (member.waitsFor !== null) {
        if (!pending.hasReached(member.waitsFor)) return null;
        this.#beginMove(member);
      } else if (member.catchUp !== null) {
        const { catchUp } = member;
        const batch = catchUp.log.read(member.cursor!, member.source, turnBytes);
        if (batch !== null) return batch;
        if (catchUp.done) positions.finishCatchUp(member);
        else if (turn.units > 0) turn.units -= catchUp.build(turn.units);
        else {
          turn.again();
          return null;
        }
      } else if (member.lagsSince >= 0) {
        positions.enter(member, catchUps.delta(member.lagsSince));
      } else {
        const batch = log.read(member.cursor!, member.source, turnBytes);
        if (batch !== null) return batch;
        deliveries.pass(member, member.cursor!.position);
        if (!this.#advance(member)) return null;
      }
    }
  }

  /**
   * A member has everything that is in the log: ends what is to be ended (End-of-RIB, RFC 4724 §2; EoRR, RFC 7313 §4), begins what waits (a
   * refresh, RFC 2918 §4). False: nothing to do.
   */
  #advance(member: Member): boolean {
    const { advertiser, catchUps, pending, deliveries, positions } = this.#parts;
    const { family } = advertiser.key;
    if (member.ending !== null) {
      const isRefresh = member.ending === "end-of-refresh";
      // Everything that was known when the member had caught up first has to be said before the end is.
      if (member.endsAt === null) {
        const { routes } = advertiser;
        if (!isRefresh && (routes.deferred || routes.pending > 0)) return false;
        member.endsAt = pending.progress();
      }
      if (!pending.hasReached(member.endsAt)) return false;
      member.own.push(isRefresh ? encodeRouteRefresh(family, RefreshKind.End) : encodeEndOfRib(family));
      member.ending = null;
      member.endsAt = null;
      return true;
    }
    if (member.refresh === "none") return false;
    if (member.refresh === "demarcated") {
      member.own.push(encodeRouteRefresh(family, RefreshKind.Begin));
      member.ending = "end-of-refresh";
    }
    member.refresh = "none";
    deliveries.leave(member);
    positions.enter(member, catchUps.full(true));
    return true;
  }

  /** The group has evaluated what it had to: a member that comes from another one can hear the difference. */
  #beginMove(member: Member): void {
    const { advertiser, catchUps, positions } = this.#parts;
    member.waitsFor = null;
    const from = member.move!;
    const arc = { from: 1, to: moveEnd(advertiser, from), visit: sayDifference(advertiser, from) };
    positions.enterAlone(member, catchUps.begin(0, 0, [arc]));
  }
}

function batchOf(buffers: Uint8Array[]): Batch {
  let bytes = 0;
  for (const buffer of buffers) bytes += buffer.length;
  return { buffers, bytes, messages: buffers.length };
}
