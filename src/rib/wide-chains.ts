import { Column } from "../lib/columns/column.ts";
import type { PathTable } from "./path-table.ts";

/** A chain that has come to so many paths is indexed ... */
export const WIDE = 32;
/** ... until it is no longer than this. */
const NARROW = WIDE / 2;

/**
 * What is known of a prefix with many paths: where they are, and in which order they changed, so that the decision and ADD-PATH groups look
 * at what is new since they last did, each at its own pace.
 */
export class WideChain {
  /** Paths by source and path id. */
  readonly paths = new Map<number, number>();
  /** Paths that each source has here. */
  readonly bySource = new Map<number, number>();
  /** MED of all paths that took part in the last decision that looked at all; -1: they differ, so that comparing two says nothing. */
  med = -1;
  /** What the decision has seen. */
  decided = -1;
  readonly #prefix: number;
  readonly #prefixes: Column;
  /** Paths that came, changed or went, in order; the first has the number `#from`. */
  #changes: number[] = [];
  #from = 0;

  constructor(prefix: number, prefixes: Column) {
    this.#prefix = prefix;
    this.#prefixes = prefixes;
  }

  get size(): number {
    return this.paths.size;
  }

  /** The number that the next change will have. */
  get end(): number {
    return this.#from + this.#changes.length;
  }

  /** Whether a path is one of these. */
  holds(path: number): boolean {
    return this.#prefixes.get(path) === this.#prefix;
  }

  /** Paths that came, changed or went since a change of this number; null: all must be looked at. */
  since(change: number): readonly number[] | null {
    if (change < this.#from) return null;
    return change === this.#from ? this.#changes : this.#changes.slice(change - this.#from);
  }

  noted(path: number): void {
    // Longer than the chain is it is of no use: who has seen so little looks at all. Others have seen the older half.
    if (this.#changes.length > this.paths.size) {
      const older = (this.#changes.length >>> 1) + 1;
      this.#changes = this.#changes.slice(older);
      this.#from += older;
    }
    this.#changes.push(path);
  }

  /** What they are compared by has changed: all must be looked at, by everybody. */
  distrust(): void {
    this.#from += this.#changes.length + 1;
    this.#changes = [];
  }
}

/** Sources have 16 bits, path ids 32: together a whole number that a double holds. */
const keyOf = (source: number, pathId: number): number => source * 0x1_0000_0000 + pathId;

/**
 * An index of the prefixes that have many paths (ADD-PATH ids without end, an anycast prefix of a thousand hosts). Nearly all have one or
 * two, which a walk of their chain finds fastest; here a walk would make each change cost as much as there are paths. So beyond `WIDE`
 * paths a chain has its paths by source and id, and for each of them the one before it and the prefix. It exists while it is needed.
 */
export class WideChains {
  readonly #paths: PathTable;
  readonly #chains = new Map<number, WideChain>();
  /** By path: its prefix; 0: it isn't indexed. */
  readonly #prefixes = new Column(Uint32Array);
  /** By path: the one before it; 0: it is the first. */
  readonly #before = new Column(Uint32Array);

  constructor(paths: PathTable) {
    this.#paths = paths;
  }

  get(prefix: number): WideChain | undefined {
    return this.#chains.size === 0 ? undefined : this.#chains.get(prefix);
  }

  /** The index of a prefix whose chain begins at `head`, made if there is none. */
  open(prefix: number, head: number): WideChain {
    const known = this.#chains.get(prefix);
    if (known !== undefined) return known;
    const chain = new WideChain(prefix, this.#prefixes);
    this.#chains.set(prefix, chain);
    for (let path = head, before = 0; path !== 0; before = path, path = this.#paths.next(path)) {
      this.#enter(prefix, chain, path);
      this.setBefore(path, before);
    }
    return chain;
  }

  find(chain: WideChain, source: number, pathId: number): number {
    return chain.paths.get(keyOf(source, pathId)) ?? 0;
  }

  /** A path has been linked in behind `before`. */
  added(prefix: number, chain: WideChain, path: number, before: number): void {
    this.#enter(prefix, chain, path);
    this.linked(path, before);
    chain.noted(path);
  }

  /** A path that is in the index now stands behind `before` (0: it is the first). */
  linked(path: number, before: number): void {
    this.setBefore(path, before);
    const next = this.#paths.next(path);
    if (next !== 0) this.setBefore(next, path);
  }

  /** A path is about to be freed; the chain that is left begins at `head`. */
  removed(prefix: number, chain: WideChain, path: number, head: number): void {
    const source = this.#paths.source(path);
    chain.paths.delete(keyOf(source, this.#paths.pathId(path)));
    const left = chain.bySource.get(source)! - 1;
    if (left === 0) chain.bySource.delete(source);
    else chain.bySource.set(source, left);
    this.#prefixes.set(path, 0);
    chain.noted(path);
    if (chain.paths.size > NARROW) return;
    this.#chains.delete(prefix);
    if (this.#chains.size > 0) {
      for (let at = head; at !== 0; at = this.#paths.next(at)) this.#prefixes.set(at, 0);
      return;
    }
    this.#prefixes.clear();
    this.#before.clear();
  }

  /** Prefix of a path; 0 if it isn't indexed. */
  prefixOf(path: number): number {
    return this.#prefixes.get(path);
  }

  /** The path before an indexed one; 0 if it is the first. */
  before(path: number): number {
    return this.#before.get(path);
  }

  setBefore(path: number, before: number): void {
    this.#before.set(path, before);
  }

  /** Everything is to be looked at in the next decisions: the rules are others. */
  distrust(): void {
    for (const chain of this.#chains.values()) chain.distrust();
  }

  /** Octets held, about. */
  get bytes(): number {
    let sum = this.#prefixes.bytes + this.#before.bytes;
    for (const chain of this.#chains.values()) sum += chain.paths.size * 40;
    return sum;
  }

  #enter(prefix: number, chain: WideChain, path: number): void {
    const source = this.#paths.source(path);
    chain.paths.set(keyOf(source, this.#paths.pathId(path)), path);
    chain.bySource.set(source, (chain.bySource.get(source) ?? 0) + 1);
    this.#prefixes.set(path, prefix);
  }
}
