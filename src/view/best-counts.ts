import { Column } from "../lib/columns/column.ts";

/** What is read of a route table. */
export interface BestRoutes {
  /** Prefix ids, from 0 on, with 0 at the end. */
  readonly prefixes: { next(prefixId: number): number };
  bestSource(prefixId: number): number;
  addConsumer(consumer: { changed(prefixId: number): void }): void;
}

/**
 * How many best paths come from each source, kept up to date as they change: two octets a prefix, for those who ask
 * (metrics) alone.
 */
export class BestCounts {
  readonly #routes: BestRoutes;
  /** By prefix id: the source of the best path, 0 for none. */
  readonly #sources = new Column(Uint16Array);
  /** By source. */
  readonly #counts: number[] = [];

  constructor(routes: BestRoutes) {
    this.#routes = routes;
    routes.addConsumer(this);
    // Asked for later than the table began: what is there is counted once.
    for (let id = routes.prefixes.next(0); id !== 0; id = routes.prefixes.next(id)) this.changed(id);
  }

  of(source: number): number {
    return this.#counts[source] ?? 0;
  }

  /** The table's consumer port. */
  changed(prefixId: number): void {
    const now = this.#routes.bestSource(prefixId);
    const before = this.#sources.set(prefixId, now);
    if (before === now) return;
    if (before !== 0) this.#counts[before]!--;
    if (now !== 0) this.#counts[now] = (this.#counts[now] ?? 0) + 1;
  }
}
