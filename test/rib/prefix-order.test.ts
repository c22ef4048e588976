import fc from "fast-check";
import t from "tap";
import { Family } from "../../src/lib/family.ts";
import { Hasher } from "../../src/lib/hash.ts";
import { prefixAt } from "../../src/lib/prefix-words.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { PrefixOrder } from "../../src/rib/prefix-order.ts";
import { PrefixTable } from "../../src/rib/prefix-table.ts";

/** A table, and text for its prefixes. */
function tableOf(family: Family, seed = 1) {
  const table = new PrefixTable(family, new Hasher(seededRandom(seed)));
  const nameOf = (id: number) => [...prefixAt(table, id).words, table.length(id)].join(" ");
  const insert = (words: readonly number[], length: number) => table.insert(words, length);
  return { table, nameOf, insert, order: new PrefixOrder(table) };
}

const inOrder = (a: readonly number[], b: readonly number[]): number => {
  for (const [i, word] of a.entries()) if (word !== b[i]) return word - b[i]!;
  return 0;
};

t.test("prefixes come in order of address and length, each once, whatever order they were inserted in", async (t) => {
  for (const family of [Family.Ipv4Unicast, Family.Ipv6Unicast]) {
    const { table, order, insert, nameOf } = tableOf(family);
    const random = seededRandom(7);
    const word = () => (random.next() * 2 ** 32) >>> 0;
    const keys: number[][] = [];
    for (let i = 0; i < 5000; i++) {
      const length = [8, 16, 24, 32][i % 4]!;
      const first = (word() & (0xffffffff << (32 - length))) >>> 0;
      const words = family === Family.Ipv4Unicast ? [first] : [first, 0, 0, 0];
      insert(words, length);
      keys.push([...words, length]);
    }
    const expected = [...new Set(keys.sort(inOrder).map((key) => key.join(" ")))];
    const slices = [...order.walk(512)];
    t.same(slices.flat().map(nameOf), expected);
    t.ok(slices.every((slice) => slice.length <= 512));
    t.equal(table.size, expected.length);
  }
});

t.test(
  "a slice compares at most what one run and a few hundred keys of a merge need, however large the table",
  async (t) => {
    const { table, order, insert } = tableOf(Family.Ipv4Unicast);
    for (let i = 0; i < 40_000; i++) insert([(i * 2654435761) >>> 0], 32);
    let compared = 0;
    const compare = table.compare.bind(table);
    table.compare = (a, b) => {
      compared++;
      return compare(a, b);
    };
    let most = 0;
    let all = 0;
    for (const _ of order.walk(512)) {
      most = Math.max(most, compared);
      all += compared;
      compared = 0;
    }
    t.ok(most < 2048 * 12, `${most} comparisons in a slice`);
    t.ok(all < 40_000 * 12, `${all} comparisons in all`);
  },
);

t.test("nothing is held while nobody reads; readers share what one has gathered", async (t) => {
  const { table, order, insert } = tableOf(Family.Ipv4Unicast);
  for (let i = 0; i < 10_000; i++) insert([i << 8], 24);
  t.equal(order.bytes, 0);
  const first = order.walk(512);
  while (first.next().value!.length === 0);
  t.equal(order.bytes, 10_000 * 8);
  const second = order.walk(512);
  t.equal(second.next().value!.length, 512, "the second one begins at once");
  t.equal(order.bytes, 10_000 * 8);
  first.return([]);
  t.equal(order.bytes, 10_000 * 8);
  second.return([]);
  t.equal(order.bytes, 0, "given back with the last");
  t.equal(table.onInsert, null, "and the table is no longer watched");
  order.walk(512);
  t.equal(table.onInsert, null, "one that was never begun watches nothing");
});

t.test("under a table that never rests what is noted for a reader stays bounded", async (t) => {
  const { table, order, insert } = tableOf(Family.Ipv4Unicast);
  for (let i = 0; i < 100; i++) insert([i << 8], 24);
  const stuck = order.walk(10);
  while (stuck.next().value!.length === 0);
  let most = 0;
  for (let i = 0; i < 200_000; i++) {
    table.freeIfUnused(insert([0x20000000 + i], 32));
    most = Math.max(most, order.bytes);
  }
  t.ok(most < 1_000_000, `${most} octets`);
  const next = [...order.walk(512)].flat();
  t.equal(next.length, 100, "who comes then begins anew");
  t.equal([...stuck].flat().length, 90, "and the first one goes on");
  t.equal(order.bytes, 0);
});

t.test(
  "while prefixes come and go, every reader gets in order what was there all the time, and nothing twice",
  async () => {
    const action = fc.oneof(
      fc.record({ type: fc.constant("insert" as const), key: fc.nat(300) }),
      fc.record({ type: fc.constant("remove" as const), key: fc.nat(300) }),
      fc.record({ type: fc.constant("begin" as const) }),
      fc.record({ type: fc.constant("read" as const), reader: fc.nat(3), slices: fc.nat(12) }),
      fc.record({ type: fc.constant("leave" as const), reader: fc.nat(3) }),
    );
    interface Reader {
      readonly walk: Generator<number[]>;
      /** There when it asked, and ever since. */
      readonly must: Set<number>;
      readonly got: number[];
    }
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), fc.nat(), (actions, seed) => {
        const { table, order, insert } = tableOf(Family.Ipv4Unicast, seed);
        const keyOf = (id: number) => table.word(id, 0) >>> 8;
        const here = new Map<number, number>();
        const readers: Reader[] = [];
        const read = (reader: Reader, slices: number) => {
          for (let i = 0; i < slices; i++) {
            const { done, value } = reader.walk.next();
            if (done) return true;
            reader.got.push(...value.map(keyOf));
          }
          return false;
        };
        const check = ({ got, must }: Reader) => {
          for (let i = 1; i < got.length; i++) if (got[i]! <= got[i - 1]!) throw new Error("out of order, or twice");
          for (const key of must) if (!got.includes(key)) throw new Error(`${key} is missing`);
        };
        for (const what of actions) {
          if (what.type === "insert" && !here.has(what.key)) here.set(what.key, insert([what.key << 8], 24));
          else if (what.type === "remove" && here.has(what.key)) {
            table.freeIfUnused(here.get(what.key)!);
            here.delete(what.key);
            for (const { must } of readers) must.delete(what.key);
          } else if (what.type === "begin" && readers.length < 4) {
            const reader = { walk: order.walk(5), must: new Set(here.keys()), got: [] };
            readers.push(reader);
            read(reader, 1);
          } else if (what.type === "read" && what.reader < readers.length) {
            const reader = readers[what.reader]!;
            if (read(reader, what.slices)) {
              check(reader);
              readers.splice(what.reader, 1);
            }
          } else if (what.type === "leave" && what.reader < readers.length)
            readers.splice(what.reader, 1)[0]!.walk.return([]);
        }
        for (const reader of readers) {
          read(reader, Number.POSITIVE_INFINITY);
          check(reader);
        }
        if (order.bytes !== 0 || table.onInsert !== null) throw new Error("something is held still");
      }),
      { numRuns: 300 },
    );
  },
);
