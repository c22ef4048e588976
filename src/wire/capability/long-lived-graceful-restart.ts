import { type CapabilityCodec, expectEntries, formatWireFamily, wireFamily } from "./row.ts";
import type { LongLivedGracefulRestartCapability } from "./types.ts";

const FORWARDING = 0x80;

/** Long-Lived Graceful Restart (code 71): how long stale routes may stay, least preferred. RFC 9494 §3.1. */
export const longLivedGracefulRestart: CapabilityCodec<"long-lived-graceful-restart"> = {
  code: 71,
  kind: "long-lived-graceful-restart",
  name: "Long-Lived Graceful Restart",
  decode(value) {
    expectEntries(value, 7);
    const families: LongLivedGracefulRestartCapability["families"][number][] = [];
    while (value.length > 0) {
      const family = wireFamily(value.u16(), value.u8());
      const forwarding = (value.u8() & FORWARDING) !== 0;
      families.push({ ...family, forwarding, staleTimeSeconds: (value.u8() << 16) | value.u16() });
    }
    return { kind: "long-lived-graceful-restart", families };
  },
  encode(out, { families }) {
    for (const { afi, safi, forwarding, staleTimeSeconds } of families) {
      out.u16(afi);
      out.u8(safi);
      out.u8(forwarding ? FORWARDING : 0);
      const time = Math.min(staleTimeSeconds, 0xffffff);
      out.u8(time >>> 16);
      out.u16(time);
    }
  },
  format: ({ families }) =>
    families.map((family) => `${formatWireFamily(family)} for ${family.staleTimeSeconds} s`).join(", "),
};
