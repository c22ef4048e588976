import { Address4, Address6 } from "ip-address";
import { wordAt } from "../lib/bytes.ts";

/**
 * Words of an address that an operator wrote: one for IPv4, four for IPv6; undefined if it is none. The library knows the forms
 * that people use and the ones that look like an address and aren't; tables and views have their own, faster way (`lib/address.ts`).
 */
export function addressWords(text: string): readonly number[] | undefined {
  if (/[/%[\]\s]/.test(text)) return undefined;
  if (Address4.isValid(text)) return wordsOf(new Address4(text).toArray());
  if (!Address6.isValid(text)) return undefined;
  const groups = new Address6(text).canonicalForm().split(":");
  return wordsOf(
    groups.flatMap((group) => [Number.parseInt(group.slice(0, 2), 16), Number.parseInt(group.slice(2), 16)]),
  );
}

function wordsOf(octets: readonly number[]): number[] {
  const bytes = Uint8Array.from(octets);
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) words.push(wordAt(bytes, i));
  return words;
}
