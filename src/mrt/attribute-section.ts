import { isLinkLocal } from "../lib/address.ts";
import { ByteReader } from "../lib/bytes.ts";
import { decodeAttributes } from "../wire/attribute/decode.ts";
import { codeAt, endAt, Flag, valueAt } from "../wire/attribute/header.ts";
import { mpReach } from "../wire/attribute/mp.ts";
import { codecOf } from "../wire/attribute/table.ts";
import type { NextHop, PathAttributes } from "../wire/attribute/types.ts";
import { codecContext } from "../wire/context.ts";
import { updateLayout } from "../wire/message/update-layout.ts";
import { readWords } from "./fields.ts";
import { MrtError } from "./record.ts";

/**
 * A file shows what somebody else took: nothing is refused for whom it came from. Attributes that only internal peers may send are
 * read, AS_PATH may begin with any AS. What is malformed is said, as RFC 7606 would have the route withdrawn.
 */
export const contextOf = (fourOctetAs: boolean, addPath: boolean) =>
  codecContext({
    families: [true, true],
    fourOctetAs,
    addPathReceive: [addPath, addPath],
    extendedNextHop: true,
    enforceFirstAs: false,
  });

const INCOMPLETE = 2;

const contexts = [contextOf(false, false), contextOf(true, false)];

/**
 * The attributes of a route in a table, `bytes[start..end)`. IPv6 next hops stand in MP_REACH_NLRI, cut down to the next hop alone
 * (RFC 6396 §4.3.4); some writers put the whole attribute there, and it is read, too. Flags are taken for what they should be:
 * tables of BIRD 2 have NEXT_HOP as optional.
 * @throws MrtError
 */
export function readAttributes(bytes: Uint8Array, start: number, end: number, fourOctetAs: boolean): PathAttributes {
  let mpNextHop: NextHop | null = null;
  let hasOrigin = false;
  const section = bytes.slice(start, end);
  for (let at = start; at < end; ) {
    const from = valueAt(bytes, at);
    const to = from > end ? from : endAt(bytes, at, from);
    if (to > end) throw new MrtError(`an attribute runs over the end of the ${end - start} octets of attributes`, at);
    const rules = codecOf(codeAt(bytes, at));
    hasOrigin ||= rules?.field === "origin";
    if (rules !== undefined) section[at - start] = (bytes[at]! & ~(Flag.OPTIONAL | Flag.TRANSITIVE)) | rules.flags;
    if (codeAt(bytes, at) === mpReach.code) mpNextHop = nextHopOf(bytes, from, to);
    at = to;
  }
  const layout = updateLayout();
  layout.attributesStart = 0;
  layout.attributesEnd = section.length;
  const { attributes, faults } = decodeAttributes(section, layout, contexts[fourOctetAs ? 1 : 0]!, "none");
  if (attributes === null) throw new MrtError(faults.map(({ name, text }) => `${name} ${text}`).join("; "), start);
  const { origin, nextHop } = attributes;
  // Tables of BIRD hold what isn't from BGP, without attributes.
  return { ...attributes, origin: hasOrigin ? origin : INCOMPLETE, nextHop: mpNextHop ?? nextHop };
}

function nextHopOf(bytes: Uint8Array, from: number, to: number): NextHop {
  // Cut down, the first octet is the next hop's length; whole, it is the high octet of an AFI, which is zero.
  const reader = new ByteReader(bytes, from, to);
  if (reader.length > 0 && bytes[from] === 0) reader.view(Math.min(3, reader.length));
  const length = reader.length > 0 ? reader.u8() : 0;
  if (![4, 16, 32].includes(length) || reader.length < length)
    throw new MrtError(`a next hop of ${length} octets in MP_REACH_NLRI`, from);
  const words = readWords(reader, length === 4 ? 1 : 4);
  const linkLocal = length === 32 ? readWords(reader, 4) : null;
  if (linkLocal === null || linkLocal.every((word) => word === 0)) return { words, linkLocal: null };
  return words.every((word) => word === 0) && isLinkLocal(linkLocal)
    ? { words: linkLocal, linkLocal: null }
    : { words, linkLocal };
}
