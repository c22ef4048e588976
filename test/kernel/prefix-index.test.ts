import fc from "fast-check";
import t from "tap";
import { PrefixIndex } from "../../src/kernel/prefix-index.ts";
import { Family } from "../../src/lib/family.ts";
import { Hasher } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";

const hasher = new Hasher(seededRandom(1));

t.test("numbers follow a plain map through any run of inserts and removals, in both families", async (t) => {
  const word = fc.integer({ min: 0, max: 7 }).map((n) => (n * 0x10000001) >>> 0);
  const step = fc.tuple(fc.boolean(), word, word, fc.integer({ min: 0, max: 3 }));
  for (const family of [Family.Ipv4Unicast, Family.Ipv6Unicast])
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const index = new PrefixIndex(family, hasher);
        const model = new Map<string, number>();
        for (const [insert, w0, low, length] of steps) {
          const w3 = family === Family.Ipv4Unicast ? 0 : low;
          const key = `${w0} ${w3} ${length}`;
          if (insert) {
            const id = index.insert(w0, 0, 0, w3, length);
            if (model.has(key)) t.equal(id, model.get(key));
            else {
              t.notOk([...model.values()].includes(id), "a number is not given twice");
              model.set(key, id);
            }
          } else {
            const id = index.find(w0, 0, 0, w3, length);
            t.equal(id, model.get(key) ?? 0);
            if (id === 0) continue;
            index.remove(id);
            model.delete(key);
          }
        }
        t.equal(index.size, model.size);
        for (const [key, id] of model) {
          const [w0, w3, length] = key.split(" ").map(Number) as [number, number, number];
          t.equal(index.find(w0, 0, 0, w3, length), id);
          t.ok(index.has(id));
        }
      }),
      { numRuns: 100, seed: 7 },
    );
});

t.test("a hundred thousand prefixes are found again, and their numbers used again once freed", async (t) => {
  const index = new PrefixIndex(Family.Ipv4Unicast, hasher);
  for (let i = 0; i < 100_000; i++) index.insert((i * 256) >>> 0, 0, 0, 0, 24);
  let lost = 0;
  for (let i = 0; i < 100_000; i++) if (index.find((i * 256) >>> 0, 0, 0, 0, 24) === 0) lost++;
  t.equal(lost, 0);
  const limit = index.limit;
  for (let i = 0; i < 1000; i++) index.remove(index.find((i * 256) >>> 0, 0, 0, 0, 24));
  for (let i = 0; i < 1000; i++) index.insert((0x80000000 + i) >>> 0, 0, 0, 0, 32);
  t.ok(index.limit <= limit);
});
