import type { NexthopObject } from "../records.ts";
import * as nl from "./constants.ts";
import { eachAttribute, HEADER_BYTES, type MessageBuffer, readAddress, readU32 } from "./message.ts";

/** RTM_NEWNEXTHOP: nexthop objects and groups (linux/nexthop.h). */
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;

export function appendNexthop(
  out: MessageBuffer,
  flags: number,
  sequence: number,
  protocol: number,
  id: number,
  object: NexthopObject,
): void {
  out.begin(nl.RTM_NEWNEXTHOP, flags, sequence);
  if (object.kind === "gateway") {
    const via = object.hop.via ?? [];
    out.word((via.length === 4 ? nl.AF_INET6 : nl.AF_INET) | (protocol << 16)); // struct nhmsg
    out.word(object.hop.onlink ? nl.RTNH_F_ONLINK : 0);
    out.attributeU32(NHA_ID, id);
    out.attributeAddress(NHA_GATEWAY, via);
    out.attributeU32(NHA_OIF, object.hop.ifindex);
  } else {
    out.word(nl.AF_UNSPEC | (protocol << 16));
    out.word(0);
    out.attributeU32(NHA_ID, id);
    const group = out.openNest(NHA_GROUP); // struct nexthop_grp: id, weight - 1, reserved
    for (const member of object.members) {
      out.word(member.id);
      out.word(member.weight - 1);
    }
    out.closeNest(group);
  }
  out.end();
}

export function appendNexthopDelete(out: MessageBuffer, sequence: number, id: number): void {
  out.begin(nl.RTM_DELNEXTHOP, 0, sequence);
  out.word(0);
  out.word(0);
  out.attributeU32(NHA_ID, id);
  out.end();
}

export function appendNexthopDump(out: MessageBuffer, sequence: number): void {
  out.begin(nl.RTM_GETNEXTHOP, nl.NLM_F_DUMP, sequence);
  out.word(0);
  out.word(0);
  out.end();
}

export interface ParsedNexthop {
  readonly id: number;
  readonly protocol: number;
  /** Null for kinds that we never make (blackholes, FDB nexthops, plain devices). */
  readonly object: NexthopObject | null;
}

export function parseNexthop(bytes: Uint8Array, start: number, end: number): ParsedNexthop {
  const head = start + HEADER_BYTES;
  const onlink = (readU32(bytes, head + 4) & nl.RTNH_F_ONLINK) !== 0;
  let id = 0;
  let ifindex = 0;
  let via: readonly number[] | null = null;
  const members: { id: number; weight: number }[] = [];
  eachAttribute(bytes, head + 8, end, (type, from, to) => {
    if (type === NHA_ID) id = readU32(bytes, from);
    else if (type === NHA_OIF) ifindex = readU32(bytes, from);
    else if (type === NHA_GATEWAY) via = readAddress(bytes, from, to - from);
    else if (type === NHA_GROUP)
      for (let at = from; at + 8 <= to; at += 8)
        members.push({ id: readU32(bytes, at), weight: (bytes[at + 4]! | (bytes[at + 5]! << 8)) + 1 });
  });
  const object: NexthopObject | null =
    members.length > 0
      ? { kind: "group", members }
      : via !== null
        ? { kind: "gateway", hop: { via, ifindex, onlink, weight: 1 } }
        : null;
  return { id, protocol: bytes[head + 2]!, object };
}
