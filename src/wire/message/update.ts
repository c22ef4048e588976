import { afiOf, Family, familyOf, SAFI_UNICAST } from "../../lib/family.ts";
import { decodeAttributes } from "../attribute/decode.ts";
import { type AttributeVerdict, faultData, isStronger, resetFor } from "../attribute/fault.ts";
import * as header from "../attribute/header.ts";
import { mpReach, mpUnreach } from "../attribute/mp.ts";
import type { AttributeRules } from "../attribute/row.ts";
import type { CodecContext } from "../context.ts";
import { type NotificationError, UpdateError, updateError } from "../errors.ts";
import { HEADER_LENGTH, MessageType } from "../framer.ts";
import { validateNlri } from "../nlri/walk.ts";
import { encodeHeader } from "./header.ts";
import type { UpdateLayout } from "./update-layout.ts";

const { codeAt, endAt, Flag, valueAt } = header;

/**
 * Where everything in an UPDATE lies, and whether it can be relied upon. RFC 7606 saves the session wherever it is known which
 * routes a message is about; so this file ends it only where that isn't known (§3 b, g, j, §5.3) or where there is no route to
 * withdraw instead (§5.2). What attributes say is judged later, once per distinct set.
 */

/**
 * One pass over the headers of an UPDATE's body; values of attributes other than the MP ones are not looked at.
 * All four NLRI fields have been checked when it returns: walking them can't fail.
 * @throws NotificationError for what RFC 7606 still ends the session for.
 */
export function scanUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: CodecContext,
  layout: UpdateLayout,
): void {
  clear(layout);
  const withdrawnStart = start + 2;
  const withdrawnEnd = end - start < 4 ? end + 1 : withdrawnStart + ((bytes[start]! << 8) | bytes[start + 1]!);
  if (withdrawnEnd + 2 > end) throw malformedList("Withdrawn Routes Length is too large for the message"); // RFC 7606 §3 b
  const attributesStart = withdrawnEnd + 2;
  const attributesEnd = attributesStart + ((bytes[withdrawnEnd]! << 8) | bytes[withdrawnEnd + 1]!);
  if (attributesEnd > end) throw malformedList("Total Path Attribute Length is too large for the message");

  const addPath = context.addPathReceive[Family.Ipv4Unicast]!;
  if (validateNlri(Family.Ipv4Unicast, bytes, withdrawnStart, withdrawnEnd, addPath) < 0)
    throw badNlri("Withdrawn Routes"); // §3 i, j
  if (validateNlri(Family.Ipv4Unicast, bytes, attributesEnd, end, addPath) < 0) throw badNlri("NLRI");
  if (context.families[Family.Ipv4Unicast] === true) {
    layout.withdrawnStart = withdrawnStart;
    layout.withdrawnEnd = withdrawnEnd;
    layout.nlriStart = attributesEnd;
    layout.nlriEnd = end;
  }
  layout.attributesStart = attributesStart;
  layout.attributesEnd = attributesEnd;
  const reachable = scanAttributes(bytes, attributesStart, attributesEnd, context, layout) || attributesEnd < end;
  if (!reachable && hasOtherThanUnreach(layout)) checkWithoutReach(bytes, context, layout);
}

/** Walks the attribute headers; returns whether MP_REACH_NLRI announces something, of whatever family. */
function scanAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: CodecContext,
  layout: UpdateLayout,
): boolean {
  let reachable = false;
  let at = start;
  while (at < end) {
    const valueStart = valueAt(bytes, at);
    const code = codeAt(bytes, at);
    const valueEnd = valueStart <= end ? endAt(bytes, at, valueStart) : valueStart;
    if (valueEnd > end) {
      overrun(bytes, at, end, layout);
      return reachable;
    }
    if (code === mpReach.code) {
      if (layout.reachAttributeStart >= 0) throw repeated(mpReach);
      layout.hasMp = true;
      layout.reachAttributeStart = at;
      layout.reachAttributeEnd = valueEnd;
      reachable = scanReach(bytes, at, valueStart, valueEnd, context, layout);
    } else if (code === mpUnreach.code) {
      if (layout.unreachAttributeStart >= 0) throw repeated(mpUnreach);
      layout.hasMp = true;
      layout.unreachAttributeStart = at;
      layout.unreachAttributeEnd = valueEnd;
      scanUnreach(bytes, at, valueStart, valueEnd, context, layout);
    }
    at = valueEnd;
  }
  return reachable;
}

