import type { LargeCommunity } from "../../lib/communities.ts";
import type { ExtendedCommunity } from "../../lib/extended-communities.ts";

/** Segment types of an AS_PATH: RFC 4271 §4.3, RFC 5065 §3. */
export const SegmentType = { Set: 1, Sequence: 2, ConfedSequence: 3, ConfedSet: 4 } as const;
export type SegmentType = (typeof SegmentType)[keyof typeof SegmentType];

export interface AsSegment {
  readonly type: SegmentType;
  readonly asns: readonly number[];
}

/** 0 IGP, 1 EGP, 2 INCOMPLETE (RFC 4271 §4.3). */
export type Origin = 0 | 1 | 2;

/** One word is IPv4, four are IPv6. A link-local address comes only beside a global IPv6 one (RFC 2545 §3). */
export interface NextHop {
  readonly words: readonly number[];
  readonly linkLocal: readonly number[] | null;
}

export interface Aggregator {
  readonly as: number;
  /** IPv4 address as a word. */
  readonly address: number;
}

/** An attribute that we don't implement: kept as it is and passed on if it is transitive (RFC 4271 §5). */
export interface UnknownAttribute {
  readonly code: number;
  /** Normalised: optional, transitive, partial. */
  readonly flags: number;
  readonly value: Uint8Array;
}

/**
 * The attributes of one route, decoded: the plain form for policy, views and tests. Absent ones are null, false or empty.
 * Lists of communities are sorted and hold nothing twice, as equal sets must have equal bytes.
 */
export interface PathAttributes {
  readonly origin: Origin;
  readonly asPath: readonly AsSegment[];
  /** Null in a canonical set: the store keeps the next hop beside it. */
  readonly nextHop: NextHop | null;
  readonly med: number | null;
  readonly localPref: number | null;
  readonly atomicAggregate: boolean;
  readonly aggregator: Aggregator | null;
  /** Each a word: AS in the high half (RFC 1997). */
  readonly communities: readonly number[];
  /** Router id as a word (RFC 4456 §8). */
  readonly originatorId: number | null;
  /** Cluster ids as words, the last reflector first (RFC 4456 §8). */
  readonly clusterList: readonly number[];
  readonly extendedCommunities: readonly ExtendedCommunity[];
  readonly largeCommunities: readonly LargeCommunity[];
  /** OTC: the AS that may only pass the route on to customers (RFC 9234 §5). */
  readonly onlyToCustomer: number | null;
  /** Optional transitive attributes that we don't implement, by code. */
  readonly unknown: readonly UnknownAttribute[];
  /** Codes of attributes that we do implement but arrived with Partial set: the bit must stay (RFC 4271 §5). */
  readonly partial: readonly number[];
}

/** A route with nothing but the mandatory attributes; a base for tests and own routes. */
export const emptyAttributes: PathAttributes = {
  origin: 0,
  asPath: [],
  nextHop: null,
  med: null,
  localPref: null,
  atomicAggregate: false,
  aggregator: null,
  communities: [],
  originatorId: null,
  clusterList: [],
  extendedCommunities: [],
  largeCommunities: [],
  onlyToCustomer: null,
  unknown: [],
  partial: [],
};
