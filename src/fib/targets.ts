import { MAX_HOPS } from "../fib-writer/protocol.ts";
import type { FibHop, FibTarget } from "../kernel/records.ts";
import * as nl from "../kernel/rtnetlink/constants.ts";
import type { KernelTarget, RouteView } from "../kernel/rtnetlink/route.ts";
import { compareAddresses, formatAddress } from "../lib/address.ts";
import { Family } from "../lib/family.ts";

/**
 * Targets, interned: equal content means equal id, so "does the kernel hold what we want" is one comparison of numbers.
 * A target is kept while a group means it or a kernel route is known to have it.
 */
export type TargetId = number;

interface Entry {
  target: KernelTarget;
  key: string;
  references: number;
}

/** Sorted, flags that mean nothing left out: two targets that act alike get one form. */
export function canonicalTarget(target: FibTarget): FibTarget {
  if (target.type === "blackhole" || target.nextHops.length === 0) return { type: target.type, nextHops: [] };
  const single = target.nextHops.length === 1;
  const hops = target.nextHops.map(
    (hop): FibHop => ({
      via: hop.via,
      ifindex: hop.ifindex,
      onlink: hop.onlink && hop.via !== null,
      weight: single ? 1 : hop.weight,
    }),
  );
  return { type: "unicast", nextHops: hops.sort(compareHops) };
}

function compareHops(a: FibHop, b: FibHop): number {
  const via = compareAddresses(a.via ?? [], b.via ?? []);
  return via !== 0 ? via : a.ifindex - b.ifindex || a.weight - b.weight;
}

/** Equal for equal hops. */
export const hopKey = (hop: FibHop): string =>
  `${hop.via === null ? "-" : formatAddress(hop.via)}%${hop.ifindex}${hop.onlink ? "!" : ""}*${hop.weight}`;

const targetKey = (target: KernelTarget): string => {
  if (target.type === "object") return `@${target.nexthopId}`;
  return target.type === "blackhole" ? "blackhole" : target.nextHops.map(hopKey).join(" ");
};

/** Why a route of this family can't go this way; null if it can. */
export function obstacle(target: FibTarget, family: Family): string | null {
  if (target.type === "blackhole") return null;
  if (target.nextHops.length === 0) return "No next hop of the route resolves";
  if (target.nextHops.length > MAX_HOPS) return `The kernel takes at most ${MAX_HOPS} next hops`;
  const sixOnly = family === Family.Ipv6Unicast;
  if (sixOnly && target.nextHops.some((hop) => hop.via?.length === 1))
    return "An IPv6 route cannot go through an IPv4 gateway";
  return null;
}

export class TargetStore {
  readonly #entries: (Entry | undefined)[] = [undefined];
  readonly #byKey = new Map<string, TargetId>();
  readonly #free: TargetId[] = [];
  /** Targets by interface, and those that may leave through any. */
  readonly #on = new Map<number, number>();
  readonly #listeners: ((id: TargetId, target: KernelTarget) => void)[] = [];
  /** The single hop that was looked up last, and its id: routes of one dump come in runs. */
  #lastHop = { words: new Uint32Array(4), length: -1, ifindex: 0, flags: 0, id: 0 };

  /** Hears ids that mean nothing any more, before they are used again. */
  onFree(listener: (id: TargetId, target: KernelTarget) => void): void {
    this.#listeners.push(listener);
  }

