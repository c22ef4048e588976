import type { Rib } from "./rib.ts";

/** Octets of a prefix with its place in the index, and of a path: what the tables spend on a route, roughly. */
const PREFIX_OCTETS = [28, 40];
const PATH_OCTETS = 16;

/**
 * Finds out how much memory the routes of each source take: their paths, and of each attribute set the part that falls to them
 * if all who hold it share its cost. One walk over all paths, in slices; nobody counts while routes come and go, since the
 * question is asked only when memory is short.
 */
export class Weigher {
  readonly #rib: Rib;
  #octets = new Float64Array(0);
  #table = 0;
  #path = 0;
  /** A walk is under way. */
  busy = false;

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  begin(): void {
    this.#octets = new Float64Array(this.#rib.sources.limit);
    this.#table = this.#path = 0;
    this.busy = true;
  }

  /** Looks at about `budget` paths; true when the walk is over. */
  step(budget: number): boolean {
    const { tables, attributes } = this.#rib;
    for (let left = budget; this.#table < tables.length; left--) {
      if (left <= 0) return false;
      const { paths } = tables[this.#table]!;
      const path = paths.following(this.#path);
      this.#path = path;
      if (path === 0) {
        this.#table++;
        continue;
      }
      const source = paths.source(path);
      // A source that has come since has little yet.
      if (source >= this.#octets.length) continue;
      const effective = paths.effective(path);
      this.#octets[source]! +=
        PATH_OCTETS +
        PREFIX_OCTETS[this.#table]! +
        attributes.share(paths.received(path)) +
        (effective === 0 ? 0 : attributes.share(effective));
    }
    this.busy = false;
    return true;
  }

  /** As of the last walk. */
  octets(source: number): number {
    return this.#octets[source] ?? 0;
  }
}
