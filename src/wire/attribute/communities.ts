import { limitsOf } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { ascending, isAscending } from "./order.ts";
import { type AttributeCodec, listOf, Plain, withdrawOnError } from "./row.ts";

const compare = (a: number, b: number): number => a - b;

/** Sorted and without repetitions. */
export const canonicalCommunities = (list: readonly number[]): readonly number[] => ascending(list, compare);

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
  size: listOf(4),
  field: "communities",
  canonical: true,
  plain(bytes, from, to, context) {
    if (to - from > limitsOf(context).communityOctets) return Plain.No;
    return isAscending(bytes, from, to, 4) ? Plain.Copy : Plain.SortWords;
  },
  decode(value, context) {
    const count = value.length / 4;
    const limit = limitsOf(context).communityOctets;
    if (value.length > limit) throw badValue(UpdateError.OptionalAttribute, `more than ${limit} octets of communities`);
    const found = new Array<number>(count);
    for (let i = 0; i < count; i++) found[i] = value.u32();
    return canonicalCommunities(found);
  },
  encode(out, value) {
    for (const community of canonicalCommunities(value)) out.u32(community);
  },
};
