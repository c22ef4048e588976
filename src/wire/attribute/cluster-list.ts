import { limitsOf } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { type AttributeCodec, listOf, Plain, withdrawOnError } from "./row.ts";

/** CLUSTER_LIST (type 10): the reflectors that the route passed, the last one first. RFC 4456 §8; malformed: RFC 7606 §7.10. */
export const clusterList: AttributeCodec<"clusterList"> = {
  code: 10,
  name: "CLUSTER_LIST",
  flags: Flag.OPTIONAL,
  mandatory: false,
  acceptFrom: "internal",
  onError: withdrawOnError,
  size: listOf(4),
  field: "clusterList",
  canonical: true,
  plain: (_bytes, from, to, context) => (to - from > 4 * limitsOf(context).clusterListLength ? Plain.No : Plain.Copy),
  decode(value, context) {
    const count = value.length / 4;
    const limit = limitsOf(context).clusterListLength;
    if (count > limit) throw badValue(UpdateError.OptionalAttribute, `more than ${limit} cluster ids`);
    const found = new Array<number>(count);
    for (let i = 0; i < count; i++) found[i] = value.u32();
    return found;
  },
  encode(out, value) {
    for (const id of value) out.u32(id);
  },
};
