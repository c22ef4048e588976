import type { KernelMirror } from "../kernel/mirror.ts";
import { Operation } from "../kernel/records.ts";
import * as nl from "../kernel/rtnetlink/constants.ts";
import { Family } from "../lib/family.ts";
import type { DirtyRoutes } from "./dirty-routes.ts";
import type { FibCounters } from "./fib-port.ts";
import type { FibRows } from "./fib-rows.ts";
import { type FibTable, Mark } from "./fib-table.ts";
import type { HeldRoutes } from "./held-routes.ts";
import type { RefusedRoutes } from "./refused-routes.ts";
import type { TargetId } from "./targets.ts";

export interface OutcomeParts {
  readonly held: HeldRoutes;
  readonly refused: RefusedRoutes;
  readonly rows: FibRows;
  readonly mirror: KernelMirror | null;
  readonly counters: FibCounters;
  readonly dirty: DirtyRoutes;
}

/**
 * What the kernel's answer on a route's record means, and what is next. An EEXIST has another owner, who is named, and who
 * is waited for; or the route is ours and was not known, which a reading finds out.
 */
export class Outcomes {
  readonly #parts: OutcomeParts;
  /** EEXISTs with no owner in sight since the last reading. */
  #unexplained = 0;

  constructor(parts: OutcomeParts) {
    this.#parts = parts;
  }

  succeeded(table: FibTable, id: number, operation: Operation, target: TargetId): void {
    const { held, counters } = this.#parts;
    held.set(table, id, target);
    const { operations } = counters;
    if (operation === Operation.Create) operations.add.ok++;
    else if (operation === Operation.Replace) operations.replace.ok++;
    else operations.delete.ok++;
    this.#landed(table, id);
    if (operation === Operation.Delete && (table.want.get(id) !== 0 || table.twins.has(id)))
      this.#parts.dirty.add(table, id);
    else if (table.want.get(id) !== 0) this.settled(table, id);
    else table.freeIfIdle(id);
  }

  refused(table: FibTable, id: number, operation: Operation, errno: number, text: string): void {
    const { held, refused, counters, dirty } = this.#parts;
    this.#landed(table, id);
    const { operations } = counters;
    if (operation === Operation.Delete) {
      if (errno === nl.ESRCH || errno === nl.ENOENT || errno === nl.ENODEV) {
        operations.delete.ok++; // gone already, or the last of several is
        held.set(table, id, 0);
        // where other owners' IPv6 hops stood beside ours, what is left of them is shown otherwise now
        if (table.twins.delete(id) && table.family === Family.Ipv6Unicast) this.#parts.mirror?.doubt();
        if (table.want.get(id) !== 0)
          dirty.add(table, id); // CREATE|EXCL finds out who else is there
        else table.freeIfIdle(id);
        return;
      }
      operations.delete.failed++;
      refused.fail(table, id, errno, text);
      return;
    }
    if (operation === Operation.Replace && errno === nl.ENOENT) {
      operations.replace.failed++; // somebody took it away between the event and us: it has to be made anew
      held.set(table, id, 0);
      dirty.add(table, id);
      return;
    }
    if (operation === Operation.Replace && errno === nl.EEXIST) {
      operations.replace.failed++; // ours is there as it should be, and another one of the same metric in front of it
      table.twins.add(id);
      dirty.add(table, id);
      return;
    }
    if (operation === Operation.Create && errno === nl.EEXIST) {
      operations.add.overridden++;
      this.#exists(table, id);
      return;
    }
    (operation === Operation.Create ? operations.add : operations.replace).failed++;
    refused.fail(table, id, errno, text);
  }

  /** The kernel has what is wanted. */
  settled(table: FibTable, id: number): void {
    const marks = table.marks.get(id);
    if ((marks & (Mark.Repair | Mark.Refused)) === 0) return;
    if ((marks & Mark.Repair) !== 0) this.#parts.counters.repaired++;
    table.marks.set(id, marks & ~Mark.Repair);
    if ((marks & Mark.Refused) !== 0) this.#parts.refused.settled(table, id);
  }

  #landed(table: FibTable, id: number): void {
    this.#parts.held.touched(table, id);
    if ((table.marks.get(id) & Mark.Again) === 0) return;
    table.unmark(id, Mark.Again);
    this.#parts.dirty.add(table, id);
  }

  /** CREATE|EXCL met a route. */
  #exists(table: FibTable, id: number): void {
    const { rows, refused, mirror } = this.#parts;
    const owner = rows.ownerInTheWay(table, id);
    if (owner !== null) {
      refused.override(table, id, owner);
      return;
    }
    refused.fail(table, id, nl.EEXIST, "another route is in the way and was not seen yet");
    if (this.#unexplained++ > 0 || mirror === null) return;
    mirror.resync(() => {
      this.#unexplained = 0;
      refused.existingKnown();
    });
  }
}
