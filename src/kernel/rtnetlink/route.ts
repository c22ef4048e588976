import { wordAt } from "../../lib/bytes.ts";
import { Family } from "../../lib/family.ts";
import type { FibTarget } from "../records.ts";
import * as nl from "./constants.ts";
import {
  eachAttribute,
  HEADER_BYTES,
  type MessageBuffer,
  networkOrder,
  readAddress,
  readU16,
  readU32,
} from "./message.ts";

/**
 * RTM_NEWROUTE, RTM_DELROUTE and the dump request (rtnetlink(7)). A route message is a header, a destination, and a
 * tail that all routes through one target share: the tail is built once per target and copied per route.
 */

/** What is equal for all of our routes. */
export interface RouteScope {
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
}

/** A target as the kernel takes it: hops, or one nexthop object. */
export type KernelTarget = FibTarget | { readonly type: "object"; readonly nexthopId: number };

/** The part of a route message that does not depend on the prefix. */
export interface RouteImage {
  /** table, protocol, scope and type octets of struct rtmsg as one word. */
  readonly kind: number;
  readonly flags: number;
  /** Attributes, as words. */
  readonly tail: Uint32Array;
}

const addressFamilyCode = (family: Family): number => (family === Family.Ipv4Unicast ? nl.AF_INET : nl.AF_INET6);

/** rtm_table has eight bits; a larger table goes into RTA_TABLE alone. */
const shortTable = (table: number): number => (table < 256 ? table : 0);

function gateway(out: MessageBuffer, family: Family, via: readonly number[]): void {
  if (family === Family.Ipv4Unicast && via.length === 4) {
    // struct rtvia: a family and an address of that family, unpadded (RFC 8950 next hop)
    const value = new Uint8Array(18);
    value[0] = nl.AF_INET6;
    const view = new DataView(value.buffer);
    for (let i = 0; i < 4; i++) view.setUint32(2 + 4 * i, via[i]!);
    out.attributeBytes(nl.RTA_VIA, value);
  } else out.attributeAddress(nl.RTA_GATEWAY, via);
}

/** @throws RangeError if the hops don't fit into `scratch`. */
export function buildRouteImage(
  family: Family,
  scope: RouteScope,
  target: KernelTarget,
  scratch: MessageBuffer,
): RouteImage {
  scratch.clear();
  scratch.attributeU32(nl.RTA_PRIORITY, scope.metric);
  if (scope.table > 255) scratch.attributeU32(nl.RTA_TABLE, scope.table);
  let routeScope = nl.RT_SCOPE_UNIVERSE;
  let flags = 0;
  if (target.type === "object") scratch.attributeU32(nl.RTA_NH_ID, target.nexthopId);
  else if (target.nextHops.length === 1) {
    const hop = target.nextHops[0]!;
    if (hop.via === null) routeScope = family === Family.Ipv4Unicast ? nl.RT_SCOPE_LINK : nl.RT_SCOPE_UNIVERSE;
    else {
      gateway(scratch, family, hop.via);
      if (hop.onlink) flags = nl.RTNH_F_ONLINK;
    }
    if (hop.ifindex !== 0) scratch.attributeU32(nl.RTA_OIF, hop.ifindex);
  } else if (target.nextHops.length > 1) {
    const multipath = scratch.openNest(nl.RTA_MULTIPATH);
    for (const hop of target.nextHops) {
      const start = scratch.length; // struct rtnexthop: length, flags, weight - 1, ifindex, attributes
      scratch.word(0);
      scratch.word(hop.ifindex);
      if (hop.via !== null) gateway(scratch, family, hop.via);
      const hopFlags = hop.onlink && hop.via !== null ? nl.RTNH_F_ONLINK : 0;
      scratch.words[start >>> 2] = ((scratch.length - start) | (hopFlags << 16) | ((hop.weight - 1) << 24)) >>> 0;
    }
    scratch.closeNest(multipath);
  }
  const type = target.type === "blackhole" ? nl.RTN_BLACKHOLE : nl.RTN_UNICAST;
  return {
    kind: (shortTable(scope.table) | (scope.protocol << 8) | (routeScope << 16) | (type << 24)) >>> 0,
    flags,
    tail: scratch.words.slice(0, scratch.length >>> 2),
  };
}

/** A delete names table, protocol and metric, so that it can't hit another owner's route; any type and scope match. */
export function buildDeleteImage(scope: RouteScope, scratch: MessageBuffer): RouteImage {
  scratch.clear();
  scratch.attributeU32(nl.RTA_PRIORITY, scope.metric);
  if (scope.table > 255) scratch.attributeU32(nl.RTA_TABLE, scope.table);
  return {
    kind: (shortTable(scope.table) | (scope.protocol << 8) | (nl.RT_SCOPE_NOWHERE << 16)) >>> 0,
    flags: 0,
    tail: scratch.words.slice(0, scratch.length >>> 2),
  };
}