/** RFC 4760 §3: AFI, SAFI, next hop, a reserved octet, NLRI. */
function scanReach(
  bytes: Uint8Array,
  at: number,
  start: number,
  end: number,
  context: CodecContext,
  layout: UpdateLayout,
): boolean {
  checkFlags(mpReach, bytes, at, layout);
  if (end - start < 5) throw wrong(mpReach, bytes, at, end, `must have at least 5 octets, found ${end - start}`);
  const nextHopLength = bytes[start + 3]!;
  const nextHopStart = start + 4;
  const nlriStart = nextHopStart + nextHopLength + 1;
  if (nlriStart > end) throw wrong(mpReach, bytes, at, end, `a next hop of ${nextHopLength} octets doesn't fit`);
  const family = familyOf((bytes[start]! << 8) | bytes[start + 1]!, bytes[start + 2]!);
  if (family === undefined || context.families[family] !== true) return nlriStart < end;
  if (!isNextHopLength(family, nextHopLength, context.extendedNextHop))
    throw wrong(mpReach, bytes, at, end, `a next hop of ${nextHopLength} octets (RFC 7606 §7.11)`);
  if (validateNlri(family, bytes, nlriStart, end, context.addPathReceive[family]!) < 0)
    throw wrong(mpReach, bytes, at, end, "its NLRI can't be cut into prefixes");
  layout.reachFamily = family;
  layout.reachNextHopStart = nextHopStart;
  layout.reachNextHopLength = nextHopLength;
  layout.reachNlriStart = nlriStart;
  layout.reachNlriEnd = end;
  return nlriStart < end;
}

/** RFC 4760 §4: AFI, SAFI, NLRI. */
function scanUnreach(
  bytes: Uint8Array,
  at: number,
  start: number,
  end: number,
  context: CodecContext,
  layout: UpdateLayout,
): void {
  checkFlags(mpUnreach, bytes, at, layout);
  if (end - start < 3) throw wrong(mpUnreach, bytes, at, end, `must have at least 3 octets, found ${end - start}`);
  const family = familyOf((bytes[start]! << 8) | bytes[start + 1]!, bytes[start + 2]!);
  if (family === undefined || context.families[family] !== true) return;
  if (validateNlri(family, bytes, start + 3, end, context.addPathReceive[family]!) < 0)
    throw wrong(mpUnreach, bytes, at, end, "its NLRI can't be cut into prefixes");
  layout.unreachFamily = family;
  layout.unreachNlriStart = start + 3;
  layout.unreachNlriEnd = end;
}

/** IPv6 takes 16 octets, or 32 with a link-local address (RFC 2545 §3); IPv4 takes 4, and these where agreed (RFC 8950 §3). */
function isNextHopLength(family: Family, length: number, extendedNextHop: boolean): boolean {
  if (length === 4) return family === Family.Ipv4Unicast;
  return (length === 16 || length === 32) && (family === Family.Ipv6Unicast || extendedNextHop);
}

/**
 * RFC 7606 §4: the section ends inside an attribute. What came before it stands and says which routes are meant, all of which
 * are withdrawn; if the attribute is one of those that say so, nobody knows which (§3 j).
 */
function overrun(bytes: Uint8Array, at: number, end: number, layout: UpdateLayout): void {
  const code = end - at >= 2 ? bytes[at + 1]! : 0;
  for (const row of [mpReach, mpUnreach])
    if (row.code === code) throw wrong(row, bytes, at, end, "is longer than the attribute section");
  layout.attributesEnd = at;
  layout.error = {
    code,
    name: code === 0 ? "path attributes" : `attribute ${code}`,
    action: "treat-as-withdraw",
    subcode: UpdateError.MalformedAttributeList,
    text: "runs over the end of the attribute section",
    data: new Uint8Array(0),
  };
}

/** Whether there are attributes that a bare withdrawal doesn't have. */
function hasOtherThanUnreach(layout: UpdateLayout): boolean {
  // MP_UNREACH_NLRI with wrong flags is still nothing but a withdrawal.
  if (layout.error !== null && layout.error.code !== mpUnreach.code) return true;
  const unreach = layout.unreachAttributeEnd - layout.unreachAttributeStart;
  return layout.attributesEnd - layout.attributesStart > unreach;
}

