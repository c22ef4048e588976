import * as octets from "../../lib/bytes.ts";
import { type CodecContext, limitsOf } from "../context.ts";
import type { UpdateLayout } from "../message/update-layout.ts";
import type { Reach } from "./decode.ts";
import * as header from "./header.ts";
import { mpReach, mpUnreach } from "./mp.ts";
import * as row from "./row.ts";
import * as table from "./table.ts";

const { codeAt, endAt, Flag, valueAt } = header;
const { accepts, fits, Plain } = row;
const { codecOf, codecs, isKnown } = table;
const { wordAt } = octets;
const { code: MP_REACH_NLRI } = mpReach;
const { code: MP_UNREACH_NLRI } = mpUnreach;

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
    let mandatory = reach === "ipv4-nlri" ? mandatoryWithNlri : mandatoryAlways;
    for (let i = 0; i < this.#count; i++) {
      const codec = codecOf(this.#codes[i]!);
      if (codec === undefined) {
        if (!this.#pass(bytes, this.#codes[i]!, this.#flags[i]!, this.#starts[i]!, this.#ends[i]!)) return false;
        continue;
      }
      if (!this.#write(bytes, codec, this.#flags[i]!, this.#starts[i]!, this.#ends[i]!, context)) return false;
      if (codec.mandatory === true || codec.mandatory === reach) mandatory--;
    }
    return mandatory === 0;
  }

  /** Lists the attributes by code, without the MP ones; false if one occurs twice or there are too many. */
  #collect(bytes: Uint8Array, start: number, end: number, context: CodecContext): boolean {
    const drops = context.dropAttributes.size > 0;
    let unknown = 0;
    this.#count = 0;
    for (let at = start; at < end; ) {
      const flags = bytes[at]!;
      const code = codeAt(bytes, at);
      const from = valueAt(bytes, at);
      const to = endAt(bytes, at, from);
      at = to;
      if (code === MP_REACH_NLRI || code === MP_UNREACH_NLRI) continue;
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
      if (!isKnown(code)) unknown++;
    }
    return unknown <= limitsOf(context).unknownAttributes;
  }

  /** Checks one attribute and copies it; false for anything that the table has to judge. */
  #write(
    bytes: Uint8Array,
    codec: row.AttributeCodec,
    flags: number,
    from: number,
    to: number,
    context: CodecContext,
  ): boolean {
    if ((flags & BOTH) !== codec.flags || !fits(codec.size, to - from) || !accepts(codec, context)) return false;
    const plain = codec.plain === null ? Plain.Copy : codec.plain(bytes, from, to, context);
    if (plain === Plain.No) return false;
    if (!codec.canonical) {
      // NEXT_HOP: those of RFC 6793 are for peers that the table serves.
      this.nextHop = wordAt(bytes, from);
      return true;
    }
    // Partial stays set, but only an optional transitive attribute can have it.
    const kept = codec.flags === BOTH ? flags & (BOTH | Flag.PARTIAL) : codec.flags;
    if (plain === Plain.SortWords) return this.#sortWords(bytes, codec.code, kept, from, to);
    this.#copy(bytes, kept, codec.code, from, to);
    return true;
  }

  /** RFC 4271 §5: what isn't ours is passed on as Partial, dropped, or (well-known) a fault. */
  #pass(bytes: Uint8Array, code: number, flags: number, from: number, to: number): boolean {
    if ((flags & Flag.OPTIONAL) === 0) return false;
    if ((flags & Flag.TRANSITIVE) !== 0) this.#copy(bytes, BOTH | Flag.PARTIAL, code, from, to);
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

  /** Words out of order: sorted and rid of repetitions while they are few. */
  #sortWords(bytes: Uint8Array, code: number, flags: number, from: number, to: number): boolean {
    if (to - from > 4 * MOST) return false;
    const words = this.#sortable;
    let count = 0;
    for (let at = from; at < to; at += 4) {
      const value = wordAt(bytes, at);
      let place = count;
      while (place > 0 && words[place - 1]! > value) place--;
      if (place > 0 && words[place - 1] === value) continue;
      words.copyWithin(place + 1, place, count++);
      words[place] = value;
    }
    let at = this.#header(flags, code, 4 * count);
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

const mandatoryAlways = codecs.filter(({ mandatory }) => mandatory === true).length;
const mandatoryWithNlri = codecs.filter(({ mandatory }) => mandatory !== false).length;
