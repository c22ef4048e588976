import { type CodecContext, defaultLimits } from "../context.ts";
import type { UpdateLayout } from "../message/update-layout.ts";
import type { Reach } from "./decode.ts";
import { mpReach, mpUnreach } from "./mp.ts";
import { Flag } from "./row.ts";
import { SegmentType } from "./types.ts";

/**
 * The hot way from a received attribute section to its canonical bytes, octets to octets: for sections in which all is well,
 * which is nearly all of them. Anything else (a fault, a two-octet peer, long lists out of order) makes it say no, and the
 * table of `decode.ts` gives the verdict. It knows nothing that the table doesn't: a test holds the two against each other.
 */
export class Canonicalizer {
  /** What `run` wrote, from 0 to `length`; reused by the next. */
  bytes = new Uint8Array(4096);
  length = 0;
  /** Value of NEXT_HOP as a word; only meaningful when `run` was asked for "ipv4-nlri". */
  nextHop = 0;
  readonly #codes = new Uint8Array(MOST);
  readonly #flags = new Uint8Array(MOST);
  readonly #starts = new Int32Array(MOST);
  readonly #ends = new Int32Array(MOST);
  #count = 0;
  #sortable = new Uint32Array(MOST);

  /** Whether the section was plain; then `bytes` holds what `encodeCanonical` would have written after `decodeAttributes`. */
  run(bytes: Uint8Array, layout: UpdateLayout, context: CodecContext, reach: Reach): boolean {
    if (layout.error !== null || !context.fourOctetAs || reach === "none") return false;
    if (!this.#collect(bytes, layout.attributesStart, layout.attributesEnd, context)) return false;
    const needed = layout.attributesEnd - layout.attributesStart + this.#count + 16;
    if (this.bytes.length < needed) this.bytes = new Uint8Array(2 * needed);
    this.length = 0;
    let found = 0;
    for (let i = 0; i < this.#count; i++) {
      const code = this.#codes[i]!;
      if (code <= 3) found |= 1 << code;
      if (!this.#write(bytes, code, this.#flags[i]!, this.#starts[i]!, this.#ends[i]!, context)) return false;
    }
    const mandatory = reach === "ipv4-nlri" ? 0b1110 : 0b0110;
    return (found & mandatory) === mandatory;
  }

  /** Lists the attributes by code, without the MP ones; false if one occurs twice or there are too many. */
  #collect(bytes: Uint8Array, start: number, end: number, context: CodecContext): boolean {
    const drops = context.dropAttributes.size > 0;
    let unknown = 0;
    this.#count = 0;
    for (let at = start; at < end; ) {
      const flags = bytes[at]!;
      const code = bytes[at + 1]!;
      const extended = (flags & Flag.EXTENDED) !== 0;
      const from = at + (extended ? 4 : 3);
      const to = from + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
      at = to;
      if (code === mpReach.code || code === mpUnreach.code) continue;
      if (this.#count === MOST || (drops && context.dropAttributes.has(code))) return false;
      // Nearly always already in order: the place is right behind the last.
      let place = this.#count++;
      while (place > 0 && this.#codes[place - 1]! >= code) {
        if (this.#codes[place - 1] === code) return false;
        this.#codes[place] = this.#codes[place - 1]!;
        this.#flags[place] = this.#flags[place - 1]!;
        this.#starts[place] = this.#starts[place - 1]!;
        this.#ends[place] = this.#ends[place - 1]!;
        place--;
      }
      this.#codes[place] = code;
      this.#flags[place] = flags;
      this.#starts[place] = from;
      this.#ends[place] = to;
      if (code > 35 || (code > 18 && code < 32)) unknown++;
    }
    return unknown <= (context.limits ?? defaultLimits).unknownAttributes;
  }

  /** Checks one attribute and copies it; false for anything that the table has to judge. */
  #write(bytes: Uint8Array, code: number, flags: number, from: number, to: number, context: CodecContext): boolean {
    const length = to - from;
    const kind = flags & (Flag.OPTIONAL | Flag.TRANSITIVE);
    const internal = context.peerKind === "internal";
    switch (code) {
      case 1:
        if (kind !== Flag.TRANSITIVE || length !== 1 || bytes[from]! > 2) return false;
        break;
      case 2:
        if (kind !== Flag.TRANSITIVE || !isPlainPath(bytes, from, to, context)) return false;
        break;
      case 3:
        if (kind !== Flag.TRANSITIVE || length !== 4) return false;
        this.nextHop = word(bytes, from);
        return true;
      case 4:
        if (kind !== Flag.OPTIONAL || length !== 4) return false;
        break;
      case 5:
        if (kind !== Flag.TRANSITIVE || length !== 4 || !internal) return false;
        break;
      case 6:
        if (kind !== Flag.TRANSITIVE || length !== 0) return false;
        break;
      case 7:
        if (kind !== BOTH || length !== 8 || word(bytes, from) === 0) return false;
        break;
      case 8:
        if (kind !== BOTH || length === 0 || length % 4 !== 0) return false;
        if (length > (context.limits ?? defaultLimits).communityOctets) return false;
        if (isAscending(bytes, from, to, 1)) break;
        return this.#sortWords(bytes, from, to, flags);
      case 9:
        if (kind !== Flag.OPTIONAL || length !== 4 || !internal) return false;
        break;
      case 10:
        if (kind !== Flag.OPTIONAL || length === 0 || length % 4 !== 0 || !internal) return false;
        if (length / 4 > (context.limits ?? defaultLimits).clusterListLength) return false;
        break;
      case 16:
        if (kind !== BOTH || length === 0 || length % 8 !== 0 || !isAscending(bytes, from, to, 2)) return false;
        if (length > (context.limits ?? defaultLimits).communityOctets) return false;
        break;
      case 32:
        if (kind !== BOTH || length === 0 || length % 12 !== 0 || !isAscending(bytes, from, to, 3)) return false;
        if (length > (context.limits ?? defaultLimits).communityOctets) return false;
        break;
      case 35:
        if (kind !== BOTH || length !== 4) return false;
        break;
      case 17:
      case 18:
        return false;
      default:
        // RFC 4271 §5: not ours. Passed on as Partial, dropped, or (well-known) a fault.
        if (kind === Flag.OPTIONAL) return true;
        if (kind !== BOTH) return false;
        this.#copy(bytes, BOTH | Flag.PARTIAL, code, from, to);
        return true;
    }
    this.#copy(bytes, kind === BOTH ? flags & (BOTH | Flag.PARTIAL) : kind, code, from, to);
    return true;
  }

  #copy(bytes: Uint8Array, flags: number, code: number, from: number, to: number): void {
    let at = this.#header(flags, code, to - from);
    const out = this.bytes;
    for (let i = from; i < to; i++) out[at++] = bytes[i]!;
    this.length = at;
  }

  /** Writes flags, code and length; returns where the value goes. */
  #header(flags: number, code: number, length: number): number {
    const out = this.bytes;
    let at = this.length;
    out[at++] = length > 255 ? flags | Flag.EXTENDED : flags;
    out[at++] = code;
    if (length > 255) out[at++] = length >>> 8;
    out[at++] = length;
    return at;
  }

