import { Flag } from "./header.ts";
import { type AttributeCodec, exactly, withdrawOnError } from "./row.ts";

/** MULTI_EXIT_DISC (type 4): which entrance a neighbor AS prefers, lowest first. RFC 4271 §5.1.4; malformed: RFC 7606 §7.4. */
export const med: AttributeCodec<"med"> = {
  code: 4,
  name: "MULTI_EXIT_DISC",
  flags: Flag.OPTIONAL,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  size: exactly(4),
  field: "med",
  canonical: true,
  plain: null,
  decode: (value) => value.u32(),
  encode: (out, value) => out.u32(value),
};
