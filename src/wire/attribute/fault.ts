import { type NotificationError, UpdateError, type UpdateSubcode, updateError } from "../errors.ts";

/**
 * What RFC 7606 §2 lets happen to an UPDATE with a faulty attribute, weakest first. "AFI/SAFI disable" is not used here: where
 * the RFC leaves the choice, the session is reset.
 */
const actions = ["attribute-discard", "treat-as-withdraw", "session-reset"] as const;
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
  readonly subcode: UpdateSubcode;
  /** What was found and wanted, for people. */
  readonly text: string;
  /** Data of that NOTIFICATION as RFC 4271 §6.3 has it: mostly the attribute as received, cut to a bound. */
  readonly data: Uint8Array;
}

/** A fault that the scan of an UPDATE found: treat-as-withdraw or weaker; a reset is thrown instead. */
export type AttributeVerdict = AttributeFault;

/** Thrown by an attribute's decoder; `kind` picks the action from the attribute's row. */
export class AttributeError extends Error {
  readonly kind: "length" | "value";
  readonly subcode: UpdateSubcode;

  constructor(kind: "length" | "value", subcode: UpdateSubcode, text: string) {
    super(text);
    this.name = "AttributeError";
    this.kind = kind;
    this.subcode = subcode;
  }
}

/** 3/5: the length can't be right for this attribute. */
export const badLength = (wanted: string, found: number): AttributeError =>
  new AttributeError("length", UpdateError.AttributeLength, `must be ${wanted}, found ${found} octets`);

/** The length is right, the value is not. */
export const badValue = (subcode: UpdateSubcode, text: string): AttributeError =>
  new AttributeError("value", subcode, text);

/** The session reset that a fault asks for. */
export const resetFor = (fault: AttributeFault): NotificationError =>
  updateError(fault.subcode, fault.data, `${fault.name}: ${fault.text}`);

const NO_DATA = new Uint8Array(0);
/** No NOTIFICATION carries more (RFC 4271 §4.1). */
const MAX_DATA = 4096 - 21;

/** Data of an UPDATE Message Error (RFC 4271 §6.3): none, the code of what misses, or the attribute from its flags on. */
export function faultData(subcode: UpdateSubcode, bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (
    subcode === UpdateError.MalformedAttributeList ||
    subcode === UpdateError.InvalidNetworkField ||
    subcode === UpdateError.MalformedAsPath
  )
    return NO_DATA;
  return bytes.slice(start, Math.min(end, start + MAX_DATA));
}
