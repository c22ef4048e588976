import type { KernelMarks } from "../src/lib/kernel-marks.ts";
import type { NextHopTable } from "../src/rib/rib-ports.ts";

export interface FixedNextHops extends NextHopTable {
  marks(id: number): KernelMarks | null;
  marked(id: number, marks: KernelMarks): number;
  reachable: Uint8Array;
  metric: Uint32Array;
  /** Next hops that routes go to. */
  readonly used: number;
  /** Next hops that somebody holds, id 0 not counted. */
  readonly held: number;
}

/** Next hops for tests: counted, all reachable at metric 0 until a test says otherwise. */
export function fixedNextHops(): FixedNextHops {
  const keys = new Map<string, number>();
  const uses = new Map<number, number>();
  const entries: ({
    words: readonly number[];
    linkLocal: readonly number[] | null;
    count: number;
    key: string;
    marks: KernelMarks | null;
  } | null)[] = [{ words: [], linkLocal: null, count: 1, key: "", marks: null }];
  const counted = (
    key: string,
    make: () => { words: readonly number[]; linkLocal: readonly number[] | null; marks: KernelMarks | null },
  ) => {
    let id = keys.get(key);
    if (id === undefined) {
      id = entries.indexOf(null);
      if (id < 0) id = entries.length;
      entries[id] = { ...make(), count: 0, key };
      keys.set(key, id);
    }
    entries[id]!.count++;
    return id;
  };
  return {
    reachable: new Uint8Array(4096).fill(1),
    metric: new Uint32Array(4096),
    get held() {
      return keys.size;
    },
    intern(words, linkLocal, scope = 0) {
      return counted(JSON.stringify([words, linkLocal, scope]), () => ({ words, linkLocal, marks: null }));
    },
    marks: (id) => entries[id]!.marks,
    marked(id, more) {
      const { words, linkLocal, marks: before, key } = entries[id]!;
      const marks = { ...before, ...more };
      return counted(`${key.split(" ")[0]} ${JSON.stringify(marks)}`, () => ({ words, linkLocal, marks }));
    },
    retain(id) {
      entries[id]!.count++;
    },
    release(id) {
      const entry = entries[id]!;
      if (--entry.count > 0) return;
      if (entry.count < 0) throw new Error(`next hop ${id} was released too often`);
      keys.delete(entry.key);
      entries[id] = null;
    },
    get used() {
      return uses.size;
    },
    use(id) {
      uses.set(id, (uses.get(id) ?? 0) + 1);
    },
    unuse(id) {
      const left = uses.get(id)! - 1;
      if (left > 0) uses.set(id, left);
      else uses.delete(id);
    },
    words: (id) => entries[id]!.words,
    linkLocal: (id) => entries[id]!.linkLocal,
  };
}
