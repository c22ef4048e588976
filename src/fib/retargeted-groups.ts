import type { DirtyRoutes } from "./dirty-routes.ts";
import type { FibGroup } from "./fib-port.ts";
import type { FibTable } from "./fib-table.ts";
import type { WriteTurns } from "./write-turns.ts";

/**
 * Groups that mean something else than before. Their routes are found by one walk over the tables for all of them: a link
 * that goes changes thousands of groups at once.
 */
export class RetargetedGroups {
  readonly #tables: readonly [FibTable, FibTable];
  readonly #dirty: DirtyRoutes;
  readonly #turns: WriteTurns;
  readonly #groups = new Set<FibGroup>();

  constructor(tables: readonly [FibTable, FibTable], dirty: DirtyRoutes, turns: WriteTurns) {
    this.#tables = tables;
    this.#dirty = dirty;
    this.#turns = turns;
  }

  add(group: FibGroup): void {
    this.#groups.add(group);
    this.#turns.ask();
  }

  /** Queues their routes: at the beginning of a turn, and before anybody asks what is queued. */
  flush(): void {
    if (this.#groups.size === 0) return;
    const groups = new Set(this.#groups);
    this.#groups.clear();
    for (const table of this.#tables) {
      const { want, prefixes } = table;
      const { limit } = prefixes;
      for (let id = 1; id < limit; id++) {
        const group = want.get(id);
        if (group !== 0 && groups.has(group)) this.#dirty.add(table, id);
      }
    }
  }
}