/** RFC 7606 §5.2: without reachable NLRI there is nothing to withdraw, so all but a discarded attribute resets the session. */
function checkWithoutReach(bytes: Uint8Array, context: CodecContext, layout: UpdateLayout): void {
  const { faults } = decodeAttributes(bytes, layout, context, "none");
  for (const fault of faults)
    if (isStronger(fault.action, "attribute-discard"))
      throw resetFor({ ...fault, text: `${fault.text}, in an UPDATE that announces nothing` });
}

/** RFC 7606 §3 c: wrong flags leave no doubt about which routes are meant, so these are withdrawn. */
function checkFlags(row: AttributeRules, bytes: Uint8Array, at: number, layout: UpdateLayout): void {
  if (((bytes[at]! ^ row.flags) & (Flag.OPTIONAL | Flag.TRANSITIVE)) === 0) return;
  layout.error ??= {
    code: row.code,
    name: row.name,
    action: row.onError.flags,
    subcode: UpdateError.AttributeFlags,
    text: "must be optional non-transitive",
    data: new Uint8Array(0),
  };
}

const malformedList = (text: string): NotificationError =>
  updateError(UpdateError.MalformedAttributeList, new Uint8Array(0), text);

const badNlri = (field: string): NotificationError =>
  updateError(UpdateError.InvalidNetworkField, new Uint8Array(0), `${field} can't be cut into prefixes`);

const repeated = (row: AttributeRules): NotificationError => malformedList(`${row.name} occurs twice`); // RFC 7606 §3 g

/** RFC 4760 §7: an incorrect MP attribute that ends the session is an Optional Attribute Error. */
const wrong = (row: AttributeRules, bytes: Uint8Array, at: number, end: number, text: string): NotificationError =>
  resetFor({
    code: row.code,
    name: row.name,
    action: row.onError.value,
    subcode: UpdateError.OptionalAttribute,
    text,
    data: faultData(UpdateError.OptionalAttribute, bytes, at, end),
  } satisfies AttributeVerdict);

function clear(layout: UpdateLayout): void {
  layout.withdrawnStart = layout.withdrawnEnd = -1;
  layout.attributesStart = layout.attributesEnd = -1;
  layout.nlriStart = layout.nlriEnd = -1;
  layout.hasMp = false;
  layout.reachAttributeStart = layout.reachAttributeEnd = -1;
  layout.unreachAttributeStart = layout.unreachAttributeEnd = -1;
  layout.reachFamily = -1;
  layout.reachNextHopStart = -1;
  layout.reachNextHopLength = 0;
  layout.reachNlriStart = layout.reachNlriEnd = -1;
  layout.unreachFamily = -1;
  layout.unreachNlriStart = layout.unreachNlriEnd = -1;
  layout.error = null;
}

/** The family that an End-of-RIB marker is for (RFC 4724 §2), or -1 if the UPDATE isn't one. */
export function isEndOfRib(layout: UpdateLayout): Family | -1 {
  if (layout.withdrawnEnd !== layout.withdrawnStart || layout.nlriEnd !== layout.nlriStart || layout.error !== null)
    return -1;
  if (layout.attributesStart === layout.attributesEnd) return layout.withdrawnStart < 0 ? -1 : Family.Ipv4Unicast;
  const alone =
    layout.unreachAttributeStart === layout.attributesStart && layout.unreachAttributeEnd === layout.attributesEnd;
  return alone && layout.unreachNlriStart === layout.unreachNlriEnd ? layout.unreachFamily : -1;
}

/** End-of-RIB (RFC 4724 §2): an empty UPDATE for IPv4 unicast, an empty MP_UNREACH_NLRI for others. */
export function encodeEndOfRib(family: Family): Uint8Array {
  if (family === Family.Ipv4Unicast) return encodeHeader(MessageType.Update, HEADER_LENGTH + 4);
  const bytes = encodeHeader(MessageType.Update, HEADER_LENGTH + 10);
  bytes.set([0, 0, 0, 6, mpUnreach.flags, mpUnreach.code, 3, 0, afiOf(family), SAFI_UNICAST], HEADER_LENGTH);
  return bytes;
}
