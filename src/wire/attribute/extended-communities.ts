import type { ExtendedCommunity } from "../../lib/extended-communities.ts";
import { limitsOf } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { ascending, isAscending } from "./order.ts";
import { type AttributeCodec, listOf, Plain, withdrawOnError } from "./row.ts";

const compare = (a: ExtendedCommunity, b: ExtendedCommunity): number => a[0] - b[0] || a[1] - b[1];

/** Sorted and without repetitions. */
export const canonicalExtended = (list: readonly ExtendedCommunity[]): readonly ExtendedCommunity[] =>
  ascending(list, compare);

/** EXTENDED COMMUNITIES (type 16): RFC 4360; malformed: RFC 7606 §7.14, where an unknown kind is no error. */
export const extendedCommunities: AttributeCodec<"extendedCommunities"> = {
  code: 16,
  name: "EXTENDED_COMMUNITIES",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  size: listOf(8),
  field: "extendedCommunities",
  canonical: true,
  plain(bytes, from, to, context) {
    if (to - from > limitsOf(context).communityOctets) return Plain.No;
    return isAscending(bytes, from, to, 8) ? Plain.Copy : Plain.No;
  },
  decode(value, context) {
    const count = value.length / 8;
    const limit = limitsOf(context).communityOctets;
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
