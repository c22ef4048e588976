import type { Consumer } from "../rib/rib-ports.ts";
import type { ExportPolicyPort, GroupEvents, MemberPort, WithheldReason } from "./export-ports.ts";
import type { GroupKey } from "./group-key.ts";
import { defaultLimits, type GroupLimits } from "./limits.ts";
import { CatchUps } from "./members/catch-ups.ts";
import { Deliveries } from "./members/deliveries.ts";
import { type GroupMove, GroupMoves } from "./members/group-move.ts";
import { Member } from "./members/member.ts";
import { MemberWriter } from "./members/member-writer.ts";
import { Positions } from "./members/positions.ts";
import { Turn } from "./members/turn.ts";
import { Advertiser, type AdvertiserParts } from "./told/advertiser.ts";
import { Pending } from "./told/pending.ts";
import { Log } from "./told/update-log.ts";

/**
 * The export room: from "the best path of this prefix changed" to bytes in the sockets of all peers that get the same bytes.
 *
 * ```
 * changed(prefix) → Pending → Advertiser: rules, policy, compare with what was told → Packer: by attribute set
 *                                                                                   │ encoded once
 *    members, a cursor each, one outstanding write each  ←  Log (shared, append-only)  ←┘
 *    members that joined or fell behind  ←  CatchUp (over what was told, encoded once for all who come together)
 * ```
 *
 * Invariant: what a member holds is what the group was told, less its own routes, as of the member's position in the log.
 * Each entry of what was told has the epoch in which it changed last; so whoever has heard everything up to some epoch is
 * brought up to date by the entries of later ones, withdrawn ones too. That one rule serves late joiners, laggards, route
 * refresh and policy changes; see docs/update-groups.md.
 *
 * This file is who belongs to the group and what it does in a turn. `members/positions.ts`: where members read;
 * `members/member-writer.ts`: what one of them is written next; `members/group-move.ts`: what a member takes along to another group.
 */
export class ExportGroup implements Consumer {
  readonly advertiser: Advertiser;
  readonly #limits: GroupLimits;
  readonly #log = new Log();
  readonly #pending = new Pending();
  readonly #catchUps: CatchUps;
  readonly #deliveries: Deliveries;
  readonly #moves: GroupMoves;
  readonly #turn: Turn;
  readonly #positions: Positions;
  readonly #writer: MemberWriter;
  readonly #onTaken = (member: Member): void => this.#taken(member);
  #members: Member[] = [];
  /** Number of members by source: nearly always one. */
  readonly #bySource = new Map<number, number>();
  /** Changes wait since even the fastest member has enough to read. */
  #blocked = false;
  /** Units that were spent beyond what turns had for it. */
  #overdrawn = 0;
  /** Who comes first in the next turn. */
  #firstServed = 0;
  /** Entries below are dropped: the group is closing. */
  #dropped = 1;
  /** Octets in the log, and changes evaluated, at the last tick. */
  #seen = -1;
  /** Trimmed since. */
  #trimmed = false;

