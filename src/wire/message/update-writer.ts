import type { ByteWriter } from "../../lib/bytes.ts";
import { afiOf, Family, SAFI_UNICAST } from "../../lib/family.ts";
import { Flag } from "../attribute/header.ts";
import { mpReach, mpUnreach } from "../attribute/mp.ts";
import type { NextHop } from "../attribute/types.ts";
import { HEADER_LENGTH, MessageType } from "../framer.ts";

/** Octets that one prefix takes in an NLRI field. */
export const nlriSize = (length: number, addPath: boolean): number => 1 + ((length + 7) >>> 3) + (addPath ? 4 : 0);

/** Octets of an UPDATE besides attributes and NLRI in the fields of RFC 4271. */
const PLAIN_OVERHEAD = HEADER_LENGTH + 4;

/** Octets of MP_REACH_NLRI before its NLRI, with Extended Length: header, AFI, SAFI, next hop and its length, reserved. */
const reachHeader = (nextHop: NextHop): number => 4 + 5 + 4 * (nextHop.words.length + (nextHop.linkLocal?.length ?? 0));

/**
 * Octets of an UPDATE that announces one prefix with `attributeLength` octets of attributes (NEXT_HOP among them where it
 * belongs there). What is more than the peer takes can't be sent to it at all.
 */
export const reachSize = (attributeLength: number, mpNextHop: NextHop | null, nlri: number): number =>
  PLAIN_OVERHEAD + attributeLength + (mpNextHop === null ? 0 : reachHeader(mpNextHop)) + nlri;

/**
 * Writes UPDATEs of one family back to back into a chunk. `start…` opens a message, `add…` puts prefixes into it until one
 * doesn't fit, `finish` closes it. Each message holds one kind of NLRI, MP_REACH_NLRI or MP_UNREACH_NLRI first (RFC 7606 §5.1);
 * IPv4 takes the fields of RFC 4271 unless its next hop is an IPv6 address (RFC 8950).
 */
export class UpdateWriter {
  readonly #out: ByteWriter;
  readonly #family: Family;
  readonly #addPath: boolean;
  readonly #maxLength: number;
  /** Where the open message starts; -1 when none is open. */
  #message = -1;
  /** Where its MP attribute starts; -1 when it uses the fields of RFC 4271. */
  #attribute = -1;
  /** Where its NLRI start. */
  #nlri = 0;
  #withdraws = false;
  /** In MP_REACH_NLRI messages the other attributes follow the NLRI: kept until `finish`. */
  #tail: Uint8Array | null = null;
  #tailFrom = 0;
  #tailTo = 0;

  /**
   * @param out must not be cleared while a message is open.
   * @param maxLength 4096, or 65535 where RFC 8654 was agreed.
   */
  constructor(out: ByteWriter, family: Family, addPath: boolean, maxLength: number) {
    this.#out = out;
    this.#family = family;
    this.#addPath = addPath;
    this.#maxLength = maxLength;
  }

  /** Whether a message is open. */
  get isOpen(): boolean {
    return this.#message >= 0;
  }

  /**
   * Opens an UPDATE that announces with the attributes `attributes[from..to)`, which must stay as they are until `finish`. With an
   * IPv4 next hop for IPv4 they hold NEXT_HOP already and `mpNextHop` is null.
   */
  startReach(attributes: Uint8Array, from: number, to: number, mpNextHop: NextHop | null): void {
    this.#begin(false);
    const out = this.#out;
    if (mpNextHop === null) {
      out.u16(0);
      out.u16(to - from);
      out.raw(attributes, from, to);
      this.#nlri = out.length;
      return;
    }
    out.u16(0);
    out.u16(0);
    this.#beginMp(mpReach.code);
    out.u8(4 * (mpNextHop.words.length + (mpNextHop.linkLocal?.length ?? 0)));
    for (const word of mpNextHop.words) out.u32(word);
    for (const word of mpNextHop.linkLocal ?? []) out.u32(word);
    out.u8(0);
    this.#nlri = out.length;
    this.#tail = attributes;
    this.#tailFrom = from;
    this.#tailTo = to;
  }

