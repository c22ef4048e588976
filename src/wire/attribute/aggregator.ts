import { wordAt } from "../../lib/bytes.ts";
import { UpdateError } from "../errors.ts";
import { badLength, badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { type AttributeCodec, anySize, discardOnError, Plain } from "./row.ts";

/**
 * AGGREGATOR (type 7): who aggregated. RFC 4271 §5.1.7, 8 octets with 4-octet AS numbers (RFC 6793 §3); malformed: RFC 7606 §7.7,
 * AS 0: RFC 7607 §2.
 */
export const aggregator: AttributeCodec<"aggregator"> = {
  code: 7,
  name: "AGGREGATOR",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: discardOnError,
  size: anySize, // that depends on the width of AS numbers
  field: "aggregator",
  canonical: true,
  plain: (bytes, from, to) => (to - from !== 8 || wordAt(bytes, from) === 0 ? Plain.No : Plain.Copy),
  decode(value, context) {
    const wanted = context.fourOctetAs ? 8 : 6;
    if (value.length !== wanted) throw badLength(`${wanted} octets`, value.length);
    const as = context.fourOctetAs ? value.u32() : value.u16();
    if (as === 0) throw badValue(UpdateError.OptionalAttribute, "AS 0 (RFC 7607)");
    return { as, address: value.u32() };
  },
  encode(out, { as, address }) {
    out.u32(as);
    out.u32(address);
  },
};
