import { type ErrorSubcode, type NotificationError, updateError } from "../errors.ts";

/**
 * What RFC 7606 §2 lets happen to an UPDATE with a faulty attribute, weakest first. "AFI/SAFI disable" is not used here: where
 * the RFC leaves the choice, the session is reset.
 */
export const actions = ["attribute-discard", "treat-as-withdraw", "session-reset"] as const;
export type AttributeAction = (typeof actions)[number];

/** Whether `a` outweighs `b` (RFC 7606 §3 h: the strongest action wins). */
export const isStronger = (a: AttributeAction, b: AttributeAction): boolean => actions.indexOf(a) > actions.indexOf(b);

/** What was wrong with one attribute and what came of it; for log lines and counters. */
export interface AttributeFault {
  /** Attribute type code; 0 when the section as a whole is meant. */
  readonly code: number;
  readonly name: string;
  readonly action: AttributeAction;
  /** Subcode of an UPDATE Message Error that names the fault, whether or not a NOTIFICATION is sent. */
  readonly subcode: ErrorSubcode;
  /** What was found and wanted, for people. */
  readonly text: string;
  /** The attribute as received (flags, code, length, value), cut to a bound: RFC 4271 §6.3 data. */
  readonly data: Uint8Array;
}

/** A fault that the scan of an UPDATE found: treat-as-withdraw or weaker; a reset is thrown instead. */
export type AttributeVerdict = AttributeFault;

/** Thrown by an attribute's decoder; `kind` picks the action from the attribute's row. */
export class AttributeError extends Error {
  readonly kind: "length" | "value";
  readonly subcode: ErrorSubcode;

  constructor(kind: "length" | "value", subcode: ErrorSubcode, text: string) {
    super(text);
    this.name = "AttributeError";
    this.kind = kind;
    this.subcode = subcode;
  }
}

/** The session reset that a fault asks for. */
export const resetFor = (fault: AttributeFault): NotificationError =>
  updateError(fault.subcode, fault.data, `${fault.name}: ${fault.text}`);
