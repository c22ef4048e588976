import { PrefixIndex } from "../kernel/prefix-index.ts";
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
  /** Not in its final state: failed or overridden (details in `failures`). */
  Trouble: 128,
} as const;

/** Why a route is not as it should be. */
export interface Trouble {
  readonly state: "failed" | "overridden";
  readonly errno: number;
  readonly text: string;
}

/** What is wanted and what is known to be in the kernel, one element per prefix of one family; id 0 means none. */
export class FibTable {
  readonly family: Family;
  readonly prefixes: PrefixIndex;
  /** Group that the route is to follow; 0 = no route is wanted. */
  want: Uint32Array;
  /** Target that the kernel's route of ours has; 0 = there is none. */
  held: Uint32Array;
  marks: Uint8Array;
  /**
   * Where another route stands at our metric besides ours (`ip route prepend`, `append`), whoever owns it: what bears our
   * mark goes, until the kernel says that none is left, and then ours is written anew.
   */
  readonly twins = new Set<number>();
  readonly troubles = new Map<number, Trouble>();

  constructor(family: Family, hasher: Hasher) {
    this.family = family;
    this.prefixes = new PrefixIndex(family, hasher);
    const size = this.prefixes.capacity;
    this.want = new Uint32Array(size);
    this.held = new Uint32Array(size);
    this.marks = new Uint8Array(size);
  }

  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const id = this.prefixes.insert(w0, w1, w2, w3, length);
    if (id >= this.marks.length) this.#grow();
    return id;
  }

  /** Forgets a prefix that nobody wants, the kernel hasn't and nothing is under way for. */
  freeIfIdle(id: number): void {
    if (this.want[id] !== 0 || this.held[id] !== 0 || this.twins.has(id)) return;
    if ((this.marks[id]! & (Mark.Queued | Mark.InFlight | Mark.Touched)) !== 0) return;
    if ((this.marks[id]! & Mark.Trouble) !== 0) this.troubles.delete(id);
    this.marks[id] = 0;
    this.prefixes.remove(id);
  }

  #grow(): void {
    const size = this.prefixes.capacity;
    const widen = <T extends Uint32Array | Uint8Array>(old: T, wide: T): T => {
      wide.set(old);
      return wide;
    };
    this.want = widen(this.want, new Uint32Array(size));
    this.held = widen(this.held, new Uint32Array(size));
    this.marks = widen(this.marks, new Uint8Array(size));
  }
}
