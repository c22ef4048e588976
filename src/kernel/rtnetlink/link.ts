import { formatAddress } from "../../lib/address.ts";
import { Family } from "../../lib/family.ts";
import type { KernelAddress, KernelLink } from "../reader.ts";
import * as nl from "./constants.ts";
import { eachAttribute, HEADER_BYTES, type MessageBuffer, readAddress, readText, readU32 } from "./message.ts";

/** RTM_NEWLINK and RTM_NEWADDR: interfaces and their addresses. */
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_POINTOPOINT = 0x10;
const IFF_LOWER_UP = 0x10000;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_EXT_MASK = 29;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_LOCAL6 = 17;
/** Leaves the statistics of each interface out of the dump. */
const RTEXT_FILTER_SKIP_STATS = 8;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_TEMPORARY = 0x01;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;

export function appendLinkDump(out: MessageBuffer, sequence: number): void {
  out.begin(nl.RTM_GETLINK, nl.NLM_F_DUMP, sequence);
  for (let i = 0; i < 4; i++) out.word(0); // struct ifinfomsg
  out.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  out.end();
}

export function appendAddressDump(out: MessageBuffer, sequence: number): void {
  out.begin(nl.RTM_GETADDR, nl.NLM_F_DUMP, sequence);
  out.word(0); // struct ifaddrmsg
  out.word(0);
  out.end();
}

/** ifi_family of a link message: AF_BRIDGE ones tell of bridge ports, not of links. */
export const linkMessageFamily = (bytes: Uint8Array, start: number): number => bytes[start + HEADER_BYTES]!;

export function parseLink(bytes: Uint8Array, start: number, end: number): KernelLink {
  const head = start + HEADER_BYTES;
  const flags = readU32(bytes, head + 8);
  let name = "";
  let mtu = 0;
  let kind = "";
  let hardwareAddress = "";
  let alias = "";
  let data: [from: number, to: number] | null = null;
  eachAttribute(bytes, head + 16, end, (type, from, to) => {
    if (type === IFLA_IFNAME) name = readText(bytes, from, to);
    else if (type === IFLA_IFALIAS) alias = readText(bytes, from, to);
    else if (type === IFLA_MTU) mtu = readU32(bytes, from);
    else if (type === IFLA_ADDRESS)
      hardwareAddress = Array.from(bytes.subarray(from, to), (b) => b.toString(16).padStart(2, "0")).join(":");
    else if (type === IFLA_LINKINFO)
      eachAttribute(bytes, from, to, (info, start, stop) => {
        if (info === IFLA_INFO_KIND) kind = readText(bytes, start, stop);
        else if (info === IFLA_INFO_DATA) data = [start, stop];
      });
  });
  const link: KernelLink = {
    ifindex: readU32(bytes, head + 4),
    name,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0,
    mtu,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    pointToPoint: (flags & IFF_POINTOPOINT) !== 0,
    kind,
    hardwareAddress,
    alias,
  };
  if (kind !== "vxlan" || data === null) return link;
  let vni = 0;
  let port = 0;
  let local: readonly number[] | null = null;
  eachAttribute(bytes, data[0], data[1], (type, from, to) => {
    if (type === IFLA_VXLAN_ID) vni = readU32(bytes, from);
    else if (type === IFLA_VXLAN_PORT) port = (bytes[from]! << 8) | bytes[from + 1]!;
    else if (type === IFLA_VXLAN_LOCAL || type === IFLA_VXLAN_LOCAL6) local = readAddress(bytes, from, to - from);
  });
  return { ...link, vxlan: { vni, port, local } };
}

/** Undefined for address families that are not spoken here. */
export function parseAddressMessage(bytes: Uint8Array, start: number, end: number): KernelAddress | undefined {
  const head = start + HEADER_BYTES;
  const familyCode = bytes[head]!;
  if (familyCode !== nl.AF_INET && familyCode !== nl.AF_INET6) return undefined;
  let flags = bytes[head + 2]!;
  let local: readonly number[] | null = null;
  let address: readonly number[] | null = null;
  eachAttribute(bytes, head + 8, end, (type, from, to) => {
    if (type === IFA_LOCAL) local = readAddress(bytes, from, to - from);
    else if (type === IFA_ADDRESS) address = readAddress(bytes, from, to - from);
    else if (type === IFA_FLAGS) flags = readU32(bytes, from);
  });
  const words: readonly number[] | null = local ?? address;
  if (words === null) return undefined;
  const peer = address !== null && formatAddress(address) !== formatAddress(words) ? address : null;
  return {
    ifindex: readU32(bytes, head + 4),
    family: familyCode === nl.AF_INET ? Family.Ipv4Unicast : Family.Ipv6Unicast,
    words,
    length: bytes[head + 1]!,
    peer,
    scope: bytes[head + 3]!,
    tentative: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0,
    passing: familyCode === nl.AF_INET6 && (flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED)) !== 0,
  };
}
