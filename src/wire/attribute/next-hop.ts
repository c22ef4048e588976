import { Flag } from "./header.ts";
import { type AttributeCodec, exactly, withdrawOnError } from "./row.ts";

/**
 * NEXT_HOP (type 3): where IPv4 routes in the NLRI field lead. RFC 4271 §4.3, §5.1.3; malformed: RFC 7606 §7.3. Whether the
 * address makes sense is not a question of syntax (RFC 4271 §6.3): the import pipeline asks it.
 */
export const nextHop: AttributeCodec<"nextHop"> = {
  code: 3,
  name: "NEXT_HOP",
  flags: Flag.TRANSITIVE,
  mandatory: "ipv4-nlri",
  acceptFrom: "any",
  onError: withdrawOnError,
  size: exactly(4),
  field: "nextHop",
  canonical: false,
  plain: null,
  decode: (value) => ({ words: [value.u32()], linkLocal: null }),
  encode: (out, { words }) => out.u32(words[0]!),
};
