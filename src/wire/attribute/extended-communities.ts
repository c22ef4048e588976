import { formatIpv4 } from "../../lib/address.ts";
import { defaultLimits } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badLength, badValue } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";
import type { ExtendedCommunity } from "./types.ts";

const subtypes: Readonly<Record<number, string>> = { 2: "rt", 3: "soo" };

/** "rt:65001:100" for route targets and origins (RFC 4360 §3, RFC 5668), else the eight octets as hex. */
export function formatExtendedCommunity([high, low]: ExtendedCommunity): string {
  const type = (high >>> 24) & 0xbf;
  const subtype = subtypes[(high >>> 16) & 0xff];
  if (subtype !== undefined) {
    if (type === 0) return `${subtype}:${high & 0xffff}:${low}`;
    const top = (((high & 0xffff) << 16) | (low >>> 16)) >>> 0;
    if (type === 1) return `${subtype}:${formatIpv4(top)}:${low & 0xffff}`;
    if (type === 2) return `${subtype}:${top}:${low & 0xffff}`;
  }
  return `0x${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`;
}

const compare = (a: ExtendedCommunity, b: ExtendedCommunity): number => a[0] - b[0] || a[1] - b[1];

/** Sorted and without repetitions. */
function canonicalExtended(list: readonly ExtendedCommunity[]): readonly ExtendedCommunity[] {
  for (let i = 1; i < list.length; i++)
    if (compare(list[i - 1]!, list[i]!) >= 0) {
      const sorted = list.toSorted(compare);
      return sorted.filter((community, at) => at === 0 || compare(community, sorted[at - 1]!) !== 0);
    }
  return list;
}

/** EXTENDED COMMUNITIES (type 16): RFC 4360; malformed: RFC 7606 §7.14, where an unknown kind is no error. */
export const extendedCommunities: AttributeCodec<"extendedCommunities"> = {
  code: 16,
  name: "EXTENDED_COMMUNITIES",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  field: "extendedCommunities",
  canonical: true,
  decode(value, context) {
    if (value.length === 0 || value.length % 8 !== 0) throw badLength("a non-zero multiple of 8", value.length);
    const count = value.length / 8;
    const limit = (context.limits ?? defaultLimits).communityOctets;
    if (value.length > limit) throw badValue(UpdateError.OptionalAttribute, `more than ${limit} octets of communities`);
    const found: ExtendedCommunity[] = [];
    for (let i = 0; i < count; i++) found.push([value.u32(), value.u32()]);
    return canonicalExtended(found);
  },
  encode(out, value) {
    for (const [high, low] of canonicalExtended(value)) {
      out.u32(high);
      out.u32(low);
    }
  },
  format: (value) => value.map(formatExtendedCommunity).join(" "),
};
