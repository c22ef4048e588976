import { readdirSync, readFileSync } from "node:fs";
import t from "tap";

/**
 * Biome enforces the import directions (biome.json, overrides) and refuses import cycles between files. These tests
 * watch the rules themselves: a new room without rules, or a pair of rooms that may import each other, would go unseen.
 */
interface Override {
  readonly includes: readonly string[];
  readonly linter: {
    rules: { style: { noRestrictedImports: { options: { patterns: readonly { group: readonly string[] }[] } } } };
  };
}
const { overrides } = JSON.parse(readFileSync("biome.json", "utf8")) as { overrides: readonly Override[] };

/** Room -> the rooms that it must not import. */
const forbidden = new Map(
  overrides
    .filter(({ includes }) => includes[0]!.startsWith("src/"))
    .map(({ includes, linter }) => [
      includes[0]!.split("/")[1]!,
      linter.rules.style.noRestrictedImports.options.patterns[0]!.group.map((glob) => glob.split("/")[1]!),
    ]),
);
const rooms = readdirSync("src", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

t.test("every folder of src/ has its import rules", async (t) => {
  for (const room of rooms) t.ok(forbidden.has(room), `biome.json has an override for src/${room}`);
});

t.test("the import rules leave no ring of rooms, so that each room can be read without those above it", async (t) => {
  const may = (room: string) => rooms.filter((other) => other !== room && !forbidden.get(room)?.includes(other));
  const settled = new Set<string>();
  for (let before = -1; before !== settled.size; ) {
    before = settled.size;
    for (const room of rooms) if (may(room).every((other) => settled.has(other))) settled.add(room);
  }
  t.same(
    rooms.filter((room) => !settled.has(room)),
    [],
    "rooms that lie on a ring or above one",
  );
});

t.test("nothing in a room may import a composition root", async (t) => {
  for (const room of rooms) t.ok(forbidden.get(room)?.includes("*main.ts"), `src/${room}`);
});
