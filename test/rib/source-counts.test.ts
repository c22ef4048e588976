import t from "tap";
import { seededRandom } from "../../src/lib/random.ts";
import { ribKit } from "../support/rib-kit.ts";

t.test(
  "however often a peer restarts or refreshes: stale is what it has not told again since, swept is what was stale then (RFC 4724 §4.2, RFC 7313 §4)",
  (t) => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => Math.floor(random.next() * n);
      const kit = ribKit({ seed });
      const { rib } = kit;
      const table = rib.ipv4;
      const set = kit.set();
      // Beside it lives another source, which never restarts.
      const [source, other] = [kit.source(), kit.source()];
      table.announce4(other, 0x0b000000, 8, 0, set);
      /** Prefix to the generation in which it was told; generations count without end. */
      const told = new Map<number, number>();
      let generation = 0;
      let sweptBelow = 0;
      const held = () => {
        const found = new Map<number, boolean>();
        for (let path = table.nextPathOf(source, 0); path !== 0; path = table.nextPathOf(source, path))
          found.set(table.prefixes.word(table.prefixOf(path), 0), table.isStale(path));
        return [...found].sort(([a], [b]) => a - b);
      };
      const model = () =>
        [...told].map(([prefix, at]) => [prefix, at !== generation]).sort(([a], [b]) => Number(a) - Number(b));
      for (let step = 0; step < 150_000; step++) {
        const what = random.next();
        // Prefixes of low numbers are told often, those of high ones once in thousands of generations.
        const prefix = 0x0a000000 + below(1 + below(40)) * 256;
        if (what < 0.25) {
          table.announce4(source, prefix, 24, 0, set);
          told.set(prefix, generation);
        } else if (what < 0.3) {
          table.withdraw4(source, prefix, 24, 0);
          told.delete(prefix);
        } else if (what < 0.9995) {
          table.markStale(source);
          generation++;
        } else {
          table.sweepStale(source);
          sweptBelow = generation;
          if (below(2) === 0) {
            // It fails again before the walk has come anywhere.
            table.markStale(source);
            generation++;
          }
          while (!table.work(1 + below(20)));
          for (const [key, at] of told) if (at < sweptBelow) told.delete(key);
        }
        if (step % 500 !== 0 || JSON.stringify(held()) === JSON.stringify(model())) continue;
        t.same(held(), model(), `seed ${seed}, step ${step}, generation ${generation}`);
        break;
      }
      t.same(held(), model(), `seed ${seed}: ${generation} generations`);
      t.notOk(table.isStale(table.nextPathOf(other, 0)), "the other source's path is as it was");
      t.ok(generation > 65_536, "more often than an epoch has values");
    }
    t.end();
  },
);
