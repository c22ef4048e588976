import type { FibHop, FibTarget } from "../kernel/records.ts";
import { Column } from "../lib/columns/column.ts";
import type { Family } from "../lib/family.ts";
import type { KernelMarks } from "../lib/kernel-marks.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";
import type { FibGroup, FibPort } from "./fib-port.ts";
import { sharedHops } from "./shares.ts";

/** What the feed reads of one family's Loc-RIB. */
export interface FeedRoutes {
  readonly family: Family;
  readonly prefixes: PrefixWords & {
    retain(prefixId: number): void;
    release(prefixId: number): void;
  };
  /** Paths that are as good as the best, the best first: fills `out`, returns how many. */
  multipath(prefixId: number, max: number, out: Int32Array): number;
  pathAttributes(path: number): number;
  pathSource(path: number): number;
}

export interface FeedParts {
  readonly routes: FeedRoutes;
  readonly fib: FibPort;
  /** By attribute set: the id of its next hop. Read anew each time, since the array grows. */
  nextHopOf(set: number): number;
  /** While a group stands for a next hop, its id means that next hop. */
  retain(nextHop: number): void;
  release(nextHop: number): void;
  /** How the kernel reaches a next hop; empty if it doesn't. */
  hopsOf(nextHop: number): readonly FibHop[];
  /** What policy says of the kernel routes through it. */
  marksOf?(nextHop: number): KernelMarks | null;
  /** Octets a second that an attribute set tells for the way to its next hop; 0: it tells none. */
  bandwidthOf?(set: number): number;
  readonly localSource: number;
  /** Whether a learned route to this prefix may not go into the kernel. */
  isGuarded?(prefixId: number): boolean;
  /** Whether a next hop is this machine itself: packets that are to go there are there. Absent: it doesn't matter. Has no hops. */
  isHere?(nextHop: number): boolean;
  /** Whether an own prefix is to be a blackhole in the kernel. */
  isBlackhole(prefixId: number): boolean;
  /** ECMP width, until `setWidth` says otherwise. */
  readonly maximumPaths: number;
  /** Whether told bandwidths are shares, until `setWidth` says otherwise. */
  readonly weighted?: boolean;
}

interface Via {
  readonly index: number;
  readonly key: number | string;
  readonly group: FibGroup;
  readonly nextHops: readonly number[];
  /** By next hop; null: they share alike. */
  readonly shares: readonly number[] | null;
  routes: number;
}

const BLACKHOLE = "blackhole";

/**
 * From Loc-RIB to the kernel's intents: each prefix with a best path that others told us of goes through the group of its
 * next hops. When a next hop resolves otherwise, its groups are told so, not their routes.
 */
