import type { LargeCommunity } from "../../lib/communities.ts";
import { limitsOf } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { ascending, isAscending } from "./order.ts";
import { type AttributeCodec, listOf, Plain, withdrawOnError } from "./row.ts";

const compare = (a: LargeCommunity, b: LargeCommunity): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

/** Sorted and without repetitions (RFC 8092 §5: a receiver removes them silently). */
export const canonicalLarge = (list: readonly LargeCommunity[]): readonly LargeCommunity[] => ascending(list, compare);

/** LARGE_COMMUNITY (type 32): RFC 8092; malformed: §6 there. */
export const largeCommunities: AttributeCodec<"largeCommunities"> = {
  code: 32,
  name: "LARGE_COMMUNITY",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  size: listOf(12),
  field: "largeCommunities",
  canonical: true,
  plain(bytes, from, to, context) {
    if (to - from > limitsOf(context).communityOctets) return Plain.No;
    return isAscending(bytes, from, to, 12) ? Plain.Copy : Plain.No;
  },
  decode(value, context) {
    const count = value.length / 12;
    const limit = limitsOf(context).communityOctets;
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
