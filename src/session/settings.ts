import type { Family } from "../lib/family.ts";
import type { Role } from "../wire/capability/role.ts";
import type { SocketOptions } from "./transport.ts";

/** What may go into our OPEN. Nothing that isn't switched on here is ever sent. */
export interface CapabilityOffer {
  /** Families of the session (RFC 4760). IPv4 unicast alone is still announced by a capability. */
  readonly families: readonly Family[];
  /** RFC 6793; off only to talk like an old speaker. */
  readonly fourOctetAs: boolean;
  /** RFC 2918. */
  readonly routeRefresh: boolean;
  /** RFC 7313. */
  readonly enhancedRouteRefresh: boolean;
  /** RFC 8654. */
  readonly extendedMessages: boolean;
  /** RFC 8950: IPv4 NLRI with IPv6 next hops. */
  readonly extendedNextHop: boolean;
  /** RFC 7911, indexed by Family; empty = off. */
  readonly addPath: readonly { readonly send: boolean; readonly receive: boolean }[];
  /** RFC 4724; null = no capability. `notification` is the N bit of RFC 8538. */
  readonly gracefulRestart: { readonly restartTimeSeconds: number; readonly notification: boolean } | null;
  /** RFC 9494: stale time in seconds for each family of the session, 0 = no capability. */
  readonly longLivedStaleSeconds: number;
  /** Without it the capability names no family: we keep others' routes, but ask nobody to keep ours. */
  readonly longLivedRestarter: boolean;
  /** RFC 9234; null = no capability. */
  readonly role: Role | null;
  /** RFC 9234 §4.2: refuse a peer that sends no role. */
  readonly roleStrict: boolean;
  /** FQDN capability (code 73); null = no capability. */
  readonly hostName: { readonly host: string; readonly domain: string } | null;
}

/** What sessions of one kind have in common: share one object among all peers of a group. */
export interface SessionProfile {
  /** The AS that we show this peer, 1..4294967295. */
  readonly localAs: number;
  /** Our BGP identifier as a word, not 0 (RFC 6286). */
  readonly routerId: number;
  /** What the peer's AS must be; "external" is any but ours. */
  readonly remoteAs: number | "internal" | "external";
  /** Proposed hold time, 0 or at least 3. */
  readonly holdTimeSeconds: number;
  /** Wanted interval of KEEPALIVEs; never more than a third of the agreed hold time. */
  readonly keepaliveSeconds: number;
  /** Smallest hold time that we accept from the peer, 3 or more; 0 from the peer is accepted only if this is 0 or 3. */
  readonly minHoldTimeSeconds: number;
  readonly connectRetryMs: number;
  /** 0 = DelayOpen off (RFC 4271 §8.1.1). */
  readonly delayOpenMs: number;
  /** The large hold timer of OpenSent (RFC 4271 §8.2.2 suggests 4 minutes); shorter for peers that were not named one by one. */
  readonly openHoldMs: number;
  /** RFC 9687: 0 = off; null = the larger of 8 minutes and twice the hold time. */
  readonly sendHoldMs: number | null;
  /** Cap of the damping of a peer whose sessions keep failing (RFC 4271 §8.1.1 DampPeerOscillations); 0 = off. */
  readonly idleHoldMaxMs: number;
  /** Never dial, only wait (PassiveTcpEstablishment). */
  readonly passive: boolean;
  readonly socket: SocketOptions;
  readonly offer: CapabilityOffer;
  /** Handed through to the codec context. */
  readonly dropAttributes: ReadonlySet<number>;
  readonly enforceFirstAs: boolean;
}

/** One peer. */
export interface SessionSettings {
  readonly profile: SessionProfile;
  /** Canonical text. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Where to dial from; also the only local address on which the peer is accepted, if it is given. */
  readonly localAddress?: string | undefined;
}

/** The defaults of the config, for tests and simulations; `localAs`, `routerId` and `remoteAs` have none. */
export const defaultOffer: CapabilityOffer = {
  families: [0],
  fourOctetAs: true,
  routeRefresh: true,
  enhancedRouteRefresh: false,
  extendedMessages: false,
  extendedNextHop: false,
  addPath: [],
  gracefulRestart: null,
  longLivedStaleSeconds: 0,
  longLivedRestarter: false,
  role: null,
  roleStrict: false,
  hostName: null,
};

export const defaultProfile: Omit<SessionProfile, "localAs" | "routerId" | "remoteAs"> = {
  holdTimeSeconds: 90,
  keepaliveSeconds: 30,
  minHoldTimeSeconds: 3,
  connectRetryMs: 5_000,
  delayOpenMs: 0,
  openHoldMs: 240_000,
  sendHoldMs: null,
  idleHoldMaxMs: 1_000,
  passive: false,
  socket: {},
  offer: defaultOffer,
  dropAttributes: new Set(),
  enforceFirstAs: true,
};
