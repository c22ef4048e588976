import type { SessionState } from "./packet.ts";
import type { SessionSettings } from "./session.ts";

/** How far the other end is: on the link (RFC 5881, port 3784), behind routers (RFC 5883, port 4784), or as it turns out. */
export type Hops = "single" | "multi" | "auto";

/** What is wanted of the session with one neighbor. */
export interface BfdNeighbor extends SessionSettings {
  /** Source address of our packets; null: the kernel chooses. */
  readonly local: string | null;
  readonly hops: Hops;
}

/** One session as it is. Times in milliseconds. */
export interface BfdStatus {
  readonly state: SessionState;
  readonly remoteState: SessionState;
  /** Why it went down last (RFC 5880 §4.1). */
  readonly diagnostic: number;
  readonly remoteDiagnostic: number;
  readonly localDiscriminator: number;
  readonly remoteDiscriminator: number;
  readonly transmit: number;
  readonly receive: number;
  readonly detect: number;
  readonly multiplier: number;
  /** Wall clock, ms since 1970; null: not up. */
  readonly upSince: number | null;
  readonly downs: number;
  readonly multihop: boolean;
  /** The other end's BFD outlives its control plane (C bit). */
  readonly remoteIndependent: boolean;
}

/**
 * BFD beside the speaker. A neighbor goes by its address, with its zone where it has one. What is asked for is carried out by a
 * thread that nothing of BGP can hold up.
 */
export interface BfdPort {
  /** A session, or other settings for the one that is there. */
  set(address: string, neighbor: BfdNeighbor): void;
  /** Ends the session; the other end is told that it is on purpose. */
  remove(address: string): void;
  /** The session as it was told last; undefined: there is none, or nothing was told yet. */
  status(address: string): BfdStatus | undefined;
  /** `changed`: a session's state is another one. `trouble`: a sentence on what doesn't work. */
  listen(to: { changed(address: string, status: BfdStatus): void; trouble(text: string): void }): void;
  /** Packets that were dropped since the start, by reason. */
  dropped(): ReadonlyMap<string, number>;
  /** Tells every other end that we go on purpose. */
  close(): Promise<void>;
}

/** What crosses the border to the thread. */
export type ToThread =
  | { readonly type: "set"; readonly address: string; readonly neighbor: BfdNeighbor }
  | { readonly type: "remove"; readonly address: string }
  | { readonly type: "close" };

export type FromThread =
  | { readonly type: "status"; readonly address: string; readonly status: BfdStatus }
  | { readonly type: "trouble"; readonly text: string }
  | { readonly type: "dropped"; readonly counts: ReadonlyMap<string, number> }
  | { readonly type: "closed" };
