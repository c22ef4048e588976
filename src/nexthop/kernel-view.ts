import type { Family } from "../lib/family.ts";

/**
 * What next-hop tracking hears of the kernel. The FIB room's reader tells more; this is what is looked at here, so that
 * neither room knows the other.
 */
export interface ViewedLink {
  readonly ifindex: number;
  readonly name: string;
  /** Packets can leave: up and with carrier. */
  readonly running: boolean;
}

/** An address of this machine. */
export interface ViewedAddress {
  readonly ifindex: number;
  readonly words: readonly number[];
  readonly length: number;
  /** Duplicate address detection has not finished, or has found that the address is another's. */
  readonly tentative: boolean;
}

export interface ViewedHop {
  /** Gateway; null for a route straight onto the link. */
  readonly via: readonly number[] | null;
  readonly ifindex: number;
  readonly onlink: boolean;
  /** Share among the hops of a multipath route. */
  readonly weight: number;
  readonly dead: boolean;
}

/** A route that isn't ours. */
export interface ViewedRoute {
  readonly key: string;
  readonly family: Family;
  readonly words: readonly number[];
  readonly length: number;
  /** Number of the kernel's table. */
  readonly table: number;
  /** Lower is preferred among routes of one prefix. */
  readonly metric: number;
  /** Lower is preferred among routes of one prefix and metric. */
  readonly order: number;
  /** "unicast" and "local" are looked at; every other type means that packets don't get through. */
  readonly type: string;
  readonly hops: readonly ViewedHop[];
}