  /** The id of a target, with one more reference. */
  retain(target: KernelTarget): TargetId {
    const canonical = target.type === "object" ? target : canonicalTarget(target);
    const key = targetKey(canonical);
    let id = this.#byKey.get(key);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#entries.length;
      this.#entries[id] = { target: canonical, key, references: 0 };
      this.#byKey.set(key, id);
      this.#count(canonical, 1);
    }
    this.#entries[id]!.references++;
    return id;
  }

  addReference(id: TargetId): void {
    this.#entries[id]!.references++;
  }

  release(id: TargetId): void {
    const entry = this.#entries[id]!;
    if (--entry.references > 0) return;
    this.#byKey.delete(entry.key);
    this.#count(entry.target, -1);
    this.#entries[id] = undefined;
    this.#lastHop.length = -1;
    this.#free.push(id);
    for (const freed of this.#listeners) freed(id, entry.target);
  }

  get(id: TargetId): KernelTarget {
    return this.#entries[id]!.target;
  }

  /** Whether anybody means this target. */
  known(target: KernelTarget): boolean {
    return this.#byKey.has(targetKey(target));
  }

  /** The ids in use. */
  *ids(): Iterable<TargetId> {
    for (let id = 1; id < this.#entries.length; id++) if (this.#entries[id] !== undefined) yield id;
  }

  #count(target: KernelTarget, by: 1 | -1): void {
    const interfaces = target.type === "object" ? anyInterface : target.nextHops.map((hop) => hop.ifindex);
    for (const ifindex of new Set(interfaces)) {
      const count = (this.#on.get(ifindex) ?? 0) + by;
      if (count > 0) this.#on.set(ifindex, count);
      else this.#on.delete(ifindex);
    }
  }

  /** Whether packets of any target leave through the interface. */
  anyUses(ifindex: number): boolean {
    return this.#on.has(ifindex) || this.#on.has(0);
  }

  /** Whether packets of this target leave through the interface (0 = through any). */
  uses(id: TargetId, ifindex: number): boolean {
    const target = this.#entries[id]?.target;
    if (target === undefined) return false;
    if (ifindex === 0 || target.type === "object") return true;
    return target.nextHops.some((hop) => hop.ifindex === ifindex);
  }

  /**
   * Whether a route that the kernel shows as `seen` is what we asked for as `wanted`: equal, or equal but for an
   * interface that we left to the kernel.
   */
  satisfies(seen: TargetId, wanted: TargetId): boolean {
    if (seen === wanted) return true;
    if (seen === 0 || wanted === 0) return false;
    const a = this.get(seen);
    const b = this.get(wanted);
    if (a.type !== "unicast" || b.type !== "unicast" || a.nextHops.length !== b.nextHops.length) return false;
    return b.nextHops.every((want, i) => {
      const hop = a.nextHops[i]!;
      return want.ifindex === 0 && hopKey({ ...hop, ifindex: 0 }) === hopKey(want);
    });
  }

  /** The id of what a kernel route does, with one more reference. */
  retainSeen(view: RouteView): TargetId {
    if (view.nexthopId !== 0) return this.retain({ type: "object", nexthopId: view.nexthopId });
    if (view.type !== nl.RTN_UNICAST || view.multipath) return this.retain(seenTarget(view));
    const last = this.#lastHop;
    const words = view.gatewayLength >>> 2;
    let same = last.length === words && last.ifindex === view.ifindex && last.flags === (view.flags & nl.RTNH_F_ONLINK);
    for (let i = 0; same && i < words; i++) same = last.words[i] === view.gatewayWord(i);
    if (same) {
      this.addReference(last.id);
      return last.id;
    }
    const id = this.retain(seenTarget(view));
    last.length = words;
    last.ifindex = view.ifindex;
    last.flags = view.flags & nl.RTNH_F_ONLINK;
    last.id = id;
    for (let i = 0; i < words; i++) last.words[i] = view.gatewayWord(i);
    return id;
  }
}

/** What a nexthop object leads to isn't known here. */
const anyInterface = [0];

function seenTarget(view: RouteView): FibTarget {
  if (view.type === nl.RTN_BLACKHOLE) return { type: "blackhole", nextHops: [] };
  if (view.type !== nl.RTN_UNICAST) return { type: "unicast", nextHops: [] }; // something that we never ask for
  return { type: "unicast", nextHops: view.hops() };
}