  /** Communities out of order: sorted and rid of repetitions while they are few. */
  #sortWords(bytes: Uint8Array, from: number, to: number, flags: number): boolean {
    if (to - from > 4 * MOST) return false;
    const words = this.#sortable;
    let count = 0;
    for (let at = from; at < to; at += 4) {
      const value = word(bytes, at);
      let place = count;
      while (place > 0 && words[place - 1]! > value) place--;
      if (place > 0 && words[place - 1] === value) continue;
      words.copyWithin(place + 1, place, count++);
      words[place] = value;
    }
    let at = this.#header(flags & (BOTH | Flag.PARTIAL), 8, 4 * count);
    const out = this.bytes;
    for (let i = 0; i < count; i++) {
      const value = words[i]!;
      out[at++] = value >>> 24;
      out[at++] = value >>> 16;
      out[at++] = value >>> 8;
      out[at++] = value;
    }
    this.length = at;
    return true;
  }
}

/** Attributes in one section, and communities sorted here, beyond which the table takes over. */
const MOST = 64;
const BOTH = Flag.OPTIONAL | Flag.TRANSITIVE;

const word = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

/** Whether items of `words` words each stand in strictly ascending order. */
function isAscending(bytes: Uint8Array, from: number, to: number, words: number): boolean {
  const size = 4 * words;
  for (let at = from + size; at < to; at += size) {
    let i = 0;
    while (i < size && bytes[at + i] === bytes[at - size + i]) i++;
    if (i === size || bytes[at + i]! < bytes[at - size + i]!) return false;
  }
  return true;
}

/** Whether an AS_PATH of 4-octet ASes is one that nothing can be said against. */
function isPlainPath(bytes: Uint8Array, from: number, to: number, context: CodecContext): boolean {
  let total = 0;
  let neighborAs = 0;
  for (let at = from; at < to; ) {
    if (to - at < 2) return false;
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    const end = at + 2 + 4 * count;
    if (count === 0 || end > to) return false;
    if (type !== SegmentType.Sequence) {
      if (type < 1 || type > 4 || context.rejectAsSets === true) return false;
      if (type !== SegmentType.Set && context.peerKind === "external") return false;
    } else if (at === from) neighborAs = word(bytes, at + 2);
    for (let as = at + 2; as < end; as += 4)
      if ((bytes[as]! | bytes[as + 1]! | bytes[as + 2]! | bytes[as + 3]!) === 0) return false;
    total += count;
    at = end;
  }
  if (total > (context.limits ?? defaultLimits).asPathLength) return false;
  return context.peerKind === "internal" || !context.enforceFirstAs || neighborAs === context.remoteAs;
}
