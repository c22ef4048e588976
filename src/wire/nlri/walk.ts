import { wordAt } from "../../lib/bytes.ts";
import { Family } from "../../lib/family.ts";

/**
 * NLRI fields: a list of <length in bits, just enough octets> (RFC 4271 §4.3, RFC 4760 §5), each with a path identifier in
 * front where ADD-PATH was agreed (RFC 7911 §3). A field is validated as a whole before a single prefix is handed on, since one
 * that can't be cut ends the session (RFC 7606 §5.3) and must leave nothing half done.
 */

/** Takes prefixes as numbers; bits behind `length` are zero. `pathId` is 0 without ADD-PATH. */
export interface NlriSink {
  nlri4(address: number, length: number, pathId: number): void;
  nlri6(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void;
}

/** Number of prefixes in a field, or -1 if it can't be cut into prefixes (RFC 7606 §5.3). */
export function validateNlri(family: Family, bytes: Uint8Array, start: number, end: number, addPath: boolean): number {
  const maximum = family === Family.Ipv4Unicast ? 32 : 128;
  const extra = addPath ? 4 : 0;
  let count = 0;
  let at = start;
  while (at < end) {
    at += extra;
    if (at >= end) return -1;
    const bits = bytes[at]!;
    if (bits > maximum) return -1;
    at += 1 + ((bits + 7) >>> 3);
    count++;
  }
  return at === end ? count : -1;
}

/** Hands every prefix of a field that `validateNlri` accepted to `sink`. Allocates nothing. */
export function walkNlri(
  family: Family,
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  sink: NlriSink,
): void {
  if (family === Family.Ipv4Unicast) walk4(bytes, start, end, addPath, sink);
  else walk6(bytes, start, end, addPath, sink);
}

function walk4(bytes: Uint8Array, start: number, end: number, addPath: boolean, sink: NlriSink): void {
  let at = start;
  while (at < end) {
    let pathId = 0;
    if (addPath) {
      pathId = wordAt(bytes, at);
      at += 4;
    }
    const length = bytes[at++]!;
    const octets = (length + 7) >>> 3;
    let address = 0;
    if (octets > 0) address = bytes[at]! << 24;
    if (octets > 1) address |= bytes[at + 1]! << 16;
    if (octets > 2) address |= bytes[at + 2]! << 8;
    if (octets > 3) address |= bytes[at + 3]!;
    // "The value of trailing bits is irrelevant" (RFC 4271 §4.3): two spellings are one prefix.
    if (length < 32) address &= length === 0 ? 0 : -1 << (32 - length);
    at += octets;
    sink.nlri4(address >>> 0, length, pathId);
  }
}

function walk6(bytes: Uint8Array, start: number, end: number, addPath: boolean, sink: NlriSink): void {
  let at = start;
  while (at < end) {
    let pathId = 0;
    if (addPath) {
      pathId = wordAt(bytes, at);
      at += 4;
    }
    const length = bytes[at++]!;
    const stop = at + ((length + 7) >>> 3);
    const w0 = prefixWord(bytes, at, stop, length);
    const w1 = length > 32 ? prefixWord(bytes, at + 4, stop, length - 32) : 0;
    const w2 = length > 64 ? prefixWord(bytes, at + 8, stop, length - 64) : 0;
    const w3 = length > 96 ? prefixWord(bytes, at + 12, stop, length - 96) : 0;
    at = stop;
    sink.nlri6(w0, w1, w2, w3, length, pathId);
  }
}

/** The word at `at`, of which only octets before `stop` and the first `bits` bits count. */
function prefixWord(bytes: Uint8Array, at: number, stop: number, bits: number): number {
  if (bits >= 32) return wordAt(bytes, at);
  if (bits <= 0) return 0;
  let value = bytes[at]! << 24;
  if (at + 1 < stop) value |= bytes[at + 1]! << 16;
  if (at + 2 < stop) value |= bytes[at + 2]! << 8;
  if (at + 3 < stop) value |= bytes[at + 3]!;
  return (value & (-1 << (32 - bits))) >>> 0;
}
