import type { Consumer } from "../rib/ports.ts";
import { encodeRouteRefresh, RefreshKind } from "../wire/message/route-refresh.ts";
import { encodeEndOfRib } from "../wire/message/update.ts";
import { Deliveries } from "./deliveries.ts";
import type { GroupKey } from "./group-key.ts";
import { type Handover, handoverEnd, sayDifference } from "./handover.ts";
import { type Batch, type Cursor, Log } from "./log.ts";
import { Member } from "./member.ts";
import { Pending } from "./pending.ts";
import type { ExportPolicyPort, GroupEvents, MemberPort, WithheldReason } from "./ports.ts";
import { Teller, type TellerParts } from "./teller.ts";
import type { Walk } from "./walk.ts";
import { Walks } from "./walks.ts";

/**
 * The export room: from "the best path of this prefix changed" to bytes in the sockets of all peers that get the same bytes.
 *
 * ```
 * changed(prefix) → Pending → Teller: rules, policy, compare with what was told → Packer: by attribute set
 *                                                                                   │ encoded once
 *    members, a cursor each, one outstanding write each  ←  Log (shared, append-only)  ←┘
 *    members that joined or fell behind  ←  Walk (over what was told, encoded once for all who come together)
 * ```
 *
 * Invariant: what a member holds is what the group was told, less its own routes, as of the member's place in the log.
 * Each entry of what was told has the epoch in which it changed last; so whoever has heard everything up to some epoch is
 * brought up to date by the entries of later ones, withdrawn ones too. That one rule serves late joiners, laggards, route
 * refresh and policy changes; see docs/update-groups.md.
 */
export class ExportGroup implements Consumer {
  readonly teller: Teller;
  /** Members that fell out of the log, ever. */
  resyncs = 0;
  readonly #events: GroupEvents;
  readonly #limits: GroupLimits;
  readonly #log = new Log();
  readonly #pending = new Pending();
  readonly #walks: Walks;
  readonly #deliveries: Deliveries;
  readonly #handovers = new Set<Handover>();
  readonly #onTaken = (member: Member): void => this.#taken(member);
  #members: Member[] = [];
  /** Number of members by source: nearly always one. */
  readonly #bySource = new Map<number, number>();
  // One turn of work.
  #units = 0;
  #turn = 1;
  #more = false;
  #woken = false;
  #blocked = false;
  #firstServed = 0;
  #dropped = 1;
  /** Octets in the log, and changes evaluated, at the last tick. */
  #seen = -1;
  /** Trimmed since. */
  #trimmed = false;

  /** A group of a table that has routes already evaluates them in its first turns. */
  constructor(parts: GroupParts) {
    this.#events = parts.events;
    this.#limits = { ...defaultLimits, ...parts.limits };
    this.#deliveries = new Deliveries((stamp) => parts.events.delivered?.(stamp));
    const mayHold = (source: number) => this.#bySource.has(source) || this.#walks.anyIsYoung;
    this.teller = new Teller(parts, {
      mayHold,
      withheld: (prefixId, reason) => parts.events.withheld?.(prefixId, reason),
    });
    this.#walks = new Walks(this.teller, this.#log, mayHold);
    this.#pending.scan();
  }

