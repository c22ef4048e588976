import fc from "fast-check";
import t from "tap";
import { BestCounts } from "../../src/view/best-counts.ts";

/** A table that is just its best sources, by prefix id. */
class Best {
  readonly sources = new Map<number, number>();
  #consumer: { changed(prefixId: number): void } | null = null;
  readonly prefixes = {
    next: (id: number) => [...this.sources.keys()].toSorted((a, b) => a - b).find((other) => other > id) ?? 0,
  };

  addConsumer(consumer: { changed(prefixId: number): void }): void {
    this.#consumer = consumer;
  }

  bestSource(id: number): number {
    return this.sources.get(id) ?? 0;
  }

  set(id: number, source: number): void {
    this.sources.set(id, source);
    this.#consumer?.changed(id);
  }
}

t.test("best paths are counted by their source through any changes, and whatever was there before", async () => {
  const change = fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 4 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.array(change, { maxLength: 60 }), (before, after) => {
      const table = new Best();
      for (const [id, source] of before) table.set(id, source);
      const counts = new BestCounts(table);
      for (const [id, source] of after) table.set(id, source);
      for (let source = 1; source <= 4; source++) {
        const wanted = [...table.sources.values()].filter((other) => other === source).length;
        if (counts.of(source) !== wanted) throw new Error(`source ${source}: ${counts.of(source)}, not ${wanted}`);
      }
    }),
    { numRuns: 300, seed: 11 },
  );
});
