import { codeAt, endAt, valueAt } from "../wire/attribute/header.ts";
import { mpReach, mpUnreach } from "../wire/attribute/mp.ts";

/**
 * Whether an UPDATE, `bytes[start..end)` behind its header, is about IPv6 routes. A record says of a whole message whether its prefixes have
 * path identifiers (RFC 8050 §3), sessions agree on it for each family. Reads what is there, whatever it is.
 */
export function isOfIpv6(bytes: Uint8Array, start: number, end: number): boolean {
  const at16 = (at: number) => (at + 2 <= end ? (bytes[at]! << 8) | bytes[at + 1]! : 0);
  let at = start + 2 + at16(start);
  const stop = Math.min(end, at + 2 + at16(at));
  for (at += 2; at + 4 <= stop; ) {
    const code = codeAt(bytes, at);
    const value = valueAt(bytes, at);
    if (code === mpReach.code || code === mpUnreach.code) return at16(value) === 2;
    at = endAt(bytes, at, value);
  }
  return false;
}
