import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

/**
 * A test that looks at the clock on the wall, or sleeps, fails on a busy machine for nothing. Tests get their time from
 * `testbed/virtual-clock.ts`, wait by `waitFor`, and print how long something took by a `Stopwatch` (`testbed/wait.ts`).
 */
const idioms: readonly { what: string; pattern: RegExp; example: string }[] = [
  { what: "the clock on the wall", pattern: /\bDate\.now\(|\bnew Date\(\)/, example: "const started = Date.now();" },
  {
    what: "the monotonic clock",
    pattern: /\bperformance\.now\(|\bhrtime\b/,
    example: "t.ok(performance.now() - started < 1000);",
  },
  { what: "a sleep", pattern: /\bset(Timeout|Interval)\(/, example: "await new Promise((go) => setTimeout(go, 500));" },
  { what: "a sleep", pattern: /timers\/promises/, example: 'import { setTimeout as delay } from "timers/promises";' },
  {
    what: "a wait without a deadline",
    pattern: /\bwhile \(.*\bawait\b|\bfor \(.*\bawait\b.*\bsetImmediate\b/,
    example: "while (!done) await turn();",
  },
  {
    what: "a time-out that no machine stretches",
    pattern: /\btimeout(Ms)?: \d/,
    example: "spawn(it, { timeout: 20_000 });",
  },
];

/** Files that may, and why. */
const allowed: Readonly<Record<string, string>> = {
  "test/clocks.test.ts": "the examples above",
  "test/lab/lab.test.ts": "the text of a process that is to be killed",
  "testbed/pace.ts": "measures the machine",
  "testbed/wait.ts": "waits for all others",
  "testbed/speaker/pulse.ts": "waits without polling, as patient as the others",
  "testbed/speaker/scripted-speaker.ts": "says when it heard what, for trials; a peer sends KEEPALIVEs by the clock",
};

const found = (text: string): string[] =>
  text.split("\n").flatMap((line, i) => {
    const idiom = idioms.find(({ pattern }) => pattern.test(line));
    return idiom === undefined ? [] : [`line ${i + 1}, ${idiom.what}: ${line.trim()}`];
  });

t.test("no test looks at the clock on the wall, sleeps, or waits by itself", async (t) => {
  const files = ["test", "testbed"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name)),
  );
  t.ok(files.length > 100, `${files.length} files`);
  for (const name of files) {
    const faults = found(readFileSync(name, "utf8"));
    if (name in allowed) t.not(faults.length, 0, `${name} needs its permission no more`);
    else t.same(faults, [], name);
  }
});

t.test("each idiom is known by its example", async (t) => {
  for (const { what, pattern, example } of idioms) t.match(example, pattern, what);
});
