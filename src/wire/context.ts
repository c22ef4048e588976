import { Family, families } from "../lib/family.ts";

/** Bounds on what one route may carry, so that no peer can make a single route arbitrarily dear. More is treated as a withdrawal. */
export interface AttributeLimits {
  /** ASes in one AS_PATH, sets and confederations included. */
  readonly asPathLength: number;
  /** Octets of communities of one kind (RFC 1997, 4360, 8092 each); an attribute holds 65535, and policy may add some. */
  readonly communityOctets: number;
  /** Cluster ids in one CLUSTER_LIST. */
  readonly clusterListLength: number;
  /** Attributes that we don't implement, in one route. */
  readonly unknownAttributes: number;
}

/** What fits into the largest message (RFC 8654) is carried, but no AS_PATH beyond any honest one. */
export const defaultLimits: AttributeLimits = {
  asPathLength: 4096,
  communityOctets: 64_000,
  clusterListLength: 1024,
  unknownAttributes: 64,
};

/** What both sides agreed on, as far as bytes depend on it. Immutable; a new session makes a new one. */
export interface CodecContext {
  readonly peerKind: "internal" | "external";
  /** Whether AS numbers in AS_PATH and AGGREGATOR take four octets (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** By family: NLRI that we receive start with a path identifier (RFC 7911). */
  readonly addPathReceive: readonly boolean[];
  /** By family: NLRI that we send start with a path identifier (RFC 7911). */
  readonly addPathSend: readonly boolean[];
  /** By family: both sides agreed to it (RFC 4760 §8). UPDATEs of others are ignored. */
  readonly families: readonly boolean[];
  /** IPv4 NLRI may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** Largest UPDATE, NOTIFICATION or ROUTE-REFRESH that we accept: 4096, or 65535 (RFC 8654). */
  readonly maxReceive: number;
  /** Largest one that the peer accepts. */
  readonly maxSend: number;
  /** Attribute codes that the operator wants removed from everything this peer sends. */
  readonly dropAttributes: ReadonlySet<number>;
  readonly localAs: number;
  readonly remoteAs: number;
  /** An external peer's AS_PATH must start with its own AS (RFC 4271 §6.3). */
  readonly enforceFirstAs: boolean;
  /** Routes with an AS_SET or AS_CONFED_SET are treated as withdrawn (RFC 9774); absent: carried. */
  readonly rejectAsSets?: boolean;
  /** Absent: `defaultLimits`. */
  readonly limits?: AttributeLimits;
}

export const limitsOf = (context: CodecContext): AttributeLimits => context.limits ?? defaultLimits;

const none: readonly boolean[] = families.map(() => false);

/** Largest message without RFC 8654, and of any OPEN or KEEPALIVE. */
export const MAX_MESSAGE = 4096;
/** Largest message with RFC 8654. */
export const MAX_EXTENDED_MESSAGE = 65535;

/** A context from what differs from the plainest session: IPv4 unicast, 4-octet AS, internal. */
export function codecContext(wanted: Partial<CodecContext> = {}): CodecContext {
  return {
    peerKind: "internal",
    fourOctetAs: true,
    addPathReceive: none,
    addPathSend: none,
    families: families.map((family: Family) => family === Family.Ipv4Unicast),
    extendedNextHop: false,
    maxReceive: MAX_MESSAGE,
    maxSend: MAX_MESSAGE,
    dropAttributes: new Set(),
    localAs: 65001,
    remoteAs: 65001,
    enforceFirstAs: true,
    ...wanted,
  };
}
