import type { CodecContext } from "../context.ts";
import type { UpdateLayout } from "../message/update-layout.ts";
import type { AttributeFault } from "./fault.ts";
import type { NextHop, PathAttributes } from "./types.ts";

/** Which of an UPDATE's announcements is meant: both may be in one message, with different next hops. */
export type Reach = "ipv4-nlri" | "mp-reach";

export interface DecodedAttributes {
  /** Null: the routes are to be treated as withdrawn (RFC 7606 §2). */
  readonly attributes: PathAttributes | null;
  /** Everything that was wrong, discarded attributes included. */
  readonly faults: readonly AttributeFault[];
}

/**
 * Decodes every attribute but MP_REACH_NLRI and MP_UNREACH_NLRI, merges AS4_PATH, fills `nextHop` from where `reach` says.
 * @throws NotificationError if the strongest fault asks for a session reset.
 */
export function decodeAttributes(
  _bytes: Uint8Array,
  _layout: UpdateLayout,
  _context: CodecContext,
  _reach: Reach,
): DecodedAttributes {
  throw new Error("to follow");
}

/** The next hop that MP_REACH_NLRI names, from the place that the scan found. */
export function readMpNextHop(_bytes: Uint8Array, _layout: UpdateLayout): NextHop {
  throw new Error("to follow");
}
