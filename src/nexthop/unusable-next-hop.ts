/** Why an address can't be the next hop of a route, in words; null if it can. Loopback addresses may be allowed. */
export function unusableNextHop(words: readonly number[], loopback: boolean): string | null {
  return words.length === 1 ? unusable4(words[0]!, loopback) : unusable6(words);
}

function unusable4(word: number, loopback: boolean): string | null {
  const first = word >>> 24;
  if (word === 0) return "the unspecified address";
  if (first === 0) return 'in 0.0.0.0/8, "this network"';
  if (first === 127) return loopback ? null : "a loopback address";
  if (first >= 224 && first < 240) return "a multicast address";
  return first >= 240 ? "in the reserved 240.0.0.0/4" : null;
}

function unusable6([w0, w1, w2, w3]: readonly number[]): string | null {
  if (w0 === 0 && w1 === 0 && w2 === 0 && w3 === 0) return "the unspecified address";
  if (w0 === 0 && w1 === 0 && w2 === 0 && w3 === 1) return "the loopback address";
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return "an IPv4 address in disguise (RFC 4291 §2.5.5.2)";
  return w0! >>> 24 === 0xff ? "a multicast address" : null;
}