  /** Opens an UPDATE that withdraws. */
  startUnreach(): void {
    this.#begin(true);
    const out = this.#out;
    out.u16(0);
    if (this.#family !== Family.Ipv4Unicast) {
      out.u16(0);
      this.#beginMp(mpUnreach.code);
    }
    this.#nlri = out.length;
  }

  /** Adds an IPv4 prefix. False: no room; finish this message and open another. */
  add4(address: number, length: number, pathId: number): boolean {
    if (!this.#fits(nlriSize(length, this.#addPath))) return false;
    const out = this.#out;
    if (this.#addPath) out.u32(pathId);
    const octets = (length + 7) >>> 3;
    const at = out.reserve(1 + octets);
    const bytes = out.bytes;
    bytes[at] = length;
    if (octets > 0) bytes[at + 1] = address >>> 24;
    if (octets > 1) bytes[at + 2] = address >>> 16;
    if (octets > 2) bytes[at + 3] = address >>> 8;
    if (octets > 3) bytes[at + 4] = address;
    return true;
  }

  /** Adds an IPv6 prefix. False: no room; finish this message and open another. */
  add6(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): boolean {
    if (!this.#fits(nlriSize(length, this.#addPath))) return false;
    const out = this.#out;
    if (this.#addPath) out.u32(pathId);
    const octets = (length + 7) >>> 3;
    const at = out.reserve(1 + octets);
    const bytes = out.bytes;
    bytes[at] = length;
    for (let i = 0; i < octets; i++) {
      const word = i < 4 ? w0 : i < 8 ? w1 : i < 12 ? w2 : w3;
      bytes[at + 1 + i] = word >>> (24 - 8 * (i & 3));
    }
    return true;
  }

  /** Fills in the lengths and returns those of the whole message, 0 for one without prefixes, which is taken back. */
  finish(): number {
    const out = this.#out;
    const start = this.#message;
    if (out.length === this.#nlri) {
      out.length = start;
    } else if (this.#attribute < 0) {
      if (this.#withdraws) {
        out.patchU16(start + HEADER_LENGTH, out.length - this.#nlri);
        out.u16(0);
      }
    } else {
      out.patchU16(this.#attribute + 2, out.length - this.#attribute - 4);
      if (this.#tail !== null) out.raw(this.#tail, this.#tailFrom, this.#tailTo);
      out.patchU16(this.#attribute - 2, out.length - this.#attribute);
    }
    const length = out.length - start;
    if (length > 0) out.patchU16(start + 16, length);
    this.#message = -1;
    this.#tail = null;
    return length;
  }

  #begin(withdraws: boolean): void {
    const out = this.#out;
    this.#message = out.reserve(HEADER_LENGTH);
    out.bytes.fill(0xff, this.#message, this.#message + 16);
    out.bytes[this.#message + 18] = MessageType.Update;
    this.#attribute = -1;
    this.#withdraws = withdraws;
    this.#tailFrom = 0;
    this.#tailTo = 0;
  }

  /** Flags, code, room for two octets of length, AFI and SAFI. */
  #beginMp(code: number): void {
    const out = this.#out;
    this.#attribute = out.length;
    out.u8(Flag.OPTIONAL | Flag.EXTENDED);
    out.u8(code);
    out.u16(0);
    out.u16(afiOf(this.#family));
    out.u8(SAFI_UNICAST);
  }

  /** A plain withdrawal still needs the empty attribute section behind its prefixes. */
  #fits(size: number): boolean {
    const behind = this.#attribute < 0 ? (this.#withdraws ? 2 : 0) : this.#tailTo - this.#tailFrom;
    return this.#out.length - this.#message + behind + size <= this.#maxLength;
  }
}
