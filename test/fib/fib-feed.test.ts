import t from "tap";
import { type FeedRoutes, FibFeed } from "../../src/fib/fib-feed.ts";
import type { FibGroup, FibPort } from "../../src/fib/fib-port.ts";
import type { FibHop, FibTarget } from "../../src/kernel/records.ts";
import type { KernelMarks } from "../../src/lib/kernel-marks.ts";
import type { PrefixWords } from "../../src/lib/prefix-words.ts";

/** What a FIB would hold: groups with their targets, prefixes with their groups. */
class RecordingFib {
  readonly targets = new Map<FibGroup, FibTarget>();
  readonly routes = new Map<number, FibGroup>();
  readonly said: string[] = [];
  #next = 1;
  openGroup(target: FibTarget): FibGroup {
    this.targets.set(this.#next, target);
    return this.#next++;
  }
  retarget(group: FibGroup, target: FibTarget): void {
    this.said.push("retarget");
    this.targets.set(group, target);
  }
  releaseGroup(group: FibGroup): void {
    this.targets.delete(group);
  }
  want(prefixes: PrefixWords, prefixId: number, group: FibGroup | 0): void {
    const address = prefixes.word(prefixId, 0);
    this.said.push(`${group === 0 ? "remove" : "set"} ${address}`);
    if (group === 0) this.routes.delete(address);
    else this.routes.set(address, group);
  }
}

const LOCAL = 1;

/** A table of prefixes by id; each path is a number whose attribute set and next hop are that number, too. */
function world(maximumPaths = 1, weighted = false) {
  const marks = new Map<number, KernelMarks>();
  const bandwidths = new Map<number, number>();
  const paths = new Map<number, { paths: number[]; source: number }>();
  const pins = new Map<number, number>();
  const hops = new Map<number, FibHop[]>();
  const routes: FeedRoutes = {
    family: 0,
    prefixes: {
      family: 0,
      word: (id) => id,
      length: () => 24,
      retain: (id) => void pins.set(id, (pins.get(id) ?? 0) + 1),
      release: (id) => void pins.set(id, pins.get(id)! - 1),
    },
    multipath(id, max, out) {
      const found = paths.get(id)?.paths ?? [];
      for (let i = 0; i < Math.min(max, found.length); i++) out[i] = found[i]!;
      return Math.min(max, found.length);
    },
    pathAttributes: (path) => path,
    pathSource: (path) => (path === 0 ? LOCAL : 2),
  };
  const fib = new RecordingFib();
  const held = new Map<number, number>();
  const feed = new FibFeed({
    routes,
    fib: fib as unknown as FibPort,
    nextHopOf: (set) => set,
    retain: (nextHop) => void held.set(nextHop, (held.get(nextHop) ?? 0) + 1),
    release: (nextHop) => void held.set(nextHop, held.get(nextHop)! - 1),
    hopsOf: (nextHop) => hops.get(nextHop) ?? [{ via: [nextHop], ifindex: 2, onlink: true, weight: 1 }],
    localSource: LOCAL,
    isBlackhole: (id) => id === 7,
    marksOf: (nextHop) => marks.get(nextHop) ?? null,
    bandwidthOf: (set) => bandwidths.get(set) ?? 0,
    maximumPaths,
    weighted,
  });
  const change = (id: number, ...found: number[]) => {
    paths.set(id, { paths: found, source: 2 });
    feed.changed(id);
  };
  const via = (id: number) => fib.targets.get(fib.routes.get(id)!)?.nextHops.map((hop) => hop.via?.[0]);
  const weights = (id: number) =>
    fib.targets
      .get(fib.routes.get(id)!)
      ?.nextHops.map((hop) => `${hop.via?.[0]}*${hop.weight}`)
      .join(" ");
  return { fib, feed, change, via, pins, hops, held, marks, bandwidths, weights };
}

t.test("prefixes behind one next hop share a group, and the group goes with the last of them", async (t) => {
  const { fib, change, via, pins, held } = world();
  change(10, 100);
  change(11, 100);
  change(12, 101);
  t.equal(fib.targets.size, 2);
  t.same([via(10), via(11), via(12)], [[100], [100], [101]]);
  change(10, 101);
  change(11);
  t.equal(fib.targets.size, 1);
  t.same(
    [...held],
    [
      [100, 0],
      [101, 1],
    ],
    "a next hop is held exactly while a group stands for it",
  );
  t.same([via(10), via(11)], [[101], undefined]);
  t.same(
    [...pins],
    [
      [10, 1],
      [11, 0],
      [12, 1],
    ],
    "an id is pinned exactly while the FIB knows its prefix",
  );
});

t.test("a change that leaves the way as it is tells the FIB nothing", async (t) => {
  const { fib, change } = world();
  change(10, 100);
  change(10, 100);
  t.same(fib.said, ["set 10"]);
});

t.test("equal paths share the traffic up to the configured width, next hops counted once", async (t) => {
  const { change, via } = world(3);
  change(10, 100, 101, 100, 102);
  t.same(via(10), [100, 101]);
  change(11, 100, 101);
  t.same(via(11), [100, 101]);
});

t.test("an own prefix is a blackhole if it is to be, and otherwise none of the kernel's business", async (t) => {
  const { fib, change } = world();
  change(7, 0);
  change(8, 0);
  t.equal(fib.targets.get(fib.routes.get(7)!)?.type, "blackhole");
  t.notOk(fib.routes.has(8));
});

t.test(
  "a next hop that resolves otherwise moves its group, not its routes; with no way left the decision acts",
  async (t) => {
    const { fib, feed, change, via, hops } = world();
    change(10, 100);
    change(11, 100);
    fib.said.length = 0;
    hops.set(100, [{ via: [9], ifindex: 3, onlink: false, weight: 1 }]);
    feed.nextHopsChanged(new Set([100]));
    t.same(fib.said, ["retarget"]);
    t.same(via(10), [9]);
    hops.set(100, []);
    feed.nextHopsChanged(new Set([100, 55]));
    t.same(fib.said, ["retarget"]);
  },
);

t.test("equal paths share as policy says, one without a word counts as 1", async (t) => {
  const { change, weights, marks, hops, feed } = world(4);
  marks.set(100, { weight: 10 });
  marks.set(101, { weight: 256 });
  change(10, 102, 100, 101);
  t.equal(weights(10), "100*10 101*256 102*1");
  marks.set(101, { weight: 5 });
  change(11, 100);
  t.equal(weights(11), "100*1", "one way needs no share");
  // The way to 100 is two ways now: they divide its share.
  hops.set(100, [
    { via: [7], ifindex: 2, onlink: true, weight: 1 },
    { via: [102], ifindex: 2, onlink: true, weight: 3 },
  ]);
  feed.nextHopsChanged(new Set([100]));
  t.equal(weights(10), "7*3 102*9 101*256", "2.5, 7.5 and the 1 of 102 itself, 256");
});

t.test("with `weighted` told bandwidths are shares, if each path tells one", async (t) => {
  const { change, weights, marks, bandwidths, feed } = world(4, true);
  bandwidths.set(100, 1_250_000_000).set(101, 125_000_000).set(102, 125_000_000);
  change(10, 100, 101);
  t.equal(weights(10), "100*256 101*26");
  change(11, 101, 102);
  t.equal(weights(11), "101*1 102*1", "equal ones need no weights");
  change(12, 100, 101, 103);
  t.equal(weights(12), "100*1 101*1 103*1", "103 tells none");
  marks.set(101, { weight: 3 });
  change(13, 100, 101, 102);
  t.equal(weights(13), "100*1 101*3 102*1", "what policy says goes before");
  marks.clear();
  t.equal(feed.setWidth(4, false), true);
  change(10, 100, 101);
  t.equal(weights(10), "100*1 101*1");
  t.equal(feed.setWidth(4, false), false);
});

t.test("what the best path says keeps the prefix out of the kernel, or throws its packets away", async (t) => {
  const { fib, change, via, marks, held } = world(4);
  marks.set(100, { install: false }).set(101, { blackhole: true });
  change(10, 102, 100);
  t.same(via(10), [100, 102], "the best path says nothing");
  change(10, 100, 102);
  t.equal(fib.routes.has(10), false);
  change(10, 101, 102);
  t.match(fib.targets.get(fib.routes.get(10)!), { type: "blackhole", nextHops: [] });
  change(10);
  t.equal(fib.targets.size, 0);
  t.ok([...held.values()].every((count) => count === 0));
});
