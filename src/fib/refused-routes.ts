import * as nl from "../kernel/rtnetlink/constants.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { DirtyRoutes } from "./dirty-routes.ts";
import type { FibRows } from "./fib-rows.ts";
import { type FibTable, Mark, type Refusal } from "./fib-table.ts";
import type { GroupTable } from "./groups.ts";
import type { NexthopObjects } from "./nexthop-objects.ts";
import type { TargetId, TargetStore } from "./targets.ts";

const RETRY_FIRST_MS = 20;
const RETRY_MOST_MS = 30_000;

/** Not the prefix is at fault, and all routes that way would fail. */
const targetErrors: ReadonlySet<number> = new Set([nl.EPERM, nl.ENODEV, nl.ENETDOWN, nl.ENETUNREACH, nl.EHOSTUNREACH]);

export interface RefusedRoutesParts {
  readonly tables: readonly [FibTable, FibTable];
  readonly clock: Clock;
  readonly log: Log;
  errorText(errno: number): string;
  readonly targets: TargetStore;
  readonly groups: GroupTable;
  readonly objects: NexthopObjects | null;
  readonly dirty: DirtyRoutes;
  readonly rows: FibRows;
}

/**
 * Routes that the kernel doesn't take, failed or overridden, and when the failed ones are tried again: after 20 ms, then four times as long each time up
 * to 30 s, and soon after anything in the kernel has changed. Most failures are those of a link or a gateway: then one
 * route asks for all that go the same way, and when it is taken the others follow.
 */
export class RefusedRoutes {
  readonly #parts: RefusedRoutesParts;
  /** Targets that the kernel refused: routes to them fail without being asked for. */
  readonly #dead = new Map<TargetId, Refusal>();
  /** Targets whose waiting routes were let go since the last retry. */
  readonly #freed = new Set<TargetId>();
  #timer: Timer | null = null;
  #dueAt = 0;
  #delay = RETRY_FIRST_MS;
  #deniedTold = false;
  #closed = false;

  constructor(parts: RefusedRoutesParts) {
    this.#parts = parts;
    parts.targets.onFree((target) => this.#dead.delete(target));
  }

  /** Whether anything is known that keeps routes to any target from being written. */
  get anyDead(): boolean {
    return this.#dead.size > 0;
  }

  dead(target: TargetId): Refusal | undefined {
    return this.#dead.get(target);
  }

  /** All routes to this target fail for the same reason, until the next retry. */
  setDead(target: TargetId, text: string): Refusal {
    const refusal: Refusal = { state: "failed", errno: 0, text };
    this.#dead.set(target, refusal);
    this.#retryLater();
    return refusal;
  }

  /** The kernel (errno) or we ourselves (0) can't write the route. */
  fail(table: FibTable, id: number, errno: number, text: string): void {
    const reason = errno === 0 ? text : this.reason(errno, text);
    const refusal: Refusal = { state: "failed", errno, text: reason };
    const wanted = this.#parts.groups.wanted(table, id);
    if (wanted !== 0 && targetErrors.has(errno)) this.#dead.set(wanted, refusal);
    this.#freed.delete(wanted);
    this.put(table, id, refusal);
    if (errno === nl.EPERM && !this.#deniedTold) {
      this.#deniedTold = true;
      this.#parts.log.event("error", "fib-not-permitted", reason);
    }
    this.#retryLater();
  }

  /** Another owner's route is in the place. */
  override(table: FibTable, id: number, owner: string): void {
    this.put(table, id, { state: "overridden", errno: nl.EEXIST, text: owner });
  }

  put(table: FibTable, id: number, refusal: Refusal): void {
    const before = table.refused.get(id);
    table.refused.set(id, refusal);
    table.mark(id, Mark.Refused);
    if (before?.state !== refusal.state || before.text !== refusal.text) this.#parts.rows.report(table, id);
  }

  /** The route is as it should be. */
  settled(table: FibTable, id: number): void {
    const refusal = table.refused.get(id)!;
    table.refused.delete(id);
    table.unmark(id, Mark.Refused);
    this.#parts.rows.report(table, id);
    if (refusal.state === "failed") this.#freeSiblings(this.#parts.groups.wanted(table, id));
  }

  /** Nexthop objects have come: routes that waited for them go on. */
  objectsCame(nexthopIds: ReadonlySet<number>): void {
    this.#each((table, id) => {
      const wanted = this.#parts.groups.wanted(table, id);
      const target = wanted === 0 ? null : this.#parts.targets.get(wanted);
      if (target?.type !== "object" || !nexthopIds.has(target.nexthopId)) return;
      this.#dead.delete(wanted);
      this.#parts.dirty.add(table, id);
    });
  }

  /** Everything was read anew: what was in the way of these is known now. */
  existingKnown(): void {
    this.#each((table, id, refusal) => {
      if (refusal.errno === nl.EEXIST) this.#parts.dirty.add(table, id);
    });
  }

  /** Links, addresses or others' routes changed: failures may have lost their cause. */
  kernelChanged(): void {
    this.#delay = RETRY_FIRST_MS;
    if (this.#timer !== null && this.#dueAt <= this.#parts.clock.now() + RETRY_FIRST_MS) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#retryLater();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** The kernel's words for an errno and its own sentence, if it gave one. */
  reason(errno: number, text: string): string {
    const words = this.#parts.errorText(errno);
    if (errno === nl.EPERM) return `${words}: writing kernel routes needs CAP_NET_ADMIN`;
    return text === "" ? words : `${words}: ${text}`;
  }

  /** One route of a target was taken: the others that wait for the same follow. */
  #freeSiblings(target: TargetId): void {
    if (this.#freed.has(target)) return;
    this.#freed.add(target);
    this.#each((table, id, refusal) => {
      const underWay = (table.marks.get(id) & (Mark.Queued | Mark.InFlight)) !== 0;
      if (refusal.state === "failed" && !underWay && this.#parts.groups.wanted(table, id) === target)
        this.#parts.dirty.add(table, id);
    });
  }

  #retryLater(): void {
    if (this.#timer !== null || this.#closed) return;
    if (this.#parts.tables.every((table) => table.refused.size === 0)) return;
    this.#dueAt = this.#parts.clock.now() + this.#delay;
    this.#timer = this.#parts.clock.setTimer(this.#delay, () => this.#retry());
  }

  #retry(): void {
    this.#timer = null;
    this.#delay = Math.min(this.#delay * 4, RETRY_MOST_MS);
    const dead = new Set(this.#dead.keys());
    const asked = new Set<TargetId>();
    this.#dead.clear();
    this.#freed.clear();
    this.#parts.objects?.retry();
    this.#each((table, id, refusal) => {
      if (refusal.state !== "failed") return;
      const wanted = this.#parts.groups.wanted(table, id);
      if (dead.has(wanted)) {
        if (asked.has(wanted)) return; // one asks for all
        asked.add(wanted);
      }
      this.#parts.dirty.add(table, id);
    });
    this.#retryLater();
  }

  #each(what: (table: FibTable, id: number, refusal: Refusal) => void): void {
    for (const table of this.#parts.tables) for (const [id, refusal] of table.refused) what(table, id, refusal);
  }
}