/** Octets that one route message with this image takes at most. */
export const routeMessageBytes = (image: RouteImage): number => HEADER_BYTES + 12 + 20 + image.tail.length * 4;

/** Appends one route message; the address is w0 for IPv4, all four words for IPv6. The hot path: words only. */
export function appendRoute(
  out: MessageBuffer,
  type: number,
  flags: number,
  sequence: number,
  family: Family,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  prefixLength: number,
  image: RouteImage,
): void {
  const words = out.words;
  const start = out.length >>> 2;
  let at = start + 1;
  words[at++] = type | ((flags | nl.NLM_F_REQUEST) << 16);
  words[at++] = sequence;
  words[at++] = 0;
  words[at++] = addressFamilyCode(family) | (prefixLength << 8);
  words[at++] = image.kind;
  words[at++] = image.flags;
  if (family === Family.Ipv4Unicast) {
    words[at++] = 8 | (nl.RTA_DST << 16);
    words[at++] = networkOrder(w0);
  } else {
    words[at++] = 20 | (nl.RTA_DST << 16);
    words[at++] = networkOrder(w0);
    words[at++] = networkOrder(w1);
    words[at++] = networkOrder(w2);
    words[at++] = networkOrder(w3);
  }
  const tail = image.tail;
  for (let i = 0; i < tail.length; i++) words[at++] = tail[i]!;
  const size = (at - start) * 4;
  words[start] = size;
  out.length += size;
  out.count++;
}

/** What to dump; absent fields don't filter. Needs NETLINK_GET_STRICT_CHK. */
export interface RouteDumpFilter {
  readonly family: Family;
  readonly table: number;
  readonly protocol?: number;
  readonly ifindex?: number;
}

export function appendRouteDump(out: MessageBuffer, sequence: number, filter: RouteDumpFilter): void {
  out.begin(nl.RTM_GETROUTE, nl.NLM_F_DUMP, sequence);
  out.word(addressFamilyCode(filter.family));
  out.word((shortTable(filter.table) | ((filter.protocol ?? 0) << 8)) >>> 0);
  out.word(0);
  out.attributeU32(nl.RTA_TABLE, filter.table);
  if (filter.ifindex !== undefined) out.attributeU32(nl.RTA_OIF, filter.ifindex);
  out.end();
}

/** One hop as parsed. */
export interface ParsedHop {
  via: readonly number[] | null;
  ifindex: number;
  onlink: boolean;
  weight: number;
  dead: boolean;
  /** Encapsulation and realm, as hex: the kernel tells two hops apart by them as well. Mostly "". */
  rest: string;
}

/**
 * A route message taken apart into numbers, reused for the next one. Hops are parsed on demand: a dump of a million
 * routes asks for them once per target.
 */
export class RouteView {
  family: Family = Family.Ipv4Unicast;
  /** False for what is no unicast table entry: cache entries, other address families, policy by source or TOS. */
  usable = false;
  prefixLength = 0;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;
  table = 0;
  protocol = 0;
  scope = 0;
  /** RTN_*. */
  type = 0;
  metric = 0;
  nexthopId = 0;
  /** Of a single hop; `gatewayAt` is where its address starts, `gatewayLength` 0, 4 or 16. */
  ifindex = 0;
  flags = 0;
  gatewayAt = 0;
  gatewayLength = 0;
  /** RTA_PREFSRC of an IPv4 route; 0 = none. */
  source = 0;
  #multipathAt = 0;
  #multipathEnd = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #attributesAt = 0;
  /** There are attributes that are read by `rest` and `settings` only. */
  #special = false;

  get multipath(): boolean {
    return this.#multipathEnd > 0;
  }

