import { badLength } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";

/** ORIGINATOR_ID (type 9): router id of who brought the route into the AS. RFC 4456 §8; malformed: RFC 7606 §7.9. */
export const originatorId: AttributeCodec<"originatorId"> = {
  code: 9,
  name: "ORIGINATOR_ID",
  flags: Flag.OPTIONAL,
  mandatory: false,
  acceptFrom: "internal",
  onError: withdrawOnError,
  field: "originatorId",
  canonical: true,
  decode(value) {
    if (value.length !== 4) throw badLength("4 octets", value.length);
    return value.u32();
  },
  encode: (out, value) => out.u32(value),
};
