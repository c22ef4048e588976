import { type CapabilityCodec, expectEntries, formatWireFamily, wireFamily } from "./row.ts";
import type { AddPathCapability } from "./types.ts";

const RECEIVE = 1;
const SEND = 2;

/** ADD-PATH (code 69): families with several paths per prefix. RFC 7911 §4; an entry that is neither receive, send nor both is skipped. */
export const addPath: CapabilityCodec<"add-path"> = {
  code: 69,
  kind: "add-path",
  name: "ADD-PATH",
  decode(value) {
    expectEntries(value, 4);
    const families: AddPathCapability["families"][number][] = [];
    while (value.length > 0) {
      const family = wireFamily(value.u16(), value.u8());
      const mode = value.u8();
      if (mode === 0 || mode > 3) continue;
      families.push({ ...family, receive: (mode & RECEIVE) !== 0, send: (mode & SEND) !== 0 });
    }
    return { kind: "add-path", families };
  },
  encode(out, { families }) {
    for (const { afi, safi, receive, send } of families) {
      out.u16(afi);
      out.u8(safi);
      out.u8((receive ? RECEIVE : 0) | (send ? SEND : 0));
    }
  },
  format: ({ families }) =>
    families
      .map((family) => {
        const mode = family.receive ? (family.send ? "both" : "receive") : "send";
        return `${formatWireFamily(family)} ${mode}`;
      })
      .join(", "),
};
