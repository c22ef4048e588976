import { type CapabilityCodec, expectLength } from "./row.ts";

/** BGP Extended Message (code 6): we take messages of up to 65535 octets. RFC 8654 §3. */
export const extendedMessage: CapabilityCodec<"extended-message"> = {
  code: 6,
  kind: "extended-message",
  name: "Extended Message",
  decode(value) {
    expectLength(value, 0);
    return { kind: "extended-message" };
  },
  encode: () => {},
  format: () => "",
};
