import { Flag } from "./header.ts";
import { type AttributeCodec, exactly, withdrawOnError } from "./row.ts";

/** ORIGINATOR_ID (type 9): router id of who brought the route into the AS. RFC 4456 §8; malformed: RFC 7606 §7.9. */
export const originatorId: AttributeCodec<"originatorId"> = {
  code: 9,
  name: "ORIGINATOR_ID",
  flags: Flag.OPTIONAL,
  mandatory: false,
  acceptFrom: "internal",
  onError: withdrawOnError,
  size: exactly(4),
  field: "originatorId",
  canonical: true,
  plain: null,
  decode: (value) => value.u32(),
  encode: (out, value) => out.u32(value),
};
