import { type CapabilityCodec, expectEntries, formatWireFamily, wireFamily } from "./row.ts";
import type { ExtendedNextHopCapability } from "./types.ts";

/** Extended Next Hop Encoding (code 5): families whose next hop may be of another AFI. RFC 8950 §4; the SAFI takes two octets here. */
export const extendedNextHop: CapabilityCodec<"extended-next-hop"> = {
  code: 5,
  kind: "extended-next-hop",
  name: "Extended Next Hop Encoding",
  decode(value) {
    expectEntries(value, 6);
    const entries: ExtendedNextHopCapability["entries"][number][] = [];
    while (value.length > 0) {
      const family = wireFamily(value.u16(), value.u16());
      entries.push({ ...family, nextHopAfi: value.u16() });
    }
    return { kind: "extended-next-hop", entries };
  },
  encode(out, { entries }) {
    for (const { afi, safi, nextHopAfi } of entries) {
      out.u16(afi);
      out.u16(safi);
      out.u16(nextHopAfi);
    }
  },
  format: ({ entries }) => entries.map((entry) => `${formatWireFamily(entry)} over AFI ${entry.nextHopAfi}`).join(", "),
};
