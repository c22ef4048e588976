import { formatPrefix } from "../lib/address.ts";
import { Family, families } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import type { KernelHop, KernelRoute } from "./port.ts";
import { PrefixIndex } from "./prefix-index.ts";
import { RTN_BROADCAST } from "./rtnetlink/constants.ts";
import type { RouteView } from "./rtnetlink/route.ts";

interface Kept {
  route: KernelRoute;
  /** The reading that saw it last. */
  epoch: number;
}

const typeNames: readonly KernelRoute["type"][] = [
  "other",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
];

/**
 * Which route of its prefix this is. IPv6 keeps one connected route per interface under one metric, and the local table one
 * broadcast address per interface, beside an own address that may be the same.
 */
function keyOfView(view: RouteView): string {
  const broadcast = view.type === RTN_BROADCAST;
  const connected = view.family === Family.Ipv6Unicast && view.gatewayLength === 0 && !view.multipath;
  const device = connected || broadcast ? `${broadcast ? " broadcast" : ""} dev ${view.ifindex}` : "";
  return `${view.table} ${formatPrefix(view.words, view.prefixLength)} metric ${view.metric} proto ${view.protocol}${device}`;
}

const sameWords = (a: readonly number[] | null, b: readonly number[] | null): boolean =>
  a === b || (a !== null && b !== null && a.length === b.length && a.every((word, i) => word === b[i]));

const sameHop = (a: KernelHop, b: KernelHop): boolean =>
  a.ifindex === b.ifindex &&
  a.onlink === b.onlink &&
  a.weight === b.weight &&
  a.dead === b.dead &&
  sameWords(a.via, b.via);

const sameRoute = (a: KernelRoute, b: KernelRoute): boolean =>
  a.type === b.type &&
  a.scope === b.scope &&
  a.hops.length === b.hops.length &&
  a.hops.every((hop, i) => sameHop(hop, b.hops[i]!));

/** The routes of other owners, by prefix. There are few of them beside ours, so each is an object. */
export class ForeignRoutes {
  readonly #index: readonly PrefixIndex[];
  readonly #lists: (Kept[] | undefined)[][] = [[], []];

  constructor(hasher: Hasher) {
    this.#index = [new PrefixIndex(Family.Ipv4Unicast, hasher), new PrefixIndex(Family.Ipv6Unicast, hasher)];
  }

  static keyOf(view: RouteView): string {
    return keyOfView(view);
  }

  get size(): number {
    return this.#index[0]!.size + this.#index[1]!.size;
  }

  /** Takes a route in. Returns it if it is new or another than before, with those that it displaced. */
  upsert(view: RouteView, replaces: boolean, epoch: number): { route: KernelRoute | null; gone: KernelRoute[] } {
    const index = this.#index[view.family]!;
    const id = index.insert(view.w0, view.w1, view.w2, view.w3, view.prefixLength);
    const lists = this.#lists[view.family]!;
    lists[id] ??= [];
    const list = lists[id]!;
    const key = keyOfView(view);
    const route: KernelRoute = {
      key,
      family: view.family,
      words: view.words,
      length: view.prefixLength,
      table: view.table,
      protocol: view.protocol,
      metric: view.metric,
      type: typeNames[view.type] ?? "other",
      scope: view.scope,
      hops: view.hops(),
    };
    const gone: KernelRoute[] = [];
    let changed: KernelRoute | null = route;
    let found = false;
    for (let i = list.length - 1; i >= 0; i--) {
      const kept = list[i]!;
      if (kept.route.key === key) {
        found = true;
        if (sameRoute(kept.route, route)) changed = null;
        else kept.route = route;
        kept.epoch = epoch;
      } else if (replaces && kept.route.table === view.table && kept.route.metric === view.metric) {
        gone.push(kept.route); // NLM_F_REPLACE took its place, and the kernel tells no deletion
        list.splice(i, 1);
      }
    }
    if (!found) list.push({ route, epoch });
    return { route: changed, gone };
  }

  /** Forgets a route; undefined if it wasn't known. */
  remove(view: RouteView): KernelRoute | undefined {
    const id = this.#index[view.family]!.find(view.w0, view.w1, view.w2, view.w3, view.prefixLength);
    if (id === 0) return undefined;
    const list = this.#lists[view.family]![id]!;
    const key = keyOfView(view);
    const at = list.findIndex((kept) => kept.route.key === key);
    if (at < 0) return undefined;
    const route = list[at]!.route;
    list.splice(at, 1);
    this.#drop(view.family, id);
    return route;
  }

  /** Forgets one that was displaced, by its prefix, table and metric, whoever owns it. */
  displace(view: RouteView): KernelRoute[] {
    const id = this.#index[view.family]!.find(view.w0, view.w1, view.w2, view.w3, view.prefixLength);
    if (id === 0) return [];
    const lists = this.#lists[view.family]!;
    const taken = (kept: Kept) => kept.route.table === view.table && kept.route.metric === view.metric;
    const gone = lists[id]!.filter(taken).map((kept) => kept.route);
    lists[id] = lists[id]!.filter((kept) => !taken(kept));
    this.#drop(view.family, id);
    return gone;
  }

  /** Forgets those that `gone` says yes to, given the reading that saw them last, and returns them. */
  removeWhere(gone: (route: KernelRoute, epoch: number) => boolean): KernelRoute[] {
    const removed: KernelRoute[] = [];
    for (const family of families) {
      const lists = this.#lists[family]!;
      for (let id = 1; id < lists.length; id++) {
        const list = lists[id];
        if (list === undefined || !list.some((kept) => gone(kept.route, kept.epoch))) continue;
        lists[id] = list.filter((kept) => {
          if (!gone(kept.route, kept.epoch)) return true;
          removed.push(kept.route);
          return false;
        });
        this.#drop(family, id);
      }
    }
    return removed;
  }

  /** Whether any of them leaves through the interface. */
  uses(ifindex: number): boolean {
    for (const route of this.all()) if (route.hops.some((hop) => hop.ifindex === ifindex)) return true;
    return false;
  }

  /** The routes of exactly this prefix. */
  at(family: Family, w0: number, w1: number, w2: number, w3: number, length: number): readonly KernelRoute[] {
    const id = this.#index[family]!.find(w0, w1, w2, w3, length);
    return id === 0 ? [] : this.#lists[family]![id]!.map((kept) => kept.route);
  }

  *all(): Iterable<KernelRoute> {
    for (const lists of this.#lists)
      for (const list of lists) if (list !== undefined) for (const kept of list) yield kept.route;
  }

  #drop(family: Family, id: number): void {
    if (this.#lists[family]![id]!.length > 0) return;
    this.#lists[family]![id] = undefined;
    this.#index[family]!.remove(id);
  }
}
