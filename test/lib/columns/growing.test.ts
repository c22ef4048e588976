import t from "tap";
import type { Prefixes } from "../../../src/export/export-ports.ts";
import { AdjRibOut } from "../../../src/export/told/adj-rib-out.ts";
import { OutSets } from "../../../src/export/told/out-sets.ts";
import { Pending } from "../../../src/export/told/pending.ts";
import { FibTable } from "../../../src/fib/fib-table.ts";
import { WriteQueue } from "../../../src/fib/write-queue.ts";
import { PrefixIndex } from "../../../src/kernel/prefix-index.ts";
import { ByteSlabs } from "../../../src/lib/columns/byte-slabs.ts";
import { Column } from "../../../src/lib/columns/column.ts";
import { IdIndex } from "../../../src/lib/columns/id-index.ts";
import { IdQueue } from "../../../src/lib/columns/id-queue.ts";
import { Memo } from "../../../src/lib/columns/memo.ts";
import { RecordPages } from "../../../src/lib/columns/record-pages.ts";
import { Family } from "../../../src/lib/family.ts";
import { Hasher } from "../../../src/lib/hash.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { NextHopTracker } from "../../../src/nexthop/next-hop-tracker.ts";
import { AttributeColumns } from "../../../src/rib/attribute-columns.ts";
import { PathTable } from "../../../src/rib/path-table.ts";
import { TableWalk } from "../../../src/rib/table-walk.ts";
import { BestCounts } from "../../../src/view/best-counts.ts";

const COUNT = 200_000;
/** A page of the widest records: 16,384 prefixes of IPv6, five words each. */
const PAGE = 16_384 * 5;
const hasher = new Hasher(seededRandom(1));

/** Elements that a step copied from typed array to typed array or turned round, and how often. */
interface Copied {
  elements: number;
  times: number;
}

interface Typed {
  readonly length: number;
  set(array: Typed, at?: number): void;
  reverse(): Typed;
}

/** Runs steps 1 to `count`, and returns the most that one of them copied. */
function mostCopied(count: number, step: (n: number) => void): Copied {
  const typed = Object.getPrototypeOf(Uint8Array.prototype) as Typed;
  const { set, reverse } = typed;
  const now: Copied = { elements: 0, times: 0 };
  const most: Copied = { elements: 0, times: 0 };
  const note = (array: Typed): void => {
    if (array.length <= 1024) return;
    now.elements += array.length;
    now.times++;
  };
  typed.set = function (array, at) {
    note(array);
    set.call(this, array, at);
  };
  typed.reverse = function () {
    note(this);
    return reverse.call(this);
  };
  try {
    for (let n = 1; n <= count; n++) {
      now.elements = now.times = 0;
      step(n);
      most.elements = Math.max(most.elements, now.elements);
      most.times = Math.max(most.times, now.times);
    }
  } finally {
    typed.set = set;
    typed.reverse = reverse;
  }
  return most;
}

const noPrefixes: Prefixes = {
  family: Family.Ipv4Unicast,
  limit: COUNT + 1,
  next: () => 0,
  word: () => 0,
  length: () => 0,
  retain: () => {},
  release: () => {},
};

/** What grows with routes, prefixes or attribute sets, in pages: how one more of them is put in. */
const inPages: Record<string, () => (n: number) => void> = {
  Column: () => {
    const column = new Column(Uint32Array);
    return (n) => column.set(n, n);
  },
  IdQueue: () => {
    const queue = new IdQueue();
    return (n) => queue.push(n);
  },
  IdIndex: () => {
    const index = new IdIndex();
    return (n) => index.insert(hasher.prefix4(n, 32), n);
  },
  RecordPages: () => {
    const pages = new RecordPages(4);
    return () => pages.allocate();
  },
  ByteSlabs: () => {
    const slabs = new ByteSlabs();
    return (n) => slabs.allocate(n & 127);
  },
  Memo: () => {
    const memo = new Memo();
    const sets = { generation: new Uint32Array(COUNT + 1) };
    return (n) => memo.put(sets, n, n);
  },
  PrefixIndex: () => {
    const index = new PrefixIndex(Family.Ipv6Unicast, hasher);
    return (n) => index.insert(n, 0, 0, n, 128);
  },
  FibTable: () => {
    const table = new FibTable(Family.Ipv4Unicast, hasher);
    return (n) => {
      const id = table.insert(n, 0, 0, 0, 32);
      table.want.set(id, 1);
      table.held.set(id, 1);
      table.mark(id, 1);
    };
  },
  WriteQueue: () => {
    const queue = new WriteQueue();
    return (n) => queue.push(n << 1, 1);
  },
  "WriteQueue that is taken from": () => {
    const queue = new WriteQueue();
    for (let n = 1; n <= COUNT; n++) queue.push((n << 1) | 1, 1);
    return () => queue.take();
  },
  PathTable: () => {
    const paths = new PathTable();
    return () => paths.setPathId(paths.records.allocate(), 1);
  },
  TableWalk: () => {
    const paths = new PathTable();
    const walk = new TableWalk({
      paths,
      received: () => 0,
      isSwept: () => false,
      remove: () => {},
      reevaluate: () => true,
      nextHop: () => 0,
      redecide: () => {},
      touch: () => {},
    });
    return (n) => walk.nextHopsChanged([n]);
  },
  Pending: () => {
    const pending = new Pending();
    return (n) => pending.add(n);
  },
  "AdjRibOut, prefixes": () => {
    const sets = new OutSets(
      () => {},
      () => {},
      () => 0,
    );
    const set = sets.acquire(1, 1, 0, 0);
    const told = new AdjRibOut(sets, noPrefixes, false);
    return (n) => told.tell(n, set, 1);
  },
  BestCounts: () => {
    let changed: (prefixId: number) => void = () => {};
    new BestCounts({
      prefixes: noPrefixes,
      bestSource: () => 1,
      addConsumer: (consumer) => {
        changed = (id) => consumer.changed(id);
      },
    });
    return (n) => changed(n);
  },
};

for (const [name, make] of Object.entries(inPages))
  t.test(`no step of ${name} copies more than a page, however much is in it`, (t) => {
    t.ok(mostCopied(COUNT, make()).elements <= PAGE);
    t.end();
  });

class Sets extends AttributeColumns {
  reach(id: number): void {
    this.ensure(id);
  }
}

/** Flat columns, for loops that can't afford pages: how one more is put in. */
const flat: Record<string, () => (n: number) => void> = {
  AttributeColumns: () => {
    const sets = new Sets();
    return (n) => sets.reach(n);
  },
  OutSets: () => {
    const sets = new OutSets(
      () => {},
      () => {},
      () => 0,
    );
    return (n) => sets.acquire(n, 1, 0, 0);
  },
  "AdjRibOut, paths": () => {
    const sets = new OutSets(
      () => {},
      () => {},
      () => 0,
    );
    const set = sets.acquire(1, 1, 0, 0);
    const told = new AdjRibOut(sets, noPrefixes, true);
    return (n) => told.tell(told.entryOf(1 + (n >>> 2), n), set, 1);
  },
  NextHopTracker: () => {
    const tracker = new NextHopTracker({
      resolve: false,
      viaDefault: false,
      onLink: "auto",
      loopback: false,
      ignores: () => false,
      tunnels: null,
    });
    return (n) => tracker.intern([n], null);
  },
};

for (const [name, make] of Object.entries(flat))
  t.test(`no step of ${name} copies more than one column`, (t) => {
    const step = make();
    for (let n = 1; n <= 8192; n++) step(n);
    t.equal(mostCopied(COUNT, (n) => step(8192 + n)).times, 1);
    t.end();
  });
