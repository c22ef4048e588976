import type { Clock, Timer } from "../../lib/clock.ts";
import { type Family, families } from "../../lib/family.ts";
import type { Agreed } from "../../session/agreed.ts";
import type { DownReason } from "../../session/handlers.ts";
import { CeaseError, ErrorCode } from "../../wire/errors.ts";
import type { Peer } from "../peer.ts";
import type { Tables } from "../tables.ts";

/** How long a peer may take for its End-of-RIB, unless the config says otherwise (RFC 4724 §4.2 leaves it open). */
const STALE_PATH_SECONDS = 300;

/** Stale routes of one peer in one family, and what ends their time if nothing else does. */
interface Wait {
  timer: Timer | null;
  /** How long they may live on as long-lived stale once the restart time is over; 0 = not at all. */
  readonly longLivedSeconds: number;
  /** When these are over (`Clock.now`); null = they have not begun. */
  longLivedUntil: number | null;
}

interface Terms {
  readonly restartSeconds: number;
  readonly longLivedSeconds: number;
}

/**
 * What becomes of routes whose session has ended, as helper of a peer that restarts. Without graceful restart they are purged, in
 * slices. With it they stay, family by family:
 *
 *   down ─→ restart time (RFC 4724) ─→ long-lived stale time (RFC 9494), marked and least preferred ─→ gone
 *              └──────────── the peer is back, with its F bit: End-of-RIB is awaited ──────────┘
 *                            └─→ what it has not told again by then is swept
 *
 * A phase that was not agreed on takes no time. The peer's source lives as long as the last of its routes. Enhanced route refresh
 * (RFC 7313) uses the same marks: what is not told again between BoRR and EoRR goes.
 */
export class StaleRoutes {
  readonly #clock: Clock;
  readonly #tables: Tables;
  readonly #ended: (peer: Peer) => void;
  readonly #touch: () => void;
  #stopped = false;
  /** Indexed by family. */
  readonly #waits: readonly Map<Peer, Wait>[] = families.map(() => new Map());
  /** Refreshes that have begun, and when they are ended for the peer; indexed by family. */
  readonly #refreshes: readonly Map<Peer, Timer>[] = families.map(() => new Map());

  /** @param ended called when a peer that was away has nothing left here. @param touch says that there is work in the tables. */
  constructor(clock: Clock, tables: Tables, ended: (peer: Peer) => void, touch: () => void) {
    this.#clock = clock;
    this.#tables = tables;
    this.#ended = ended;
    this.#touch = touch;
  }

  wentAway(peer: Peer, agreed: Agreed, reason: DownReason): void {
    const kept = keeps(agreed, reason);
    const terms = families.map((family) => (kept ? termsOf(peer, agreed, family) : null));
    for (const family of families) this.#endRefresh(peer, family);
    if (terms.every((each) => each === null)) {
      this.purge(peer);
      return;
    }
    peer.restarting = true;
    for (const family of families) if (terms[family]) this.#keep(peer, family, terms[family]);
    for (const family of families) if (!terms[family]) this.#drop(peer, family);
  }

  /** The peer is back; what it hasn't kept itself goes at once (RFC 4724 §4.2, RFC 9494 §4.2). */
  returned(peer: Peer, agreed: Agreed): void {
    peer.restarting = false;
    for (const family of families) {
      const wait = this.#waits[family]!.get(peer);
      if (wait === undefined) continue;
      const entries = wait.longLivedUntil === null ? (agreed.gracefulRestart?.families ?? []) : agreed.longLived;
      const entry = entries.find((candidate) => candidate.family === family);
      if (!entry?.forwarding || !agreed.families.includes(family)) {
        this.#drop(peer, family);
        continue;
      }
      // The long-lived stale time runs on: a peer that comes back again and again without End-of-RIB gains nothing.
      const left = wait.longLivedUntil === null ? Number.POSITIVE_INFINITY : wait.longLivedUntil - this.#clock.now();
      this.#arm(wait, Math.min(left, stalePathMs(peer)), () => this.#drop(peer, family));
    }
  }

