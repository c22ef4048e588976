import { HEADER_LENGTH, MessageType } from "../framer.ts";

/** KEEPALIVE (RFC 4271 §4.4): a header and nothing more. A fresh copy, since bytes handed to a socket are never written again. */
export function encodeKeepalive(): Uint8Array {
  return encodeHeader(MessageType.Keepalive, HEADER_LENGTH);
}

/** A message of `length` octets with its header filled in (RFC 4271 §4.1); the body is left zero. */
export function encodeHeader(type: MessageType, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.fill(0xff, 0, 16);
  bytes[16] = length >>> 8;
  bytes[17] = length;
  bytes[18] = type;
  return bytes;
}
