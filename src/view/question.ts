import { addressFamily, formatAddress, formatPrefix, maskWord, tryParseAddress } from "../lib/address.ts";
import type { PrefixQuestion } from "./view-port.ts";

/** A prefix or an address as a person writes it; a sentence (what it must be) if it is neither. */
export function parseQuestion(text: string): PrefixQuestion | string {
  const slash = text.indexOf("/");
  const words = tryParseAddress(slash < 0 ? text : text.slice(0, slash));
  if (words === undefined) return "must be a prefix or an address";
  const bits = words.length * 32;
  const isAddress = slash < 0;
  const lengthText = isAddress ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > bits) return `must have a length from 0 to ${bits}`;
  const length = Number(lengthText);
  const masked = words.map((word, i) => (word & maskWord(length - 32 * i)) >>> 0);
  if (masked.some((word, i) => word !== words[i]))
    return `must have no bits set behind its length (the prefix is ${formatPrefix({ words: masked, length })})`;
  return {
    text: isAddress ? formatAddress(words) : formatPrefix({ words, length }),
    family: addressFamily(words),
    words,
    length,
    isAddress,
  };
}