  endOfRib(peer: Peer, family: Family): void {
    if (this.#waits[family]!.has(peer)) this.#drop(peer, family);
  }

  /**
   * RFC 7313 §4: between BoRR and EoRR everything is told again; what wasn't is gone. A peer that never gets to its EoRR has the
   * time that it would have for End-of-RIB.
   */
  refreshBegins(peer: Peer, family: Family): void {
    this.#endRefresh(peer, family);
    this.#tables.byFamily[family]!.markStale(peer.source);
    if (this.#stopped) return;
    const timer = this.#clock.setTimer(stalePathMs(peer), () => this.refreshEnds(peer, family));
    this.#refreshes[family]!.set(peer, timer);
  }

  /** An EoRR without a BoRR means nothing (RFC 7313 §4). */
  refreshEnds(peer: Peer, family: Family): void {
    if (this.#endRefresh(peer, family)) this.#sweep(peer, family);
  }

  /** The peer's routes go, and with the last of them its source. */
  purge(peer: Peer): void {
    const { source } = peer;
    for (const family of families) {
      this.#settled(peer, family);
      this.#endRefresh(peer, family);
    }
    peer.restarting = false;
    if (source === 0) return;
    peer.source = 0;
    this.#tables.purge(source);
    this.#touch();
    this.#ended(peer);
  }

  /** No timer runs from now on, also not for sessions that end after this. */
  stop(): void {
    this.#stopped = true;
    for (const family of families) {
      for (const wait of this.#waits[family]!.values()) wait.timer?.cancel();
      for (const timer of this.#refreshes[family]!.values()) timer.cancel();
    }
  }

  #keep(peer: Peer, family: Family, { restartSeconds, longLivedSeconds }: Terms): void {
    const before = this.#waits[family]!.get(peer);
    if (before?.longLivedUntil != null) {
      this.#awayAgain(peer, family, before);
      return;
    }
    // A second failure while routes are stale from the first: RFC 4724 §4.2 has these deleted.
    if (before !== undefined) this.#sweep(peer, family);
    before?.timer?.cancel();
    this.#tables.byFamily[family]!.markStale(peer.source);
    const wait: Wait = { timer: null, longLivedSeconds, longLivedUntil: null };
    this.#waits[family]!.set(peer, wait);
    if (restartSeconds === 0) this.#restartTimeOver(peer, family, wait);
    else this.#arm(wait, restartSeconds * 1000, () => this.#restartTimeOver(peer, family, wait));
  }

  #restartTimeOver(peer: Peer, family: Family, wait: Wait): void {
    if (wait.longLivedSeconds === 0) {
      this.#drop(peer, family);
      return;
    }
    const ms = wait.longLivedSeconds * 1000;
    wait.longLivedUntil = this.#clock.now() + ms;
    peer.longLived[family] = true;
    this.#tables.byFamily[family]!.reevaluate(peer.source);
    this.#touch();
    this.#arm(wait, ms, () => this.#drop(peer, family));
  }

  /** Back and gone again before its End-of-RIB: what it told meanwhile joins what was long-lived stale already, and its time. */
  #awayAgain(peer: Peer, family: Family, wait: Wait): void {
    const table = this.#tables.byFamily[family]!;
    table.markStale(peer.source);
    table.reevaluate(peer.source);
    this.#touch();
    this.#arm(wait, wait.longLivedUntil! - this.#clock.now(), () => this.#drop(peer, family));
  }

  /** The stale routes of one family go: all of them while the peer is away, else those that it has not told again. */
  #drop(peer: Peer, family: Family): void {
    this.#settled(peer, family);
    if (peer.source === 0) return;
    if (!peer.restarting) this.#sweep(peer, family);
    else if (this.#waits.some((waits) => waits.has(peer))) {
      this.#tables.byFamily[family]!.markStale(peer.source);
      this.#sweep(peer, family);
    } else this.purge(peer);
  }

  #sweep(peer: Peer, family: Family): void {
    this.#tables.byFamily[family]!.sweepStale(peer.source);
    this.#touch();
  }

  #settled(peer: Peer, family: Family): void {
    this.#waits[family]!.get(peer)?.timer?.cancel();
    this.#waits[family]!.delete(peer);
    peer.longLived[family] = false;
  }

  /** True if a refresh was under way. */
  #endRefresh(peer: Peer, family: Family): boolean {
    this.#refreshes[family]!.get(peer)?.cancel();
    return this.#refreshes[family]!.delete(peer);
  }

  #arm(wait: Wait, ms: number, fire: () => void): void {
    wait.timer?.cancel();
    wait.timer = this.#stopped ? null : this.#clock.setTimer(Math.max(0, ms), fire);
  }
}

const stalePathMs = ({ settings }: Peer): number =>
  (settings.gracefulRestart?.stalePathTimeSeconds ?? STALE_PATH_SECONDS) * 1000;

/** How long the routes of one family are kept; null = not at all. */
function termsOf(
  { settings }: Peer,
  { families: agreedFamilies, gracefulRestart, longLived }: Agreed,
  family: Family,
): Terms | null {
  if (!agreedFamilies.includes(family) || gracefulRestart === null) return null;
  const named = gracefulRestart.families.some((entry) => entry.family === family);
  const restartSeconds = named ? gracefulRestart.restartTimeSeconds : 0;
  const theirs = longLived.find((entry) => entry.family === family)?.staleSeconds ?? 0;
  const longLivedSeconds = Math.min(theirs, settings.gracefulRestart?.longLivedSeconds ?? 0);
  return restartSeconds === 0 && longLivedSeconds === 0 ? null : { restartSeconds, longLivedSeconds };
}

const tooMuch: ReadonlySet<number> = new Set([CeaseError.MaximumPrefixes, CeaseError.OutOfResources]);

/** RFC 4724 §4.2 keeps routes when TCP fails; RFC 8538 §4 also after a NOTIFICATION, unless it is a hard reset. */
function keeps(agreed: Agreed, reason: DownReason): boolean {
  if (reason.kind === "closed" || reason.kind === "replaced") return true;
  const { notification } = reason;
  if (notification === null || !agreed.gracefulRestart?.notification) return false;
  // Who was ended for having too many routes doesn't have them kept.
  if (reason.kind === "sent" && notification.code === ErrorCode.Cease && tooMuch.has(notification.subcode))
    return false;
  return !(notification.code === ErrorCode.Cease && notification.subcode === CeaseError.HardReset);
}
