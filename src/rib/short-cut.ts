import type { ByteWriter } from "../lib/bytes.ts";
import type { Reach } from "../wire/attribute/decode.ts";
import { Flag } from "../wire/attribute/row.ts";
import { codecOf } from "../wire/attribute/table.ts";
import { type CodecContext, defaultLimits } from "../wire/context.ts";

/**
 * From an attribute section straight to canonical octets, for sections that are plainly right: most of what peers send. The
 * long way through `decodeAttributes` and `encodeCanonical` takes some ten times as long, which a table of a hundred
 * thousand attribute sets makes seconds of. Whatever isn't plain (unknown or repeated attributes, flags out of the ordinary,
 * two-octet ASes, anything that is wrong) goes the long way: the short cut never judges. A test keeps the two equal.
 */
export class ShortCut {
  /** NEXT_HOP of the last section. */
  nextHop = 0;
  readonly #start = new Int32Array(CODES);
  readonly #end = new Int32Array(CODES);
  readonly #words = new Uint32Array((MAX_SORTED + 1) * 3);

  /** Appends the canonical form to `out`; false, with `out` as it was, if the section isn't plain. */
  run(bytes: Uint8Array, start: number, end: number, context: CodecContext, reach: Reach, out: ByteWriter): boolean {
    if (!context.fourOctetAs || context.dropAttributes.size > 0 || !this.#locate(bytes, start, end)) return false;
    const internal = context.peerKind === "internal";
    const limits = context.limits ?? defaultLimits;
    const from = this.#start;
    const to = this.#end;
    if (from[ORIGIN] === 0 || to[ORIGIN]! - from[ORIGIN]! !== 1 || bytes[from[ORIGIN]!]! > 2) return false;
    if (from[AS_PATH] === 0 || !plainPath(bytes, from[AS_PATH]!, to[AS_PATH]!, context, limits.asPathLength))
      return false;
    if (from[NEXT_HOP] === 0) {
      if (reach === "ipv4-nlri") return false;
    } else {
      if (to[NEXT_HOP]! - from[NEXT_HOP]! !== 4) return false;
      this.nextHop = word(bytes, from[NEXT_HOP]!);
    }
    if (from[MED] !== 0 && to[MED]! - from[MED]! !== 4) return false;
    if (from[LOCAL_PREF] !== 0 && (!internal || to[LOCAL_PREF]! - from[LOCAL_PREF]! !== 4)) return false;
    if (from[ATOMIC_AGGREGATE] !== 0 && to[ATOMIC_AGGREGATE] !== from[ATOMIC_AGGREGATE]) return false;
    if (from[AGGREGATOR] !== 0 && (to[AGGREGATOR]! - from[AGGREGATOR]! !== 8 || word(bytes, from[AGGREGATOR]!) === 0))
      return false;
    if (from[ORIGINATOR_ID] !== 0 && (!internal || to[ORIGINATOR_ID]! - from[ORIGINATOR_ID]! !== 4)) return false;
    if (from[CLUSTER_LIST] !== 0) {
      const length = to[CLUSTER_LIST]! - from[CLUSTER_LIST]!;
      if (!internal || length === 0 || (length & 3) !== 0 || length >>> 2 > limits.clusterListLength) return false;
    }
    const tuples = Math.min(limits.communities, MAX_SORTED);
    if (!plainTuples(from[COMMUNITIES]!, to[COMMUNITIES]!, 4, tuples)) return false;
    if (!plainTuples(from[EXTENDED_COMMUNITIES]!, to[EXTENDED_COMMUNITIES]!, 8, tuples)) return false;
    if (!plainTuples(from[LARGE_COMMUNITIES]!, to[LARGE_COMMUNITIES]!, 12, tuples)) return false;
    for (const code of written) {
      if (from[code] === 0) continue;
      if (code === COMMUNITIES) this.#writeSorted(bytes, code, 1, out);
      else if (code === EXTENDED_COMMUNITIES) this.#writeSorted(bytes, code, 2, out);
      else if (code === LARGE_COMMUNITIES) this.#writeSorted(bytes, code, 3, out);
      else this.#write(bytes, code, out);
    }
    return true;
  }

  /** Where the value of each attribute stands. The scan of the UPDATE has made sure that headers and lengths fit. */
  #locate(bytes: Uint8Array, start: number, end: number): boolean {
    this.#start.fill(0);
    for (let at = start; at < end; ) {
      const flags = bytes[at]!;
      const code = bytes[at + 1]!;
      const extended = (flags & Flag.EXTENDED) !== 0;
      const value = at + (extended ? 4 : 3);
      at = value + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
      if (code === MP_REACH || code === MP_UNREACH) continue;
      if (code >= CODES || (flags & 0xe0) !== flagsOf[code] || this.#start[code] !== 0) return false;
      this.#start[code] = value;
      this.#end[code] = at;
    }
    return true;
  }

  #write(bytes: Uint8Array, code: number, out: ByteWriter): void {
    const from = this.#start[code]!;
    const length = this.#end[code]! - from;
    let to = writeHeader(out, code, length);
    const target = out.bytes;
    for (let at = from; at < from + length; at++, to++) target[to] = bytes[at]!;
  }

