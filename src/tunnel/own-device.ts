import type { DevicePort } from "../kernel/device-port.ts";
import type { KernelLink, KernelReader } from "../kernel/reader.ts";
import type { RouteScope } from "../kernel/rtnetlink/route.ts";
import { formatAddress } from "../lib/address.ts";
import { hardwareAddressText, vtepHardwareAddress } from "./choose.ts";

const MARK = "peerage: ";

/** What our VXLAN devices bear as alias, so that one is known as ours under whatever name it has: the mark of our routes. */
export const deviceMark = ({ table, protocol, metric }: RouteScope): string =>
  `${MARK}table ${table}, proto ${protocol}, metric ${metric}`;

/** An alias that somebody else gave is left alone. */
export const mayMark = (link: KernelLink, mark: string): boolean =>
  link.alias !== mark && (link.alias === "" || link.alias.startsWith(MARK));

/**
 * Whether a device that has the name of one of ours was made by us, perhaps by an earlier run with other settings: it bears
 * our mark, or its MAC follows from its own local address by our rule (an earlier version, or a run that ended too early to
 * mark it). What VNI, port and address it has says nothing: those may be what was changed.
 */
export function isOwnDevice(link: KernelLink, mark: string): boolean {
  if (link.vxlan === undefined) return false;
  const { local } = link.vxlan;
  return link.alias === mark || (local !== null && link.hardwareAddress === macOf(local));
}

/** Removes the VXLAN devices that are left over. Where no tunnel has the name, the mark alone tells that one is ours. */
export function removeLeftovers(
  reader: KernelReader,
  devices: DevicePort,
  isLeftover: (link: KernelLink) => boolean,
): void {
  for (const link of reader.links.values())
    if (link.vxlan !== undefined && isLeftover(link)) devices.linkSetting(link.ifindex, 0, true, () => {});
}

export interface WantedVxlan {
  readonly vni: number;
  readonly port: number;
  readonly local: readonly number[];
}

export interface Difference {
  readonly what: "kind" | "VNI" | "port" | "local address" | "MAC";
  readonly text: string;
  /** The kernel changes it where the device is; otherwise it has to be made anew. */
  readonly inPlace: boolean;
}

/** What an existing device has otherwise than ours would; empty if it is as ours would be. */
export function vxlanDifferences(link: KernelLink, wanted: WantedVxlan): Difference[] {
  if (link.kind !== "vxlan" || link.vxlan === undefined)
    return [{ what: "kind", text: `it is a ${link.kind || "plain"} device`, inPlace: false }];
  const found: Difference[] = [];
  const compare = (what: Difference["what"], has: string | number, wants: string | number, inPlace: boolean) => {
    if (has !== wants) found.push({ what, text: `${what} ${has}, not ${wants}`, inPlace });
  };
  const { vni, port, local } = link.vxlan;
  compare("VNI", vni, wanted.vni, false);
  compare("port", port, wanted.port, false);
  const has = local === null ? "none" : formatAddress(local);
  compare("local address", has, formatAddress(wanted.local), local?.length === wanted.local.length);
  compare("MAC", link.hardwareAddress, macOf(wanted.local), true);
  return found;
}

/** The MAC of a VTEP, as links are shown. */
export const macOf = (address: readonly number[]): string => hardwareAddressText(vtepHardwareAddress(address));
