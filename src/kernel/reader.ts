import type { Family } from "../lib/family.ts";

/**
 * The kernel room: the kernel as it is read, never as it is wanted. A mirror (`mirror.ts`) hears one netlink socket, dumps what it must
 * (`dump-queue.ts`), and keeps links and addresses (`links.ts`) and routes, told apart by whose they are (`routes.ts`,
 * `foreign-routes.ts`). It needs no privilege and writes nothing; `rtnetlink/` are the octets.
 *
 * This file is what others hear of it: links, addresses, the routes of other owners.
 */

/** A network interface (RTM_NEWLINK). */
export interface KernelLink {
  readonly ifindex: number;
  readonly name: string;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** Up and with carrier: packets can leave (IFF_UP and IFF_LOWER_UP). */
  readonly running: boolean;
  readonly mtu: number;
  readonly loopback: boolean;
  readonly pointToPoint: boolean;
  /** Driver name such as "vxlan", "veth", "bridge", "ipip"; "" for plain hardware. */
  readonly kind: string;
  /** Hardware address as lower-case hex with colons; "" if there is none. */
  readonly hardwareAddress: string;
  /** A text that somebody gave it (`ip link set alias`); "" if there is none. */
  readonly alias: string;
  /** Of a VXLAN device only. */
  readonly vxlan?: { readonly vni: number; readonly port: number; readonly local: readonly number[] | null };
}

/** An address on an interface (RTM_NEWADDR). Its identity is (ifindex, words, length, peer). */
export interface KernelAddress {
  readonly ifindex: number;
  readonly family: Family;
  readonly words: readonly number[];
  /** Prefix length of the subnet. */
  readonly length: number;
  /** The other end on a point-to-point link, else null. */
  readonly peer: readonly number[] | null;
  /** RT_SCOPE_*: 0 universe, 253 link, 254 host. */
  readonly scope: number;
  /** Duplicate address detection has not finished or has failed (IPv6): not usable yet. */
  readonly tentative: boolean;
  /** On its way out (deprecated, RFC 4862 §5.5.4) or made for outgoing connections only (temporary, RFC 8981): not to be told to others. */
  readonly passing: boolean;
}

export interface KernelHop {
  readonly via: readonly number[] | null;
  readonly ifindex: number;
  readonly onlink: boolean;
  readonly weight: number;
  /** The link has no carrier or is down: the kernel prefers other hops (RTNH_F_LINKDOWN, RTNH_F_DEAD). */
  readonly dead: boolean;
}

/** A route of another owner (RTM_NEWROUTE). Ours are never told: next hops must not resolve through them. */
export interface KernelRoute {
  /** Another for each route that the kernel has; a changed route is told again with the same key. */
  readonly key: string;
  readonly family: Family;
  readonly words: readonly number[];
  readonly length: number;
  readonly table: number;
  /** RTPROT_*: 2 kernel, 3 boot, 4 static, 12 bird, 186 bgp ... */
  readonly protocol: number;
  /** RTA_PRIORITY: lower is preferred among routes of one prefix. */
  readonly metric: number;
  /** Of routes with one prefix, table and metric the kernel prefers the lower. */
  readonly order: number;
  readonly type:
    | "unicast"
    | "local"
    | "broadcast"
    | "anycast"
    | "multicast"
    | "blackhole"
    | "unreachable"
    | "prohibit"
    | "other";
  /** RT_SCOPE_*: 0 universe (through a gateway), 253 link (connected), 254 host. */
  readonly scope: number;
  readonly hops: readonly KernelHop[];
}

/** A neighbour entry (address to MAC), or one of a link's forwarding table (MAC to underlay address). */
export interface KernelNeighbour {
  readonly ifindex: number;
  /** Of the forwarding table (AF_BRIDGE). */
  readonly forwarding: boolean;
  readonly address: readonly number[] | null;
  /** Lower-case hex with colons; "" if there is none. */
  readonly hardwareAddress: string;
  readonly permanent: boolean;
}

/**
 * What the kernel tells, in order. At first, and again after an overrun, everything is read anew and only the
 * difference is told, so a listener never needs to forget and start over. Within one dump links come before addresses
 * before routes. Route tables told: main (254), local (255: "local", i.e. own addresses, and "broadcast" only) and our own table.
 */
export interface KernelEvents {
  link?(link: KernelLink): void;
  linkGone?(link: KernelLink): void;
  address?(address: KernelAddress): void;
  addressGone?(address: KernelAddress): void;
  route?(route: KernelRoute): void;
  routeGone?(route: KernelRoute): void;
  /**
   * Entries of VXLAN links that came, changed or went: events only, what was there before is read by `neighbours`. The
   * kernel is not asked for these as long as nobody listens, since every host talks of its neighbours all the time.
   */
  neighbour?(neighbour: KernelNeighbour): void;
  neighbourGone?(neighbour: KernelNeighbour): void;
  /** Events were dropped: what is told by events only may be otherwise by now. */
  lost?(): void;
  /** The first reading, a later resync or one burst of events is complete: a good moment to decide once. */
  synced?(): void;
}

export interface KernelReader {
  /** Adds a listener; it is told at once what is known already. Returns how to leave. */
  subscribe(events: KernelEvents): () => void;
  readonly links: ReadonlyMap<number, KernelLink>;
  linkByName(name: string): KernelLink | undefined;
  /** Reads the neighbour and forwarding entries of a link. */
  neighbours(ifindex: number, done: (entries: readonly KernelNeighbour[]) => void): void;
}
