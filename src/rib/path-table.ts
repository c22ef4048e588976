import { Column } from "../lib/columns/column.ts";
import { PAGE_BITS, PAGE_MASK, RecordPages } from "../lib/columns/record-pages.ts";
import { WIDE, WideChains } from "./wide-chains.ts";

/** Words of a path record: 16 octets a path. */
export const PATH_STRIDE = 4;
/** Source in bits 0-15, epoch of the source in 16-31. */
export const PATH_ORIGIN = 0;
/** Attribute set as received; 0 marks a free record. */
export const PATH_RECEIVED = 1;
/** Attribute set under the import policy; 0 = rejected. */
export const PATH_EFFECTIVE = 2;
/** The next path of the same prefix, or CHAIN_END | prefix id. */
export const PATH_NEXT = 3;
/** Ends a chain of paths: the rest of the word is the prefix, so that a path needs no word of its own to find it. */
export const CHAIN_END = 0x80000000;

/** The paths of one family, chained per prefix. Path numbers hold until the next change of the table: keep none. */
export class PathTable {
  readonly records = new RecordPages(PATH_STRIDE);
  /** Chains too long to be walked. */
  readonly wide = new WideChains(this);
  /** ADD-PATH ids by path (RFC 7911); there are none while no peer sends ids. */
  readonly #pathIds = new Column(Uint32Array);
  /** Whether any path has an id other than 0. */
  hasPathIds = false;

  get size(): number {
    return this.records.live;
  }

  /** Octets held. */
  get bytes(): number {
    return this.records.bytes + this.wide.bytes + this.#pathIds.bytes;
  }

  source(path: number): number {
    return this.records.pages[path >>> PAGE_BITS]![(path & PAGE_MASK) * PATH_STRIDE]! & 0xffff;
  }

  epoch(path: number): number {
    return this.records.pages[path >>> PAGE_BITS]![(path & PAGE_MASK) * PATH_STRIDE]! >>> 16;
  }

  received(path: number): number {
    return this.records.pages[path >>> PAGE_BITS]![(path & PAGE_MASK) * PATH_STRIDE + PATH_RECEIVED]!;
  }

  effective(path: number): number {
    return this.records.pages[path >>> PAGE_BITS]![(path & PAGE_MASK) * PATH_STRIDE + PATH_EFFECTIVE]!;
  }

  /** The next path of the prefix, or 0. */
  next(path: number): number {
    const next = this.records.pages[path >>> PAGE_BITS]![(path & PAGE_MASK) * PATH_STRIDE + PATH_NEXT]!;
    return next >= CHAIN_END ? 0 : next;
  }

  prefix(path: number): number {
    let at = path;
    for (let left = WIDE; at < CHAIN_END; left--) {
      const known = left === 0 ? this.wide.prefixOf(path) : 0;
      if (known !== 0) return known;
      at = this.records.pages[at >>> PAGE_BITS]![(at & PAGE_MASK) * PATH_STRIDE + PATH_NEXT]!;
    }
    return at - CHAIN_END;
  }

  /** The next path in use behind `path` (0 to begin), whatever its prefix; 0 at the end. */
  following(path: number): number {
    const { pages, end } = this.records;
    for (let next = path + 1; next < end; next++) {
      const page = pages[next >>> PAGE_BITS]!;
      const at = (next & PAGE_MASK) * PATH_STRIDE;
      if (at >= page.length) next |= PAGE_MASK;
      else if (page[at + PATH_RECEIVED] !== 0) return next;
    }
    return 0;
  }

  /** ADD-PATH id as received, 0 without. */
  pathId(path: number): number {
    return this.hasPathIds ? this.#pathIds.get(path) : 0;
  }

  setPathId(path: number, pathId: number): void {
    this.#pathIds.set(path, pathId);
    if (pathId !== 0) this.hasPathIds = true;
  }

  free(path: number): void {
    this.records.pages[path >>> PAGE_BITS]![(path & PAGE_MASK) * PATH_STRIDE + PATH_RECEIVED] = 0;
    this.records.free(path);
    if (!this.hasPathIds) return;
    this.#pathIds.shorten(this.records.end);
    if (this.records.live === 0) {
      this.#pathIds.clear();
      this.hasPathIds = false;
    }
  }
}
