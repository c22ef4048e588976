import type { RemoteVtep, VxlanChange, VxlanDevice } from "../records.ts";
import * as nl from "./constants.ts";
import type { MessageBuffer } from "./message.ts";

/** RTM_NEWLINK for VXLAN devices, RTM_NEWNEIGH for neighbour and FDB entries (linux/if_link.h, linux/neighbour.h). */
const IFF_UP = 1;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_LOCAL6 = 17;

const NUD_NOARP = 0x40;
const NUD_PERMANENT = 0x80;
const NTF_SELF = 0x02;
const NDA_DST = 1;
const NDA_LLADDR = 2;

function linkHeader(out: MessageBuffer, ifindex: number, flags: number, change: number): void {
  out.word(0); // struct ifinfomsg: family, type
  out.word(ifindex);
  out.word(flags);
  out.word(change);
}

/** Creates the device, up, without learning: every remote is told to it. EEXIST if the name is taken. */
export function appendVxlanCreate(out: MessageBuffer, sequence: number, device: VxlanDevice): void {
  out.begin(nl.RTM_NEWLINK, nl.NLM_F_CREATE | nl.NLM_F_EXCL, sequence);
  linkHeader(out, device.ifindex, IFF_UP, IFF_UP);
  out.attributeText(IFLA_IFNAME, device.name);
  out.attributeBytes(IFLA_ADDRESS, device.hardwareAddress);
  if (device.mtu > 0) out.attributeU32(IFLA_MTU, device.mtu);
  const info = out.openNest(IFLA_LINKINFO | nl.NLA_F_NESTED);
  out.attributeText(IFLA_INFO_KIND, "vxlan");
  const data = out.openNest(IFLA_INFO_DATA | nl.NLA_F_NESTED);
  out.attributeU32(IFLA_VXLAN_ID, device.vni);
  out.attributeAddress(device.local.length === 1 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, device.local);
  out.attributeU8(IFLA_VXLAN_LEARNING, 0);
  out.attributePort(IFLA_VXLAN_PORT, device.port);
  out.closeNest(data);
  out.closeNest(info);
  out.end();
}

/**
 * Changes local address and MAC where the device is, in one message, and sets it up: routes over it stay. VNI and port are
 * not among what the kernel lets anyone change (vxlan_changelink).
 */
export function appendVxlanChange(out: MessageBuffer, sequence: number, change: VxlanChange): void {
  const { ifindex, local, hardwareAddress, alias } = change;
  out.begin(nl.RTM_NEWLINK, 0, sequence);
  linkHeader(out, ifindex, IFF_UP, IFF_UP);
  if (hardwareAddress !== null) out.attributeBytes(IFLA_ADDRESS, hardwareAddress);
  out.attributeBytes(IFLA_IFALIAS, new TextEncoder().encode(alias));
  if (local !== null) {
    const info = out.openNest(IFLA_LINKINFO | nl.NLA_F_NESTED);
    out.attributeText(IFLA_INFO_KIND, "vxlan");
    const data = out.openNest(IFLA_INFO_DATA | nl.NLA_F_NESTED);
    out.attributeAddress(local.length === 1 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local);
    out.closeNest(data);
    out.closeNest(info);
  }
  out.end();
}

/** Sets a device up and, if `mtu` is not 0, its MTU. */
export function appendLinkUp(out: MessageBuffer, sequence: number, ifindex: number, mtu: number): void {
  out.begin(nl.RTM_NEWLINK, 0, sequence);
  linkHeader(out, ifindex, IFF_UP, IFF_UP);
  if (mtu > 0) out.attributeU32(IFLA_MTU, mtu);
  out.end();
}

export function appendLinkDelete(out: MessageBuffer, sequence: number, ifindex: number): void {
  out.begin(nl.RTM_DELLINK, 0, sequence);
  linkHeader(out, ifindex, 0, 0);
  out.end();
}

function neighbour(out: MessageBuffer, family: number, ifindex: number, state: number, flags: number): void {
  out.word(family); // struct ndmsg
  out.word(ifindex);
  out.word((state | (flags << 16)) >>> 0);
}

/** Address of a remote VTEP to its MAC, and that MAC to the address in the underlay; both at once, both permanent. */
export function appendRemote(out: MessageBuffer, sequence: number, remote: RemoteVtep): void {
  out.begin(nl.RTM_NEWNEIGH, nl.NLM_F_CREATE | nl.NLM_F_REPLACE, sequence);
  neighbour(out, remote.address.length === 1 ? nl.AF_INET : nl.AF_INET6, remote.ifindex, NUD_PERMANENT, 0);
  out.attributeAddress(NDA_DST, remote.address);
  out.attributeBytes(NDA_LLADDR, remote.hardwareAddress);
  out.end();
  out.begin(nl.RTM_NEWNEIGH, nl.NLM_F_CREATE | nl.NLM_F_REPLACE, sequence);
  neighbour(out, nl.AF_BRIDGE, remote.ifindex, NUD_PERMANENT | NUD_NOARP, NTF_SELF);
  out.attributeBytes(NDA_LLADDR, remote.hardwareAddress);
  out.attributeAddress(NDA_DST, remote.address);
  out.end();
}

export function appendRemoteDelete(out: MessageBuffer, sequence: number, remote: RemoteVtep): void {
  out.begin(nl.RTM_DELNEIGH, 0, sequence);
  neighbour(out, remote.address.length === 1 ? nl.AF_INET : nl.AF_INET6, remote.ifindex, 0, 0);
  out.attributeAddress(NDA_DST, remote.address);
  out.end();
  out.begin(nl.RTM_DELNEIGH, 0, sequence);
  neighbour(out, nl.AF_BRIDGE, remote.ifindex, 0, NTF_SELF);
  out.attributeBytes(NDA_LLADDR, remote.hardwareAddress);
  out.attributeAddress(NDA_DST, remote.address);
  out.end();
}
