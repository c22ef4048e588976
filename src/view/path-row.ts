import { formatAddress, formatIpv4 } from "../lib/address.ts";
import { formatCommunity, formatLargeCommunity } from "../lib/communities.ts";
import { formatExtendedCommunity } from "../lib/extended-communities.ts";
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
    largeCommunities: attributes.largeCommunities.map(formatLargeCommunity),
    extendedCommunities: attributes.extendedCommunities.map(formatExtendedCommunity),
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
