import { Diagnostic, SessionState } from "../../bfd/packet.ts";
import type { BfdPort, BfdStatus } from "../../bfd/port.ts";
import type { BfdConfig } from "../../config/model.ts";
import type { Log } from "../../lib/log.ts";
import { CeaseError, cease, hardReset } from "../../wire/errors.ts";
import type { Peer } from "../peer.ts";
import type { Peers } from "./peers.ts";

/** A BFD session and the BGP session that it watches over. */
export interface BfdRow {
  readonly peer: Peer;
  readonly status: BfdStatus | undefined;
}

export interface BfdWatchParts {
  readonly port: BfdPort;
  readonly log: Log;
  readonly peers: Iterable<Peer> & Pick<Peers, "get">;
  /** The peer's routes are not waited for any more: its forwarding is gone (RFC 5882 §4.3.1). */
  giveUp(peer: Peer): void;
}

/**
 * BFD watches over BGP (RFC 5882): each neighbor with `bfd` has a session of its own, members of a range while they are up. When
 * one that was up fails, the BGP session ends at once (Cease 6/10, RFC 9384). One that the other end took down on purpose says
 * nothing of the path and ends nothing. With `strict` the BGP session isn't begun before BFD is up, and ends with it.
 *
 * What restarts gracefully isn't touched by a failure of BFD that shares its fate (C bit 0: §4.3.2); if the other end's BFD lives on
 * without its control plane, a failure means that packets are lost, and its routes go (§4.3.1).
 */
export class BfdWatch {
  readonly #parts: BfdWatchParts;
  /** What is watched: address and settings. */
  readonly #watched = new Map<string, BfdConfig>();
  readonly #up = new Set<string>();

  constructor(parts: BfdWatchParts) {
    this.#parts = parts;
    parts.port.listen({
      changed: (address, status) => this.#changed(address, status),
      trouble: (text) => parts.log.event("warn", "bfd-trouble", text),
    });
  }

  /** Whether the peer's BGP session may be begun now. */
  mayStart(peer: Peer): boolean {
    return !isStrict(peer) || this.#up.has(peer.address);
  }

  /** The peer is there, or its settings are other ones. */
  watch(peer: Peer): void {
    const { bfd, localAddress, kind, ttl } = peer.settings;
    const before = this.#watched.get(peer.address) ?? null;
    // A reload ends where a fresh start would: with `strict` there's no session without BFD.
    if (before?.strict === true && this.mayStart(peer)) peer.start();
    if (bfd === null || (peer.identity.dynamic && peer.live === null)) return;
    this.#watched.set(peer.address, bfd);
    if (!this.mayStart(peer)) peer.session.stop({ subcode: CeaseError.BfdDown, text: "BFD is not up" });
    const hops = kind === "internal" ? "auto" : ttl > 1 ? "multi" : "single";
    const { transmit, receive, multiplier } = bfd;
    this.#parts.port.set(peer.address, { transmit, receive, multiplier, local: localAddress, hops });
  }

  /** Ends sessions whose peer is gone, or isn't to be watched any more. Called each second. */
  sweep(): void {
    for (const address of this.#watched.keys()) {
      const peer = this.#parts.peers.get(address);
      if (peer !== undefined && peer.settings.bfd !== null && !(peer.identity.dynamic && peer.live === null)) continue;
      this.#watched.delete(address);
      this.#up.delete(address);
      this.#parts.port.remove(address);
    }
  }

  /** Null: not watched. */
  state(address: string): SessionState | null {
    if (!this.#watched.has(address)) return null;
    return this.#parts.port.status(address)?.state ?? SessionState.Down;
  }

  /** For metrics; null: not watched. */
  watching(address: string): { isUp: boolean; downs: number } | null {
    if (!this.#watched.has(address)) return null;
    return { isUp: this.#up.has(address), downs: this.#parts.port.status(address)?.downs ?? 0 };
  }

  *rows(): Generator<BfdRow> {
    for (const address of this.#watched.keys()) {
      const peer = this.#parts.peers.get(address);
      if (peer !== undefined) yield { peer, status: this.#parts.port.status(address) };
    }
  }

  dropped(): ReadonlyMap<string, number> {
    return this.#parts.port.dropped();
  }

  close(): Promise<void> {
    return this.#parts.port.close();
  }

  #changed(address: string, status: BfdStatus): void {
    const peer = this.#parts.peers.get(address);
    if (peer === undefined || !this.#watched.has(address)) return;
    const isUp = status.state === SessionState.Up;
    if (isUp === this.#up.has(address)) return;
    const fields = { peer: address };
    if (isUp) {
      this.#up.add(address);
      this.#parts.log.event("info", "bfd-up", `BFD session with ${address} is up`, {
        ...fields,
        detectMs: Math.round(status.detect),
      });
      if (isStrict(peer)) peer.start();
      return;
    }
    this.#up.delete(address);
    const why = reasonOf(status);
    this.#parts.log.event("warn", "bfd-down", `BFD session with ${address} is down: ${why}`, fields);
    if (status.remoteState === SessionState.AdminDown && status.diagnostic === Diagnostic.NeighborSignaledDown) return;
    this.#failed(peer, status, why);
  }

  #failed(peer: Peer, status: BfdStatus, why: string): void {
    if (peer.live === null && peer.restarting) {
      if (status.remoteIndependent) this.#parts.giveUp(peer);
      return;
    }
    const down = cease(CeaseError.BfdDown, undefined, why);
    // Who keeps routes after a mere NOTIFICATION would send packets into nothing.
    peer.session.fail(peer.live?.agreed.gracefulRestart?.notification ? hardReset(down) : down);
    if (isStrict(peer)) peer.session.stop({ quiet: true });
  }
}

/** A member of a range is known by its BGP session alone, which BFD can't come before. */
const isStrict = ({ settings, identity }: Peer): boolean => settings.bfd?.strict === true && !identity.dynamic;

/** As RFC 5880 §4.1 has them, for people. */
const diagnostics: Readonly<Record<number, string>> = {
  [Diagnostic.DetectionTimeExpired]: "nothing was heard for the detection time",
  [Diagnostic.EchoFailed]: "echo function failed",
  [Diagnostic.NeighborSignaledDown]: "the neighbor says that it is down",
  [Diagnostic.ForwardingPlaneReset]: "forwarding plane reset",
  [Diagnostic.PathDown]: "path down",
  [Diagnostic.ConcatenatedPathDown]: "concatenated path down",
  [Diagnostic.AdministrativelyDown]: "administratively down",
  [Diagnostic.ReverseConcatenatedPathDown]: "reverse concatenated path down",
};

/** In words; "" for none. */
export const diagnosticText = (diagnostic: number): string =>
  diagnostics[diagnostic] ?? (diagnostic === 0 ? "" : `diagnostic ${diagnostic}`);

function reasonOf({ diagnostic, remoteDiagnostic, remoteState }: BfdStatus): string {
  if (diagnostic !== Diagnostic.NeighborSignaledDown) return diagnosticText(diagnostic);
  if (remoteState === SessionState.AdminDown) return "its operator took it down";
  const theirs = diagnosticText(remoteDiagnostic);
  return theirs === "" ? diagnosticText(diagnostic) : `the neighbor says: ${theirs}`;
}
