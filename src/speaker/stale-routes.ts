import type { Clock, Timer } from "../lib/clock.ts";
import type { Family } from "../lib/family.ts";
import type { Agreed } from "../session/agreed.ts";
import type { DownReason } from "../session/handlers.ts";
import { CeaseError, ErrorCode } from "../wire/errors.ts";
import type { Peer } from "./peer.ts";
import type { Tables } from "./tables.ts";

/** How long a peer may take for its End-of-RIB, unless the config says otherwise (RFC 4724 §4.2 leaves it open). */
const STALE_PATH_SECONDS = 300;

/**
 * What becomes of routes whose session has ended. Without graceful restart they are purged, in slices; with it they stay, marked
 * stale, until the peer has told them again or has had its time (RFC 4724 §4.2, as helper).
 */
export class StaleRoutes {
  readonly #clock: Clock;
  readonly #tables: Tables;
  readonly #timers = new Map<Peer, Timer>();
  readonly #ended: (peer: Peer) => void;
  readonly #touch: () => void;
  #stopped = false;
  /** By peer: families in which stale routes wait for End-of-RIB. */
  readonly #waiting = new Map<Peer, Set<Family>>();
  ownRestart: () => { restarting: boolean; forwarding: (family: Family) => boolean } = () => ({
    restarting: false,
    forwarding: () => false,
  });

  /** @param ended called when a peer that was away has nothing left here. @param touch says that there is work in the tables. */
  constructor(clock: Clock, tables: Tables, ended: (peer: Peer) => void, touch: () => void) {
    this.#clock = clock;
    this.#tables = tables;
    this.#ended = ended;
    this.#touch = touch;
  }

  wentAway(peer: Peer, agreed: Agreed, reason: DownReason): void {
    const { gracefulRestart } = agreed;
    const kept = gracefulRestart !== null && keeps(agreed, reason) ? gracefulRestart.families : [];
    // A second failure while routes are still stale from the first: RFC 4724 §4.2 has them deleted.
    const stale = this.#waiting.get(peer);
    const families = kept.map((entry) => entry.family).filter((family) => agreed.families.includes(family));
    if (families.length === 0 || gracefulRestart === null || gracefulRestart.restartTimeSeconds === 0) {
      this.purge(peer);
      return;
    }
    for (const family of agreed.families)
      if (families.includes(family)) {
        if (stale?.has(family)) this.#sweepFamily(peer.source, family);
        this.#tables.byFamily[family]!.markStale(peer.source);
      } else this.#purgeFamily(peer.source, family);
    this.#waiting.set(peer, new Set(families));
    peer.restarting = true;
    this.#arm(peer, gracefulRestart.restartTimeSeconds, () => this.purge(peer));
  }

  /** The peer is back; what it hasn't kept itself goes at once. */
  returned(peer: Peer, agreed: Agreed): void {
    const waiting = this.#waiting.get(peer);
    peer.restarting = false;
    if (waiting === undefined) return;
    for (const family of [...waiting]) {
      const entry = agreed.gracefulRestart?.families.find((candidate) => candidate.family === family);
      if (entry?.forwarding && agreed.families.includes(family)) continue;
      this.#sweepFamily(peer.source, family);
      waiting.delete(family);
    }
    if (waiting.size === 0) {
      this.#settled(peer);
      return;
    }
    this.#arm(peer, peer.settings.gracefulRestart?.stalePathTimeSeconds ?? STALE_PATH_SECONDS, () => {
      for (const family of waiting) this.#sweepFamily(peer.source, family);
      this.#settled(peer);
    });
  }

  endOfRib(peer: Peer, family: Family): void {
    const waiting = this.#waiting.get(peer);
    if (!waiting?.delete(family)) return;
    this.#sweepFamily(peer.source, family);
    if (waiting.size === 0) this.#settled(peer);
  }

  /** RFC 7313 §4: between BoRR and EoRR everything is told again; what wasn't is gone. */
  refreshBegins(peer: Peer, family: Family): void {
    this.#tables.byFamily[family]!.markStale(peer.source);
  }

  refreshEnds(peer: Peer, family: Family): void {
    this.#sweepFamily(peer.source, family);
  }

  /** The peer's routes go, and with the last of them its source. */
  purge(peer: Peer): void {
    const { source } = peer;
    this.#settled(peer);
    peer.restarting = false;
    if (source === 0) return;
    peer.source = 0;
    this.#tables.purge(source);
    this.#touch();
    this.#ended(peer);
  }

  /** Routes of a source are judged again: its policy has changed. */
  reevaluate(source: number): void {
    for (const table of this.#tables.byFamily) table.reevaluate(source);
    this.#touch();
  }

  /** No timer runs from now on, also not for sessions that end after this. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  /** All routes of one family go, while the source lives on. */
  #purgeFamily(source: number, family: Family): void {
    this.#tables.byFamily[family]!.markStale(source);
    this.#sweepFamily(source, family);
  }

  #sweepFamily(source: number, family: Family): void {
    this.#tables.byFamily[family]!.sweepStale(source);
    this.#touch();
  }

  #settled(peer: Peer): void {
    this.#timers.get(peer)?.cancel();
    this.#timers.delete(peer);
    this.#waiting.delete(peer);
  }

  #arm(peer: Peer, seconds: number, fire: () => void): void {
    if (this.#stopped) return;
    this.#timers.get(peer)?.cancel();
    this.#timers.set(peer, this.#clock.setTimer(seconds * 1000, fire));
  }
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
