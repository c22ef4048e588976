import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import t from "tap";

/**
 * Which room may import which is said three times, for three readers: in biome.json for the linter, in the picture of
 * docs/architecture.md for people, and by the imports themselves. These tests hold the three equal, and see to it that the
 * linter does refuse what the rules don't name.
 */

/** The centre: no clock, no chance, no machine but what is handed in. */
const pure = ["export", "nexthop", "policy", "rib", "session", "wire"];

const sources = (readdirSync("src", { recursive: true }) as string[]).filter((name) => name.endsWith(".ts"));
const rooms = readdirSync("src", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** A file's room; a file at the top of src/ is its own. */
const roomOf = (file: string): string => file.split("/")[0]!;

/** Room -> the rooms that its files import. */
function arrows(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of sources) {
    const room = roomOf(file);
    const others = found.get(room) ?? new Set();
    found.set(room, others);
    for (const [, target] of readFileSync(join("src", file), "utf8").matchAll(/(?:from|\bimport\(?)\s*"(\.[^"]+)"/g)) {
      const other = roomOf(posix.join(posix.dirname(file), target!));
      if (other !== room) others.add(other);
    }
  }
  return found;
}

interface Override {
  readonly includes: readonly string[];
  readonly linter?: {
    rules: { style?: { noRestrictedImports?: { options: { patterns: readonly { group: readonly string[] }[] } } } };
  };
}

/** One element for each line of biome.json that says what a room, or the folders in it, may import. */
const rules = (JSON.parse(readFileSync("biome.json", "utf8")) as { overrides: readonly Override[] }).overrides.flatMap(
  ({ includes, linter }) => {
    const group = linter?.rules.style?.noRestrictedImports?.options.patterns[0]?.group;
    if (group === undefined || !includes[0]!.startsWith("src/")) return [];
    const [, room, depth] = includes[0]!.match(/^src\/([^/]+)\/(.*)$/)!;
    const allowed = group.find((glob) => glob.startsWith("!"))?.match(/([^./{}]+(?:,[^./{}]+)*)\}?\/\*\*$/)?.[1];
    return [{ room: room!, inside: depth !== "*", group, may: allowed?.split(",") ?? [] }];
  },
);

/** What `from` reaches over two arrows or more. */
function beyond(graph: ReadonlyMap<string, ReadonlySet<string>>, from: string): Set<string> {
  const reached = new Set<string>();
  const visit = (room: string) => {
    for (const next of graph.get(room) ?? [])
      if (!reached.has(next)) {
        reached.add(next);
        visit(next);
      }
  };
  for (const next of graph.get(from) ?? []) visit(next);
  return reached;
}

t.test("each room has a line in biome.json that names exactly the rooms it imports", async (t) => {
  const real = arrows();
  for (const room of rooms) {
    const lines = rules.filter((rule) => rule.room === room);
    const nested = sources.some((file) => roomOf(file) === room && file.split("/").length > 2);
    t.same(
      lines.map(({ inside }) => inside),
      nested ? [false, true] : [false],
      `${room}: a line, and one for its folders if it has any`,
    );
    for (const { may } of lines) t.same(may, [...real.get(room)!].sort(), `what src/${room} may import, and does`);
  }
  t.same(
    rules.filter(({ room }) => !rooms.includes(room)).map(({ room }) => room),
    [],
    "no line for a room that isn't there",
  );
});

t.test("the picture in docs/architecture.md has these arrows, less those that longer ways imply", async (t) => {
  const page = readFileSync("docs/architecture.md", "utf8").match(/```mermaid\n([\s\S]*?)```/)![1]!;
  const names = new Map([...page.matchAll(/(\w+)\["([^"]+)"\]/g)].map(([, id, label]) => [id!, label!]));
  const drawn = new Set<string>();
  for (const line of page.split("\n")) {
    const [from, to] = line.split("-->").map((side) =>
      side
        .split("&")
        .map((word) => word.trim().replace(/\[.*\]$/, ""))
        .map((id) => names.get(id) ?? id),
    );
    if (to !== undefined) for (const a of from!) for (const b of to) drawn.add(`${a} -> ${b}`);
  }
  const real = arrows();
  const wanted = new Set<string>();
  for (const [from, tos] of real) {
    const implied = beyond(real, from);
    for (const to of tos) if (!implied.has(to)) wanted.add(`${from} -> ${to}`);
  }
  t.same([...drawn].sort(), [...wanted].sort());
});

t.test("no room lies on a ring: each can be read without those above it", async (t) => {
  const real = arrows();
  for (const room of real.keys()) t.notOk(beyond(real, room).has(room), room);
});

t.test("the pure rooms may import nothing of Node, and call no random numbers of their own", async (t) => {
  for (const room of pure) {
    for (const { group } of rules.filter((rule) => rule.room === room))
      t.ok(group.includes("node:*"), `biome.json, src/${room}`);
    for (const file of sources.filter((name) => roomOf(name) === room))
      t.notMatch(readFileSync(join("src", file), "utf8"), /Math\.random/, file);
  }
});

const use = (module: string) => `import { thing } from "${module}";\nexport const other = thing;\n`;

/** By file: what is planted there, and which fault that is; null: none. */
const planted: Readonly<Record<string, readonly [text: string, fault: string | null]>> = {
  "src/fib-writer/allowed.ts": [use("../kernel/records.ts"), null],
  "src/fib-writer/planted.ts": [use("../fib/fib-port.ts"), "the kernel writer asks for what is wanted"],
  "src/kernel/rtnetlink/planted.ts": [use("../../config/model.ts"), "a folder inside a room reaches out of it"],
  "src/rib/planted.ts": [use("node:fs"), "a pure room opens a file"],
  "src/session/fsm/planted.ts": ["export const clock = Date;\n", "a pure room reads the clock"],
  "trials/pressure/allowed.ts": [use("../../src/lib/random.ts"), null],
  "trials/pressure/planted.ts": [use("../../src/wire/framer.ts"), "a trial of the shipped daemon needs its codec"],
  "trials/sim/allowed.ts": [use("../../src/speaker/speaker.ts"), null],
  "trials/sim/planted.ts": [use("../../test/wire/support.ts"), "a trial needs a test"],
  "testbed/planted.ts": [use("../trials/scrape.ts"), "the testbed needs a trial"],
  "testbed/speaker/planted.ts": [use("../../src/lib/address.ts"), "the scripted speaker needs the daemon"],
  "bench/fib/planted.ts": [use("../../test/fib/model-kernel.ts"), "the bench needs a test"],
  "bench/chart/planted.ts": [use("../result.ts"), "a chart knows what is measured"],
};

t.test("the linter refuses what the rules don't allow", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "peerage-rooms-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync("biome.json", join(folder, "biome.json"));
  for (const [file, [text]] of Object.entries(planted)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const biome = join(process.cwd(), "node_modules/@biomejs/biome/bin/biome");
  const { stdout } = spawnSync(process.execPath, [biome, "lint", "--vcs-enabled=false", "--reporter=json", "."], {
    cwd: folder,
    encoding: "utf8",
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { location: { path: string } }[] };
  const refused = new Set(diagnostics.map(({ location }) => location.path));
  for (const [file, [, fault]] of Object.entries(planted))
    t.equal(refused.has(file), fault !== null, fault ?? `${file}: what is allowed passes`);
});
