import type { KernelMirror } from "../kernel/mirror.ts";
import type { KernelRoute } from "../kernel/reader.ts";
import type { FibHop } from "../kernel/records.ts";
import { effectiveMetric, type MarkedRoutes, type Sight } from "../kernel/routes.ts";
import type { ParsedNexthop } from "../kernel/rtnetlink/nexthop.ts";
import type { KernelTarget, RouteScope, RouteView } from "../kernel/rtnetlink/route.ts";
import { Family } from "../lib/family.ts";
import type { ContestedRoutes } from "./contested-routes.ts";
import type { DirtyRoutes } from "./dirty-routes.ts";
import type { FibCounters } from "./fib-port.ts";
import type { FibRows } from "./fib-rows.ts";
import { type FibTable, Mark } from "./fib-table.ts";
import type { GroupTable } from "./groups.ts";
import type { NexthopObjects } from "./nexthop-objects.ts";
import type { RefusedRoutes } from "./refused-routes.ts";
import { hopKey, type TargetId, type TargetStore } from "./targets.ts";

export interface HeldParts {
  readonly scope: RouteScope;
  readonly mirror: KernelMirror | null;
  readonly tables: readonly [FibTable, FibTable];
  readonly targets: TargetStore;
  readonly objects: NexthopObjects | null;
  readonly counters: FibCounters;
  readonly groups: GroupTable;
  readonly dirty: DirtyRoutes;
  readonly rows: FibRows;
  readonly refused: RefusedRoutes;
  readonly contested: ContestedRoutes;
}

/**
 * What the kernel has of ours: the `held` column, by our own successful writes, by events of what others did, and by
 * readings. Whatever differs from what is wanted is queued; nothing is written here.
 */
export class HeldRoutes implements MarkedRoutes {
  readonly #parts: HeldParts;
  /** Adopted routes, by family. */
  readonly adopted = [0, 0];
  /** Families that were swept: from then on a route that bears our mark and that nobody wants is removed. */
  readonly swept = [false, false];
  #reading = false;

  constructor(parts: HeldParts) {
    this.#parts = parts;
  }

  set(table: FibTable, id: number, target: TargetId): void {
    const { targets, counters } = this.#parts;
    const before = table.held.get(id);
    if (before === target) return;
    if (target !== 0) targets.addReference(target);
    table.held.set(id, target);
    if (before !== 0) targets.release(before);
    if (before === 0) counters.installed++;
    else if (target === 0) counters.installed--;
  }

