import { createHash } from "node:crypto";
import type { KernelAddress, KernelLink } from "../kernel/reader.ts";
import { prefixContains } from "../lib/address.ts";

/** A tunnel as configured (`tunnels:`). */
export interface TunnelRule {
  readonly kind: "ipip" | "vxlan";
  readonly device: string;
  /** "auto": the underlay's MTU less what the tunnel adds. */
  readonly mtu: number | "auto";
  readonly when: "never" | "always" | "cross-subnet";
  /** VXLAN alone. */
  readonly vni: number;
  readonly port: number;
}

/**
 * Which tunnel a next hop gets: the first whose family fits and whose `when` says yes, or none. With `cross-subnet` a next
 * hop inside one of the node's own subnets is reached directly, as its neighbours are on the same link.
 */
export function chooseTunnel(
  rules: readonly TunnelRule[],
  nextHop: readonly number[],
  own: readonly number[],
  subnets: readonly KernelAddress[],
): TunnelRule | null {
  if (nextHop.length !== own.length) return null; // the outer header is of the node's own family
  for (const rule of rules) {
    if (rule.when === "never") continue;
    if (rule.kind === "ipip" && nextHop.length !== 1) continue;
    if (rule.when === "cross-subnet" && subnets.some((subnet) => inSubnet(subnet, nextHop))) continue;
    return rule;
  }
  return null;
}

const inSubnet = (subnet: KernelAddress, nextHop: readonly number[]): boolean => prefixContains(subnet, nextHop);

/** RT_SCOPE_UNIVERSE addresses on real links count as the node's own subnets; the tunnels' and the workloads' don't. */
export function countsAsSubnet(
  address: KernelAddress,
  link: KernelLink | undefined,
  ignored: (name: string) => boolean,
): boolean {
  return address.scope === 0 && link !== undefined && !link.loopback && !ignored(link.name);
}

/** Octets that the tunnel puts around a packet: VXLAN 14 + 8 + 8 and an IP header, IPIP an IPv4 header. */
export const tunnelOverhead = (kind: "ipip" | "vxlan", underlayWords: number): number =>
  kind === "ipip" ? 20 : underlayWords === 1 ? 50 : 70;

/**
 * The MAC of a VTEP follows from its address, so that BGP needs to carry none: 0e:50 and the four octets of an IPv4
 * address; 0a and the first five octets of the SHA-256 of an IPv6 address. Both are locally administered unicast
 * addresses. The rule is fixed: every node must compute the same.
 */
export function vtepHardwareAddress(address: readonly number[]): Uint8Array {
  const octets = new Uint8Array(address.length * 4);
  const view = new DataView(octets.buffer);
  address.forEach((word, i) => {
    view.setUint32(4 * i, word);
  });
  if (address.length === 1) return new Uint8Array([0x0e, 0x50, ...octets]);
  return new Uint8Array([0x0a, ...createHash("sha256").update(octets).digest().subarray(0, 5)]);
}

/** Lower-case hex with colons, as the kernel's links are shown. */
export const hardwareAddressText = (octets: Uint8Array): string =>
  Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(":");

/** A name pattern with `*` for any run of characters. */
export function namePattern(patterns: readonly string[]): (name: string) => boolean {
  const escaped = patterns.map((each) => each.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*"));
  const whole = new RegExp(`^(?:${escaped.join("|")})$`);
  return (name) => patterns.length > 0 && whole.test(name);
}
