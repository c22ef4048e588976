import { AS_TRANS } from "../lib/as-numbers.ts";
import { ByteWriter } from "../lib/bytes.ts";
import { Family } from "../lib/family.ts";
import { DEFAULT_LOCAL_PREF } from "../wire/attribute/local-pref.ts";
import { mpReach } from "../wire/attribute/mp.ts";
import { plainTransform, writeAttributes } from "../wire/message/attribute-writer.ts";
import { Bgp4mp, MRT_HEADER, MrtType, TableDumpV2 } from "./record.ts";

/** Writes records, one after the other, into `out`: the caller takes them from there and clears it. */
export interface SessionFields {
  readonly peerAs: number;
  readonly localAs: number;
  /** Words of either family, both of the same. */
  readonly peer: readonly number[];
  readonly local: readonly number[];
}

/** LOCAL_PREF stands there as it counts, also where it wasn't sent: readers show 0 for none. */
const inTables = { ...plainTransform, localPref: DEFAULT_LOCAL_PREF };

export class MrtEncoder {
  readonly out = new ByteWriter(4096);
  #record = 0;
  #sequence = 0;
  /** Where the count of entries of the open RIB record stands. */
  #countAt = 0;
  #count = 0;
  #addPath = false;

  /** PEER_INDEX_TABLE (RFC 6396 §4.3.1): the routes that follow name their peers by place. */
  peerIndex(
    seconds: number,
    collectorId: number,
    viewName: string,
    peers: readonly { readonly routerId: number; readonly address: readonly number[]; readonly as: number }[],
  ): void {
    const { out } = this;
    this.#sequence = 0;
    this.#begin(seconds, MrtType.TableDumpV2, TableDumpV2.PeerIndexTable);
    out.u32(collectorId);
    const name = new TextEncoder().encode(viewName);
    out.u16(name.length);
    out.raw(name);
    out.u16(peers.length);
    for (const { routerId, address, as } of peers) {
      out.u8(address.length === 1 ? 2 : 3); // AS numbers of four octets; bit 0 says IPv6
      out.u32(routerId);
      for (const word of address) out.u32(word);
      out.u32(as);
    }
    this.#end();
  }

  /** Opens the record of a prefix (RFC 6396 §4.3.2; with path ids RFC 8050 §4.1): `path` for each, then `endPrefix`. */
  beginPrefix(seconds: number, family: Family, words: ArrayLike<number>, length: number, addPath: boolean): void {
    const { out } = this;
    const { RibIpv4Unicast, RibIpv6Unicast, RibIpv4UnicastAddPath, RibIpv6UnicastAddPath } = TableDumpV2;
    const plain = family === Family.Ipv4Unicast ? RibIpv4Unicast : RibIpv6Unicast;
    const withId = family === Family.Ipv4Unicast ? RibIpv4UnicastAddPath : RibIpv6UnicastAddPath;
    this.#begin(seconds, MrtType.TableDumpV2, addPath ? withId : plain);
    out.u32(this.#sequence++);
    out.u8(length);
    for (let i = 0; i < (length + 7) >>> 3; i++) out.u8(words[i >>> 2]! >>> (24 - 8 * (i & 3)));
    this.#countAt = out.length;
    this.#count = 0;
    this.#addPath = addPath;
    out.u16(0);
  }

  /** `bytes[from..to)`: a canonical set. `nextHop` words, 1 or 4; `linkLocal` beside a global IPv6 one. */
  path(
    peerIndex: number,
    originatedAt: number,
    pathId: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    nextHop: readonly number[],
    linkLocal: readonly number[] | null,
  ): void {
    const { out } = this;
    this.#count++;
    out.u16(peerIndex);
    out.u32(originatedAt);
    if (this.#addPath) out.u32(pathId);
    const lengthAt = out.length;
    out.u16(0);
    writeAttributes(bytes, from, to, inTables, nextHop.length === 1 ? nextHop[0]! : -1, 0, out);
    if (nextHop.length === 4) {
      // RFC 6396 §4.3.4: of MP_REACH_NLRI the next hop alone.
      const words = linkLocal === null ? nextHop : [...nextHop, ...linkLocal];
      out.u8(mpReach.flags);
      out.u8(mpReach.code);
      out.u8(1 + 4 * words.length);
      out.u8(4 * words.length);
      for (const word of words) out.u32(word);
    }
    out.patchU16(lengthAt, out.length - lengthAt - 2);
  }

  endPrefix(): void {
    this.out.patchU16(this.#countAt, this.#count);
    this.#end();
  }

  /** A whole message, `bytes[start..end)`, as it came or went (RFC 6396 §4.4.3, RFC 8050 §3). */
  message(
    seconds: number,
    session: SessionFields,
    how: { readonly fourOctetAs: boolean; readonly addPath: boolean; readonly sent: boolean },
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const wide = how.fourOctetAs;
    const subtype = how.addPath
      ? how.sent
        ? wide
          ? Bgp4mp.MessageAs4LocalAddPath
          : Bgp4mp.MessageLocalAddPath
        : wide
          ? Bgp4mp.MessageAs4AddPath
          : Bgp4mp.MessageAddPath
      : how.sent
        ? wide
          ? Bgp4mp.MessageAs4Local
          : Bgp4mp.MessageLocal
        : wide
          ? Bgp4mp.MessageAs4
          : Bgp4mp.Message;
    this.#begin(seconds, MrtType.Bgp4mp, subtype);
    this.#session(session, wide);
    this.out.raw(bytes, start, end);
    this.#end();
  }

  /** BGP4MP_STATE_CHANGE_AS4 (RFC 6396 §4.4.4). */
  stateChange(seconds: number, session: SessionFields, before: number, after: number): void {
    this.#begin(seconds, MrtType.Bgp4mp, Bgp4mp.StateChangeAs4);
    this.#session(session, true);
    this.out.u16(before);
    this.out.u16(after);
    this.#end();
  }

  #session({ peerAs, localAs, peer, local }: SessionFields, wide: boolean): void {
    const { out } = this;
    for (const as of [peerAs, localAs])
      if (wide) out.u32(as);
      else out.u16(as > 0xffff ? AS_TRANS : as);
    out.u16(0); // interface index: means nothing on another host
    out.u16(peer.length === 1 ? 1 : 2);
    for (const words of [peer, local]) for (let i = 0; i < peer.length; i++) out.u32(words[i] ?? 0);
  }

  #begin(seconds: number, type: number, subtype: number): void {
    const { out } = this;
    this.#record = out.length;
    out.u32(seconds);
    out.u16(type);
    out.u16(subtype);
    out.u32(0);
  }

  #end(): void {
    const length = this.out.length - this.#record - MRT_HEADER;
    this.out.patchU16(this.#record + 8, length >>> 16);
    this.out.patchU16(this.#record + 10, length);
  }
}
