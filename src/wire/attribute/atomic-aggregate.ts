import { badLength } from "./fault.ts";
import { type AttributeCodec, discardOnError, Flag } from "./row.ts";

/** ATOMIC_AGGREGATE (type 6): some ASes of the aggregated routes are not in AS_PATH. RFC 4271 §5.1.6; malformed: RFC 7606 §7.6. */
export const atomicAggregate: AttributeCodec<"atomicAggregate"> = {
  code: 6,
  name: "ATOMIC_AGGREGATE",
  flags: Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: discardOnError,
  field: "atomicAggregate",
  canonical: true,
  decode(value) {
    if (value.length !== 0) throw badLength("empty", value.length);
    return true;
  },
  encode: () => {},
};
