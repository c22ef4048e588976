import type { ByteWriter } from "../../lib/bytes.ts";
import type { Family } from "../../lib/family.ts";
import type { NextHop } from "../attribute/types.ts";

/** How an update group changes a canonical attribute set on its way out. One object per group, reused for every set. */
export interface AttributeTransform {
  /** False: AS numbers shrink to two octets, AS4_PATH and AS4_AGGREGATOR are added where that loses something (RFC 6793 §4.2.2). */
  readonly fourOctetAs: boolean;
  /** ASes put before the AS_PATH, the leftmost first; empty towards internal peers. */
  readonly prepend: readonly number[];
  /** Codes that are not copied: LOCAL_PREF, MED and the reflector's towards external peers. */
  readonly drop: ReadonlySet<number>;
  /** Written if the set has no LOCAL_PREF; null: never. */
  readonly localPref: number | null;
  /** Prepended to CLUSTER_LIST when `originatorId` below is not 0, as reflecting does (RFC 4456 §8). */
  readonly clusterId: number;
  /** False: extended communities that are not transitive over ASes are left out (RFC 4360 §6). */
  readonly nonTransitiveExtended: boolean;
}

/**
 * Copies the canonical set `bytes[start..end)` to `out` as the transform says, without decoding it.
 * @param nextHop IPv4 next hop for the NEXT_HOP attribute, or -1 when it goes into MP_REACH_NLRI.
 * @param originatorId 0: not reflected; else ORIGINATOR_ID if the set has none yet, and CLUSTER_LIST grows.
 */
export function writeAttributes(
  _bytes: Uint8Array,
  _start: number,
  _end: number,
  _transform: AttributeTransform,
  _nextHop: number,
  _originatorId: number,
  _out: ByteWriter,
): void {
  throw new Error("to follow");
}

/** Octets that one prefix takes in an NLRI field. */
export const nlriSize = (length: number, addPath: boolean): number => 1 + ((length + 7) >>> 3) + (addPath ? 4 : 0);

/**
 * Writes UPDATEs of one family back to back into a chunk. `start…` opens a message, `add…` puts prefixes into it until one
 * doesn't fit, `finish` closes it. IPv4 with an IPv4 next hop takes the fields of RFC 4271, all else the MP attributes.
 */
export class UpdateWriter {
  constructor(_out: ByteWriter, _family: Family, _addPath: boolean, _maxLength: number) {}

  /**
   * Opens an UPDATE that announces. For IPv4 in the fields of RFC 4271 `attributes` holds NEXT_HOP already and `mpNextHop` is null.
   * False: not even one prefix of the family's greatest length fits, and nothing was opened.
   */
  startReach(_attributes: Uint8Array, _from: number, _to: number, _mpNextHop: NextHop | null): boolean {
    throw new Error("to follow");
  }

  /** Opens an UPDATE that withdraws. */
  startUnreach(): void {
    throw new Error("to follow");
  }

  /** False: no room; finish this message and open another. */
  add4(_address: number, _length: number, _pathId: number): boolean {
    throw new Error("to follow");
  }

  /** False: no room; finish this message and open another. */
  add6(_w0: number, _w1: number, _w2: number, _w3: number, _length: number, _pathId: number): boolean {
    throw new Error("to follow");
  }

  /** Fills in the lengths. A message without prefixes is taken back. */
  finish(): void {
    throw new Error("to follow");
  }
}
