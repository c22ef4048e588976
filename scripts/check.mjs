// npm run check: format, lint, import rules, types and unit tests, in about a minute. The one gate before a commit.
// npm test: the same, then the interop scenarios. Both end with a line of totals that counts what really ran.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureDebianPackages } from "./debian.mjs";
import { root, setup } from "./setup.mjs";
import { report, runTests, summaryLine, testFiles } from "./tests.mjs";

const started = Date.now();
const withInterop = process.argv.includes("--interop");
await setup(); // compiles, so the types are right from here on

const gates = [];
console.log("Format, lint, import directions and cycles (biome) ...");
const biome = spawnSync(
  process.execPath,
  [join(root, "node_modules/@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."],
  {
    cwd: root,
    stdio: "inherit",
  },
);
if (biome.status !== 0)
  gates.push("biome check (format, lint, imports): see above; `npm run format` repairs the format");

console.log("\nUnit tests ...");
const unit = await runTests(testFiles(".", ["interop/"]), { quietSeconds: 90 });
const totals = { passed: unit.passed, failed: [...gates, ...unit.failed], skipped: unit.skipped };

if (withInterop) {
  console.log("\nInterop ...");
  await ensureDebianPackages();
  const interop = await runTests(testFiles("interop"), { jobs: 2, quietSeconds: 240, sentences: true });
  totals.passed += interop.passed;
  totals.failed.push(...interop.failed);
  totals.skipped.push(...interop.skipped);
}

report("this run", totals);
console.log(`\n${((Date.now() - started) / 1000).toFixed(0)} s\n${summaryLine(totals)}`);
process.exitCode = totals.failed.length > 0 ? 1 : 0;
