import type { Prefix } from "../lib/address.ts";
import { Family, families } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import { PrefixIndex } from "./prefix-index.ts";
import type { KernelHop, KernelRoute } from "./reader.ts";
import { placeOf, sameRoute } from "./route-identity.ts";
import type { RouteView } from "./rtnetlink/route.ts";

/** A kernel route that is kept, and what is told of it. */
export interface Kept {
  route: KernelRoute;
  /** What the kernel tells it by; of an IPv6 route one for each hop, in their order. */
  identities: readonly string[];
  readonly place: string;
  /** RTA_PREFSRC of an IPv4 route. */
  readonly source: number;
  readonly nexthopId: number;
  /** When it was seen last: grows with each row of a reading. */
  seen: number;
  /** IPv6: hops of several owners may be under it, of which only the first one's is shown. */
  mixed: boolean;
  /** IPv6: the kernel has it twice, as a replacement may leave it. */
  twice: boolean;
}

/** Table and metric of a route, which ours have too. */
export type OurPlace = Pick<KernelRoute, "family" | "table" | "metric">;

/** What came of a message: routes that are new or another than before, and those that are no more. */
export class Change {
  readonly told: KernelRoute[] = [];
  readonly gone: KernelRoute[] = [];
  /** It can mean more than one thing: the place is to be read. */
  doubtful = false;
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

/** Routes by prefix and by identity; what becomes of them is written into a `Change`. */
export class RouteShelf {
  /** Goes up with each route that is seen. */
  sightings = 0;
  /** Routes through nexthop objects. */
  objects = 0;
  /** Routes that stand where ours might. */
  inOurPlaces = 0;
  /** Routes with a hop that the kernel calls dead. */
  withDeadHop = 0;
  /** Hops by interface. */
  readonly #hopsOn = new Map<number, number>();
  readonly #index: readonly PrefixIndex[];
  readonly #lists: (Kept[] | undefined)[][] = [[], []];
  readonly #byIdentity = new Map<string, Kept>();
  readonly #isOurPlace: (place: OurPlace) => boolean;
  #keys = 0;

  constructor(hasher: Hasher, isOurPlace: (place: OurPlace) => boolean) {
    this.#isOurPlace = isOurPlace;
    this.#index = [new PrefixIndex(Family.Ipv4Unicast, hasher), new PrefixIndex(Family.Ipv6Unicast, hasher)];
  }

  /** Number of prefixes. */
  get size(): number {
    return this.#index[0]!.size + this.#index[1]!.size;
  }

  *all(): Iterable<Kept> {
    for (const list of this.lists()) yield* list;
  }

