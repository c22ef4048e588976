import { ByteReader } from "../lib/bytes.ts";
import { familyOf } from "../lib/family.ts";
import { readAttributes } from "./attribute-section.ts";
import { decodeBody, decodeMessage } from "./bgp-message.ts";
import { readAddress, readPrefix } from "./fields.ts";
import { Bgp4mp, type MrtItem, MrtType, type RawRecord } from "./record.ts";

/** Messages and state changes: BGP4MP (RFC 6396 §4.4, RFC 8050 §3) and its forerunners (RFC 6396 appendix B.2). */

const local: ReadonlySet<number> = new Set([
  Bgp4mp.MessageLocal,
  Bgp4mp.MessageAs4Local,
  Bgp4mp.MessageLocalAddPath,
  Bgp4mp.MessageAs4LocalAddPath,
]);
const addPath: ReadonlySet<number> = new Set([
  Bgp4mp.MessageAddPath,
  Bgp4mp.MessageAs4AddPath,
  Bgp4mp.MessageLocalAddPath,
  Bgp4mp.MessageAs4LocalAddPath,
]);
const as4: ReadonlySet<number> = new Set([
  Bgp4mp.MessageAs4,
  Bgp4mp.StateChangeAs4,
  Bgp4mp.MessageAs4Local,
  Bgp4mp.MessageAs4AddPath,
  Bgp4mp.MessageAs4LocalAddPath,
]);

/** @throws MrtError, TruncatedError */
export function decodeBgp4mp(record: RawRecord): MrtItem {
  const { seconds, subtype, bytes, end } = record;
  const reader = new ByteReader(bytes, record.start, end);
  // RFC 6396 §3: the extended timestamp is part of what follows the header.
  const microseconds = record.type === MrtType.Bgp4mpEt ? reader.u32() : 0;
  const when = { seconds, microseconds };
  if (subtype === Bgp4mp.Entry) return decodeEntry(when, reader);
  if (subtype > Bgp4mp.MessageAs4LocalAddPath || subtype === Bgp4mp.Snapshot)
    return { kind: "other", ...when, what: `BGP4MP subtype ${subtype}` };
  const wide = as4.has(subtype);
  const peerAs = wide ? reader.u32() : reader.u16();
  const localAs = wide ? reader.u32() : reader.u16();
  reader.u16(); // interface
  const afi = reader.u16();
  const peer = { address: readAddress(reader, afi), as: peerAs };
  const self = { address: readAddress(reader, afi), as: localAs };
  if (subtype === Bgp4mp.StateChange || subtype === Bgp4mp.StateChangeAs4)
    return { kind: "state", ...when, peer, local: self, before: reader.u16(), after: reader.u16() };
  const envelope = { ...when, peer, local: self, sent: local.has(subtype) };
  return decodeMessage(envelope, bytes, reader.position, end, wide, addPath.has(subtype));
}

/** BGP4MP_ENTRY (appendix B.2.5): a route of a table, by one writer of old; who told it isn't said. */
function decodeEntry(when: { seconds: number; microseconds: number }, reader: ByteReader): MrtItem {
  reader.u16(); // view
  reader.u16(); // status
  const originatedAt = reader.u32();
  const afi = reader.u16();
  const safi = reader.u8();
  const hopLength = reader.u8();
  const hop = reader.sub(hopLength);
  const family = familyOf(afi, safi);
  if (family === undefined) return { kind: "other", ...when, what: `routes of AFI ${afi}, SAFI ${safi}` };
  const prefix = readPrefix(reader, family, null);
  const section = reader.sub(reader.u16());
  const attributes = readAttributes(reader.bytes, section.position, section.end, false);
  const words = hopLength === 4 ? [hop.u32()] : hopLength >= 16 ? [hop.u32(), hop.u32(), hop.u32(), hop.u32()] : null;
  const nextHop = words === null ? attributes.nextHop : { words, linkLocal: null };
  const peer = { address: "0.0.0.0", as: 0 };
  const paths = [{ peer, originatedAt, pathId: null, attributes: { ...attributes, nextHop } }];
  return { kind: "route", ...when, format: "BGP4MP", prefix, paths };
}

/** Subtypes of BGP, BGP4PLUS and BGP4PLUS_01 (appendix B.2.1), which number messages in their own way. */
const oldMessages: Readonly<Record<number, number>> = { 1: 2, 5: 1, 6: 3, 7: 4 };
const OLD_STATE_CHANGE = 3;

/** The types before BGP4MP: one address family each, AS numbers of two octets, messages without a header. @throws MrtError, TruncatedError */
export function decodeOldBgp(record: RawRecord): MrtItem {
  const { seconds, subtype, bytes, end } = record;
  const when = { seconds, microseconds: 0 };
  const reader = new ByteReader(bytes, record.start, end);
  const afi = record.type === MrtType.Bgp ? 1 : 2;
  const type = oldMessages[subtype];
  if (type === undefined && subtype !== OLD_STATE_CHANGE)
    return { kind: "other", ...when, what: `BGP (type ${record.type}) subtype ${subtype}` };
  const peerAs = reader.u16();
  const peer = { address: readAddress(reader, afi), as: peerAs };
  if (type === undefined)
    return { kind: "state", ...when, peer, local: null, before: reader.u16(), after: reader.u16() };
  const localAs = reader.u16();
  const self = { address: readAddress(reader, afi), as: localAs };
  return decodeBody({ ...when, peer, local: self, sent: false }, type, bytes, reader.position, end, false, false);
}
