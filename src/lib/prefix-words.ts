import type { Prefix } from "./address.ts";
import { Family } from "./family.ts";

/**
 * Prefixes by id, as numbers: how one is handed on where a million go by and no object is made of each, as (prefixes, id). At the edges
 * a prefix is a `Prefix`.
 */
export interface PrefixWords {
  readonly family: Family;
  /** Word `index` of a prefix: 0 for IPv4, 0 to 3 for IPv6. */
  word(id: number, index: number): number;
  length(id: number): number;
}

export function prefixAt(prefixes: PrefixWords, id: number): Prefix {
  const words = [prefixes.word(id, 0)];
  if (prefixes.family === Family.Ipv6Unicast)
    for (let index = 1; index < 4; index++) words.push(prefixes.word(id, index));
  return { family: prefixes.family, words, length: prefixes.length(id) };
}

/** The other way round: one prefix, under any id. */
export const onePrefix = ({ family, words, length }: Prefix): PrefixWords => ({
  family,
  word: (_id, index) => words[index]!,
  length: () => length,
});
