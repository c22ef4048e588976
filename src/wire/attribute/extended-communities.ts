import type { ExtendedCommunity } from "../../lib/extended-communities.ts";
import { defaultLimits } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badLength, badValue } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";

const compare = (a: ExtendedCommunity, b: ExtendedCommunity): number => a[0] - b[0] || a[1] - b[1];

/** Sorted and without repetitions. */
export function canonicalExtended(list: readonly ExtendedCommunity[]): readonly ExtendedCommunity[] {
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
};
