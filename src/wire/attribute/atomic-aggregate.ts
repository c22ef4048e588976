import { Flag } from "./header.ts";
import { type AttributeCodec, discardOnError, exactly } from "./row.ts";

/** ATOMIC_AGGREGATE (type 6): some ASes of the aggregated routes are not in AS_PATH. RFC 4271 §5.1.6; malformed: RFC 7606 §7.6. */
export const atomicAggregate: AttributeCodec<"atomicAggregate"> = {
  code: 6,
  name: "ATOMIC_AGGREGATE",
  flags: Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: discardOnError,
  size: exactly(0),
  field: "atomicAggregate",
  canonical: true,
  plain: null,
  decode: () => true,
  encode: () => {},
};
