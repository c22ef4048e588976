/**
 * Prefixes that no peer can mean: ignored wherever they come from, and counted. The list is what a router can't forward to
 * whatever its routes say (RFC 1122 §3.2.1.3, RFC 1112 §4, RFC 4291 §2, RFC 6890): "this network", loopback, multicast,
 * class E, IPv4-mapped, link-local IPv6. A prefix inside one of these blocks is a martian; one that contains a block (the
 * default route, 0/1) is not. Private, shared, documentation and 169.254/16 are somebody's to filter, by policy.
 */
export function isMartian4(address: number, length: number): boolean {
  const first = address >>> 24;
  if (first !== 0 && first !== 127 && first < 224) return false;
  if (first >= 240) return length >= 4; // 240.0.0.0/4
  if (first >= 224) return length >= 4; // 224.0.0.0/4
  return length >= 8; // 0.0.0.0/8, 127.0.0.0/8
}

export function isMartian6(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
  if (w0 >>> 24 === 0xff) return length >= 8; // ff00::/8
  if (w0 >>> 22 === 0xfe80 >>> 6) return length >= 10; // fe80::/10
  if ((w0 | w1) !== 0) return false;
  if (w2 === 0xffff) return length >= 96; // ::ffff:0:0/96
  return w2 === 0 && w3 <= 1 && length === 128; // ::, ::1
}
