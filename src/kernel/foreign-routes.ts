import type { Prefix } from "../lib/address.ts";
import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import type { KernelHop, KernelRoute } from "./reader.ts";
import { identitiesOf, placeOf } from "./route-identity.ts";
import { Change, type Kept, type OurPlace, RouteShelf } from "./route-shelf.ts";
import type { RouteView } from "./rtnetlink/route.ts";

/** How a route comes into the row of its place: `add` is whatever neither replaces nor asks for the end. */
export type Arrival = "add" | "append" | "replace";

/**
 * The routes of other owners. There are few of them beside ours, so each is an object. What is one route and what
 * another is the kernel's idea of it (route-identity.ts). A message that leaves open which route it means is `doubtful`:
 * nothing is guessed, the place is read again. So is one that comes during a reading and may be older than its rows,
 * wherever that would matter.
 */
export class ForeignRoutes {
  readonly #shelf: RouteShelf;
  /** Orders given to what came before all others, and behind all others. */
  #first = 0;
  #last = 0;
  /** Sightings when the reading that runs began, and when the dump that runs did. */
  #begun = 0;
  #asked = 0;
  /** Identities (IPv4) and places that messages told of during a reading; null when none runs. */
  #touched: Set<string> | null = null;
  /** Places that a reading is to settle. */
  readonly #doubtful = new Set<string>();

  /** `isOurPlace`: whether routes of ours have such a table and metric. */
  constructor(hasher: Hasher, isOurPlace: (place: OurPlace) => boolean) {
    this.#shelf = new RouteShelf(hasher, isOurPlace);
  }

