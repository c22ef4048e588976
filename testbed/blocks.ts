import { Family } from "../src/lib/family.ts";
import type { PrefixWords } from "../src/lib/prefix-words.ts";

/** IPv4 blocks of one length, one after the other, from number 0 on. */
export const blocks = (first: number, length: number): PrefixWords => ({
  family: Family.Ipv4Unicast,
  word: (id) => (first + id * 2 ** (32 - length)) >>> 0,
  length: () => length,
});
