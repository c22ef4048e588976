import type { FibTarget } from "../kernel/records.ts";
import { type Family, families } from "../lib/family.ts";
import type { FibGroup } from "./fib-port.ts";
import type { FibTable } from "./fib-table.ts";
import { NexthopObjects } from "./nexthop-objects.ts";
import { canonicalTarget, obstacle, type TargetId, type TargetStore } from "./targets.ts";

interface Group {
  target: FibTarget;
  /** What the group means now, per family; 0 where its hops can't carry the family. */
  readonly ids: TargetId[];
  /** Routes that use it. */
  routes: number;
  /** Somebody holds the handle. */
  owned: boolean;
  /** Key in the table of groups that were made for plain `set` calls. */
  shared: string | null;
}

/** The handles that callers hold, and what each means at the moment. */
export class GroupTable {
  readonly #targets: TargetStore;
  readonly #objects: NexthopObjects | null;
  readonly #groups: (Group | undefined)[] = [undefined];
  readonly #free: FibGroup[] = [];
  readonly #shared = new Map<string, FibGroup>();

  /** With `objects`, groups are nexthop objects in the kernel where they can be. */
  constructor(targets: TargetStore, objects: NexthopObjects | null) {
    this.#targets = targets;
    this.#objects = objects;
  }

  open(target: FibTarget): FibGroup {
    return this.#add(target, null);
  }

  /** A group for one plain target; it lives as long as routes use it. */
  sharedFor(target: FibTarget): FibGroup {
    const canonical = canonicalTarget(target);
    const key = JSON.stringify(canonical);
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const group = this.#add(canonical, key);
    this.#groups[group]!.owned = false;
    this.#shared.set(key, group);
    return group;
  }

  #add(target: FibTarget, shared: string | null): FibGroup {
    const group = this.#free.pop() ?? this.#groups.length;
    this.#groups[group] = { target, ids: this.#idsOf(group, target), routes: 0, owned: true, shared };
    return group;
  }

  /** Gives the group another meaning; false if it is the one that it has. */
  retarget(group: FibGroup, target: FibTarget): boolean {
    const entry = this.#groups[group]!;
    const ids = this.#idsOf(group, target);
    const changed = ids.some((id, family) => id !== entry.ids[family]);
    for (const family of families) {
      const old = entry.ids[family]!;
      entry.ids[family] = ids[family]!;
      if (old !== 0) this.#targets.release(old);
    }
    entry.target = target;
    return changed;
  }

  release(group: FibGroup): void {
    this.#groups[group]!.owned = false;
    this.#dropIfUnused(group);
  }

  addRoute(group: FibGroup): void {
    this.#groups[group]!.routes++;
  }

  removeRoute(group: FibGroup): void {
    this.#groups[group]!.routes--;
    this.#dropIfUnused(group);
  }

  /** What routes of this family in the group are to be; 0 if they can't. */
  targetId(group: FibGroup, family: Family): TargetId {
    return this.#groups[group]!.ids[family]!;
  }

  /** Target that a route is to have; 0 if none is wanted or none is possible. */
  wanted(table: FibTable, id: number): TargetId {
    const group = table.want.get(id);
    return group === 0 ? 0 : this.targetId(group, table.family);
  }

  target(group: FibGroup): FibTarget {
    return this.#groups[group]!.target;
  }

  routes(group: FibGroup): number {
    return this.#groups[group]!.routes;
  }

  /** Throws if the handle is none: a bug of the caller, best found at once. */
  check(group: FibGroup): void {
    if (this.#groups[group] === undefined) throw new Error(`FIB group ${group} is not open`);
  }

  /** Takes over nexthop objects of an earlier run, now that they are known. */
  adopt(): void {
    for (let group = 1; group < this.#groups.length; group++) {
      const entry = this.#groups[group];
      if (entry !== undefined) this.retarget(group, entry.target);
    }
  }

  #idsOf(group: FibGroup, target: FibTarget): TargetId[] {
    if (this.#objects !== null && NexthopObjects.suits(target)) {
      const nexthopId = this.#objects.root(group, target);
      return families.map((family) =>
        obstacle(target, family) === null ? this.#targets.retain({ type: "object", nexthopId }) : 0,
      );
    }
    this.#objects?.release(group);
    return families.map((family) => (obstacle(target, family) === null ? this.#targets.retain(target) : 0));
  }

  #dropIfUnused(group: FibGroup): void {
    const entry = this.#groups[group]!;
    if (entry.owned || entry.routes > 0) return;
    this.#objects?.release(group);
    for (const id of entry.ids) if (id !== 0) this.#targets.release(id);
    if (entry.shared !== null) this.#shared.delete(entry.shared);
    this.#groups[group] = undefined;
    this.#free.push(group);
  }
}
