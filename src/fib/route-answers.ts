import type { Family } from "../lib/family.ts";
import type { Barriers } from "./barriers.ts";
import type { DirtyRoutes } from "./dirty-routes.ts";
import { type FibTable, Mark } from "./fib-table.ts";
import type { Flight, Landed } from "./flight.ts";
import type { KernelPump } from "./kernel-pump.ts";
import type { Outcomes } from "./outcomes.ts";
import type { RefusedRoutes } from "./refused-routes.ts";
import type { TargetId, TargetStore } from "./targets.ts";

export interface RouteAnswersParts {
  readonly tables: readonly [FibTable, FibTable];
  readonly targets: TargetStore;
  readonly dirty: DirtyRoutes;
  readonly flight: Flight;
  readonly refused: RefusedRoutes;
  readonly outcomes: Outcomes;
  readonly barriers: Barriers;
  readonly pump: KernelPump;
}

/** The writer's answers: which record each belongs to, and what then ends (its marks, its hold on the target). */
export class RouteAnswers {
  readonly #parts: RouteAnswersParts;

  constructor(parts: RouteAnswersParts) {
    this.#parts = parts;
  }

  done(sequence: number): void {
    const { flight, barriers, pump } = this.#parts;
    flight.done(sequence, this.#succeeded);
    barriers.check();
    pump.goOn();
  }

  failed(sequence: number, errno: number, text: string): void {
    const { flight, refused, outcomes } = this.#parts;
    flight.failed(sequence, errno, refused.reason(errno, text), (key, operation, target) => {
      const table = this.#tableOf(key);
      this.#land(table, key >>> 1, target);
      outcomes.refused(table, key >>> 1, operation, errno, text);
    });
  }

  /** The writer is gone: what was in flight may or may not have been done, which a reading will tell. */
  lost(reason: string): void {
    const { flight, dirty } = this.#parts;
    flight.lost(reason, (key, _operation, target) => {
      const table = this.#tableOf(key);
      this.#land(table, key >>> 1, target);
      table.unmark(key >>> 1, Mark.Again);
      dirty.add(table, key >>> 1);
    });
  }

  readonly #succeeded: Landed = (key, operation, target) => {
    const table = this.#tableOf(key);
    table.unmark(key >>> 1, Mark.InFlight);
    this.#parts.outcomes.succeeded(table, key >>> 1, operation, target); // the record's hold on the target ends after it
    if (target !== 0) this.#parts.targets.release(target);
  };

  #tableOf(key: number): FibTable {
    return this.#parts.tables[(key & 1) as Family];
  }

  /** A route's record is answered: its marks and its hold on the target end. */
  #land(table: FibTable, id: number, target: TargetId): void {
    table.unmark(id, Mark.InFlight);
    if (target !== 0) this.#parts.targets.release(target);
  }
}
