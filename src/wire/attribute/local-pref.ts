import { Flag } from "./header.ts";
import { type AttributeCodec, exactly, withdrawOnError } from "./row.ts";

/** What a route without one counts as: RFC 4271 §9.1.1 leaves the degree of preference to us. */
export const DEFAULT_LOCAL_PREF = 100;

/**
 * LOCAL_PREF (type 5): how much our AS likes the route, highest first. RFC 4271 §5.1.5; from an external peer it is dropped unread,
 * malformed from an internal one: RFC 7606 §7.5.
 */
export const localPref: AttributeCodec<"localPref"> = {
  code: 5,
  name: "LOCAL_PREF",
  flags: Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "internal",
  onError: withdrawOnError,
  size: exactly(4),
  field: "localPref",
  canonical: true,
  plain: null,
  decode: (value) => value.u32(),
  encode: (out, value) => out.u32(value),
};
