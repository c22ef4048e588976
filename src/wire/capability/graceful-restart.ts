import { type CapabilityCodec, CapabilityError, formatWireFamily, wireFamily } from "./row.ts";
import type { GracefulRestartCapability } from "./types.ts";

const RESTARTED = 0x8;
/** RFC 8538 §2: NOTIFICATIONs, too, leave routes in place. */
const NOTIFICATION = 0x4;
const FORWARDING = 0x80;

/** Graceful Restart (code 64): whose forwarding survives a restart, and how long to wait. RFC 4724 §3. */
export const gracefulRestart: CapabilityCodec<"graceful-restart"> = {
  code: 64,
  kind: "graceful-restart",
  name: "Graceful Restart",
  decode(value) {
    if (value.length % 4 !== 2)
      throw new CapabilityError(`must be 2 octets and a list of 4 octets each, found ${value.length}`);
    const first = value.u16();
    const families: GracefulRestartCapability["families"][number][] = [];
    while (value.length > 0) {
      const family = wireFamily(value.u16(), value.u8());
      families.push({ ...family, forwarding: (value.u8() & FORWARDING) !== 0 });
    }
    return {
      kind: "graceful-restart",
      restarted: ((first >>> 12) & RESTARTED) !== 0,
      notification: ((first >>> 12) & NOTIFICATION) !== 0,
      restartTimeSeconds: first & 0xfff,
      families,
    };
  },
  encode(out, { restarted, notification, restartTimeSeconds, families }) {
    const flags = (restarted ? RESTARTED : 0) | (notification ? NOTIFICATION : 0);
    out.u16((flags << 12) | Math.min(restartTimeSeconds, 0xfff));
    for (const { afi, safi, forwarding } of families) {
      out.u16(afi);
      out.u8(safi);
      out.u8(forwarding ? FORWARDING : 0);
    }
  },
  format({ restarted, notification, restartTimeSeconds, families }) {
    const words = [`restart time ${restartTimeSeconds} s`];
    if (restarted) words.push("restarted");
    if (notification) words.push("notification");
    for (const family of families)
      words.push(formatWireFamily(family) + (family.forwarding ? " (forwarding kept)" : ""));
    return words.join(", ");
  },
};
