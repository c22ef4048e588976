import { Family } from "./family.ts";

/**
 * Addresses as words. An IPv4 address is one unsigned 32-bit word, an IPv6 address four, most significant first.
 * Plain-path code (config, sessions, views) holds addresses as canonical text (RFC 5952); tables hold words.
 */
export type Ipv6Words = readonly [number, number, number, number];

/** A prefix at the edges. `words` has one element for IPv4 and four for IPv6; bits behind `length` are zero. */
export interface Prefix {
  readonly family: Family;
  readonly words: readonly number[];
  readonly length: number;
}

export class AddressError extends Error {}

export const formatIpv4 = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;

/** Strict dotted quad: four decimal numbers up to 255 without leading zeroes; undefined if it is not one. */
export function tryParseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    word = ((word << 8) | octet) >>> 0;
  }
  return word;
}

/** @throws AddressError if `text` is not an IPv4 address. */
export function parseIpv4(text: string): number {
  const word = tryParseIpv4(text);
  if (word === undefined) throw new AddressError(`not an IPv4 address: "${text}"`);
  return word;
}

/** RFC 5952: lower case, no leading zeroes, the longest run of two or more zero groups (the first of equals) as "::". */
function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return `::ffff:${formatIpv4(w3)}`;
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff];
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    i = end === i ? i + 1 : end;
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return bestStart < 0 ? hex(0, 8) : `${hex(0, bestStart)}::${hex(bestStart + bestLength, 8)}`;
}

/** Text to four words (an embedded dotted quad is read, a zone is not); undefined if it is not an IPv6 address. */
function tryParseIpv6(text: string): Ipv6Words | undefined {
  let source = text;
  const lastColon = source.lastIndexOf(":");
  if (lastColon < 0) return undefined;
  if (source.includes(".")) {
    const quad = tryParseIpv4(source.slice(lastColon + 1));
    if (quad === undefined) return undefined;
    source = `${source.slice(0, lastColon + 1)}${(quad >>> 16).toString(16)}:${(quad & 0xffff).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) return undefined;
  const head = halves[0] === "" ? [] : halves[0]!.split(":");
  const tail = halves.length === 1 || halves[1] === "" ? [] : halves[1]!.split(":");
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<string>(missing).fill("0"), ...tail];
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(groups[i]!) || !/^[0-9a-fA-F]{1,4}$/.test(groups[i + 1]!)) return undefined;
    words.push(((Number.parseInt(groups[i]!, 16) << 16) | Number.parseInt(groups[i + 1]!, 16)) >>> 0);
  }
  return words as unknown as Ipv6Words;
}

/** Words of an address of either family: one element for IPv4, four for IPv6; undefined if it is neither. */
export function tryParseAddress(text: string): readonly number[] | undefined {
  const word = tryParseIpv4(text);
  return word === undefined ? tryParseIpv6(text) : [word];
}

/** @throws AddressError if `text` is not an address. */
export function parseAddress(text: string): readonly number[] {
  const words = tryParseAddress(text);
  if (words === undefined) throw new AddressError(`not an IP address: "${text}"`);
  return words;
}

/** One word is written as IPv4, four as IPv6. */
export const formatAddress = (words: ArrayLike<number>): string =>
  words.length === 1 ? formatIpv4(words[0]!) : formatIpv6(words[0]!, words[1]!, words[2]!, words[3]!);

export const addressFamily = (words: ArrayLike<number>): Family =>
  words.length === 1 ? Family.Ipv4Unicast : Family.Ipv6Unicast;

/** Mask of the `bits` most significant bits of a word; `bits` 0..32. */
export const maskWord = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (-1 << (32 - bits)) >>> 0);

/** @throws AddressError if `text` is not ADDRESS/LENGTH or has bits set behind its length. */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  const words = tryParseAddress(slash < 0 ? text : text.slice(0, slash));
  if (words === undefined) throw new AddressError(`not a prefix: "${text}"`);
  const bits = words.length * 32;
  const lengthText = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > bits)
    throw new AddressError(`not a prefix: "${text}" (its length must be 0 to ${bits})`);
  const length = Number(lengthText);
  const masked = words.map((word, i) => (word & maskWord(length - 32 * i)) >>> 0);
  if (masked.some((word, i) => word !== words[i]))
    throw new AddressError(
      `"${text}" has bits set behind its length; the prefix is ${formatAddress(masked)}/${length}`,
    );
  return { family: addressFamily(words), words, length };
}

export const formatPrefix = ({ words, length }: Pick<Prefix, "words" | "length">): string =>
  `${formatAddress(words)}/${length}`;

/** fe80::/10 (RFC 4291 §2.5.6): it means something on one link only. */
export const isLinkLocal = (words: readonly number[]): boolean => words.length === 4 && words[0]! >>> 22 === 0x3fa;

/** Whether `words` lies inside `prefix`; false for another family. */
export function prefixContains(prefix: Prefix, words: ArrayLike<number>): boolean {
  if (words.length !== prefix.words.length) return false;
  for (let i = 0; i < words.length; i++)
    if (((words[i]! ^ prefix.words[i]!) & maskWord(prefix.length - 32 * i)) !== 0) return false;
  return true;
}

/** Orders addresses as unsigned big-endian numbers; IPv4 before IPv6. */
export function compareAddresses(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
