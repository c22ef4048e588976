import t from "tap";
import { Column } from "../../../src/lib/columns/column.ts";
import { seededRandom } from "../../../src/lib/random.ts";

t.test("a column follows a plain map, in whatever order its ids come", (t) => {
  for (const [kind, most] of [
    [Uint8Array, 0xff],
    [Uint16Array, 0xffff],
    [Uint32Array, 0xffffffff],
  ] as const) {
    const column = new Column(kind);
    const model = new Map<number, number>();
    const random = seededRandom(6);
    for (let i = 0; i < 20_000; i++) {
      const id = Math.floor(random.next() ** 3 * 300_000);
      const value = random.next() < 0.2 ? 0 : Math.floor(random.next() * (most + 1));
      column.set(id, value);
      model.set(id, value);
    }
    for (let id = 0; id < 310_000; id++) if (column.get(id) !== (model.get(id) ?? 0)) t.fail(`another number at ${id}`);
    t.ok([...model].every(([id, value]) => value === 0 || id < column.end));
  }
  t.end();
});

t.test("a column takes what its ids need and gives it back", (t) => {
  const column = new Column(Uint32Array);
  t.equal(column.bytes, 0);
  column.set(500_000, 0);
  t.equal(column.bytes, 0, "0 is what an id has that was never set");
  column.set(3, 1);
  t.ok(column.bytes <= 256);
  column.set(100_000, 1);
  t.ok(column.bytes < 70_000, "nothing is kept for what lies between");
  column.shorten(4);
  t.equal(column.get(100_000), 0);
  t.equal(column.get(3), 1);
  column.clear();
  t.equal(column.bytes, 0);
  t.equal(column.get(3), 0);
  t.end();
});
