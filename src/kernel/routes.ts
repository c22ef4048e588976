import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import { type Arrival, ForeignRoutes } from "./foreign-routes.ts";
import type { KernelEvents, KernelHop, KernelRoute } from "./reader.ts";
import type { Change, OurPlace } from "./route-shelf.ts";
import * as nl from "./rtnetlink/constants.ts";
import type { ParsedNexthop } from "./rtnetlink/nexthop.ts";
import type { RouteScope, RouteView } from "./rtnetlink/route.ts";

/** How a route of ours was seen: in a reading, added beside whatever was there, or in the place of the first that was. */
export type Sight = "row" | "added" | "replaced";

/** What the mirror tells of routes that carry our mark (table, protocol, metric) and were not written by our writer. */
export interface MarkedRoutes {
  /** A complete or partial reading begins; `auditEnd` follows. Rows come as `seen`. */
  auditBegin(): void;
  /** One row of a reading, or somebody just made or changed such a route. `beside`: another owner's stands there, too. */
  seen(view: RouteView, how: Sight, beside: boolean): void;
  /** Somebody deleted such a route. */
  gone(view: RouteView): void;
  /** Whether the kernel is known to have a route of ours for this prefix. */
  has(view: RouteView): boolean;
  /** What has not been seen and uses the interface (0 = any) is not there. */
  auditEnd(ifindex: number): void;
  /** A route of another owner appeared or changed (`present`) or left in our table; `displaced`: it took the place of ours. */
  foreign(route: KernelRoute, present: boolean, displaced: boolean): void;
  /** Whether any route of ours leaves through this interface: if not, there is nothing to check. */
  uses(ifindex: number): boolean;
  /** The interface went down or away, and with it the IPv4 routes on it, of which the kernel tells nothing. */
  linkDown(ifindex: number, removed: boolean): void;
  /** Links, addresses or foreign routes changed: what failed before may work now. */
  kernelChanged(): void;
  nexthopsBegin(): void;
  nexthop(nexthop: ParsedNexthop, fromDump: boolean): void;
  nexthopGone(nexthop: ParsedNexthop): void;
  nexthopsEnd(): void;
}

export interface KernelRoutesParts {
  /** Our mark; null if we don't write to this kernel. */
  readonly scope: RouteScope | null;
  readonly hasher: Hasher;
  /** Hears of those that carry our mark. */
  own(): MarkedRoutes | null;
  /** Tells the listeners; `hopeful`: what failed before may work now. */
  tell(what: (to: KernelEvents) => void, hopeful: boolean): void;
  /** What was heard can mean more than one thing, or not all was told: everything is to be read again. */
  doubt(): void;
}

/** The kernel's routes: each is ours, which others look after (`MarkedRoutes`), or another owner's, which is kept here and told. */
export class KernelRoutes {
  readonly foreign: ForeignRoutes;
  readonly #parts: KernelRoutesParts;

