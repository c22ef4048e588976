import t from "tap";
import { Growth } from "../../../src/lib/columns/growth.ts";

t.test("every column is long enough in time, and one at a time grows", (t) => {
  for (const columns of [1, 3, 9, 14]) {
    const lengths = new Array<number>(columns).fill(64);
    const growth = new Growth(columns, 64);
    let most = 0;
    for (let id = 1; id < 300_000; id++) {
      let grown = 0;
      growth.reach(id, (column, length) => {
        grown++;
        if (length !== lengths[column]! * 2) t.fail(`column ${column} grew from ${lengths[column]} to ${length}`);
        lengths[column] = length;
      });
      if (id > 256) most = Math.max(most, grown);
      if (lengths.some((length) => length <= id)) t.fail(`${columns} columns: id ${id} has no room`);
    }
    t.equal(most, 1);
    t.ok(Math.max(...lengths) <= 1 << 19, "no more than twice what is needed");
  }
  t.end();
});

t.test("an id far ahead is reached at once", (t) => {
  const lengths = [16, 16];
  new Growth(2, 16).reach(1000, (column, length) => {
    lengths[column] = length;
  });
  t.ok(lengths.every((length) => length > 1000));
  t.end();
});