  /** Those of one prefix, prefix by prefix. */
  *lists(): Iterable<readonly Kept[]> {
    for (const lists of this.#lists) for (const list of lists) if (list !== undefined) yield list;
  }

  /** Those of exactly this prefix. */
  ofPrefix(prefix: Prefix): readonly Kept[] {
    return this.#lists[prefix.family]![this.#index[prefix.family]!.findPrefix(prefix)] ?? [];
  }

  /** Those of the view's place, in the kernel's order. */
  ofPlace(view: RouteView): Kept[] {
    const { family, words, prefixLength: length, table, metric } = view;
    return this.ofPrefix({ family, words, length })
      .filter(({ route }) => route.table === table && route.metric === metric)
      .sort((a, b) => a.route.order - b.route.order);
  }

  /** Those with one of these identities, in the kernel's order. */
  known(identities: readonly string[]): Kept[] {
    const known = new Set<Kept>();
    for (const identity of identities) {
      const kept = this.#byIdentity.get(identity);
      if (kept !== undefined) known.add(kept);
    }
    return known.size < 2 ? [...known] : [...known].sort((a, b) => a.route.order - b.route.order);
  }

  insert(view: RouteView, hops: readonly KernelHop[], identities: string[], order: number, change: Change): void {
    const { family, words, prefixLength: length, source, nexthopId } = view;
    const id = this.#index[family]!.insert(view.w0, view.w1, view.w2, view.w3, length);
    const route: KernelRoute = {
      key: String(++this.#keys),
      family,
      words,
      length,
      table: view.table,
      protocol: view.protocol,
      metric: view.metric,
      order,
      type: typeNames[view.type] ?? "other",
      scope: view.scope,
      hops,
    };
    const place = placeOf(view);
    const seen = ++this.sightings;
    const kept: Kept = { route, identities, place, source, nexthopId, seen, mixed: false, twice: false };
    for (const identity of identities) this.#byIdentity.set(identity, kept);
    if (nexthopId !== 0) this.objects++;
    if (this.#isOurPlace(route)) this.inOurPlaces++;
    if (hasDeadHop(route)) this.withDeadHop++;
    this.#countHops(hops, 1);
    const lists = this.#lists[family]!;
    lists[id] ??= [];
    lists[id]!.push(kept);
    change.told.push(route);
  }

  /** The route as the view has it, its owner included. */
  take(kept: Kept, view: RouteView, hops: readonly KernelHop[], identities: string[], change: Change): void {
    kept.twice = false;
    if (hops.length < 2) kept.mixed = false;
    const { protocol, scope } = view;
    this.change(kept, { protocol, scope, type: typeNames[view.type] ?? "other", hops }, identities, change);
  }

  change(kept: Kept, parts: Partial<KernelRoute>, identities: readonly string[], change: Change): void {
    const before = kept.identities;
    if (before.length !== identities.length || before.some((identity, i) => identity !== identities[i])) {
      for (const identity of before) this.#byIdentity.delete(identity);
      for (const identity of identities) this.#byIdentity.set(identity, kept);
      kept.identities = identities;
    }
    const route = { ...kept.route, ...parts };
    if (sameRoute(kept.route, route)) return;
    this.withDeadHop += Number(hasDeadHop(route)) - Number(hasDeadHop(kept.route));
    this.#countHops(kept.route.hops, -1);
    this.#countHops(route.hops, 1);
    kept.route = route;
    change.told.push(route);
  }

  drop(kept: Kept, change: Change): void {
    const { family } = kept.route;
    const id = this.#index[family]!.findPrefix(kept.route);
    const list = this.#lists[family]![id]!;
    list.splice(list.indexOf(kept), 1);
    this.#forget(kept, change);
    if (list.length === 0) this.#free(family, id);
  }

  dropWhere(gone: (kept: Kept) => boolean, change: Change): void {
    for (const family of families) {
      const lists = this.#lists[family]!;
      for (let id = 1; id < lists.length; id++) {
        const list = lists[id];
        if (list === undefined || !list.some(gone)) continue;
        const left: Kept[] = [];
        for (const kept of list)
          if (gone(kept)) this.#forget(kept, change);
          else left.push(kept);
        lists[id] = left;
        if (left.length === 0) this.#free(family, id);
      }
    }
  }

  /** Whether any of them has a hop on the interface. */
  uses(ifindex: number): boolean {
    return this.#hopsOn.has(ifindex);
  }

  #countHops(hops: readonly KernelHop[], by: 1 | -1): void {
    for (const { ifindex } of hops) {
      const count = (this.#hopsOn.get(ifindex) ?? 0) + by;
      if (count > 0) this.#hopsOn.set(ifindex, count);
      else this.#hopsOn.delete(ifindex);
    }
  }

  #forget(kept: Kept, change: Change): void {
    for (const identity of kept.identities) this.#byIdentity.delete(identity);
    if (kept.nexthopId !== 0) this.objects--;
    if (this.#isOurPlace(kept.route)) this.inOurPlaces--;
    if (hasDeadHop(kept.route)) this.withDeadHop--;
    this.#countHops(kept.route.hops, -1);
    change.gone.push(kept.route);
  }

  #free(family: Family, id: number): void {
    this.#lists[family]![id] = undefined;
    this.#index[family]!.remove(id);
  }
}

const hasDeadHop = ({ hops }: KernelRoute): boolean => hops.some(({ dead }) => dead);
