import { defaultLimits } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badLength, badValue } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";

/** CLUSTER_LIST (type 10): the reflectors that the route passed, the last one first. RFC 4456 §8; malformed: RFC 7606 §7.10. */
export const clusterList: AttributeCodec<"clusterList"> = {
  code: 10,
  name: "CLUSTER_LIST",
  flags: Flag.OPTIONAL,
  mandatory: false,
  acceptFrom: "internal",
  onError: withdrawOnError,
  field: "clusterList",
  canonical: true,
  decode(value, context) {
    if (value.length === 0 || value.length % 4 !== 0) throw badLength("a non-zero multiple of 4", value.length);
    const count = value.length / 4;
    const limit = (context.limits ?? defaultLimits).clusterListLength;
    if (count > limit) throw badValue(UpdateError.OptionalAttribute, `more than ${limit} cluster ids`);
    const found = new Array<number>(count);
    for (let i = 0; i < count; i++) found[i] = value.u32();
    return found;
  },
  encode(out, value) {
    for (const id of value) out.u32(id);
  },
};
