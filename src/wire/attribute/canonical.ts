import type { ByteWriter } from "../../lib/bytes.ts";
import type { PathAttributes } from "./types.ts";

/**
 * Writes the canonical form: attributes sorted by code, flags normalised, 4-octet AS numbers, communities sorted, without
 * NEXT_HOP, MP_REACH_NLRI and MP_UNREACH_NLRI. Equal sets have equal bytes.
 */
export function encodeCanonical(_attributes: PathAttributes, _out: ByteWriter): void {
  throw new Error("to follow");
}

/** Reads back what `encodeCanonical` wrote; `nextHop` is null. */
export function decodeCanonical(_bytes: Uint8Array, _start: number, _end: number): PathAttributes {
  throw new Error("to follow");
}