  get key(): GroupKey {
    return this.teller.key;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** Entries that are told: prefixes, or paths with ADD-PATH. */
  get told(): number {
    return this.teller.told.count;
  }

  /** Prefixes that the rules allow but that can't be sent, now. */
  get withheld(): Readonly<Record<WithheldReason, number>> {
    return this.teller.withheld;
  }

  /** Changed prefixes that wait; a full evaluation under way counts as one. */
  get pending(): number {
    return this.#pending.length + (this.#pending.isScanning ? 1 : 0);
  }

  /** Whether a member that moves away still needs what this group was told: `close` has to wait, `wake` says when it's over. */
  get isNeeded(): boolean {
    return this.#handovers.size > 0;
  }

  /** Octets of the log, ever; walks apart. */
  get bytesEncoded(): number {
    return this.#log.total;
  }

  get walksBegun(): number {
    return this.#walks.begun;
  }

  /** Routes that a member is told. */
  advertisedTo(member: Member): number {
    const { told } = this.teller;
    return told.count - told.countOf(member.source);
  }

  /** Whether a member's socket has taken all that is to be said to it now. */
  isCurrent(member: Member): boolean {
    if (member.gone || member.outstanding || !member.follows || !this.#pending.isEmpty) return false;
    return this.#isCaughtUp(member.cursor!) && member.own.length === 0 && member.ending === null;
  }

  /** Octets that are encoded for a member and not handed to its socket; 0 for one that lags or waits: see `isCurrent`. */
  queuedFor(member: Member): number {
    if (member.cursor === null) return 0;
    const log = member.walk === null ? this.#log : member.walk.log;
    return log.total - member.cursor.position;
  }

  // ---- what comes in ---------------------------------------------------------------------------------------------

  /** A prefix may have to be told anew (the RIB's consumer port). */
  changed(prefixId: number): void {
    this.#pending.add(prefixId);
    if (!this.#woken) this.#wake();
  }

  /** Calls `events.delivered(stamp)` when all that waits now is with the sockets of all members that keep up. */
  mark(stamp: number): void {
    this.#deliveries.mark(stamp, this.#pending.queued);
    this.#wake();
  }

  /** Another policy: everything is evaluated again, what differs is said. */
  reevaluate(policy: ExportPolicyPort = this.teller.policy): void {
    this.teller.policy = policy;
    this.#pending.scan();
    this.#wake();
  }

  // ---- members ---------------------------------------------------------------------------------------------------

  /**
   * A new member: hears everything that is told, then End-of-RIB (RFC 4724 §2). That waits while the table's decisions are
   * deferred after a restart; call `flush` when the deferral ends.
   */
  join(port: MemberPort): Member {
    const member = this.#admit(port);
    member.ending = "end-of-rib";
    if (this.teller.told.count === 0) this.#follow(member, this.#log.end());
    else this.#enter(member, this.#walks.full(false));
    this.#wake();
    return member;
  }

  /**
   * A member of another group over the same table, whose session goes on under other rules: it hears only the difference
   * between the two groups. The other group must live until the move is over: its `close` returns false until then.
   */
  moveFrom(group: ExportGroup, member: Member): Member {
    if (group.teller.routes !== this.teller.routes || group.key.addPath > 0 !== this.key.addPath > 0)
      throw new Error("a member can only move between groups of one table and one NLRI format");
    const moved = this.#admit(member.port);
    moved.outstanding = member.outstanding;
    moved.bytesSent = member.bytesSent;
    moved.messagesSent = member.messagesSent;
    moved.own.push(...member.own);
    moved.ending = member.ending;
    moved.refresh = member.refresh;
    member.successor = moved;
    moved.handover = group.#handOver(member);
    moved.waitsFor = this.#pending.progress();
    this.#wake();
    return moved;
  }

  #handOver(member: Member): Handover {
    const earlier = member.handover;
    member.handover = null;
    const heardNothing = member.waitsFor !== null;
    const epoch = this.#knows(member);
    this.leave(member);
    if (earlier !== null && heardNothing) return earlier;
    const handover: Handover = {
      teller: this.teller,
      epoch,
      source: member.source,
      earlier,
      release: () => {
        this.#handovers.delete(handover);
        earlier?.release();
        this.#wake();
      },
    };
    this.#handovers.add(handover);
    return handover;
  }

  /** The epoch before which a member has heard everything; 0: it may not have heard anything. */
  #knows(member: Member): number {
    if (member.lagsSince >= 0) return member.lagsSince;
    if (member.walk !== null) return member.walk.since;
    if (member.cursor === null) return 0;
    return this.#isCaughtUp(member.cursor) ? this.#log.bump() : member.cursor.chunk.epoch;
  }

  leave(member: Member): void {
    if (member.gone) return;
    member.gone = true;
    if (member.follows) this.#deliveries.leave(member);
    if (member.walk !== null) this.#exit(member);
    member.cursor = null;
    member.handover?.release();
    member.handover = null;
    this.#members = this.#members.filter((other) => other !== member);
    const others = this.#bySource.get(member.source)! - 1;
    if (others > 0) this.#bySource.set(member.source, others);
    else this.#bySource.delete(member.source);
    this.#wake();
  }

  /** ROUTE-REFRESH (RFC 2918): everything once more, between BoRR and EoRR if `demarcated` (RFC 7313 §4). */
  refresh(member: Member, demarcated: boolean): void {
    if (member.refresh !== "demarcated") member.refresh = demarcated ? "demarcated" : "plain";
    this.#wake();
  }

  #admit(port: MemberPort): Member {
    const member = new Member(port, this.#onTaken);
    this.#members.push(member);
    this.#bySource.set(member.source, (this.#bySource.get(member.source) ?? 0) + 1);
    return member;
  }

  /** A member reads the group's log from `cursor` on. */
  #follow(member: Member, cursor: Cursor): void {
    member.cursor = cursor;
    member.passed = this.#deliveries.serial;
    if (member.lagsSince < 0) return;
    member.lagsSince = -1;
    this.#events.lagging?.(member.source, false);
  }