  /** A message told of a route. `ours`: one of ours stands in its place, too. */
  arrived(view: RouteView, arrival: Arrival, ours: boolean): Change {
    const shelf = this.#shelf;
    const change = new Change();
    const hops = view.hops();
    const identities = identitiesOf(view, hops);
    const known = shelf.known(identities);
    if (known.length === 0) shelf.insert(view, hops, identities, this.#orderFor(view, arrival, ours, change), change);
    else if (view.family === Family.Ipv4Unicast) {
      shelf.take(known[0]!, view, hops, identities, change);
      this.#again(known[0]!, view, arrival, change);
    } else if (arrival !== "replace") this.#join(known, view, hops, identities, change);
    else if (!ours && shelf.ofPlace(view).length === 1) shelf.take(known[0]!, view, hops, identities, change);
    else change.doubtful = true;
    this.#heard(view, identities, change);
    return change;
  }

  /** A message told that a route, or some hops of an IPv6 one, are no more. */
  left(view: RouteView): Change {
    const change = new Change();
    const identities = identitiesOf(view, view.hops());
    const known = this.#shelf.known(identities);
    const went = new Set(identities);
    for (const kept of known)
      if (kept.twice) change.doubtful = true;
      else this.#lessen(kept, went, change);
    if (known.length === 0) change.doubtful = this.#shelf.ofPlace(view).length > 0;
    this.#heard(view, identities, change);
    return change;
  }

  /** A route of ours, in the view, replaced whatever was first in its place. `ours`: that may have been ours, too. */
  displaced(view: RouteView, ours: boolean): Change {
    const change = new Change();
    const place = this.#shelf.ofPlace(view);
    if (place.length > 0) {
      if (ours || (view.family === Family.Ipv6Unicast && place.length > 1)) change.doubtful = true;
      else this.#displace(place[0]!, change);
      this.#heard(view, [], change);
    }
    return change;
  }

  /** From now on rows come; what messages tell meanwhile is believed over them. */
  readingBegins(): void {
    this.#begun = this.#asked = this.#shelf.sightings;
    this.#touched = new Set();
  }

  /** A dump was interrupted by changes: its rows come once more. */
  rowsRepeat(): void {
    this.#asked = this.#shelf.sightings;
  }

  /** One row of a reading. */
  row(view: RouteView): Change {
    const shelf = this.#shelf;
    const change = new Change();
    const hops = view.hops();
    const identities = identitiesOf(view, hops);
    if (this.#isTouched(view.family, placeOf(view), identities)) return change;
    const [kept, ...others] = shelf.known(identities);
    for (const other of others) shelf.drop(other, change);
    if (kept === undefined) shelf.insert(view, hops, identities, ++this.#last, change);
    else if (kept.seen > this.#asked) kept.twice = true;
    else {
      shelf.take(kept, view, hops, identities, change);
      kept.seen = ++shelf.sightings;
    }
    return change;
  }

  /** A reading of the routes through an interface (0 = all) is over: what it has not brought is gone. */
  readingEnds(ifindex: number): Change {
    const change = new Change();
    const touched = this.#touched!;
    this.#shelf.dropWhere(
      (kept) =>
        kept.seen <= this.#begun &&
        (ifindex === 0 || kept.route.hops.some((hop) => hop.ifindex === ifindex)) &&
        !this.#isTouched(kept.route.family, kept.place, kept.identities),
      change,
    );
    if (ifindex === 0) {
      this.#straighten(change);
      for (const place of this.#doubtful) if (!touched.has(place)) this.#doubtful.delete(place);
      change.doubtful = this.#doubtful.size > 0;
    }
    this.#touched = null;
    return change;
  }

  /** Forgets those that `gone` says yes to, and returns them. */
  removeWhere(gone: (route: KernelRoute, nexthopId: number) => boolean): KernelRoute[] {
    const change = new Change();
    this.#shelf.dropWhere((kept) => {
      if (!gone(kept.route, kept.nexthopId)) return false;
      this.#touch(kept.place, kept.identities);
      return true;
    }, change);
    return change.gone;
  }

  /** Whether any of them goes through a nexthop object. */
  get throughObjects(): boolean {
    return this.#shelf.objects > 0;
  }

  /** Whether one of them stands in the place of the view, which is one of ours. */
  isBeside(view: RouteView): boolean {
    return this.#shelf.inOurPlaces > 0 && this.#shelf.ofPlace(view).length > 0;
  }

  /** Interfaces of the IPv4 routes that prefer this own address as source. */
  *withSource(address: number): Iterable<number> {
    for (const kept of this.#shelf.all())
      if (kept.source === address) for (const hop of kept.route.hops) yield hop.ifindex;
  }

  /** Whether any of them has a hop on the interface that the kernel calls dead. */
  hasDeadHopOn(ifindex: number): boolean {
    if (this.#shelf.withDeadHop === 0) return false;
    for (const { route } of this.#shelf.all())
      if (route.hops.some((hop) => hop.dead && hop.ifindex === ifindex)) return true;
    return false;
  }

  /** Whether any of them leaves through the interface. */
  uses(ifindex: number): boolean {
    return this.#shelf.uses(ifindex);
  }

  /** The routes of exactly this prefix. */
  at(prefix: Prefix): readonly KernelRoute[] {
    return this.#shelf.ofPrefix(prefix).map((kept) => kept.route);
  }

  *all(): Iterable<KernelRoute> {
    for (const kept of this.#shelf.all()) yield kept.route;
  }

  /** Where a new route goes in the row of its place, and what it displaces. */
  #orderFor(view: RouteView, arrival: Arrival, ours: boolean, change: Change): number {
    const four = view.family === Family.Ipv4Unicast;
    if (arrival === "add" && four) return --this.#first;
    if (arrival !== "replace") return ++this.#last;
    const [first, ...others] = this.#shelf.ofPlace(view);
    if (first === undefined) change.doubtful = !ours;
    else if (ours || (!four && others.length > 0)) change.doubtful = true;
    else {
      this.#displace(first, change);
      return first.route.order;
    }
    return ++this.#last;
  }

  /** An IPv4 route that is known came: nexthop objects change under their routes; else it had died in silence, or a row told of it. */
  #again(kept: Kept, view: RouteView, arrival: Arrival, change: Change): void {
    if (arrival === "replace") change.doubtful = view.nexthopId === 0;
    else if (this.#shelf.ofPlace(view).length < 2) return;
    else if (this.#touched !== null) change.doubtful = true;
    else this.#shelf.change(kept, { order: arrival === "add" ? --this.#first : ++this.#last }, kept.identities, change);
  }

  #displace(kept: Kept, change: Change): void {
    this.#touch(kept.place, kept.identities);
    this.#shelf.drop(kept, change);
  }

  /**
   * IPv6 hops were added to those that there are. The view has all of them: a single new one first, with its owner;
   * several new ones last, with the owner of the first.
   */
  #join([kept, ...others]: Kept[], view: RouteView, hops: readonly KernelHop[], identities: string[], change: Change) {
    for (const other of others) this.#shelf.drop(other, change);
    const before = new Set(kept!.identities);
    const added = identities.filter((identity) => !before.has(identity));
    if (view.protocol !== kept!.route.protocol || (added.length > 0 && before.has(identities[0]!))) kept!.mixed = true;
    const hopOf = new Map(identities.map((identity, i) => [identity, hops[i]]));
    const sorted = [...kept!.identities.filter((identity) => hopOf.has(identity)), ...added];
    const sortedHops = sorted.flatMap((identity) => hopOf.get(identity) ?? []);
    this.#shelf.change(kept!, { hops: sortedHops }, sorted, change);
  }

  #lessen(kept: Kept, went: ReadonlySet<string>, change: Change): void {
    const left = kept.identities.filter((identity) => !went.has(identity));
    if (left.length === 0) {
      this.#shelf.drop(kept, change);
      return;
    }
    if (kept.mixed) change.doubtful = true;
    const hops = kept.route.hops.filter((_, i) => !went.has(kept.identities[i]!));
    // the kernel tells no weight of a hop that is alone
    this.#shelf.change(kept, { hops: hops.length === 1 ? [{ ...hops[0]!, weight: 1 }] : hops }, left, change);
  }

  /** The rows of a whole reading come in the kernel's order: where ours is another, theirs is taken. */
  #straighten(change: Change): void {
    for (const list of this.#shelf.lists()) {
      if (list.length < 2) continue;
      const rows = list.filter((kept) => kept.seen > this.#begun && !this.#touched!.has(kept.place));
      const orders = new Map<string, number>();
      for (const kept of rows.sort((a, b) => a.seen - b.seen)) {
        const before = orders.get(kept.place) ?? Number.NEGATIVE_INFINITY;
        if (kept.route.order <= before) this.#shelf.change(kept, { order: ++this.#last }, kept.identities, change);
        orders.set(kept.place, kept.route.order);
      }
    }
  }

  #heard(view: RouteView, identities: readonly string[], change: Change): void {
    const place = placeOf(view);
    this.#touch(place, identities);
    if (change.doubtful) this.#doubtful.add(place);
  }

  #touch(place: string, identities: readonly string[]): void {
    if (this.#touched === null) return;
    this.#touched.add(place);
    for (const identity of identities) this.#touched.add(identity);
  }

  #isTouched(family: Family, place: string, identities: readonly string[]): boolean {
    if (this.#touched === null || this.#touched.size === 0) return false;
    return this.#touched.has(family === Family.Ipv6Unicast ? place : identities[0]!);
  }
}
