import type { DevicePort } from "../kernel/device-port.ts";
import type { FibTarget, WriterStats } from "../kernel/records.ts";
import type { Prefix } from "../lib/address.ts";
import type { Family } from "../lib/family.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";

/**
 * What the FIB room shows to the others: types only.
 *
 * `FibPort` takes intents ("this prefix through these next hops") and never blocks; `KernelReader` tells what the
 * kernel has: links, addresses and the routes of other owners. Both are opened by `openFib` (open.ts).
 */

/** One whole intent, for callers that are not in a hurry. */
export interface FibRoute extends Prefix, FibTarget {}

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
  /** Somebody else removes or changes it as often as it is repaired, in words. */
  readonly contested?: string;
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
  /** Changes that were written and that the kernel has not answered. */
  unanswered: number;
}

export interface FibPort {
  /** Opens a group; the caller owns one reference until `releaseGroup`. */
  openGroup(target: FibTarget): FibGroup;
  /** All routes of the group, now and later, go this way instead. */
  retarget(group: FibGroup, target: FibTarget): void;
  /** Routes that still use the group keep it alive. */
  releaseGroup(group: FibGroup): void;
  /**
   * The prefix is to follow the group; 0: no route is wanted. The latest intent per prefix wins; earlier ones that were not written yet are never written. Changes of different
   * sources (numbers of the caller's own) are written in turns.
   */
  want(prefixes: PrefixWords, prefixId: number, group: FibGroup | 0, source?: number): void;
  /** The same with plain objects; equal targets share a group behind the scenes. */
  set(route: FibRoute): void;
  remove(prefix: Prefix): void;

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
  row(prefix: Prefix): FibRow | undefined;
  readonly counters: FibCounters;
  /** Why nothing is written although a writer is there (it hangs), in words; null: it answers. */
  readonly writerTrouble: string | null;
  /** What the writer did and used since it started; null while there is none. */
  writerStats(): Promise<WriterStats | null>;
  /** Tunnel devices and their entries, through the same writer. */
  readonly devices: DevicePort;
  /** Writes out what is queued, then leaves our routes (`keep`) or removes them, and lets go of the kernel. */
  close(keep: boolean): Promise<void>;
}
