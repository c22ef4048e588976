import { Column } from "../../lib/columns/column.ts";
import { Growth, resized } from "../../lib/columns/growth.ts";

/** Columns start with room for this many. */
const FIRST = 16;
/** Entries of a prefix that are walked; where there are more they are indexed, until there are as few as half of it. */
const WIDE = 32;

/** Which path of which prefix an entry is, with ADD-PATH (RFC 7911); a chain of entries per prefix. */
export class PathEntries {
  prefix = new Uint32Array(FIRST);
  pathId = new Uint32Array(FIRST);
  #next = new Uint32Array(FIRST);
  #previous = new Uint32Array(FIRST);
  readonly #first = new Column(Uint32Array);
  /** Entries by path id, of prefixes with many. */
  readonly #wide = new Map<number, Map<number, number>>();
  readonly #growth = new Growth(4, FIRST);
  #free = 0;
  #end = 1;

  /** First entry of a prefix, or 0. */
  first(prefixId: number): number {
    return this.#first.get(prefixId);
  }

  /** The next entry of the same prefix, or 0. */
  next(entry: number): number {
    return this.#next[entry]!;
  }

  /** All prefixes with entries are below. */
  get prefixEnd(): number {
    return this.#first.end;
  }

  find(prefixId: number, pathId: number): number {
    let entry = this.first(prefixId);
    for (let left = WIDE; entry !== 0 && this.pathId[entry] !== pathId; left--) {
      if (left === 0) return this.#index(prefixId).get(pathId) ?? 0;
      entry = this.#next[entry]!;
    }
    return entry;
  }

  #index(prefixId: number): Map<number, number> {
    const known = this.#wide.get(prefixId);
    if (known !== undefined) return known;
    const made = new Map<number, number>();
    for (let entry = this.first(prefixId); entry !== 0; entry = this.#next[entry]!)
      made.set(this.pathId[entry]!, entry);
    this.#wide.set(prefixId, made);
    return made;
  }

  isOnly(entry: number): boolean {
    return this.first(this.prefix[entry]!) === entry && this.#next[entry] === 0;
  }

  add(prefixId: number, pathId: number): number {
    let entry = this.#free;
    if (entry !== 0) this.#free = this.#next[entry]!;
    else {
      entry = this.#end++;
      if (entry >= this.#growth.next) this.#growth.reach(entry, this.#growColumn);
    }
    this.prefix[entry] = prefixId;
    this.pathId[entry] = pathId;
    const next = this.#first.set(prefixId, entry);
    this.#next[entry] = next;
    this.#previous[entry] = 0;
    if (next !== 0) this.#previous[next] = entry;
    if (this.#wide.size > 0) this.#wide.get(prefixId)?.set(pathId, entry);
    return entry;
  }

  readonly #growColumn = (column: number, length: number): void => {
    if (column === 0) this.prefix = resized(this.prefix, length);
    else if (column === 1) this.pathId = resized(this.pathId, length);
    else if (column === 2) this.#next = resized(this.#next, length);
    else this.#previous = resized(this.#previous, length);
  };

  remove(entry: number): void {
    const prefixId = this.prefix[entry]!;
    const next = this.#next[entry]!;
    const previous = this.#previous[entry]!;
    if (previous === 0) this.#first.set(prefixId, next);
    else this.#next[previous] = next;
    if (next !== 0) this.#previous[next] = previous;
    this.#next[entry] = this.#free;
    this.#free = entry;
    const wide = this.#wide.size > 0 ? this.#wide.get(prefixId) : undefined;
    if (wide?.delete(this.pathId[entry]!) && wide.size <= WIDE / 2) this.#wide.delete(prefixId);
  }
}
