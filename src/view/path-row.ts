import { formatAddress, formatIpv4 } from "../lib/address.ts";
import { formatCommunity } from "../lib/communities.ts";
import { DEFAULT_LOCAL_PREF } from "../wire/attribute/local-pref.ts";
import { originName } from "../wire/attribute/origin.ts";
import { type PathAttributes, SegmentType } from "../wire/attribute/types.ts";
import type { PathRow } from "./model.ts";

/** The part of a row that the attributes alone decide. */
export type AttributeColumns = Pick<
  PathRow,
  | "nextHop"
  | "asPath"
  | "origin"
  | "localPref"
  | "med"
  | "communities"
  | "largeCommunities"
  | "extendedCommunities"
  | "originatorId"
  | "clusterList"
>;

const wordHex = (word: number): string => word.toString(16).padStart(8, "0");

/**
 * Attributes in the words of the JSON. `nextHop` is in words, empty for own routes. LOCAL_PREF is shown as it counts: the default
 * where none was sent, null only if `localPrefCounts` is false.
 */
export function attributeColumns(
  attributes: PathAttributes,
  nextHop: readonly number[],
  localPrefCounts: boolean,
): AttributeColumns {
  return {
    nextHop: nextHop.length === 0 ? null : formatAddress(nextHop),
    asPath: asPathJson(attributes.asPath),
    origin: originName(attributes.origin),
    localPref: attributes.localPref ?? (localPrefCounts ? DEFAULT_LOCAL_PREF : null),
    med: attributes.med,
    communities: attributes.communities.map(formatCommunity),
    largeCommunities: attributes.largeCommunities.map((parts) => parts.join(":")),
    extendedCommunities: attributes.extendedCommunities.map(formatExtended),
    originatorId: attributes.originatorId === null ? null : formatIpv4(attributes.originatorId),
    clusterList: attributes.clusterList.map(formatIpv4),
  };
}

function asPathJson(asPath: PathAttributes["asPath"]): (number | number[])[] {
  const result: (number | number[])[] = [];
  for (const { type, asns } of asPath)
    if (type === SegmentType.Set || type === SegmentType.ConfedSet) result.push([...asns]);
    else result.push(...asns);
  return result;
}

/** Route target and origin as the field writes them (RFC 4360 §4, §5; RFC 5668), anything else as 16 hex digits. */
function formatExtended([high, low]: readonly [number, number]): string {
  const type = (high >>> 24) & 0x3f;
  const subtype = (high >>> 16) & 0xff;
  const name = subtype === 2 ? "rt" : subtype === 3 ? "ro" : null;
  if (name === null || high >>> 31 === 1) return `0x${wordHex(high)}${wordHex(low)}`;
  if (type === 0) return `${name}:${high & 0xffff}:${low}`;
  const global = (((high & 0xffff) << 16) | (low >>> 16)) >>> 0;
  if (type === 1) return `${name}:${formatIpv4(global)}:${low & 0xffff}`;
  return type === 2 ? `${name}:${global}:${low & 0xffff}` : `0x${wordHex(high)}${wordHex(low)}`;
}
