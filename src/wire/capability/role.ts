import { type CapabilityCodec, expectLength } from "./row.ts";

/** Roles by number (RFC 9234 §4.1). */
export const roleNames = ["provider", "rs-server", "rs-client", "customer", "peer"] as const;

/** BGP Role (code 9): what we are to the other side. RFC 9234 §4.1. */
export const role: CapabilityCodec<"role"> = {
  code: 9,
  kind: "role",
  name: "BGP Role",
  decode(value) {
    expectLength(value, 1);
    return { kind: "role", role: value.u8() };
  },
  encode: (out, capability) => out.u8(capability.role),
  format: (capability) => roleNames[capability.role] ?? `role ${capability.role}`,
};
