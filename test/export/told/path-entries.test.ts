import t from "tap";
import { PathEntries } from "../../../src/export/told/path-entries.ts";
import { seededRandom } from "../../../src/lib/random.ts";

t.test("entries are found by prefix and path id, whether a prefix has few or thousands", (t) => {
  const random = seededRandom(3);
  const below = (n: number) => Math.floor(random.next() * n);
  const entries = new PathEntries();
  const model = new Map<string, number>();
  for (let step = 0; step < 60_000; step++) {
    const prefix = 1 + below(4);
    const pathId = 1 + below(prefix === 1 ? 3000 : 40);
    const key = `${prefix} ${pathId}`;
    const found = entries.find(prefix, pathId);
    if (found !== (model.get(key) ?? 0)) t.equal(found, model.get(key) ?? 0, `step ${step}: ${key}`);
    const growing = step % 20_000 < 12_000;
    if (found === 0 && (growing || below(3) === 0)) model.set(key, entries.add(prefix, pathId));
    else if (found !== 0 && (!growing || below(3) === 0)) {
      entries.remove(found);
      model.delete(key);
    }
  }
  for (let prefix = 1; prefix <= 4; prefix++) {
    const ids: number[] = [];
    for (let entry = entries.first(prefix); entry !== 0; entry = entries.next(entry)) ids.push(entries.pathId[entry]!);
    const expected = [...model.keys()].filter((key) => key.startsWith(`${prefix} `)).map((key) => Number(key.slice(2)));
    t.same(ids.sort(), expected.sort());
  }
  t.end();
});
