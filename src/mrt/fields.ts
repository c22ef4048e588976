import { formatAddress, maskWord } from "../lib/address.ts";
import type { ByteReader } from "../lib/bytes.ts";
import { Family } from "../lib/family.ts";
import { validateNlri, walkNlri } from "../wire/nlri/walk.ts";
import { MrtError, type MrtPrefix } from "./record.ts";

/** Fields that several kinds of record share. */

export function readWords(reader: ByteReader, count: 1 | 4): number[] {
  return Array.from({ length: count }, () => reader.u32());
}

/** An address whose size an AFI tells: 1 IPv4, 2 IPv6. @throws MrtError for another AFI */
export function readAddress(reader: ByteReader, afi: number): string {
  if (afi !== 1 && afi !== 2)
    throw new MrtError(`address family ${afi} is neither 1 (IPv4) nor 2 (IPv6)`, reader.position - 2);
  return formatAddress(readWords(reader, afi === 1 ? 1 : 4));
}

/** A prefix as in an NLRI field: its length in bits, then just enough octets. @throws MrtError */
export function readPrefix(reader: ByteReader, family: Family, pathId: number | null): MrtPrefix {
  const at = reader.position;
  const length = reader.u8();
  const bits = family === Family.Ipv4Unicast ? 32 : 128;
  if (length > bits) throw new MrtError(`a prefix of ${length} bits, at most ${bits} are possible`, at);
  const octets = reader.view((length + 7) >>> 3);
  return { family, words: wordsOf(octets, family, length), length, pathId };
}

/** Words of a prefix in whole words: old records have all octets of the address. */
export const maskedWords = (words: readonly number[], length: number): number[] =>
  words.map((word, i) => (word & maskWord(length - 32 * i)) >>> 0);

function wordsOf(octets: Uint8Array, family: Family, length: number): number[] {
  const words: number[] = [];
  for (let i = 0; i < (family === Family.Ipv4Unicast ? 4 : 16); i += 4) {
    const at = (offset: number) => octets[i + offset] ?? 0;
    words.push(((at(0) << 24) | (at(1) << 16) | (at(2) << 8) | at(3)) >>> 0);
  }
  return maskedWords(words, length);
}

/** The prefixes of an NLRI field. @throws MrtError */
export function readNlri(family: Family, bytes: Uint8Array, start: number, end: number, addPath: boolean): MrtPrefix[] {
  if (validateNlri(family, bytes, start, end, addPath) < 0)
    throw new MrtError("a field of prefixes can't be cut into prefixes", start);
  const prefixes: MrtPrefix[] = [];
  const add = (words: number[], length: number, pathId: number) =>
    prefixes.push({ family, words, length, pathId: addPath ? pathId : null });
  walkNlri(family, bytes, start, end, addPath, {
    nlri4: (address, length, pathId) => add([address], length, pathId),
    nlri6: (w0, w1, w2, w3, length, pathId) => add([w0, w1, w2, w3], length, pathId),
  });
  return prefixes;
}
