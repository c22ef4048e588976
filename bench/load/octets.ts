import { parseAddress } from "../../src/lib/address.ts";

/** An address as 4 or 16 octets. */
export function octets(text: string): Uint8Array {
  const words = parseAddress(text);
  const bytes = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, i) => void bytes.setUint32(i * 4, word));
  return new Uint8Array(bytes.buffer);
}
