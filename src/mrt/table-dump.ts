import { formatAddress } from "../lib/address.ts";
import { ByteReader } from "../lib/bytes.ts";
import { Family, familyOf } from "../lib/family.ts";
import { readAttributes } from "./attribute-section.ts";
import { maskedWords, readAddress, readPrefix, readWords } from "./fields.ts";
import {
  MrtError,
  type MrtItem,
  type MrtPath,
  type MrtPeer,
  type MrtPeerIndex,
  type RawRecord,
  TableDumpV2 as Subtype,
} from "./record.ts";

/** Tables: TABLE_DUMP (RFC 6396 §4.2) and TABLE_DUMP_V2 (§4.3, RFC 8050 §4). */

/** One path a record, AS numbers of two octets. @throws MrtError, TruncatedError */
export function decodeTableDump(record: RawRecord): MrtItem {
  const { seconds, subtype, bytes } = record;
  const when = { seconds, microseconds: 0 };
  const family = familyOf(subtype, 1);
  if (family === undefined) return { kind: "other", ...when, what: `a table of address family ${subtype}` };
  const reader = new ByteReader(bytes, record.start, record.end);
  reader.u16(); // view
  reader.u16(); // sequence
  const wide = family === Family.Ipv6Unicast;
  const words = readWords(reader, wide ? 4 : 1);
  const length = reader.u8();
  if (length > (wide ? 128 : 32)) throw new MrtError(`a prefix of ${length} bits`, reader.position - 1);
  reader.u8(); // status
  const originatedAt = reader.u32();
  const peer = { address: formatAddress(readWords(reader, wide ? 4 : 1)), as: reader.u16() };
  const section = reader.sub(reader.u16());
  const attributes = readAttributes(bytes, section.position, section.end, false);
  return {
    kind: "route",
    ...when,
    format: "TABLE_DUMP",
    prefix: { family, words: maskedWords(words, length), length, pathId: null },
    paths: [{ peer, originatedAt, pathId: null, attributes }],
  };
}

/** @throws MrtError, TruncatedError */
export function decodePeerIndex(record: RawRecord): MrtPeerIndex {
  const reader = new ByteReader(record.bytes, record.start, record.end);
  const collectorId = reader.u32();
  const viewName = new TextDecoder().decode(reader.view(reader.u16()));
  const count = reader.u16();
  const peers = [];
  for (let i = 0; i < count; i++) {
    const type = reader.u8();
    const routerId = reader.u32();
    const address = readAddress(reader, (type & 1) === 0 ? 1 : 2);
    peers.push({ address, as: (type & 2) === 0 ? reader.u16() : reader.u32(), routerId });
  }
  return { kind: "peers", seconds: record.seconds, microseconds: 0, collectorId, viewName, peers };
}

/** A record of TABLE_DUMP_V2 that holds routes; `peers` are those of the table before it. @throws MrtError, TruncatedError */
export function decodeRib(record: RawRecord, peers: readonly MrtPeer[] | null): MrtItem {
  const { seconds, subtype, bytes } = record;
  const when = { seconds, microseconds: 0 };
  const reader = new ByteReader(bytes, record.start, record.end);
  reader.u32(); // sequence
  let family: Family | undefined;
  let addPath = false;
  switch (subtype) {
    case Subtype.RibIpv4Unicast:
    case Subtype.RibIpv4UnicastAddPath:
      family = Family.Ipv4Unicast;
      addPath = subtype === Subtype.RibIpv4UnicastAddPath;
      break;
    case Subtype.RibIpv6Unicast:
    case Subtype.RibIpv6UnicastAddPath:
      family = Family.Ipv6Unicast;
      addPath = subtype === Subtype.RibIpv6UnicastAddPath;
      break;
    case Subtype.RibGeneric:
    case Subtype.RibGenericAddPath: {
      const afi = reader.u16();
      const safi = reader.u8();
      family = familyOf(afi, safi);
      if (family === undefined) return { kind: "other", ...when, what: `routes of AFI ${afi}, SAFI ${safi}` };
      addPath = subtype === Subtype.RibGenericAddPath;
      break;
    }
    default:
      return { kind: "other", ...when, what: `TABLE_DUMP_V2 subtype ${subtype}` };
  }
  if (peers === null) throw new MrtError("routes without a PEER_INDEX_TABLE before them: who told them isn't known");
  // RFC 8050 §4.3: the generic form has the path id in its NLRI, the others in each entry.
  const genericId = subtype === Subtype.RibGenericAddPath ? reader.u32() : null;
  const prefix = readPrefix(reader, family, genericId);
  const count = reader.u16();
  const paths: MrtPath[] = [];
  for (let i = 0; i < count; i++) {
    const at = reader.position;
    const peer = peers[reader.u16()];
    const originatedAt = reader.u32();
    const pathId = genericId ?? (addPath ? reader.u32() : null);
    const section = reader.sub(reader.u16());
    if (peer === undefined) throw new MrtError(`a peer that isn't among the ${peers.length} of PEER_INDEX_TABLE`, at);
    const attributes = readAttributes(bytes, section.position, section.end, true);
    paths.push({ peer, originatedAt, pathId, attributes });
  }
  return { kind: "route", ...when, format: "TABLE_DUMP2", prefix, paths };
}
