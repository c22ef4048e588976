import type { MessageType } from "../framer.ts";

/** A message of `length` octets with its header filled in (RFC 4271 §4.1); the body is left zero. */
export function encodeHeader(type: MessageType, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.fill(0xff, 0, 16);
  bytes[16] = length >>> 8;
  bytes[17] = length;
  bytes[18] = type;
  return bytes;
}