  #enter(member: Member, walk: Walk): void {
    member.cursor = walk.enter();
    member.walk = walk;
  }

  #enterAlone(member: Member, walk: Walk): void {
    member.cursor = walk.enterAlone();
    member.walk = walk;
  }

  #exit(member: Member): void {
    const walk = member.walk!;
    member.walk = null;
    this.#walks.exit(walk);
  }

  /** A member has read its walk to the end: on into the log, or into another walk if the log has moved on too far. */
  #finishWalk(member: Member): void {
    const walk = member.walk!;
    this.#exit(member);
    member.handover?.release();
    member.handover = null;
    if (walk.pin === null) {
      this.#enter(member, this.#walks.delta(walk.start));
      return;
    }
    this.#follow(member, walk.pin.copy());
  }

  #isCaughtUp(cursor: Cursor): boolean {
    return cursor.position === this.#log.total;
  }

  // ---- a turn of work --------------------------------------------------------------------------------------------

  /**
   * Evaluates and encodes what is pending, then lets members write, for about `budget` units (a unit is about one route
   * evaluated or encoded, 0.1 to 0.2 microseconds). False: there is more to do, call again in the next turn of the loop.
   * With `drain` false changes wait (advertisement-interval) and only members are served.
   */
  flush(budget: number, drain = true): boolean {
    this.#units = budget;
    this.#turn++;
    this.#more = false;
    this.#woken = true;
    if (drain && !this.#pending.isEmpty) this.#drain();
    this.#deliveries.place(this.#pending.evaluated, this.#log.total, this.#members, (member) => this.#isBehind(member));
    this.#serve();
    this.#walks.dropPins(this.#lagBound());
    this.#reap(budget);
    this.#woken = false;
    return !this.#more;
  }

  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    this.#events.wake();
  }

  /** Puts what is pending into the log, unless even the fastest member has enough to read: then changes wait unencoded. */
  #drain(): void {
    this.#blocked = this.#allAreBehind();
    if (this.#blocked) return;
    const { teller } = this;
    const pending = this.#pending;
    this.#log.begin();
    const { epoch } = this.#log;
    // Members get half of a turn, and a full evaluation half of the rest: steady change starves neither.
    const most = Math.max(1, this.#units >>> 1);
    const forChanges = pending.isScanning ? Math.max(1, most >>> 1) : most;
    let used = 0;
    for (; used < forChanges; used++) {
      const prefixId = pending.take();
      if (prefixId === 0) break;
      teller.evaluate(prefixId, epoch);
    }
    for (; pending.isScanning && used < most; used++) {
      const prefixId = pending.takeScanned(teller.routes.prefixes);
      if (prefixId !== 0) teller.evaluate(prefixId, epoch);
    }
    this.#units -= used;
    teller.forget();
    teller.packer.flush(this.#isHeard() ? this.#log : null);
    if (!pending.isEmpty) this.#more = true;
  }

  /** Whether anybody will ever read what is put into the log now. */
  #isHeard(): boolean {
    for (const member of this.#members) if (member.follows) return true;
    return this.#walks.anyIsPinned;
  }

  #allAreBehind(): boolean {
    let followers = 0;
    for (const member of this.#members) {
      if (member.waitsFor !== null) return false;
      if (!member.follows) continue;
      if (this.#log.total - member.cursor!.position < this.#limits.backlogBytes) return false;
      followers++;
    }
    return followers > 0;
  }

  #isBehind(member: Member): boolean {
    return member.follows && (member.outstanding || !this.#isCaughtUp(member.cursor!));
  }

  #serve(): void {
    const members = this.#members;
    const bound = this.#lagBound();
    const count = members.length;
    // Whoever was left out in one turn comes first in the next.
    const first = this.#firstServed < count ? this.#firstServed : 0;
    let starved = false;
    for (let i = 0; i < count; i++) {
      const index = first + i < count ? first + i : first + i - count;
      const member = members[index]!;
      if (member.gone) continue;
      if (!member.outstanding) {
        if (this.#units <= 0 && !starved) {
          starved = true;
          this.#firstServed = index;
        }
        this.#pump(member);
      } else if (member.follows && this.#log.total - member.cursor!.position > bound) this.#lag(member);
    }
  }

  /** How far a member may be behind before walking the table is cheaper than keeping what it has not read. */
  #lagBound(): number {
    return Math.max(this.#limits.lagBytes, this.#limits.lagBytesPerRoute * this.teller.told.count);
  }

  #lag(member: Member): void {
    this.#deliveries.leave(member);
    member.lagsSince = member.cursor!.chunk.epoch;
    member.cursor = null;
    member.resyncs++;
    this.resyncs++;
    this.#events.lagging?.(member.source, true);
  }

  /** Frees tombstones that nobody can have missed. */
  #reap(budget: number): void {
    const { told } = this.teller;
    if (told.tombstones === 0) return;
    let oldest = this.#walks.oldestNeed();
    for (const member of this.#members)
      if (member.lagsSince >= 0) oldest = Math.min(oldest, member.lagsSince);
      else if (member.follows && !this.#isCaughtUp(member.cursor!))
        oldest = Math.min(oldest, member.cursor!.chunk.epoch);
    for (const handover of this.#handovers) oldest = Math.min(oldest, handover.epoch);
    if (told.reap(oldest, budget) === budget) this.#more = true;
  }

  // ---- one member ------------------------------------------------------------------------------------------------

  /** Writes to a member what there is for it, until its socket is full or its share of this turn is used up. */
  #pump(member: Member): void {
    if (member.pumping) return;
    member.pumping = true;
    while (!member.outstanding && !member.gone) {
      if (member.turn !== this.#turn) {
        member.turn = this.#turn;
        member.turnBytes = 0;
      }
      if (this.#units <= 0 || member.turnBytes >= this.#limits.turnBytes) {
        if (this.#hasMore(member)) this.#again();
        break;
      }
      const batch = this.#next(member);
      if (batch === null) break;
      member.outstanding = true;
      member.turnBytes += batch.bytes;
      member.bytesSent += batch.bytes;
      member.messagesSent += batch.messages;
      this.#units -= UNITS_PER_WRITE + (batch.bytes >>> BYTES_PER_UNIT_BITS);
      member.port.write(batch.buffers, member.taken, batch.messages);
    }
    member.pumping = false;
  }

  /** More to do, but not in this turn. */
  #again(): void {
    this.#more = true;
    this.#wake();
  }

  #taken(member: Member): void {
    member.outstanding = false;
    if (member.successor !== null) {
      member.successor.taken();
      return;
    }
    if (member.gone) return;
    if (member.follows) this.#deliveries.pass(member, member.cursor!.position);
    this.#pump(member);
    if (!this.#blocked || !member.follows) return;
    if (this.#log.total - member.cursor!.position < this.#limits.backlogBytes) {
      this.#blocked = false;
      this.#again();
    }
  }

  #hasMore(member: Member): boolean {
    if (member.own.length > 0 || member.refresh !== "none") return true;
    if (member.waitsFor !== null) return this.#pending.hasReached(member.waitsFor);
    if (member.walk !== null || member.lagsSince >= 0) return true;
    return !this.#isCaughtUp(member.cursor!) || (member.endsAt !== null && this.#pending.hasReached(member.endsAt));
  }

  /** What a member is to be written next; null if there's nothing now. */
  #next(member: Member): Batch | null {
    const limit = this.#limits.turnBytes;
    for (;;) {
      if (member.own.length > 0) return batchOf(member.own.splice(0));
      if (member.waitsFor !== null) {
        if (!this.#pending.hasReached(member.waitsFor)) return null;
        this.#beginMove(member);
      } else if (member.walk !== null) {
        const { walk } = member;
        const batch = walk.log.read(member.cursor!, member.source, limit);
        if (batch !== null) return batch;
        if (walk.done) this.#finishWalk(member);
        else if (this.#units > 0) this.#units -= walk.build(this.#units);
        else {
          this.#again();
          return null;
        }
      } else if (member.lagsSince >= 0) {
        this.#enter(member, this.#walks.delta(member.lagsSince));
      } else {
        const batch = this.#log.read(member.cursor!, member.source, limit);
        if (batch !== null) return batch;
        this.#deliveries.pass(member, member.cursor!.position);
        if (!this.#advance(member)) return null;
      }
    }
  }

  /** A member has everything that is in the log: ends what is to be ended, begins what waits. False: nothing to do. */
  #advance(member: Member): boolean {
    const { family } = this.key;
    if (member.ending !== null) {
      const isRefresh = member.ending === "end-of-refresh";
      // Everything that was known when the member had caught up first has to be said before the end is.
      if (member.endsAt === null) {
        const { deferred, pending } = this.teller.routes;
        if (!isRefresh && (deferred || pending > 0)) return false;
        member.endsAt = this.#pending.progress();
      }
      if (!this.#pending.hasReached(member.endsAt)) return false;
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
    this.#deliveries.leave(member);
    this.#enter(member, this.#walks.full(true));
    return true;
  }

  #beginMove(member: Member): void {
    member.waitsFor = null;
    const from = member.handover!;
    const arc = { from: 1, to: handoverEnd(this.teller, from), visit: sayDifference(this.teller, from) };
    this.#enterAlone(member, this.#walks.begin(0, 0, [arc]));
  }

  // ---- now and then ----------------------------------------------------------------------------------------------

  /** About once a second: what was kept for latecomers is let go of. */
  tick(): void {
    const bound = this.#lagBound();
    for (const walk of this.#walks.tick())
      for (const member of this.#members)
        if (member.walk === walk && walk.log.total - member.cursor!.position > bound) {
          const rest = this.#walks.rest(walk, member.cursor!);
          this.#exit(member);
          this.#enterAlone(member, rest);
        }
    if (this.teller.told.tombstones > 0) this.#wake();
    const seen = this.#log.total + this.#pending.evaluated;
    if (seen !== this.#seen || !this.#pending.isEmpty || !this.#walks.isEmpty || this.teller.told.tombstones > 0)
      this.#trimmed = false;
    else if (!this.#trimmed) this.#trimmed = this.#trim();
    this.#seen = seen;
  }

  /** Nothing has happened for a second: gives back what the last burst has grown. False if somebody reads it yet. */
  #trim(): boolean {
    this.teller.trim();
    this.#pending.trim();
    for (const member of this.#members) if (!member.follows || !this.#isCaughtUp(member.cursor!)) return false;
    if (this.#log.rest()) for (const member of this.#members) member.cursor = this.#log.end();
    return true;
  }

  /**
   * Forgets everything told, without a word to anybody: for a group that no member is left in, when the RIB no longer calls
   * it. True when done; false: call again, either because of the budget or because a member still moves away.
   */
  close(budget: number): boolean {
    if (this.#members.length > 0) throw new Error("a group with members can't be closed");
    if (this.isNeeded) return false;
    const { told } = this.teller;
    const end = Math.min(told.end, this.#dropped + budget);
    while (this.#dropped < end) told.drop(this.#dropped++);
    return this.#dropped === told.end;
  }
}

export interface GroupParts extends TellerParts {
  readonly events: GroupEvents;
  readonly limits?: Partial<GroupLimits>;
}

/** Bounds in octets. */
export interface GroupLimits {
  /** What a member is written in one turn of the loop before others have theirs. */
  readonly turnBytes: number;
  /** Changes wait unencoded while every member has this much to read. */
  readonly backlogBytes: number;
  /** A member that has more than both of these to read leaves the log. */
  readonly lagBytes: number;
  readonly lagBytesPerRoute: number;
}

export const defaultLimits: GroupLimits = {
  turnBytes: 256 * 1024,
  backlogBytes: 1024 * 1024,
  lagBytes: 4 * 1024 * 1024,
  lagBytesPerRoute: 16,
};

/** What a write costs in units: a fixed part, and one for each 512 octets. */
const UNITS_PER_WRITE = 64;
const BYTES_PER_UNIT_BITS = 9;

function batchOf(buffers: Uint8Array[]): Batch {
  let bytes = 0;
  for (const buffer of buffers) bytes += buffer.length;
  return { buffers, bytes, messages: buffers.length };
}
