import type { ByteReader, ByteWriter } from "../../lib/bytes.ts";
import type { CodecContext } from "../context.ts";
import type { AttributeAction } from "./fault.ts";
import { type Aggregator, type AsSegment, emptyAttributes, type PathAttributes } from "./types.ts";

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

/** Whether an attribute may come from such a peer at all; else it is dropped unread. */
export const accepts = ({ acceptFrom }: AttributeRules, { peerKind, fourOctetAs }: CodecContext): boolean =>
  acceptFrom === "any" || (acceptFrom === "internal" ? peerKind === "internal" : !fourOctetAs);

/** Lengths that a value may have. */
export interface Size {
  readonly least: number;
  readonly most: number;
  /** The length is a multiple of it. */
  readonly unit: number;
  /** For people, after "must be". */
  readonly text: string;
}

export const anySize: Size = { least: 0, most: 0xffff, unit: 1, text: "of any length" };
export const exactly = (octets: number): Size => ({
  least: octets,
  most: octets,
  unit: 1,
  text: octets === 0 ? "empty" : octets === 1 ? "1 octet" : `${octets} octets`,
});
/** At least one item. */
export const listOf = (octets: number): Size => ({
  least: octets,
  most: 0xffff,
  unit: octets,
  text: `a non-zero multiple of ${octets}`,
});

export const fits = ({ least, most, unit }: Size, length: number): boolean =>
  length >= least && length <= most && (unit === 1 || length % unit === 0);

/** What the hot way may do with a value. */
export const Plain = {
  /** Nothing: the decoder has the verdict. */
  No: 0,
  /** Its octets are those of the canonical form. */
  Copy: 1,
  /** A list of words that only has to be put in order. */
  SortWords: 2,
} as const;
export type Plain = (typeof Plain)[keyof typeof Plain];

/** What RFC 6793 merges into AS_PATH and AGGREGATOR; null: absent. */
export interface As4Values {
  as4Path: readonly AsSegment[] | null;
  as4Aggregator: Aggregator | null;
}

/** Attributes in the making. */
export interface AttributeDraft {
  readonly attributes: { -readonly [K in keyof PathAttributes]: PathAttributes[K] };
  readonly as4: As4Values;
}

export const newDraft = (): AttributeDraft => ({
  attributes: { ...emptyAttributes },
  as4: { as4Path: null, as4Aggregator: null },
});

type Values = PathAttributes & Readonly<As4Values>;

/** One row of the attribute table: rules, and how the value is read and written. */
export interface AttributeCodec<K extends keyof Values = keyof Values> extends AttributeRules {
  readonly size: Size;
  /** Where the value goes. */
  readonly field: K;
  /** Whether the canonical form holds it. */
  readonly canonical: boolean;
  /**
   * Asked of a value of the right size, from a peer with 4-octet AS numbers, before it is decoded; null: `Plain.Copy`. It may say
   * no to what is right, which costs time, and nothing else to what is wrong.
   */
  readonly plain: ((bytes: Uint8Array, from: number, to: number, context: CodecContext) => Plain) | null;
  /** Of a value of the right size. @throws AttributeError, or TruncatedError for a value that ends too early. */
  decode(value: ByteReader, context: CodecContext): NonNullable<Values[K]>;
  /** In the canonical form: 4-octet AS numbers. */
  encode(out: ByteWriter, value: NonNullable<Values[K]>): void;
}
