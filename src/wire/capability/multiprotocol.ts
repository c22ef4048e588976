import { type CapabilityCodec, expectLength, formatWireFamily, wireFamily } from "./row.ts";

/** Multiprotocol Extensions (code 1): a family that we speak. RFC 4760 §8; one capability for each. */
export const multiprotocol: CapabilityCodec<"multiprotocol"> = {
  code: 1,
  kind: "multiprotocol",
  name: "Multiprotocol Extensions",
  decode(value) {
    expectLength(value, 4);
    const afi = value.u16();
    value.u8(); // reserved, ignored
    return { kind: "multiprotocol", ...wireFamily(afi, value.u8()) };
  },
  encode(out, { afi, safi }) {
    out.u16(afi);
    out.u8(0);
    out.u8(safi);
  },
  format: formatWireFamily,
};
