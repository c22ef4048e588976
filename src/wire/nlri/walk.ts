import type { Family } from "../../lib/family.ts";

/** Takes prefixes as numbers; bits behind `length` are zero. `pathId` is 0 without ADD-PATH. */
export interface NlriSink {
  nlri4(address: number, length: number, pathId: number): void;
  nlri6(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void;
}

/** Hands every prefix of a field that `validateNlri` accepted to `sink`. Allocates nothing. */
export function walkNlri(
  _family: Family,
  _bytes: Uint8Array,
  _start: number,
  _end: number,
  _addPath: boolean,
  _sink: NlriSink,
): void {
  throw new Error("to follow");
}

/** Number of prefixes in a field, or -1 if it can't be cut into prefixes (RFC 7606 §5.3). */
export function validateNlri(
  _family: Family,
  _bytes: Uint8Array,
  _start: number,
  _end: number,
  _addPath: boolean,
): number {
  throw new Error("to follow");
}
