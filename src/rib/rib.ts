import { Family, families } from "../lib/family.ts";
import { Hasher } from "../lib/hash.ts";
import type { Random } from "../lib/random.ts";
import { AttributeStore } from "./attribute-store.ts";
import type { DecisionOptions } from "./decision/options.ts";
import type { ImportPort, NextHopTable } from "./rib-ports.ts";
import { RouteTable } from "./route-table.ts";
import { SourceTable } from "./source-table.ts";

/**
 * The RIB: what peers announced, under which attributes, and what was chosen. Pure: no clock, no socket, no log.
 *
 * ```
 * UPDATE ─ AttributeStore.resolve ─ RouteTable.announce ─┬─ ImportPort.evaluate       attribute ids: received, effective
 *                                                         └─ queue of dirty prefixes
 *                     RouteTable.flush ─ Decision.choose ─── Consumer.changed          update groups, FIB feed
 * ```
 *
 * Everything is a number. A prefix is an id into `PrefixTable`, a path a number into `PathTable`, an attribute set an id of
 * `AttributeStore`, its sender an id of `SourceTable`, a next hop an id of `NextHopTable`. The records stand in pages of
 * typed arrays (`RecordPages`), found by extendible hashing (`IdIndex`): a route costs 12 octets of prefix, 16 of path and
 * some 13 of index, no object, and no step that takes longer the more there are. A further path of a prefix costs 16.
 *
 * Invariants:
 * - A path holds its received and its effective attribute set (counted apart, also if they are one); a set holds its next hop.
 * - The best path is the first of its chain if HAS_BEST is set, and nothing is the best otherwise.
 * - A prefix is in the queue exactly if DIRTY is set; consumers hear of every change of the best path, once per decision.
 * - What takes long (removing a peer's paths, a new policy, a next hop gone) is one walk in slices, shared: `work`.
 */
export class Rib {
  readonly attributes: AttributeStore;
  readonly sources: SourceTable;
  /** By family. */
  readonly tables: readonly RouteTable[];

  constructor(parts: {
    readonly random: Random;
    readonly nextHops: NextHopTable;
    readonly local: { readonly as: number; readonly routerId: number };
    readonly decision?: DecisionOptions;
  }) {
    const { random, nextHops, local, decision } = parts;
    const hasher = new Hasher(random);
    this.attributes = new AttributeStore(nextHops, hasher);
    this.sources = new SourceTable(local);
    const { attributes, sources } = this;
    this.tables = families.map((family) => new RouteTable(family, { hasher, attributes, sources, nextHops }, decision));
  }

  get ipv4(): RouteTable {
    return this.tables[Family.Ipv4Unicast]!;
  }

  get ipv6(): RouteTable {
    return this.tables[Family.Ipv6Unicast]!;
  }

  setImportPort(port: ImportPort): void {
    for (const table of this.tables) table.importPort = port;
  }

  /** Removes all paths of a source in both families, then frees its id and calls `done`. */
  purge(source: number, done: (() => void) | null = null): void {
    let left = this.tables.length;
    for (const table of this.tables)
      table.purge(source, () => {
        if (--left > 0) return;
        this.sources.remove(source);
        done?.();
      });
  }

  /** Next hops that resolve differently now. */
  nextHopsChanged(ids: readonly number[]): void {
    if (ids.length > 0) for (const table of this.tables) table.nextHopsChanged(ids);
  }

  /** Decides what changed, looking at about `budget` paths; true when nothing waits. */
  flush(budget: number): boolean {
    let done = true;
    for (const table of this.tables) done = table.flush(budget) && done;
    return done;
  }

  /** Goes on with long walks and frees unused attribute sets, looking at about `budget` items; true when there's nothing to do. */
  work(budget: number): boolean {
    let done = true;
    for (const table of this.tables) done = table.work(budget) && done;
    return this.attributes.sweep(budget) && done;
  }

  /** Prefixes that wait for a decision; those of a family whose decision is deferred don't count. */
  get pending(): number {
    return this.tables.reduce((sum, table) => sum + (table.deferred ? 0 : table.pending), 0);
  }

  /** Octets held. */
  get bytes(): number {
    return this.tables.reduce((sum, table) => sum + table.bytes, this.attributes.bytes);
  }
}
