import type { Family } from "../lib/family.ts";
import type { FibHop, Operation, RemoteVtep, VxlanDevice, WriterStats } from "./records.ts";

/**
 * What the FIB room shows to the others: types only.
 *
 * `FibPort` takes intents ("this prefix through these next hops") and never blocks; `KernelReader` tells what the
 * kernel has: links, addresses and the routes of other owners. Both are opened by `openFib` (open.ts).
 */

/** What a group of routes does with its packets. A blackhole has no hops. */
export interface FibTarget {
  readonly type: "unicast" | "blackhole";
  readonly nextHops: readonly FibHop[];
}

/** One whole intent, for callers that are not in a hurry. `words` has one element for IPv4 and four for IPv6. */
export interface FibRoute extends FibTarget {
  readonly family: Family;
  readonly words: readonly number[];
  readonly length: number;
}

/**
 * A handle on a target that many routes share, such as "through this BGP next hop". The caller opens one, gives it to
 * routes, changes what it means with `retarget` (one call moves every route behind it: with nexthop objects that is
 * one kernel message), and releases it. Always > 0.
 */
export type FibGroup = number;

export type FibState = "installed" | "pending" | "failed" | "overridden";

/** A next hop in words for people and JSON (`peerage fib --json`). */
export interface FibRowHop {
  readonly via: string | null;
  /** Name of the interface, "if7" while it is unknown, "" when the kernel is to choose. */
  readonly dev: string;
  readonly onlink: boolean;
  readonly weight: number;
}

/** Intent beside what the kernel holds. */
export interface FibRow {
  readonly prefix: string;
  readonly type: "unicast" | "blackhole";
  readonly nextHops: readonly FibRowHop[];
  readonly table: number;
  readonly protocol: string;
  readonly metric: number;
  readonly state: FibState;
  /** Name of the protocol whose route stands in our way; only when `overridden`. */
  readonly owner?: string;
  /** One sentence with the kernel's own reason; only when `failed`. */
  readonly error?: string;
  /** What the kernel holds of ours, when that is not what is intended; null = nothing. */
  readonly kernel?: { readonly type: "unicast" | "blackhole"; readonly nextHops: readonly FibRowHop[] } | null;
  /** Adopted from an earlier run and not yet confirmed by a peer; goes at the sweep. */
  readonly stale?: true;
}

/** A change of state of one route, told once per change and never for the plain way from pending to installed. */
export interface FibResult {
  readonly family: Family;
  readonly prefix: string;
  readonly state: FibState;
  readonly owner: string | null;
  readonly error: string | null;
}

/** Plain numbers, read when scraped (`bgp_fib_routes`, `bgp_fib_operations_total{op,result}`). */
export interface FibCounters {
  /** Routes of ours in the kernel now. */
  installed: number;
  readonly operations: { [Op in "add" | "replace" | "delete"]: { ok: number; failed: number; overridden: number } };
  /** Outside deletions and changes of our routes that were put right. */
  repaired: number;
  /** Routes of an earlier run that were found and kept. */
  adopted: number;
  /** Stale routes removed by `sweep`. */
  swept: number;
  /** Times the kernel's event queue overran and everything was read anew. */
  resyncs: number;
  /** Times the separate writer process was started again. */
  writerRestarts: number;
  /** Intents that wait to be written. */
  queued: number;
}

export interface FibPort {
  /** Opens a group; the caller owns one reference until `releaseGroup`. */
  openGroup(target: FibTarget): FibGroup;
  /** All routes of the group, now and later, go this way instead. */
  retarget(group: FibGroup, target: FibTarget): void;
  /** Routes that still use the group keep it alive. */
  releaseGroup(group: FibGroup): void;
  /**
   * The latest intent per prefix wins; earlier ones that were not written yet are never written. Changes of different
   * sources (numbers of the caller's own) are written in turns.
   */
  set4(address: number, length: number, group: FibGroup, source?: number): void;
  set6(w0: number, w1: number, w2: number, w3: number, length: number, group: FibGroup, source?: number): void;
  remove4(address: number, length: number): void;
  remove6(w0: number, w1: number, w2: number, w3: number, length: number): void;
  /** The same with plain objects; equal targets share a group behind the scenes. */
  set(route: FibRoute): void;
  remove(family: Family, words: readonly number[], length: number): void;

  /** Removes routes that were adopted from an earlier run of this family and were not set since. */
  sweep(family: Family): void;
  /** Routes found at start that carry our mark, per family: known once `ready` has resolved. */
  adopted(family: Family): number;
  /** Resolves when the kernel was read once and writing has begun; rejects with one clear sentence if it cannot. */
  readonly ready: Promise<void>;
  /** Calls back once when everything that was set or removed before was answered by the kernel (done, failed or overridden). */
  barrier(done: () => void): void;
  /** One listener for failures, overrides and recoveries. */
  onResult(listener: (result: FibResult) => void): void;
  /** Rows in no particular order; walks lazily. */
  rows(): Iterable<FibRow>;
  list(): FibRow[];
  /** The row of one prefix, or undefined. */
  row(family: Family, words: readonly number[], length: number): FibRow | undefined;
  readonly counters: FibCounters;
  /** What the writer did and used since it started; null while there is none. */
  writerStats(): Promise<WriterStats | null>;
  /** Tunnel devices and their entries, through the same writer. */
  readonly devices: DevicePort;
  /** Writes out what is queued, then leaves our routes (`keep`) or removes them, and lets go of the kernel. */
  close(keep: boolean): Promise<void>;
}

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
  /** Of a VXLAN device only. */
  readonly vxlan?: { readonly vni: number; readonly port: number; readonly local: readonly number[] | null };
}

/** An address on an interface (RTM_NEWADDR). Its identity is (ifindex, words, length). */
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

/**
 * Devices and their entries, changed by the same writer as routes. Each answer comes once: null, or why not. Requests wait
 * while there is no writer; those that were under way when it died are answered with that.
 */
export interface DevicePort {
  vxlan(device: VxlanDevice, answer: DeviceAnswer): void;
  /** Sets an interface up and its MTU (0 = leave it), or removes it. */
  linkSetting(ifindex: number, mtu: number, remove: boolean, answer: DeviceAnswer): void;
  neighbour(operation: Operation, remote: RemoteVtep, answer: DeviceAnswer): void;
  /** Called each time a writer is ready, the first time too (at once if it is). Returns how to leave. */
  onWriter(listener: () => void): () => void;
}

/** Null, or a sentence and the errno that it stands for (0 = none). */
export type DeviceAnswer = (trouble: string | null, errno: number) => void;