export class FibFeed {
  readonly #parts: FeedParts;
  /** As long as ECMP is wide. */
  #paths: Int32Array;
  /** By the next hop's id if there is one, else by all of them as text. */
  readonly #viaByKey = new Map<number | string, Via>();
  readonly #vias: (Via | undefined)[] = [undefined];
  /** Vias that stand under no next hop's own id, by each of their next hops. */
  readonly #shared = new Map<number, Set<Via>>();
  readonly #freeVias: number[] = [];
  /** By prefix id: index of the via that the FIB was told, 0 for none. */
  readonly #told = new Column(Uint32Array);
  #frozen = false;
  #weighted: boolean;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#weighted = parts.weighted ?? false;
    this.#paths = new Int32Array(Math.max(1, parts.maximumPaths));
  }

  get family(): Family {
    return this.#parts.routes.family;
  }

  /** Another ECMP; true if it is another than before. What was told is wrong until each prefix has `changed`. */
  setWidth(maximumPaths: number, weighted: boolean): boolean {
    const width = Math.max(1, maximumPaths);
    if (width === this.#paths.length && weighted === this.#weighted) return false;
    this.#weighted = weighted;
    this.#paths = new Int32Array(width);
    return true;
  }

  /** What the FIB was told stays so, and the next hops behind it stay in use, whatever becomes of the routes. */
  freeze(): void {
    this.#frozen = true;
  }

  /** The RIB's consumer port. */
  changed(prefixId: number): void {
    if (this.#frozen) return;
    const via = this.#viaFor(prefixId);
    const told = this.#told.get(prefixId);
    if (via === told) return;
    this.#tell(prefixId, told, via);
  }

  /** These next hops resolve otherwise than before. */
  nextHopsChanged(changed: ReadonlySet<number>): void {
    if (this.#frozen) return;
    const vias = new Set<Via>();
    for (const nextHop of changed) {
      const alone = this.#viaByKey.get(nextHop);
      if (alone !== undefined) vias.add(alone);
      for (const via of this.#shared.get(nextHop) ?? []) vias.add(via);
    }
    for (const via of vias) {
      const target = this.#target(via.nextHops, via.shares);
      // With no way left the decision is about to move or remove the routes.
      if (target.nextHops.length > 0) this.#parts.fib.retarget(via.group, target);
    }
  }

  #tell(prefixId: number, told: number, via: number): void {
    const { routes, fib } = this.#parts;
    const { prefixes } = routes;
    this.#told.set(prefixId, via);
    if (via !== 0) this.#vias[via]!.routes++;
    if (via === 0) fib.want(prefixes, prefixId, 0);
    else fib.want(prefixes, prefixId, this.#vias[via]!.group, routes.pathSource(this.#paths[0]!));
    if (told === 0) prefixes.retain(prefixId);
    else this.#forget(told);
    if (via === 0) prefixes.release(prefixId);
  }

  /** Index of the via that the prefix should take; 0: it has no business in the kernel. */
  #viaFor(prefixId: number): number {
    const { routes, localSource, nextHopOf, isBlackhole } = this.#parts;
    const count = routes.multipath(prefixId, this.#paths.length, this.#paths);
    if (count === 0) return 0;
    if (routes.pathSource(this.#paths[0]!) === localSource) return isBlackhole(prefixId) ? this.#via(BLACKHOLE, []) : 0;
    if (this.#parts.isGuarded?.(prefixId)) return 0;
    const first = nextHopOf(routes.pathAttributes(this.#paths[0]!));
    // What the best path says holds for the prefix.
    const marks = this.#parts.marksOf?.(first) ?? null;
    if (marks?.install === false) return 0;
    if (marks?.blackhole === true) return this.#via(BLACKHOLE, []);
    if (this.#parts.isHere?.(first)) return 0;
    if (count === 1) return this.#via(first, [first]);
    const shares = this.#shares(count);
    if (shares !== null) return this.#viaShared(count, shares);
    const nextHops: number[] = [];
    for (let i = 0; i < count; i++) {
      const nextHop = nextHopOf(routes.pathAttributes(this.#paths[i]!));
      if (!nextHops.includes(nextHop)) nextHops.push(nextHop);
    }
    if (nextHops.length === 1) return this.#via(nextHops[0]!, nextHops);
    nextHops.sort((a, b) => a - b);
    return this.#via(nextHops.join(","), nextHops);
  }

  /** The share of each of the first `count` paths; null: they share alike. What a policy says goes before what was told. */
  #shares(count: number): number[] | null {
    const { routes, nextHopOf, marksOf, bandwidthOf } = this.#parts;
    let said = false;
    for (let i = 0; !said && i < count; i++)
      said = marksOf?.(nextHopOf(routes.pathAttributes(this.#paths[i]!)))?.weight !== undefined;
    if (!said && (!this.#weighted || bandwidthOf === undefined)) return null;
    const shares: number[] = [];
    for (let i = 0; i < count; i++) {
      const set = routes.pathAttributes(this.#paths[i]!);
      const share = said ? (marksOf?.(nextHopOf(set))?.weight ?? 1) : bandwidthOf!(set);
      // Of one whose bandwidth nobody knows it isn't known how it compares.
      if (share === 0) return null;
      shares.push(share);
    }
    return shares.every((share) => share === shares[0]) ? null : shares;
  }

  #viaShared(count: number, shares: readonly number[]): number {
    const { routes, nextHopOf } = this.#parts;
    const all = shares.map((share, i) => ({ share, nextHop: nextHopOf(routes.pathAttributes(this.#paths[i]!)) }));
    const members = all.slice(0, count).sort((a, b) => a.nextHop - b.nextHop);
    const key = members.map(({ nextHop, share }) => `${nextHop}*${share}`).join(",");
    return this.#via(
      key,
      members.map(({ nextHop }) => nextHop),
      members.map(({ share }) => share),
    );
  }

  #via(key: number | string, nextHops: readonly number[], shares: readonly number[] | null = null): number {
    const known = this.#viaByKey.get(key);
    if (known !== undefined) return known.index;
    const index = this.#freeVias.pop() ?? this.#vias.length;
    for (const nextHop of nextHops) this.#parts.retain(nextHop);
    const group = this.#parts.fib.openGroup(this.#target(nextHops, shares));
    const via: Via = { index, key, group, nextHops, shares, routes: 0 };
    this.#viaByKey.set(key, via);
    this.#vias[index] = via;
    if (typeof key === "string")
      for (const nextHop of nextHops) {
        const known = this.#shared.get(nextHop);
        if (known === undefined) this.#shared.set(nextHop, new Set([via]));
        else known.add(via);
      }
    return index;
  }

  #forget(index: number): void {
    const via = this.#vias[index]!;
    if (--via.routes > 0) return;
    this.#parts.fib.releaseGroup(via.group);
    for (const nextHop of via.nextHops) this.#parts.release(nextHop);
    this.#viaByKey.delete(via.key);
    if (typeof via.key === "string")
      for (const nextHop of via.nextHops) {
        const known = this.#shared.get(nextHop);
        known?.delete(via);
        if (known?.size === 0) this.#shared.delete(nextHop);
      }
    this.#vias[index] = undefined;
    this.#freeVias.push(index);
  }

  #target(nextHops: readonly number[], shares: readonly number[] | null): FibTarget {
    if (nextHops.length === 0) return { type: "blackhole", nextHops: [] };
    if (shares !== null)
      return {
        type: "unicast",
        nextHops: sharedHops(
          nextHops.map((nextHop) => this.#parts.hopsOf(nextHop)),
          shares,
        ),
      };
    const hops: FibHop[] = [];
    for (const nextHop of nextHops)
      for (const hop of this.#parts.hopsOf(nextHop))
        if (!hops.some((other) => other.ifindex === hop.ifindex && String(other.via) === String(hop.via)))
          hops.push(hop);
    return { type: "unicast", nextHops: hops };
  }
}
