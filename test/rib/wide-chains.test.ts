import t from "tap";
import { seededRandom } from "../../src/lib/random.ts";
import { type Candidate, judge } from "../../src/rib/decision/ladder.ts";
import { defaultDecision } from "../../src/rib/decision/options.ts";
import { WIDE } from "../../src/rib/wide-chains.ts";
import { ribKit } from "../support/rib-kit.ts";

const prefixes = [0x0a000000, 0x0a000100, 0x0a000200];

t.test(
  "a prefix with hundreds of paths is as one with few: best, ranks and shared paths are what the ladder says (RFC 7911)",
  (t) => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => Math.floor(random.next() * n);
      const kit = ribKit({ seed });
      const { rib, nextHops } = kit;
      const table = rib.ipv4;
      const mixed = seed % 2 === 0;
      const med = () => (mixed ? { med: below(3) } : {});
      const sets = Array.from({ length: 12 }, (_, i) =>
        kit.set({ hop: 1 + (i % 5), localPref: 100 + below(2), path: [64500 + below(2)], ...med() }),
      );
      for (const set of sets) rib.attributes.retain(set);
      const rejected = new Set<number>();
      rib.setImportPort({ evaluate: (_family, _prefix, _source, received) => (rejected.has(received) ? 0 : received) });
      const sources = Array.from({ length: 4 }, (_, i) => kit.source({ kind: i === 0 ? "external" : "internal" }));
      let told = 0;
      table.addConsumer({ changed: () => told++ });
      /** By prefix: source and path id to the set. */
      const model = prefixes.map(() => new Map<string, number>());
      const settle = () => {
        do while (!rib.work(1 + below(200)));
        while (!rib.flush(1 + below(20)));
      };
      const check = (when: string) => {
        settle();
        for (const [i, address] of prefixes.entries()) {
          const id = table.prefixes.find4(address, 24);
          const paths = model[i]!;
          const held = new Map<string, number>();
          const candidates: (Candidate & { path: number })[] = [];
          for (let path = id === 0 ? 0 : table.firstPath(id); path !== 0; path = table.nextPath(path)) {
            held.set(`${table.pathSource(path)} ${table.pathReceivedId(path)}`, table.pathReceived(path));
            if (table.prefixOf(path) !== id) t.fail(`seed ${seed}, ${when}: a path belongs to another prefix`);
          }
          if (JSON.stringify([...held].sort()) !== JSON.stringify([...paths].sort()))
            t.same([...held].sort(), [...paths].sort(), `seed ${seed}, ${when}`);
          if (id === 0) continue;
          for (const { candidate } of table.explain(id)) candidates.push(candidate);
          const judged = judge(candidates, defaultDecision);
          const best = judged[0]?.candidate.state === "usable" ? judged[0].candidate.path : 0;
          if (table.best(id) !== best) t.equal(table.best(id), best, `seed ${seed}, ${when}: best`);
          const all = new Int32Array(1000);
          const usable = table.rank(id, all);
          if (table.usablePaths(id, new Int32Array(4)) !== usable) t.fail(`seed ${seed}, ${when}: usable`);
          for (const max of [1, 4, 16]) {
            const few = new Int32Array(max);
            const count = table.rank(id, few);
            if (`${few.subarray(0, count)}` !== `${all.subarray(0, Math.min(max, usable))}`)
              t.same([...few.subarray(0, count)], [...all.subarray(0, max)], `seed ${seed}, ${when}: the first ${max}`);
          }
          const shared = new Int32Array(64);
          const width = table.multipath(id, 64, shared);
          if (
            new Set([...shared.subarray(0, width)].map((path) => rib.attributes.nextHop[table.pathAttributes(path)]))
              .size !== width
          )
            t.fail(`seed ${seed}, ${when}: a next hop twice`);
          for (const max of [2, 3]) {
            const few = new Int32Array(max);
            const count = table.multipath(id, max, few);
            if (`${few.subarray(0, count)}` !== `${shared.subarray(0, Math.min(max, width))}`)
              t.same(
                [...few.subarray(0, count)],
                [...shared.subarray(0, max)],
                `seed ${seed}, ${when}: ${max} of ${width} shared`,
              );
          }
        }
      };
      for (let step = 0; step < 6000; step++) {
        const which = below(prefixes.length);
        const source = sources[below(sources.length)]!;
        // First they grow far beyond the bound, then they shrink below it, and so on.
        const growing = step % 2000 < 1200;
        const id = below(60);
        const what = random.next();
        if (what < (growing ? 0.8 : 0.2)) {
          const set = sets[below(sets.length)]!;
          table.announce4(source, prefixes[which]!, 24, id, set);
          model[which]!.set(`${source} ${id}`, set);
        } else if (what < 0.93) {
          table.withdraw4(source, prefixes[which]!, 24, id);
          model[which]!.delete(`${source} ${id}`);
        } else if (what < 0.97) table.flush(1 + below(3));
        else if (what < 0.98) {
          const hop = 1 + below(5);
          const changed = kit.hopId(hop);
          nextHops.reachable[changed] = nextHops.reachable[changed] === 1 ? 0 : 1;
          rib.nextHopsChanged([changed]);
        } else if (what < 0.99) {
          const set = sets[below(sets.length)]!;
          if (!rejected.delete(set)) rejected.add(set);
          table.reevaluate(0);
          settle();
        } else if (what < 0.995) table.redecide();
        else table.work(1 + below(50));
        if (step % 200 === 199) check(`step ${step}`);
      }
      check("at the end");
      t.ok(told > 0);
      for (const source of sources) rib.purge(source);
      settle();
      t.equal(table.paths.size + table.prefixes.size, 0, `seed ${seed}: nothing is left`);
      t.equal(table.paths.wide.bytes, 0, "and no index");
    }
    t.end();
  },
);

t.test("a neighbor has no more paths of one prefix than it may, and keeps those that it has (RFC 7911)", (t) => {
  const kit = ribKit();
  const table = kit.rib.ipv4;
  const [source, other] = [kit.source(), kit.source()];
  const set = kit.set();
  table.setPathLimit(source, 100);
  for (let id = 1; id <= 300; id++) table.announce4(source, 0x0a000000, 24, id, set);
  t.equal(table.counts(source).received, 100);
  t.equal(table.counts(source).crowded, 200);
  table.announce4(source, 0x0a000000, 24, 7, kit.set({ med: 1 }));
  t.equal(table.counts(source).crowded, 200, "a path that is there may change");
  table.announce4(source, 0x0a000100, 24, 1, set);
  t.equal(table.counts(source).received, 101, "another prefix is another matter");
  for (let id = 1; id <= WIDE * 4; id++) table.announce4(other, 0x0a000000, 24, id, set);
  t.equal(table.counts(other).received, WIDE * 4, "so is another neighbor");
  table.withdraw4(source, 0x0a000000, 24, 9);
  table.announce4(source, 0x0a000000, 24, 300, set);
  t.equal(table.counts(source).received, 101, "what goes makes room");
  t.notOk(table.setPathLimit(source, 100));
  t.ok(table.setPathLimit(source, 200), "a higher limit has room for what was refused");
  t.notOk(table.setPathLimit(source, 200), "which is said once");
  t.end();
});
