import type { Family } from "../../lib/family.ts";
import type { CodecContext } from "../context.ts";
import type { UpdateLayout } from "./update-layout.ts";

/**
 * One pass over the headers of an UPDATE's body; values of attributes other than the MP ones are not looked at.
 * All four NLRI fields have been checked when it returns: walking them can't fail.
 * @throws NotificationError for what RFC 7606 still ends the session for.
 */
export function scanUpdate(
  _bytes: Uint8Array,
  _start: number,
  _end: number,
  _context: CodecContext,
  _layout: UpdateLayout,
): void {
  throw new Error("to follow");
}

/** The family that an End-of-RIB marker is for (RFC 4724 §2), or -1 if the UPDATE isn't one. */
export function isEndOfRib(_layout: UpdateLayout): Family | -1 {
  throw new Error("to follow");
}

export function encodeEndOfRib(_family: Family): Uint8Array {
  throw new Error("to follow");
}
