import { type CapabilityCodec, expectLength } from "./row.ts";

/** What we are to the other side, by the numbers of RFC 9234 §4.1: "customer" means that the peer is our provider. */
export const Role = { Provider: 0, RouteServer: 1, RouteServerClient: 2, Customer: 3, Peer: 4 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** Indexed by `Role`. */
export const roleNames = ["provider", "rs-server", "rs-client", "customer", "peer"] as const;
export type RoleName = (typeof roleNames)[number];

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
