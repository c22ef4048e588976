import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { DirtyRoutes } from "./dirty-routes.ts";
import type { FibTable } from "./fib-table.ts";

/** Repairs of one route that are made at once, whoever it is and whatever for. */
const FREE = 8;
/** Before the next ones: this long, then twice as long each time. */
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 60_000;
/** A route that nobody touched for so long is half forgotten. */
const COOLING_MS = 2 * MOST_PAUSE_MS;

/** Of `FibTable.repairs`: touched since the last cooling. */
const TOUCHED = 0x80;
const COUNT = 0x7f;

export interface ContestedParts {
  readonly tables: readonly [FibTable, FibTable];
  readonly clock: Clock;
  readonly log: Log;
  readonly dirty: DirtyRoutes;
  prefixText(table: FibTable, id: number): string;
}

/**
 * Routes of ours that somebody else removes or changes as often as we repair them: another tool that sweeps `proto bgp`, or
 * that holds the place for its own. The first repairs are made at once, the following after pauses that grow to a minute, so that neither
 * the kernel nor we do nothing else; it's said once, and shown with the route until it was left alone for some minutes. What
 * the kernel takes away by itself, with a link, is no such repair.
 */
export class ContestedRoutes {
  readonly #parts: ContestedParts;
  /** What waits, by the length of its pause, each in the order in which it is due. */
  readonly #waiting = new Map<number, { key: number; at: number }[]>();
  readonly #keys = new Set<number>();
  #timer: Timer | null = null;
  #cooling: Timer | null = null;
  /** Routes beyond the free repairs. */
  #contested = 0;
  #closed = false;

  constructor(parts: ContestedParts) {
    this.#parts = parts;
    for (const table of parts.tables) table.forgotten = (id) => this.#forget(table, id);
  }

  /** How many routes are fought over. */
  get count(): number {
    return this.#contested;
  }

  /** A repair is due: whether it may be made now. Otherwise it is asked for when its pause is over. */
  mayRepair(table: FibTable, id: number): boolean {
    const key = keyOf(table, id);
    if (this.#keys.has(key)) return false;
    const count = Math.min((table.repairs.get(id) & COUNT) + 1, COUNT);
    table.repairs.set(id, count | TOUCHED);
    if (!this.#closed) this.#cooling ??= this.#parts.clock.setTimer(COOLING_MS, () => this.#cool());
    if (count <= FREE || this.#closed) return true;
    if (count === FREE + 1) this.#begins(table, id);
    this.#wait(key, Math.min(FIRST_PAUSE_MS * 2 ** (count - FREE - 1), MOST_PAUSE_MS));
    return false;
  }

  /** Whether the route waits for its pause to end. */
  waits(table: FibTable, id: number): boolean {
    return this.#keys.size > 0 && this.#keys.has(keyOf(table, id));
  }

  /** What there is to say of a route; null if it isn't fought over. */
  text(table: FibTable, id: number): string | null {
    const count = table.repairs.get(id) & COUNT;
    if (count <= FREE) return null;
    const times = count === COUNT ? `${COUNT} times or more` : `${count} times`;
    return `somebody else has removed or changed it ${times}; it is put right after pauses of up to ${MOST_PAUSE_MS / 1000} s`;
  }

  /** The prefix is used for nothing any more, and its number may be for another. */
  #forget(table: FibTable, id: number): void {
    if ((table.repairs.get(id) & COUNT) > FREE) this.#contested--;
    table.repairs.set(id, 0);
    this.#keys.delete(keyOf(table, id));
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#cooling?.cancel();
  }

  #begins(table: FibTable, id: number): void {
    if (this.#contested++ > 0) return;
    const prefix = this.#parts.prefixText(table, id);
    this.#parts.log.event(
      "warn",
      "fib-contested",
      `${prefix} was removed or changed by somebody else ${FREE + 1} times since it was last left alone: from now on such routes are put right after pauses of up to ${MOST_PAUSE_MS / 1000} s; another tool may sweep routes of our protocol (\`ip monitor route\` shows what it does; see kernel.protocol and kernel.metric)`,
      { prefix },
    );
  }

  #wait(key: number, pause: number): void {
    this.#keys.add(key);
    const lane = this.#waiting.get(pause) ?? [];
    this.#waiting.set(pause, lane);
    lane.push({ key, at: this.#parts.clock.now() + pause });
    if (lane.length === 1) this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const next = Math.min(...Array.from(this.#waiting.values(), (lane) => lane[0]!.at));
    if (next === Number.POSITIVE_INFINITY || this.#closed) return;
    this.#timer = this.#parts.clock.setTimer(Math.max(0, next - this.#parts.clock.now()), () => this.#due());
  }

  #due(): void {
    const now = this.#parts.clock.now();
    for (const [pause, lane] of this.#waiting) {
      const later = lane.findIndex(({ at }) => at > now);
      for (const { key } of later === -1 ? lane : lane.slice(0, later)) {
        if (!this.#keys.delete(key)) continue;
        this.#parts.dirty.add(this.#parts.tables[key & 1]!, key >>> 1);
      }
      if (later === -1) this.#waiting.delete(pause);
      else this.#waiting.set(pause, lane.slice(later));
    }
    this.#arm();
  }

  /** Those that were left alone since the last look. */
  #cool(): void {
    this.#cooling = null;
    let warm = false;
    const before = this.#contested;
    for (const table of this.#parts.tables)
      for (let id = 1; id < table.prefixes.limit; id++) {
        const heat = table.repairs.get(id);
        if (heat === 0) continue;
        const left = (heat & TOUCHED) !== 0 || this.waits(table, id) ? heat & COUNT : (heat & COUNT) >>> 1;
        if ((heat & COUNT) > FREE && left <= FREE) this.#contested--;
        table.repairs.set(id, left);
        if (left > 0) warm = true;
      }
    if (before > 0 && this.#contested === 0)
      this.#parts.log.event("info", "fib-left-alone", "Our routes in the kernel are left alone again");
    if (warm && !this.#closed) this.#cooling = this.#parts.clock.setTimer(COOLING_MS, () => this.#cool());
  }
}

const keyOf = (table: FibTable, id: number): number => ((id << 1) | table.family) >>> 0;
