import { Flag } from "./header.ts";
import { type AttributeCodec, exactly, withdrawOnError } from "./row.ts";

/** OTC (type 35): the AS from which on the route may only go to customers. RFC 9234 §5, where malformed is treat-as-withdraw. */
export const onlyToCustomer: AttributeCodec<"onlyToCustomer"> = {
  code: 35,
  name: "OTC",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  size: exactly(4),
  field: "onlyToCustomer",
  canonical: true,
  plain: null,
  decode: (value) => value.u32(),
  encode: (out, value) => out.u32(value),
};
