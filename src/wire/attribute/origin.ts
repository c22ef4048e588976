import { UpdateError } from "../errors.ts";
import { badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { type AttributeCodec, exactly, Plain, withdrawOnError } from "./row.ts";
import type { Origin } from "./types.ts";

/** Indexed by `Origin`. */
export const originNames = ["igp", "egp", "incomplete"] as const;
export type OriginName = (typeof originNames)[number];

export const originName = (origin: Origin): OriginName => originNames[origin];

/** ORIGIN (type 1): how the route entered BGP. RFC 4271 §4.3; malformed: RFC 7606 §7.1. */
export const origin: AttributeCodec<"origin"> = {
  code: 1,
  name: "ORIGIN",
  flags: Flag.TRANSITIVE,
  mandatory: true,
  acceptFrom: "any",
  onError: withdrawOnError,
  size: exactly(1),
  field: "origin",
  canonical: true,
  plain: (bytes, from) => (bytes[from]! <= 2 ? Plain.Copy : Plain.No),
  decode(value) {
    const code = value.u8();
    if (code > 2) throw badValue(UpdateError.InvalidOrigin, `must be 0, 1 or 2, found ${code}`);
    return code as Origin;
  },
  encode: (out, code) => out.u8(code),
};
