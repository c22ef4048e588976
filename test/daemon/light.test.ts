import t, { type Test } from "tap";
import { configure, startNode } from "./program.ts";

const moduleLog = new URL("../../testbed/module-log.js", import.meta.url).href;

/** The program with these words, and which of the project's files and packages its main thread loaded. */
const run = (t: Test, ...words: string[]) => startNode(t, ["--import", moduleLog], words);

const loadedBy = (output: string): string[] =>
  [...output.matchAll(/^loaded \S*\/(src\/\S+|node_modules\/\S+)$/gm)].map((match) => match[1]!).sort();

/** Rooms and packages among them: "speaker", "yaml". */
const homesOf = (files: readonly string[]): string[] => [
  ...new Set(files.map((file) => file.replace(/^(src|node_modules)\/((?:@[^/]+\/)?[^/]+)\/.*/, "$2"))),
];

t.test("a command that asks the daemon loads what it needs to ask, and what it prints", async (t) => {
  const { file, socket } = configure(t);
  const daemon = run(t, "run", "-c", file);
  await daemon.until(/ready/);

  await t.test("the daemon's main thread never loads what reads a config, nor the lab", async (t) => {
    const homes = homesOf(loadedBy(daemon.output()));
    t.ok(homes.includes("speaker"));
    t.same(homes.filter((home) => ["yaml", "zod", "lab", "prom-client", "metrics"].includes(home)).sort(), ["metrics"]);
    for (const file of ["load", "schema", "resolve", "source"])
      t.notOk(loadedBy(daemon.output()).includes(`src/config/${file}.js`), file);
  });

  const summary = run(t, "summary", "--socket", socket);
  t.equal(await summary.ended, 0);
  const loaded = loadedBy(summary.output());
  t.same(
    homesOf(loaded)
      .filter((home) => !home.endsWith(".js"))
      .sort(),
    ["api", "cli", "commander", "config", "lib", "view"],
  );
  t.ok(loaded.length <= 28, `${loaded.length} files: ${loaded.join(" ")}`);
  t.same(
    loaded.filter((file) => file.startsWith("src/config/") || file.startsWith("src/cli/text/")),
    [
      "src/cli/text/duration.js",
      "src/cli/text/summary.js",
      "src/cli/text/table.js",
      "src/config/errors.js",
      "src/config/nearest.js",
    ],
  );
  daemon.process.kill("SIGTERM");
  t.equal(await daemon.ended, 0);
});