  /** What we ourselves just wrote is newer than the reading that runs. */
  touched(table: FibTable, id: number): void {
    if (this.#reading) table.mark(id, Mark.Touched);
  }

  auditBegin(): void {
    this.#reading = true;
  }

  seen(view: RouteView, how: Sight, beside: boolean): void {
    const { targets, counters } = this.#parts;
    const table = this.#parts.tables[view.family];
    const id = table.insert(view.w0, view.w1, view.w2, view.w3, view.prefixLength);
    const marks = table.marks.get(id);
    if (how === "row" && (marks & (Mark.Touched | Mark.InFlight)) !== 0) return; // older than what we know
    if ((marks & Mark.InFlight) !== 0) this.#doubt();
    const held = table.held.get(id);
    const target = targets.retainSeen(view);
    const second = held !== 0 && held !== target && this.#isSecond(view, how, marks, targets.get(held));
    const shared = second || beside;
    if (shared) table.twins.add(id);
    if (!second) this.set(table, id, target);
    targets.release(target);
    if (how === "row") table.mark(id, Mark.Seen);
    else this.touched(table, id);
    if (table.want.get(id) !== 0) {
      if (!shared && targets.satisfies(target, this.#parts.groups.wanted(table, id)) && (marks & Mark.Refused) === 0)
        return;
      if (held !== 0) this.#repair(table, id, how !== "row" || target !== held);
      else this.#parts.dirty.add(table, id);
    } else if (held !== 0) {
      if (shared && (marks & Mark.Adopted) === 0) this.#parts.dirty.add(table, id);
    } else {
      if (this.swept[table.family]) this.#parts.dirty.add(table, id);
      else {
        table.mark(id, Mark.Adopted);
        this.adopted[table.family]!++;
        counters.adopted++;
      }
    }
  }

  /**
   * Whether the kernel has this one besides the one that is known. A reading brings one row for each; IPv6 tells of an
   * added hop with all that there are by then.
   */
  #isSecond(view: RouteView, how: Sight, marks: number, held: KernelTarget): boolean {
    if (how === "row") return (marks & Mark.Seen) !== 0;
    if (how === "replaced") return false;
    if (view.family === Family.Ipv4Unicast || held.type === "object") return true;
    const keys = new Set(view.hops().map(hopKey));
    return held.nextHops.length === 0 || !held.nextHops.every((hop) => keys.has(hopKey(hop)));
  }

  has(view: RouteView): boolean {
    const table = this.#parts.tables[view.family];
    return table.held.get(table.prefixes.find(view.w0, view.w1, view.w2, view.w3, view.prefixLength)) !== 0;
  }

  gone(view: RouteView): void {
    const { targets } = this.#parts;
    const table = this.#parts.tables[view.family];
    if (!this.#reading && table.prefixes.find(view.w0, view.w1, view.w2, view.w3, view.prefixLength) === 0) return;
    // while a reading runs even an unknown one is noted: its row may still come
    const id = table.insert(view.w0, view.w1, view.w2, view.w3, view.prefixLength);
    this.touched(table, id);
    if ((table.marks.get(id) & Mark.InFlight) !== 0) this.#doubt();
    const held = table.held.get(id);
    if (held === 0) {
      table.freeIfIdle(id);
      return;
    }
    const target = targets.retainSeen(view);
    const whole = targets.satisfies(target, held);
    targets.release(target);
    if (whole && !table.twins.has(id)) {
      this.#missing(table, id, this.#couldStay(held));
      return;
    }
    // one hop of several went, or one of two routes, or one that we knew otherwise: only a reading tells what is left
    table.unmark(id, Mark.Touched);
    this.#doubt();
  }

  auditEnd(ifindex: number): void {
    this.#reading = false;
    const { targets, tables } = this.#parts;
    for (const table of tables)
      for (let id = 1; id < table.prefixes.limit; id++) {
        const marks = table.marks.get(id);
        const held = table.held.get(id);
        table.marks.set(id, marks & ~(Mark.Seen | Mark.Touched));
        const accounted = (marks & (Mark.Seen | Mark.Touched | Mark.InFlight)) !== 0;
        if (held !== 0 && !accounted && targets.uses(held, ifindex)) this.#missing(table, id, false);
        else if ((marks & Mark.Touched) !== 0) table.freeIfIdle(id);
      }
  }

  foreign(route: KernelRoute, present: boolean, displaced: boolean): void {
    const table = this.#parts.tables[route.family];
    const id = table.prefixes.findPrefix(route);
    if (id === 0) return;
    const metric = effectiveMetric(this.#parts.scope.metric, route.family);
    if (route.metric === metric) {
      if (present && displaced && table.held.get(id) !== 0) {
        this.touched(table, id);
        this.set(table, id, 0); // taken over by somebody's replace
      }
      if (present && !displaced && table.held.get(id) !== 0) table.twins.add(id);
      if (table.want.get(id) !== 0) this.#parts.dirty.add(table, id);
      else table.freeIfIdle(id);
    } else if (route.metric < metric && table.want.get(id) !== 0) this.#parts.rows.report(table, id);
  }

  linkDown(ifindex: number, removed: boolean): void {
    const { targets } = this.#parts;
    if (!targets.anyUses(ifindex)) return;
    const on = (hop: FibHop) => hop.ifindex === ifindex;
    const affected = new Set<TargetId>();
    for (const id of targets.ids()) {
      const target = targets.get(id);
      if (target.type !== "unicast" || target.nextHops.length === 0) continue;
      if (removed ? target.nextHops.some(on) : target.nextHops.every(on)) affected.add(id);
    }
    if (affected.size === 0) return;
    const table = this.#parts.tables[Family.Ipv4Unicast];
    for (let id = 1; id < table.prefixes.limit; id++) {
      if (table.held.get(id) === 0 || !affected.has(table.held.get(id))) continue;
      this.touched(table, id);
      this.#missing(table, id, false);
    }
  }

  uses(ifindex: number): boolean {
    return this.#parts.targets.anyUses(ifindex);
  }

  kernelChanged(): void {
    this.#parts.refused.kernelChanged();
  }

  nexthopsBegin(): void {
    this.#parts.objects?.readingBegins();
  }

  nexthop(nexthop: ParsedNexthop): void {
    this.#parts.objects?.seen(nexthop);
  }

  nexthopGone(nexthop: ParsedNexthop): void {
    if (this.#parts.objects?.gone(nexthop) === true) this.#doubt(); // its routes went with it, without a word
  }

  nexthopsEnd(): void {
    this.#parts.objects?.readingEnds();
  }

  /** Whether the kernel has no reason of its own to drop a route: its links are up. */
  #couldStay(held: TargetId): boolean {
    const target = this.#parts.targets.get(held);
    const links = this.#parts.mirror?.links;
    return target.type !== "unicast" || target.nextHops.every(({ ifindex }) => links?.get(ifindex)?.running === true);
  }

  /** @param bySomebody not by the kernel itself. */
  #repair(table: FibTable, id: number, bySomebody: boolean): void {
    table.mark(id, Mark.Repair);
    if (!bySomebody || this.#parts.contested.mayRepair(table, id)) this.#parts.dirty.add(table, id);
  }

  /** A route of ours is no longer in the kernel, and not by our doing. */
  #missing(table: FibTable, id: number, bySomebody: boolean): void {
    this.set(table, id, 0);
    if (table.want.get(id) !== 0) this.#repair(table, id, bySomebody);
    else {
      table.unmark(id, Mark.Adopted);
      table.freeIfIdle(id);
    }
  }

  /** Somebody touched a route while our own write of it was under way: which came last only a reading can tell. */
  #doubt(): void {
    this.#parts.mirror?.doubt();
  }
}