  /** Communities in order and without repetitions, as tuples of `width` words. */
  #writeSorted(bytes: Uint8Array, code: number, width: number, out: ByteWriter): void {
    const words = this.#words;
    let count = 0;
    for (let at = this.#start[code]!, end = this.#end[code]!; at < end; at += width * 4) {
      for (let i = 0; i < width; i++) words[count * width + i] = word(bytes, at + i * 4);
      count = settle(words, count, width);
    }
    let to = writeHeader(out, code, count * width * 4);
    const target = out.bytes;
    for (let i = 0; i < count * width; i++, to += 4) {
      const value = words[i]!;
      target[to] = value >>> 24;
      target[to + 1] = value >>> 16;
      target[to + 2] = value >>> 8;
      target[to + 3] = value;
    }
  }
}

const ORIGIN = 1;
const AS_PATH = 2;
const NEXT_HOP = 3;
const MED = 4;
const LOCAL_PREF = 5;
const ATOMIC_AGGREGATE = 6;
const AGGREGATOR = 7;
const COMMUNITIES = 8;
const ORIGINATOR_ID = 9;
const CLUSTER_LIST = 10;
const MP_REACH = 14;
const MP_UNREACH = 15;
const EXTENDED_COMMUNITIES = 16;
const LARGE_COMMUNITIES = 32;
const CODES = 33;
/** More communities of a kind than this are sorted by the long way, which doesn't take the square of their number. */
const MAX_SORTED = 64;

/** What goes into the canonical form, in its order. */
const written = [
  ORIGIN,
  AS_PATH,
  MED,
  LOCAL_PREF,
  ATOMIC_AGGREGATE,
  AGGREGATOR,
  COMMUNITIES,
  ORIGINATOR_ID,
  CLUSTER_LIST,
  EXTENDED_COMMUNITIES,
  LARGE_COMMUNITIES,
];

/** The flags of the attributes that are known here, from the attribute table; 0xff for others. */
const flagsOf = new Uint8Array(CODES).fill(0xff);
for (const code of [...written, NEXT_HOP]) flagsOf[code] = codecOf(code)!.flags;

const word = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

function plainPath(bytes: Uint8Array, start: number, end: number, context: CodecContext, limit: number): boolean {
  let total = 0;
  let at = start;
  while (at < end) {
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    const next = at + 2 + count * 4;
    if (next > end || count === 0 || (type !== 2 && (type !== 1 || context.rejectAsSets === true))) return false;
    for (let as = at + 2; as < next; as += 4)
      if ((bytes[as]! | bytes[as + 1]! | bytes[as + 2]! | bytes[as + 3]!) === 0) return false;
    total += count;
    at = next;
  }
  if (total > limit) return false;
  if (context.peerKind === "internal" || !context.enforceFirstAs) return true;
  return end > start && bytes[start] === 2 && word(bytes, start + 2) === context.remoteAs;
}

const plainTuples = (start: number, end: number, width: number, limit: number): boolean =>
  start === 0 || (end > start && (end - start) % width === 0 && end - start <= limit * width);

/** Returns where the value goes, with room made for it. */
function writeHeader(out: ByteWriter, code: number, length: number): number {
  const extended = length > 255;
  out.reserve(length + (extended ? 4 : 3));
  const value = out.length - length;
  if (extended) {
    out.bytes[value - 4] = flagsOf[code]! | Flag.EXTENDED;
    out.bytes[value - 3] = code;
    out.bytes[value - 2] = length >>> 8;
  } else {
    out.bytes[value - 3] = flagsOf[code]!;
    out.bytes[value - 2] = code;
  }
  out.bytes[value - 1] = length;
  return value;
}

/** Moves tuple number `count` to its place among those before it; returns how many there are then (it may be there already). */
function settle(words: Uint32Array, count: number, width: number): number {
  let place = count;
  while (place > 0) {
    let order = 0;
    for (let i = 0; i < width && order === 0; i++) order = words[(place - 1) * width + i]! - words[count * width + i]!;
    if (order === 0) return count;
    if (order < 0) break;
    place--;
  }
  if (place === count) return count + 1;
  const first = count * width;
  const a = words[first]!;
  const b = words[first + 1]!;
  const c = words[first + 2]!;
  words.copyWithin((place + 1) * width, place * width, first);
  words[place * width] = a;
  if (width > 1) words[place * width + 1] = b;
  if (width > 2) words[place * width + 2] = c;
  return count + 1;
}