  constructor(parts: KernelRoutesParts) {
    this.#parts = parts;
    this.foreign = new ForeignRoutes(parts.hasher, (place) => this.#isOurPlace(place));
  }

  /** Somebody, not our writer, made or changed the route in view. */
  arrived(view: RouteView, arrival: Arrival): void {
    if (!isRouted(view)) return;
    const own = this.#parts.own();
    const ours = this.#isOurPlace(view) && own!.has(view);
    if (this.#isOwn(view)) {
      if (arrival === "replace") {
        const change = this.foreign.displaced(view, ours);
        this.#tell(change, false);
        this.#seen(view, change.doubtful ? "added" : "replaced");
      } else this.#seen(view, "added");
      return;
    }
    const change = this.foreign.arrived(view, arrival, ours);
    this.#tell(change, ours && arrival === "replace" && !change.doubtful);
  }

  /** Somebody, not our writer, deleted the route in view. */
  left(view: RouteView): void {
    if (!isRouted(view)) return;
    const own = this.#isOwn(view);
    // an IPv6 hop may have been shown under the owner of another one
    const shared = view.family === Family.Ipv6Unicast && this.#isOurPlace(view);
    if (!own || (shared && this.foreign.isBeside(view))) this.#tell(this.foreign.left(view), false);
    if (own) this.#parts.own()!.gone(view);
    else if (shared && this.#parts.own()!.has(view)) this.#parts.doubt();
  }

  readingBegins(): void {
    this.foreign.readingBegins();
    this.#parts.own()?.auditBegin();
  }

  /** One row of a reading. */
  row(view: RouteView): void {
    if (!isRouted(view)) return;
    if (this.#isOwn(view)) this.#seen(view, "row");
    else this.#tell(this.foreign.row(view), false);
  }

  /** A reading of the routes through an interface (0 = all) is over: what it has not brought is gone. */
  readingEnds(ifindex: number): void {
    this.#tell(this.foreign.readingEnds(ifindex), false);
    this.#parts.own()?.auditEnd(ifindex);
  }

  /** A nexthop object changed or went, and with it, mostly without a word, the routes through it. */
  objectChanged(nexthopId: number, gone: boolean): void {
    if (!this.foreign.throughObjects) return;
    if (gone) this.#gone(this.foreign.removeWhere((_route, through) => through === nexthopId));
    this.#parts.doubt();
  }

  /**
   * IPv4 routes leave with their link without a word (IPv6 ones are told): those with every hop on a link that went
   * down (own addresses stay), all that have any hop on one that is no more. Said at once; the mirror looks at those of a link again.
   */
  linkDown(ifindex: number, removed: boolean): void {
    const on = (hop: KernelHop) => hop.ifindex === ifindex;
    if (this.foreign.uses(ifindex))
      this.#gone(
        this.foreign.removeWhere(
          (route) =>
            route.family === Family.Ipv4Unicast &&
            (removed
              ? route.hops.some(on)
              : route.scope !== nl.RT_SCOPE_HOST && route.hops.length > 0 && route.hops.every(on)),
        ),
      );
    this.#parts.own()?.linkDown(ifindex, removed);
  }

  /** Whether any route, ours or another's, leaves through this interface. */
  uses(ifindex: number): boolean {
    return this.#parts.own()?.uses(ifindex) === true || this.foreign.uses(ifindex);
  }

  #gone(routes: readonly KernelRoute[]): void {
    const { scope, own, tell } = this.#parts;
    for (const route of routes) {
      tell((to) => to.routeGone?.(route), true);
      if (route.table === scope?.table) own()?.foreign(route, false, false);
    }
  }

  #tell({ told, gone, doubtful }: Change, displaced: boolean): void {
    const { scope, own, tell, doubt } = this.#parts;
    this.#gone(gone);
    for (const route of told) {
      tell((to) => to.route?.(route), true);
      if (route.table === scope?.table) own()?.foreign(route, true, displaced);
    }
    if (doubtful) doubt();
  }

  #seen(view: RouteView, how: Sight): void {
    this.#parts.own()!.seen(view, how, this.foreign.isBeside(view));
  }

  #isOwn(view: RouteView): boolean {
    return view.protocol === this.#parts.scope?.protocol && this.#isOurPlace(view);
  }

  /** Whether it has the table and the metric of our routes. */
  #isOurPlace({ table, metric, family }: OurPlace): boolean {
    const { scope } = this.#parts;
    return scope !== null && table === scope.table && metric === effectiveMetric(scope.metric, family);
  }
}

/** Of the table `local` only own addresses and broadcast addresses are looked at. */
const isRouted = ({ table, type }: RouteView): boolean =>
  table !== nl.RT_TABLE_LOCAL || type === nl.RTN_LOCAL || type === nl.RTN_BROADCAST;

/** The kernel keeps an IPv6 route that was asked for with metric 0 under 1024. */
export const effectiveMetric = (metric: number, family: Family): number =>
  family === Family.Ipv6Unicast && metric === 0 ? 1024 : metric;
