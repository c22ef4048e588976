import { type CapabilityCodec, expectLength } from "./row.ts";

/** 4-octet AS numbers (code 65), and ours. RFC 6793 §3. */
export const fourOctetAs: CapabilityCodec<"four-octet-as"> = {
  code: 65,
  kind: "four-octet-as",
  name: "4-octet AS Number",
  decode(value) {
    expectLength(value, 4);
    return { kind: "four-octet-as", as: value.u32() };
  },
  encode: (out, capability) => out.u32(capability.as),
  format: (capability) => String(capability.as),
};
