import type { LargeCommunity } from "../../lib/communities.ts";
import { defaultLimits } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badLength, badValue } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";

const compare = (a: LargeCommunity, b: LargeCommunity): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

/** Sorted and without repetitions (RFC 8092 §5: a receiver removes them silently). */
export function canonicalLarge(list: readonly LargeCommunity[]): readonly LargeCommunity[] {
  for (let i = 1; i < list.length; i++)
    if (compare(list[i - 1]!, list[i]!) >= 0) {
      const sorted = list.toSorted(compare);
      return sorted.filter((community, at) => at === 0 || compare(community, sorted[at - 1]!) !== 0);
    }
  return list;
}

/** LARGE_COMMUNITY (type 32): RFC 8092; malformed: §6 there. */
export const largeCommunities: AttributeCodec<"largeCommunities"> = {
  code: 32,
  name: "LARGE_COMMUNITY",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  field: "largeCommunities",
  canonical: true,
  decode(value, context) {
    if (value.length === 0 || value.length % 12 !== 0) throw badLength("a non-zero multiple of 12", value.length);
    const count = value.length / 12;
    const limit = (context.limits ?? defaultLimits).communityOctets;
    if (value.length > limit) throw badValue(UpdateError.OptionalAttribute, `more than ${limit} octets of communities`);
    const found: LargeCommunity[] = [];
    for (let i = 0; i < count; i++) found.push([value.u32(), value.u32(), value.u32()]);
    return canonicalLarge(found);
  },
  encode(out, value) {
    for (const [a, b, c] of canonicalLarge(value)) {
      out.u32(a);
      out.u32(b);
      out.u32(c);
    }
  },
};