  /** A group of a table that has routes already evaluates them in its first turns. */
  constructor(parts: GroupParts) {
    this.#turn = new Turn(() => parts.events.wake());
    this.#limits = { ...defaultLimits, ...parts.limits };
    this.#deliveries = new Deliveries((stamp) => parts.events.delivered?.(stamp));
    const mayHold = (source: number) => this.#bySource.has(source) || this.#catchUps.anyIsYoung;
    this.advertiser = new Advertiser(parts, {
      mayHold,
      withheld: (prefixId, reason) => parts.events.withheld?.(prefixId, reason),
    });
    this.#catchUps = new CatchUps(this.advertiser, this.#log, mayHold);
    this.#moves = new GroupMoves(this.advertiser, () => this.#turn.wake());
    this.#positions = new Positions(this.#log, this.#catchUps, this.#deliveries, parts.events);
    this.#writer = new MemberWriter({
      advertiser: this.advertiser,
      log: this.#log,
      catchUps: this.#catchUps,
      pending: this.#pending,
      deliveries: this.#deliveries,
      positions: this.#positions,
      turn: this.#turn,
      turnBytes: this.#limits.turnBytes,
    });
    this.#pending.scan();
  }

  get key(): GroupKey {
    return this.advertiser.key;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** Entries that are told: prefixes, or paths with ADD-PATH. */
  get told(): number {
    return this.advertiser.told.count;
  }

  /** Prefixes that the rules allow but that can't be sent, now. */
  get withheld(): Readonly<Record<WithheldReason, number>> {
    return this.advertiser.withheld;
  }

  /** Changed prefixes that wait; a full evaluation under way counts as one. */
  get pending(): number {
    return this.#pending.length + (this.#pending.isScanning ? 1 : 0);
  }

  /** Whether a member that moves away still needs what this group was told: `close` has to wait, `wake` says when it's over. */
  get isNeeded(): boolean {
    return !this.#moves.isEmpty;
  }

  /** Members that fell out of the log, ever. */
  get resyncs(): number {
    return this.#positions.resyncs;
  }

  /** Octets of the log, ever; catch-ups apart. */
  get bytesEncoded(): number {
    return this.#log.total;
  }

  get catchUpsBegun(): number {
    return this.#catchUps.begun;
  }

  /** Routes that a member is told. */
  advertisedTo(member: Member): number {
    const { told } = this.advertiser;
    return told.count - told.countOf(member.source);
  }

  /** Whether a member's socket has taken all that is to be said to it now. */
  isCurrent(member: Member): boolean {
    if (member.gone || member.outstanding || !member.follows || !this.#pending.isEmpty) return false;
    return this.#positions.isCaughtUp(member.cursor!) && member.own.length === 0 && member.ending === null;
  }

  /** Octets that are encoded for a member and not handed to its socket; 0 for one that lags or waits: see `isCurrent`. */
  queuedFor(member: Member): number {
    if (member.cursor === null) return 0;
    const log = member.catchUp === null ? this.#log : member.catchUp.log;
    return log.total - member.cursor.position;
  }

  // ---- what comes in ---------------------------------------------------------------------------------------------

  /** A prefix may have to be told anew (the RIB's consumer port). */
  changed(prefixId: number): void {
    this.#pending.add(prefixId);
    this.#turn.wake();
  }

  /** Calls `events.delivered(stamp)` when all that waits now is with the sockets of all members that keep up. */
  mark(stamp: number): void {
    this.#deliveries.mark(stamp, this.#pending.queued);
    this.#turn.wake();
  }

  /** Another policy: everything is evaluated again, what differs is said. */
  reevaluate(policy: ExportPolicyPort = this.advertiser.policy): void {
    this.advertiser.policy = policy;
    this.#pending.scan();
    this.#turn.wake();
  }

  // ---- members ---------------------------------------------------------------------------------------------------

  /**
   * A new member: hears everything that is told, then End-of-RIB (RFC 4724 §2). That waits while the table's decisions are
   * deferred after a restart; call `flush` when the deferral ends.
   */
  join(port: MemberPort): Member {
    const member = this.#admit(port);
    member.ending = "end-of-rib";
    if (this.advertiser.told.count === 0) this.#positions.follow(member, this.#log.end());
    else this.#positions.enter(member, this.#catchUps.full(false));
    this.#turn.wake();
    return member;
  }

  /**
   * A member of another group over the same table, whose session goes on under other rules: it hears only the difference
   * between the two groups. The other group must live until the move is over: its `close` returns false until then.
   */
  moveFrom(group: ExportGroup, member: Member): Member {
    if (group.advertiser.routes !== this.advertiser.routes || group.key.addPath > 0 !== this.key.addPath > 0)
      throw new Error("a member can only move between groups of one table and one NLRI format");
    const moved = this.#admit(member.port);
    moved.outstanding = member.outstanding;
    moved.bytesSent = member.bytesSent;
    moved.messagesSent = member.messagesSent;
    moved.own.push(...member.own);
    moved.ending = member.ending;
    moved.refresh = member.refresh;
    member.successor = moved;
    moved.move = group.#beginMove(member);
    moved.waitsFor = this.#pending.progress();
    this.#turn.wake();
    return moved;
  }

  /** The member goes to another group, which has to know what it holds. */
  #beginMove(member: Member): GroupMove {
    const earlier = member.move;
    member.move = null;
    const heardNothing = member.waitsFor !== null;
    const epoch = this.#positions.knows(member);
    this.leave(member);
    return earlier !== null && heardNothing ? earlier : this.#moves.begin(epoch, member.source, earlier);
  }

  leave(member: Member): void {
    if (member.gone) return;
    member.gone = true;
    this.#positions.leave(member);
    member.move?.release();
    member.move = null;
    this.#members = this.#members.filter((other) => other !== member);
    const others = this.#bySource.get(member.source)! - 1;
    if (others > 0) this.#bySource.set(member.source, others);
    else this.#bySource.delete(member.source);
    this.#turn.wake();
  }

  /** ROUTE-REFRESH (RFC 2918): everything once more, between BoRR and EoRR if `demarcated` (RFC 7313 §4). */
  refresh(member: Member, demarcated: boolean): void {
    if (member.refresh !== "demarcated") member.refresh = demarcated ? "demarcated" : "plain";
    this.#turn.wake();
  }

  #admit(port: MemberPort): Member {
    const member = new Member(port, this.#onTaken);
    this.#members.push(member);
    this.#bySource.set(member.source, (this.#bySource.get(member.source) ?? 0) + 1);
    return member;
  }

  // ---- a turn of work --------------------------------------------------------------------------------------------

  /**
   * Evaluates and encodes what is pending, then lets members write, for about `budget` units (a unit is about one route
   * evaluated or encoded, 0.1 to 0.2 microseconds). False: there is more to do, call again in the next turn of the loop.
   * With `drain` false changes wait (advertisement-interval) and only members are served.
   */
  flush(budget: number, drain = true): boolean {
    this.#turn.begin(budget);
    if (drain && !this.#pending.isEmpty) this.#drain();
    this.#deliveries.place(this.#pending.evaluated, this.#log.total, this.#members, (member) =>
      this.#positions.isBehind(member),
    );
    this.#serve();
    this.#catchUps.dropPins(this.#lagBound());
    this.#reap(budget);
    this.#turn.end();
    return !this.#turn.more;
  }

  /** Puts what is pending into the log, unless even the fastest member has enough to read: then changes wait unencoded. */
  #drain(): void {
    this.#blocked = this.#allAreBehind();
    if (this.#blocked) return;
    const { advertiser } = this;
    const pending = this.#pending;
    this.#log.begin();
    const { epoch } = this.#log;
    // Members get half of a turn, and a full evaluation half of the rest: steady change starves neither.
    const most = Math.max(1, this.#turn.units >>> 1);
    const forChanges = pending.isScanning ? Math.max(1, most >>> 1) : most;
    // A prefix with very many paths costs more than a turn may: then the next ones are for others.
    let used = Math.min(most, this.#overdrawn);
    this.#overdrawn -= used;
    for (; used < forChanges; used += 1 + advertiser.cost) {
      const prefixId = pending.take();
      if (prefixId === 0) break;
      advertiser.evaluate(prefixId, epoch);
    }
    for (; pending.isScanning && used < most; used += 1 + advertiser.cost) {
      const prefixId = pending.takeScanned(advertiser.routes.prefixes);
      if (prefixId !== 0) advertiser.evaluate(prefixId, epoch);
    }
    if (used > most) this.#overdrawn += used - most;
    this.#turn.units -= Math.min(used, most);
    advertiser.forget();
    advertiser.packer.flush(this.#isHeard() ? this.#log : null);
    if (!pending.isEmpty) this.#turn.more = true;
  }

  /** Whether anybody will ever read what is put into the log now. */
  #isHeard(): boolean {
    for (const member of this.#members) if (member.follows) return true;
    return this.#catchUps.anyIsPinned;
  }

  #allAreBehind(): boolean {
    let followers = 0;
    for (const member of this.#members) {
      if (member.waitsFor !== null) return false;
      if (!member.follows) continue;
      if (this.#positions.unread(member) < this.#limits.backlogBytes) return false;
      followers++;
    }
    return followers > 0;
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
        if (this.#turn.units <= 0 && !starved) {
          starved = true;
          this.#firstServed = index;
        }
        this.#writer.run(member);
      } else if (member.follows && this.#positions.unread(member) > bound) this.#positions.lag(member);
    }
  }

  /** How far a member may be behind before walking the table is cheaper than keeping what it has not read. */
  #lagBound(): number {
    return Math.max(this.#limits.lagBytes, this.#limits.lagBytesPerRoute * this.advertiser.told.count);
  }

  /** A member's socket has taken what it was given. */
  #taken(member: Member): void {
    member.outstanding = false;
    if (member.successor !== null) {
      member.successor.taken();
      return;
    }
    if (member.gone) return;
    if (member.follows) this.#deliveries.pass(member, member.cursor!.position);
    this.#writer.run(member);
    if (!this.#blocked || !member.follows) return;
    if (this.#positions.unread(member) < this.#limits.backlogBytes) {
      this.#blocked = false;
      this.#turn.again();
    }
  }

  /** Frees tombstones that nobody can have missed. */
  #reap(budget: number): void {
    const { told } = this.advertiser;
    if (told.tombstones === 0) return;
    const oldest = Math.min(this.#positions.oldestNeed(this.#members), this.#moves.oldestNeed());
    if (told.reap(oldest, budget) === budget) this.#turn.more = true;
  }

  // ---- now and then ----------------------------------------------------------------------------------------------

  /** About once a second: what was kept for latecomers is let go of. */
  tick(): void {
    const bound = this.#lagBound();
    for (const catchUp of this.#catchUps.tick())
      for (const member of this.#members)
        if (member.catchUp === catchUp && catchUp.log.total - member.cursor!.position > bound) {
          const rest = this.#catchUps.rest(catchUp, member.cursor!);
          this.#positions.exit(member);
          this.#positions.enterAlone(member, rest);
        }
    if (this.advertiser.told.tombstones > 0) this.#turn.wake();
    const seen = this.#log.total + this.#pending.evaluated;
    if (seen !== this.#seen || !this.#pending.isEmpty || !this.#catchUps.isEmpty || this.advertiser.told.tombstones > 0)
      this.#trimmed = false;
    else if (!this.#trimmed) this.#trimmed = this.#trim();
    this.#seen = seen;
  }

  /** Nothing has happened for a second: gives back what the last burst has grown. False if somebody reads it yet. */
  #trim(): boolean {
    this.advertiser.trim();
    this.#pending.trim();
    for (const member of this.#members)
      if (!member.follows || !this.#positions.isCaughtUp(member.cursor!)) return false;
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
    const { told } = this.advertiser;
    const end = Math.min(told.end, this.#dropped + budget);
    while (this.#dropped < end) told.drop(this.#dropped++);
    return this.#dropped === told.end;
  }
}

export interface GroupParts extends AdvertiserParts {
  readonly events: GroupEvents;
  readonly limits?: Partial<GroupLimits>;
}
