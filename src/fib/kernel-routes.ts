import { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import { ForeignRoutes } from "./foreign-routes.ts";
import type { KernelEvents, KernelHop, KernelRoute } from "./port.ts";
import * as nl from "./rtnetlink/constants.ts";
import type { ParsedNexthop } from "./rtnetlink/nexthop.ts";
import type { RouteScope, RouteView } from "./rtnetlink/route.ts";

/** What the mirror tells of routes that carry our mark (table, protocol, metric) and were not written by our writer. */
export interface OwnRoutes {
  /** A complete or partial reading begins; `auditEnd` follows. Rows come as `seen`. */
  auditBegin(): void;
  /** One row of a reading, or (not `fromDump`) somebody just made or changed such a route. */
  seen(view: RouteView, fromDump: boolean): void;
  /** Somebody deleted such a route. */
  gone(view: RouteView): void;
  /** What has not been seen and uses the interface (0 = any) is not there. */
  auditEnd(ifindex: number): void;
  /** A route of another owner appeared or changed (`present`) or left in our table; `displaced`: by taking a place. */
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
  own(): OwnRoutes | null;
  /** Tells the listeners; `hopeful`: what failed before may work now. */
  tell(what: (to: KernelEvents) => void, hopeful: boolean): void;
}

/**
 * The kernel's routes: each is ours, which others look after (`OwnRoutes`), or another owner's, which is kept here and told.
 * `touched` collects keys of what events told while a reading runs: that is newer than the reading.
 */
export class KernelRoutes {
  readonly foreign: ForeignRoutes;
  readonly #parts: KernelRoutesParts;

  constructor(parts: KernelRoutesParts) {
    this.#parts = parts;
    this.foreign = new ForeignRoutes(parts.hasher);
  }

  /** Somebody, not our writer, made, changed or deleted the route in view. */
  event(view: RouteView, added: boolean, replaced: boolean, epoch: number, touched: Set<string> | null): void {
    if (this.#isOwn(view)) {
      const own = this.#parts.own()!;
      if (replaced)
        for (const route of this.foreign.displace(view)) {
          touched?.add(routeKey(route.key));
          this.#parts.tell((to) => to.routeGone?.(route), false);
        }
      if (added) own.seen(view, false);
      else own.gone(view);
      return;
    }
    touched?.add(routeKey(ForeignRoutes.keyOf(view)));
    if (added) this.#seen(view, replaced, epoch);
    else {
      const route = this.foreign.remove(view);
      if (route !== undefined) this.#gone([route]);
    }
  }

  /** One row of a reading. */
  row(view: RouteView, epoch: number, touched: Set<string>): void {
    if (this.#isOwn(view)) this.#parts.own()!.seen(view, true);
    else if (!touched.has(routeKey(ForeignRoutes.keyOf(view)))) this.#seen(view, false, epoch);
  }

  /** A reading of the routes through an interface (0 = all) is over: what it has not brought is gone. */
  readingEnds(ifindex: number, epoch: number, touched: Set<string>): void {
    const missing = (route: KernelRoute, seen: number) =>
      seen !== epoch &&
      (ifindex === 0 || route.hops.some((hop) => hop.ifindex === ifindex)) &&
      !touched.has(routeKey(route.key));
    this.#gone(this.foreign.removeWhere(missing));
    this.#parts.own()?.auditEnd(ifindex);
  }

  /**
   * IPv4 routes leave with their link without a word (IPv6 ones are told): those with every hop on a link that went
   * down, those with any hop on one that is no more. Said at once; the mirror looks at them again.
   */
  linkDown(ifindex: number, removed: boolean): void {
    const on = (hop: KernelHop) => hop.ifindex === ifindex;
    this.#gone(
      this.foreign.removeWhere(
        (route) =>
          route.family === Family.Ipv4Unicast &&
          route.type === "unicast" &&
          route.hops.length > 0 &&
          (removed ? route.hops.some(on) : route.hops.every(on)),
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

  #seen(view: RouteView, replaced: boolean, epoch: number): void {
    const { scope, own, tell } = this.#parts;
    if (view.table === nl.RT_TABLE_LOCAL && view.type !== nl.RTN_LOCAL && view.type !== nl.RTN_BROADCAST) return; // multicast
    const { route, gone } = this.foreign.upsert(view, replaced, epoch);
    for (const old of gone) tell((to) => to.routeGone?.(old), true);
    if (route === null) return;
    tell((to) => to.route?.(route), true);
    if (route.table === scope?.table) own()?.foreign(route, true, replaced);
  }

  #isOwn(view: RouteView): boolean {
    const { scope } = this.#parts;
    return (
      scope !== null &&
      view.protocol === scope.protocol &&
      view.table === scope.table &&
      view.metric === effectiveMetric(scope.metric, view.family)
    );
  }
}

/** The kernel keeps an IPv6 route that was asked for with metric 0 under 1024. */
export const effectiveMetric = (metric: number, family: Family): number =>
  family === Family.Ipv6Unicast && metric === 0 ? 1024 : metric;

const routeKey = (key: string): string => `route ${key}`;
