import { type FibTable, Mark } from "./fib-table.ts";
import type { WriteQueue } from "./write-queue.ts";
import type { WriteTurns } from "./write-turns.ts";

/** Prefixes whose want and held may differ: each waits once, and is looked at in a turn. */
export class DirtyRoutes {
  readonly #queue: WriteQueue;
  readonly #turns: WriteTurns;

  constructor(queue: WriteQueue, turns: WriteTurns) {
    this.#queue = queue;
    this.#turns = turns;
  }

  /** `source`: whose change it is, if that is known; see `WriteQueue`. */
  add(table: FibTable, id: number, source = 0): void {
    const marks = table.marks.get(id);
    if ((marks & Mark.Queued) !== 0) return;
    if ((marks & Mark.InFlight) !== 0) {
      table.marks.set(id, marks | Mark.Again);
      return;
    }
    table.marks.set(id, marks | Mark.Queued);
    // What goes is told apart by what it went through.
    const through = table.want.get(id) !== 0 ? table.want.get(id) : table.held.get(id);
    this.#queue.push(((id << 1) | table.family) >>> 0, through + Math.imul(source, 0x10001));
    this.#turns.ask();
  }
}