  /** Takes the RTM_NEWROUTE or RTM_DELROUTE message in [start, end) apart. The bytes must stay until it was used. */
  parse(bytes: Uint8Array, start: number, end: number): void {
    const head = start + HEADER_BYTES;
    this.usable = false;
    if (head + 12 > end) return;
    const familyCode = bytes[head]!;
    if (familyCode !== nl.AF_INET && familyCode !== nl.AF_INET6) return;
    this.#bytes = bytes;
    this.family = familyCode === nl.AF_INET ? Family.Ipv4Unicast : Family.Ipv6Unicast;
    this.prefixLength = bytes[head + 1]!;
    const sourceLength = bytes[head + 2]!;
    const tos = bytes[head + 3]!;
    this.table = bytes[head + 4]!;
    this.protocol = bytes[head + 5]!;
    this.scope = bytes[head + 6]!;
    this.type = bytes[head + 7]!;
    this.flags = readU32(bytes, head + 8);
    this.w0 = this.w1 = this.w2 = this.w3 = 0;
    this.metric = this.nexthopId = this.ifindex = this.gatewayAt = this.gatewayLength = 0;
    this.#multipathAt = this.#multipathEnd = this.source = 0;
    this.#special = false;
    this.#attributesAt = head + 12;
    this.#end = end;
    let at = head + 12;
    while (at + 4 <= end) {
      const length = readU16(bytes, at);
      if (length < 4 || at + length > end) break;
      const value = at + 4;
      switch (readU16(bytes, at + 2) & nl.NLA_TYPE_MASK) {
        case nl.RTA_DST:
          this.w0 = wordAt(bytes, value);
          if (length === 20) {
            this.w1 = wordAt(bytes, value + 4);
            this.w2 = wordAt(bytes, value + 8);
            this.w3 = wordAt(bytes, value + 12);
          }
          break;
        case nl.RTA_OIF:
          this.ifindex = readU32(bytes, value);
          break;
        case nl.RTA_GATEWAY:
          this.gatewayAt = value;
          this.gatewayLength = length - 4;
          break;
        case nl.RTA_VIA:
          this.gatewayAt = value + 2;
          this.gatewayLength = length - 6;
          break;
        case nl.RTA_PRIORITY:
          this.metric = readU32(bytes, value);
          break;
        case nl.RTA_TABLE:
          this.table = readU32(bytes, value);
          break;
        case nl.RTA_NH_ID:
          this.nexthopId = readU32(bytes, value);
          break;
        case nl.RTA_MULTIPATH:
          this.#multipathAt = value;
          this.#multipathEnd = at + length;
          break;
        case nl.RTA_PREFSRC:
          if (length === 8) this.source = wordAt(bytes, value);
          break;
        case nl.RTA_METRICS:
        case nl.RTA_FLOW:
        case nl.RTA_ENCAP:
        case nl.RTA_ENCAP_TYPE:
          this.#special = true;
          break;
      }
      at += (length + 3) & ~3;
    }
    this.usable = sourceLength === 0 && tos === 0 && (this.flags & nl.RTM_F_CLONED) === 0;
  }

  gatewayWord(index: number): number {
    return wordAt(this.#bytes, this.gatewayAt + 4 * index);
  }

  get words(): readonly number[] {
    return this.family === Family.Ipv4Unicast ? [this.w0] : [this.w0, this.w1, this.w2, this.w3];
  }

  /** RTA_METRICS (MTU and the like) as hex; mostly "". */
  get settings(): string {
    return this.#special ? hexOf(this.#bytes, this.#attributesAt, this.#end, isSetting) : "";
  }

  hops(): ParsedHop[] {
    const bytes = this.#bytes;
    if (!this.multipath) {
      if (this.ifindex === 0 && this.gatewayLength === 0) return [];
      const rest = this.#special ? hexOf(bytes, this.#attributesAt, this.#end, isHopsRest) : "";
      return [
        {
          via: this.gatewayLength === 0 ? null : readAddress(bytes, this.gatewayAt, this.gatewayLength),
          ifindex: this.ifindex,
          onlink: (this.flags & nl.RTNH_F_ONLINK) !== 0,
          weight: 1,
          dead: (this.flags & (nl.RTNH_F_DEAD | nl.RTNH_F_LINKDOWN)) !== 0,
          rest,
        },
      ];
    }
    const hops: ParsedHop[] = [];
    let at = this.#multipathAt;
    while (at + 8 <= this.#multipathEnd) {
      const length = readU16(bytes, at);
      if (length < 8 || at + length > this.#multipathEnd) break;
      let via: readonly number[] | null = null;
      eachAttribute(bytes, at + 8, at + length, (type, from, to) => {
        if (type === nl.RTA_GATEWAY) via = readAddress(bytes, from, to - from);
        else if (type === nl.RTA_VIA) via = readAddress(bytes, from + 2, to - from - 2);
      });
      const flags = bytes[at + 2]!;
      hops.push({
        via,
        ifindex: readU32(bytes, at + 4),
        onlink: (flags & nl.RTNH_F_ONLINK) !== 0,
        weight: bytes[at + 3]! + 1,
        dead: (flags & (nl.RTNH_F_DEAD | nl.RTNH_F_LINKDOWN)) !== 0,
        rest: hexOf(bytes, at + 8, at + length, isHopsRest),
      });
      at += (length + 3) & ~3;
    }
    return hops;
  }
}

const isSetting = (type: number): boolean => type === nl.RTA_METRICS;
const isHopsRest = (type: number): boolean =>
  type === nl.RTA_ENCAP || type === nl.RTA_ENCAP_TYPE || type === nl.RTA_FLOW;

/** The chosen ones of some attributes, with their types, as hex. */
function hexOf(bytes: Uint8Array, at: number, end: number, chosen: (type: number) => boolean): string {
  let text = "";
  eachAttribute(bytes, at, end, (type, from, to) => {
    if (chosen(type))
      text += `${type}:${Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("hex")} `;
  });
  return text;
}
