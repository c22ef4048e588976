import { afiOf, type Family, familyOf, SAFI_UNICAST } from "../../lib/family.ts";
import { badMessageLength, routeRefreshLength } from "../errors.ts";
import { HEADER_LENGTH, MessageType } from "../framer.ts";
import { encodeHeader } from "./header.ts";

/** RFC 7313 §3.2: 0 asks for the routes, 1 and 2 mark where their re-advertisement begins and ends. */
export const RefreshKind = { Request: 0, Begin: 1, End: 2 } as const;
export type RefreshKind = (typeof RefreshKind)[keyof typeof RefreshKind];

export interface RouteRefreshMessage {
  /** Undefined for a family that isn't spoken here: such a message is ignored (RFC 2918 §4). */
  readonly family: Family | undefined;
  /** Any octet: a kind above 2 is ignored (RFC 7313 §5), and all are requests for who didn't agree to RFC 7313. */
  readonly kind: number;
}

/**
 * @param enhanced whether RFC 7313 was agreed; without it the third octet is reserved and reads as a request.
 * @throws NotificationError 7/1 for a BoRR or EoRR of the wrong length (RFC 7313 §5), 1/2 for any other that is too short.
 */
export function decodeRouteRefresh(
  bytes: Uint8Array,
  start: number,
  end: number,
  enhanced: boolean,
): RouteRefreshMessage {
  const length = end - start;
  const kind = enhanced && length >= 3 ? bytes[start + 2]! : RefreshKind.Request;
  if (length !== 4 && (kind === RefreshKind.Begin || kind === RefreshKind.End))
    throw routeRefreshLength(bytes.slice(start - HEADER_LENGTH, end));
  // Longer requests carry filters (RFC 5291), which were not agreed: what follows is not ours to read.
  if (length < 4) throw badMessageLength(HEADER_LENGTH + length, "ROUTE-REFRESH");
  return { family: familyOf((bytes[start]! << 8) | bytes[start + 1]!, bytes[start + 3]!), kind };
}

export function encodeRouteRefresh(family: Family, kind: RefreshKind = RefreshKind.Request): Uint8Array {
  const bytes = encodeHeader(MessageType.RouteRefresh, HEADER_LENGTH + 4);
  bytes[HEADER_LENGTH + 1] = afiOf(family);
  bytes[HEADER_LENGTH + 2] = kind;
  bytes[HEADER_LENGTH + 3] = SAFI_UNICAST;
  return bytes;
}
