import { wordAt } from "../../lib/bytes.ts";
import { NLA_TYPE_MASK, NLM_F_REQUEST } from "./constants.ts";

/**
 * Netlink messages (RFC 3549): a 16-octet header, a fixed part, then attributes (length, type, value), everything padded
 * to four octets and in host byte order, addresses excepted. Buffers are reused; little-endian machines only, which
 * `assertLittleEndian` checks once at the door.
 */
export const HEADER_BYTES = 16;

export function assertLittleEndian(): void {
  if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1)
    throw new Error("Cannot speak netlink: this machine is big-endian, which was never tried");
}

/** Octets of an address word, most significant first, as one little-endian word: what a netlink attribute holds. */
export const networkOrder = (word: number): number =>
  ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;

/** Builds messages back to back into one preallocated buffer, as one send() takes them. */
export class MessageBuffer {
  readonly bytes: Uint8Array;
  /** The same memory as 32-bit words: everything in netlink is aligned to four. */
  readonly words: Uint32Array;
  length = 0;
  /** Messages begun since `clear`. */
  count = 0;
  #start = 0;

  constructor(capacity: number) {
    this.words = new Uint32Array(capacity >>> 2);
    this.bytes = new Uint8Array(this.words.buffer);
  }

  clear(): void {
    this.length = 0;
    this.count = 0;
  }

  /** Octets still free. */
  get room(): number {
    return this.bytes.length - this.length;
  }

  /** Starts a message; `end` sets its length. */
  begin(type: number, flags: number, sequence: number): void {
    this.#start = this.length;
    this.word(0);
    this.word(type | ((flags | NLM_F_REQUEST) << 16));
    this.word(sequence);
    this.word(0);
    this.count++;
  }

  end(): void {
    this.words[this.#start >>> 2] = this.length - this.#start;
  }

  word(value: number): void {
    this.words[this.length >>> 2] = value;
    this.length += 4;
  }

  attributeU32(type: number, value: number): void {
    this.word(8 | (type << 16));
    this.word(value);
  }

  attributeU8(type: number, value: number): void {
    this.word(5 | (type << 16));
    this.word(value & 0xff);
  }

  /** Two octets in network order (ports). */
  attributePort(type: number, port: number): void {
    this.word(6 | (type << 16));
    this.word(((port & 0xff) << 8) | (port >>> 8));
  }

  /** An address of one or four words. */
  attributeAddress(type: number, address: ArrayLike<number>): void {
    this.word((4 + address.length * 4) | (type << 16));
    for (let i = 0; i < address.length; i++) this.word(networkOrder(address[i]!));
  }

  attributeBytes(type: number, value: Uint8Array): void {
    this.word((4 + value.length) | (type << 16));
    const at = this.length;
    this.length += (value.length + 3) & ~3;
    this.bytes.fill(0, at + value.length, this.length);
    this.bytes.set(value, at);
  }

  /** Text with its closing zero (interface names). */
  attributeText(type: number, text: string): void {
    this.attributeBytes(type, new TextEncoder().encode(`${text}\0`));
  }

  /** Starts an attribute that holds attributes; give what it returns to `closeNest`. */
  openNest(type: number): number {
    this.word(4 | (type << 16));
    return this.length - 4;
  }

  closeNest(start: number): void {
    this.words[start >>> 2] = (this.words[start >>> 2]! & 0xffff0000) | (this.length - start);
  }
}

export const readU16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);

/** Little-endian, as netlink's own numbers are. */
export const readU32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** An address of 4 or 16 octets as words; null for any other length. */
export function readAddress(bytes: Uint8Array, at: number, length: number): readonly number[] | null {
  if (length === 4) return [wordAt(bytes, at)];
  if (length !== 16) return null;
  return [0, 4, 8, 12].map((offset) => wordAt(bytes, at + offset));
}

/** Text up to its closing zero. */
export function readText(bytes: Uint8Array, at: number, end: number): string {
  let stop = at;
  while (stop < end && bytes[stop] !== 0) stop++;
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, stop - at).toString("utf8");
}

/**
 * Calls `each` for the attributes in [at, end): type without its mark bits, where the value starts and ends. A length
 * that doesn't fit ends the walk: the kernel never sends one.
 */
export function eachAttribute(
  bytes: Uint8Array,
  at: number,
  end: number,
  each: (type: number, from: number, to: number) => void,
): void {
  while (at + 4 <= end) {
    const length = readU16(bytes, at);
    if (length < 4 || at + length > end) return;
    each(readU16(bytes, at + 2) & NLA_TYPE_MASK, at + 4, at + length);
    at += (length + 3) & ~3;
  }
}

/** Calls `each` for the messages in the first `length` octets of a datagram: where each starts and ends. */
export function eachMessage(
  bytes: Uint8Array,
  length: number,
  each: (type: number, flags: number, start: number, end: number) => void,
): void {
  let at = 0;
  while (at + HEADER_BYTES <= length) {
    const size = readU32(bytes, at);
    if (size < HEADER_BYTES || at + size > length) return;
    each(readU16(bytes, at + 4), readU16(bytes, at + 6), at, at + size);
    at += (size + 3) & ~3;
  }
}
