import { Operation } from "../kernel/records.ts";
import { Family } from "../lib/family.ts";
import type { ContestedRoutes } from "./contested-routes.ts";
import { type FibTable, Mark, type Refusal } from "./fib-table.ts";
import type { GroupTable } from "./groups.ts";
import type { NexthopObjects } from "./nexthop-objects.ts";
import type { Outcomes } from "./outcomes.ts";
import type { RefusedRoutes } from "./refused-routes.ts";
import { obstacle, type TargetId, type TargetStore } from "./targets.ts";

export interface RoutePlanParts {
  readonly targets: TargetStore;
  readonly groups: GroupTable;
  readonly objects: NexthopObjects | null;
  readonly refused: RefusedRoutes;
  readonly contested: ContestedRoutes;
  readonly outcomes: Outcomes;
}

/**
 * What is to be written about a prefix, from what is wanted and what is held: nothing there, CREATE|EXCL, so that nobody's route is
 * displaced; something of ours there, REPLACE; nothing wanted, DELETE by protocol and metric, and as often as there is one where there
 * were several.
 */
export class RoutePlan {
  readonly #parts: RoutePlanParts;

  constructor(parts: RoutePlanParts) {
    this.#parts = parts;
  }

  /** What is to be done about a prefix: an operation, or 0 if want and held agree or nothing can be done. */
  operation(table: FibTable, id: number): Operation | 0 {
    table.unmark(id, Mark.Queued);
    const held = table.held.get(id);
    const { groups, targets, objects, refused, outcomes } = this.#parts;
    const group = table.want.get(id);
    if (group === 0) {
      if ((table.marks.get(id) & Mark.Adopted) !== 0) return 0;
      if (held !== 0 || table.twins.has(id)) return Operation.Delete;
      table.freeIfIdle(id);
      return 0;
    }
    const wanted = groups.targetId(group, table.family);
    if (wanted === 0) {
      refused.fail(table, id, 0, obstacle(groups.target(group), table.family) ?? "The route cannot be expressed");
      return 0;
    }
    if (this.#parts.contested.waits(table, id)) return 0;
    // REPLACE would take the first of them, whosever it is.
    if (table.twins.has(id)) return Operation.Delete;
    if (targets.satisfies(held, wanted)) {
      outcomes.settled(table, id);
      return 0;
    }
    if (refused.anyDead || objects !== null) {
      const dead = refused.dead(wanted) ?? this.#deadObject(wanted);
      if (dead !== undefined) {
        refused.put(table, id, dead);
        return 0;
      }
    }
    return held === 0 ? Operation.Create : Operation.Replace;
  }

  /** What the operation names: the target that is wanted, and of a delete perhaps the one that goes; 0: none. */
  target(table: FibTable, id: number, operation: Operation): TargetId {
    return operation === Operation.Delete ? this.#named(table, id) : this.#parts.groups.wanted(table, id);
  }

  /**
   * What a delete names besides our mark. IPv6 deletes a multipath route with all hops, whoever owns the others: where
   * somebody's may be among them, ours are named.
   */
  #named(table: FibTable, id: number): TargetId {
    const held = table.held.get(id);
    if (held === 0 || table.family === Family.Ipv4Unicast || !table.twins.has(id)) return 0;
    const target = this.#parts.targets.get(held);
    return target.type === "unicast" && obstacle(target, table.family) === null ? held : 0;
  }

  #deadObject(wanted: TargetId): Refusal | undefined {
    const target = this.#parts.targets.get(wanted);
    if (target.type !== "object") return undefined;
    const text = this.#parts.objects?.trouble(target.nexthopId) ?? null;
    return text === null ? undefined : this.#parts.refused.setDead(wanted, text);
  }
}
