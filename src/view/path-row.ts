import { formatAddress, formatIpv4 } from "../lib/address.ts";
import { formatCommunity, formatLargeCommunity } from "../lib/communities.ts";
import { formatExtendedCommunity } from "../lib/extended-communities.ts";
import { DEFAULT_LOCAL_PREF } from "../wire/attribute/local-pref.ts";
import { originName } from "../wire/attribute/origin.ts";
import { type PathAttributes, SegmentType } from "../wire/attribute/types.ts";
import type { AsPathElement, PathRow } from "./model.ts";

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
  | "atomicAggregate"
  | "aggregator"
  | "onlyToCustomer"
  | "unknownAttributes"
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
  const { aggregator } = attributes;
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
    atomicAggregate: attributes.atomicAggregate,
    aggregator: aggregator === null ? null : { as: aggregator.as, address: formatIpv4(aggregator.address) },
    onlyToCustomer: attributes.onlyToCustomer,
    unknownAttributes: attributes.unknown.map(({ code, flags, value }) => ({ code, flags, value: hex(value) })),
  };
}

function asPathJson(asPath: PathAttributes["asPath"]): AsPathElement[] {
  const result: AsPathElement[] = [];
  for (const { type, asns } of asPath) {
    if (type === SegmentType.Set) result.push([...asns]);
    else if (type === SegmentType.ConfedSequence) result.push({ confed: [...asns] });
    else if (type === SegmentType.ConfedSet) result.push({ confedSet: [...asns] });
    else result.push(...asns);
  }
  return result;
}

const hex = (octets: Uint8Array): string => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
