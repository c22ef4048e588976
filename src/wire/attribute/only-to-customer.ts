import { badLength } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";

/** OTC (type 35): the AS from which on the route may only go to customers. RFC 9234 §5, where malformed is treat-as-withdraw. */
export const onlyToCustomer: AttributeCodec<"onlyToCustomer"> = {
  code: 35,
  name: "OTC",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  field: "onlyToCustomer",
  canonical: true,
  decode(value) {
    if (value.length !== 4) throw badLength("4 octets", value.length);
    return value.u32();
  },
  encode: (out, value) => out.u32(value),
};
