import { PrefixIndex } from "../kernel/prefix-index.ts";
import { Column } from "../lib/columns/column.ts";
import type { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";

/** Marks of one prefix. */
export const Mark = {
  /** In the queue. */
  Queued: 1,
  /** At the writer: not answered yet. */
  InFlight: 2,
  /** The intent changed while it was in flight: queue it when the answer is there. */
  Again: 4,
  /** Adopted from an earlier run and not set since. */
  Adopted: 8,
  /** Found missing or changed by somebody else: counts as repaired when it is right again. */
  Repair: 16,
  /** Seen by the reading that runs. */
  Seen: 32,
  /** Written, or told by an event, while a reading runs: newer than the reading. */
  Touched: 64,
  /** The kernel doesn't take it: failed or overridden (why: `refused`). */
  Refused: 128,
} as const;

/** Why a route that is wanted isn't taken: it failed, or another owner's is in its place. */
export interface Refusal {
  readonly state: "failed" | "overridden";
  readonly errno: number;
  readonly text: string;
}

/** What is wanted and what is known to be in the kernel, one element per prefix of one family; id 0 means none. */
export class FibTable {
  readonly family: Family;
  readonly prefixes: PrefixIndex;
  /** Group that the route is to follow; 0 = no route is wanted. */
  readonly want = new Column(Uint32Array);
  /** Target that the kernel's route of ours has; 0 = there is none. */
  readonly held = new Column(Uint32Array);
  /** `Mark`s. */
  readonly marks = new Column(Uint8Array);
  /** How often somebody made a repair necessary of late (`ContestedRoutes`). */
  readonly repairs = new Column(Uint8Array);
  /** Hears of a prefix with repairs that is forgotten. */
  forgotten: (id: number) => void = () => {};
  /**
   * Where another route stands at our metric besides ours (`ip route prepend`, `append`), whoever owns it: what bears our
   * mark goes, until the kernel says that none is left, and then ours is written anew.
   */
  readonly twins = new Set<number>();
  readonly refused = new Map<number, Refusal>();

  constructor(family: Family, hasher: Hasher) {
    this.family = family;
    this.prefixes = new PrefixIndex(family, hasher);
  }

  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    return this.prefixes.insert(w0, w1, w2, w3, length);
  }

  /** Forgets a prefix that nobody wants, the kernel hasn't and nothing is under way for. */
  freeIfIdle(id: number): void {
    if (this.want.get(id) !== 0 || this.held.get(id) !== 0 || this.twins.has(id)) return;
    const marks = this.marks.get(id);
    if ((marks & (Mark.Queued | Mark.InFlight | Mark.Touched)) !== 0) return;
    if ((marks & Mark.Refused) !== 0) this.refused.delete(id);
    this.marks.set(id, 0);
    if (this.repairs.get(id) !== 0) this.forgotten(id);
    this.prefixes.remove(id);
  }

  mark(id: number, mark: number): void {
    this.marks.set(id, this.marks.get(id) | mark);
  }

  unmark(id: number, mark: number): void {
    this.marks.set(id, this.marks.get(id) & ~mark);
  }
}
