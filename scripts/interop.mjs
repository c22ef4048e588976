// npm run interop [-- NAME ...]: the scenarios with real daemons whose folder names contain one of the words, or all.
import { ensureDebianPackages } from "./debian.mjs";
import { setup } from "./setup.mjs";
import { report, runTests, summaryLine, testFiles } from "./tests.mjs";

const words = process.argv.slice(2).filter((word) => !word.startsWith("-"));
await setup();
await ensureDebianPackages();
const files = testFiles("interop").filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (files.length === 0) {
  console.error(`No scenario is named like ${words.join(" or ")}. There are:\n${testFiles("interop").join("\n")}`);
  process.exit(2);
}
const totals = await runTests(files, {
  jobs: 2,
  quietSeconds: 240,
  sentences: true,
  verbose: process.argv.includes("--verbose") || files.length === 1,
});
report("interop", totals);
console.log(`\n${summaryLine(totals)}`);
process.exitCode = totals.failed.length > 0 ? 1 : 0;
