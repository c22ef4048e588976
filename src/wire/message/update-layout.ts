import type { Family } from "../../lib/family.ts";
import type { AttributeVerdict } from "../attribute/fault.ts";

/**
 * Where the parts of an UPDATE lie: offsets into the bytes of the message, reused from one message to the next. A part that
 * is absent or ignored has start = end = -1.
 */
export interface UpdateLayout {
  /** IPv4 withdrawals (RFC 4271 §4.3). */
  withdrawnStart: number;
  withdrawnEnd: number;
  /** The whole path attribute section, cut where its attributes stop making sense (`error` is set then). */
  attributesStart: number;
  attributesEnd: number;
  /** IPv4 announcements. */
  nlriStart: number;
  nlriEnd: number;
  /** Whether MP_REACH_NLRI or MP_UNREACH_NLRI occurs: what identifies an attribute set has to skip them. */
  hasMp: boolean;
  /** The MP attributes with their headers, inside the section; -1 when absent. Set for families that we ignore, too. */
  reachAttributeStart: number;
  reachAttributeEnd: number;
  unreachAttributeStart: number;
  unreachAttributeEnd: number;
  /** -1: none, or of a family that was not agreed. */
  reachFamily: Family | -1;
  reachNextHopStart: number;
  /** 4, 16 or 32 octets (RFC 2545, RFC 8950). */
  reachNextHopLength: number;
  reachNlriStart: number;
  reachNlriEnd: number;
  unreachFamily: Family | -1;
  unreachNlriStart: number;
  unreachNlriEnd: number;
  /** What the scan itself found wrong short of a reset: every route of this UPDATE is withdrawn (RFC 7606 §4). */
  error: AttributeVerdict | null;
}

export function updateLayout(): UpdateLayout {
  return {
    withdrawnStart: -1,
    withdrawnEnd: -1,
    attributesStart: -1,
    attributesEnd: -1,
    nlriStart: -1,
    nlriEnd: -1,
    hasMp: false,
    reachAttributeStart: -1,
    reachAttributeEnd: -1,
    unreachAttributeStart: -1,
    unreachAttributeEnd: -1,
    reachFamily: -1,
    reachNextHopStart: -1,
    reachNextHopLength: 0,
    reachNlriStart: -1,
    reachNlriEnd: -1,
    unreachFamily: -1,
    unreachNlriStart: -1,
    unreachNlriEnd: -1,
    error: null,
  };
}
