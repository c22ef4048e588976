import { defaultLimits } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badLength, badValue } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";

/** Sorted and without repetitions: the order says nothing (RFC 1997), and equal sets must have equal bytes. */
export function canonicalCommunities(communities: readonly number[]): readonly number[] {
  for (let i = 1; i < communities.length; i++)
    if (communities[i - 1]! >= communities[i]!) {
      const sorted = Float64Array.from(communities).sort();
      return Array.from(sorted.filter((community, at) => at === 0 || community !== sorted[at - 1]));
    }
  return communities;
}

/** A canonical list and one more. */
export const withCommunity = (communities: readonly number[], community: number): readonly number[] =>
  canonicalCommunities([...communities, community]);

/** COMMUNITIES (type 8): RFC 1997; malformed: RFC 7606 §7.8. */
export const communities: AttributeCodec<"communities"> = {
  code: 8,
  name: "COMMUNITIES",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  field: "communities",
  canonical: true,
  decode(value, context) {
    if (value.length === 0 || value.length % 4 !== 0) throw badLength("a non-zero multiple of 4", value.length);
    const count = value.length / 4;
    const limit = (context.limits ?? defaultLimits).communityOctets;
    if (value.length > limit) throw badValue(UpdateError.OptionalAttribute, `more than ${limit} octets of communities`);
    const found = new Array<number>(count);
    for (let i = 0; i < count; i++) found[i] = value.u32();
    return canonicalCommunities(found);
  },
  encode(out, value) {
    for (const community of canonicalCommunities(value)) out.u32(community);
  },
};
