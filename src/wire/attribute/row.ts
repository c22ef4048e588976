import type { ByteReader, ByteWriter } from "../../lib/bytes.ts";
import type { CodecContext } from "../context.ts";
import type { AttributeAction } from "./fault.ts";
import type { Aggregator, AsSegment, PathAttributes } from "./types.ts";

/** Bits of the flags octet (RFC 4271 §4.3). */
export const Flag = { OPTIONAL: 0x80, TRANSITIVE: 0x40, PARTIAL: 0x20, EXTENDED: 0x10 } as const;

/** What RFC 7606 does for each way in which an attribute can be wrong. */
export interface FaultActions {
  /** Optional or Transitive bit not as in `flags` (§3 c). */
  readonly flags: AttributeAction;
  readonly length: AttributeAction;
  readonly value: AttributeAction;
  /** All but the first are dropped (§3 g), except of the MP attributes. */
  readonly duplicate: AttributeAction;
  /** Of a mandatory attribute (§3 d). */
  readonly missing: AttributeAction;
}

/** Most attributes: their routes are withdrawn. */
export const withdrawOnError: FaultActions = {
  flags: "treat-as-withdraw",
  length: "treat-as-withdraw",
  value: "treat-as-withdraw",
  duplicate: "attribute-discard",
  missing: "treat-as-withdraw",
};

/** Attributes without a part in route selection: only wrong flags cost the routes (RFC 7606 §3 c, f). */
export const discardOnError: FaultActions = {
  ...withdrawOnError,
  length: "attribute-discard",
  value: "attribute-discard",
};

/** The MP attributes: without them it isn't known which routes are meant (RFC 7606 §3 j, §5.3). Their flags say nothing of that (§3 c). */
export const resetOnError: FaultActions = {
  flags: "treat-as-withdraw",
  length: "session-reset",
  value: "session-reset",
  duplicate: "session-reset",
  missing: "treat-as-withdraw",
};

/** All that is to be known about an attribute before its value is looked at. */
export interface AttributeRules {
  readonly code: number;
  /** As the RFCs write it. */
  readonly name: string;
  /** OPTIONAL and TRANSITIVE as they must be. */
  readonly flags: number;
  /** "ipv4-nlri": only beside the NLRI field of RFC 4271, as MP_REACH_NLRI brings its own next hop. */
  readonly mandatory: boolean | "ipv4-nlri";
  /** From others it is dropped unread. "two-octet": peers without 4-octet AS numbers (RFC 6793 §4.1). */
  readonly acceptFrom: "any" | "internal" | "two-octet";
  readonly onError: FaultActions;
}

/** PathAttributes in the making, with what RFC 6793 merges away. */
export type AttributeDraft = { -readonly [K in keyof PathAttributes]: PathAttributes[K] } & {
  as4Path: readonly AsSegment[] | null;
  as4Aggregator: Aggregator | null;
};

/** Nothing yet. A literal, so that every draft has the same shape. */
export const newDraft = (): AttributeDraft => ({
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
  as4Path: null,
  as4Aggregator: null,
});

/** What a finished draft comes to. */
export const fromDraft = (draft: AttributeDraft): PathAttributes => ({
  origin: draft.origin,
  asPath: draft.asPath,
  nextHop: draft.nextHop,
  med: draft.med,
  localPref: draft.localPref,
  atomicAggregate: draft.atomicAggregate,
  aggregator: draft.aggregator,
  communities: draft.communities,
  originatorId: draft.originatorId,
  clusterList: draft.clusterList,
  extendedCommunities: draft.extendedCommunities,
  largeCommunities: draft.largeCommunities,
  onlyToCustomer: draft.onlyToCustomer,
  unknown: draft.unknown,
  partial: draft.partial,
});

/** One row of the attribute table: rules, and how the value is read and written. */
export interface AttributeCodec<K extends keyof AttributeDraft = keyof AttributeDraft> extends AttributeRules {
  /** Where the value goes. */
  readonly field: K;
  /** Whether the canonical form holds it. */
  readonly canonical: boolean;
  /** @throws AttributeError, or TruncatedError for a value that ends too early. */
  decode(value: ByteReader, context: CodecContext): NonNullable<AttributeDraft[K]>;
  /** In the canonical form: 4-octet AS numbers. */
  encode(out: ByteWriter, value: NonNullable<AttributeDraft[K]>): void;
}
