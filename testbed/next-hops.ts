import type { NextHopTable } from "../src/rib/rib-ports.ts";

export interface FixedNextHops extends NextHopTable {
  reachable: Uint8Array;
  metric: Uint32Array;
  /** Next hops that somebody holds, id 0 not counted. */
  readonly held: number;
}

/** Next hops for tests: counted, all reachable at metric 0 until a test says otherwise. */
export function fixedNextHops(): FixedNextHops {
  const keys = new Map<string, number>();
  const entries: ({
    words: readonly number[];
    linkLocal: readonly number[] | null;
    count: number;
    key: string;
  } | null)[] = [{ words: [], linkLocal: null, count: 1, key: "" }];
  return {
    reachable: new Uint8Array(4096).fill(1),
    metric: new Uint32Array(4096),
    get held() {
      return keys.size;
    },
    intern(words, linkLocal, scope = 0) {
      const key = JSON.stringify([words, linkLocal, scope]);
      let id = keys.get(key);
      if (id === undefined) {
        id = entries.indexOf(null);
        if (id < 0) id = entries.length;
        entries[id] = { words, linkLocal, count: 0, key };
        keys.set(key, id);
      }
      entries[id]!.count++;
      return id;
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
    words: (id) => entries[id]!.words,
    linkLocal: (id) => entries[id]!.linkLocal,
  };
}
