import type { Family } from "../lib/family.ts";
import type { Role } from "../wire/capability/role.ts";
import type { CodecContext } from "../wire/context.ts";

/** What both OPENs of an Established session agreed on. Immutable; a new session makes a new one. */
export interface Agreed {
  readonly codec: CodecContext;
  /** Families that both sides named, in ascending order. */
  readonly families: readonly Family[];
  readonly holdTimeSeconds: number;
  readonly keepaliveSeconds: number;
  readonly remoteAs: number;
  /** The peer's BGP identifier as a word. */
  readonly remoteRouterId: number;
  readonly remoteAddress: string;
  /** Our end of the connection: the next hop of our own routes. */
  readonly localAddress: string;
  /** RFC 2918 and RFC 7313, agreed by both. */
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** The peer's graceful restart capability if both sent one (RFC 4724). */
  readonly gracefulRestart: PeerGracefulRestart | null;
  /** The peer's long-lived graceful restart, by family, if both sent the capability (RFC 9494). */
  readonly longLived: readonly {
    readonly family: Family;
    readonly forwarding: boolean;
    readonly staleSeconds: number;
  }[];
  /** The peer's role (RFC 9234), null if it sent none. */
  readonly remoteRole: Role | null;
}

export interface PeerGracefulRestart {
  /** How long the peer asks us to keep its routes. */
  readonly restartTimeSeconds: number;
  /** R bit: the peer has restarted and waits for our End-of-RIB. */
  readonly restarting: boolean;
  /** N bit of both sides: a NOTIFICATION other than a hard reset keeps the routes too (RFC 8538). */
  readonly notification: boolean;
  /** Families that the peer keeps, with its F bit: whether forwarding state survived its restart. */
  readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
}

/** A capability in words, for the `neighbor` view. */
export interface CapabilityView {
  readonly code: number;
  readonly name: string;
  /** Parameters in words; "" when there are none. */
  readonly value: string;
}

/** Everything about the OPENs of a session, made on demand. */
export interface CapabilitiesView {
  readonly sent: readonly CapabilityView[];
  readonly received: readonly CapabilityView[];
  /** What is in use: sent by both, in matching modes. Empty until both OPENs were found good. */
  readonly used: readonly CapabilityView[];
  /** Host name from the peer's FQDN capability; text from outside, escape it where it is shown. */
  readonly peerHostName: string | null;
}
