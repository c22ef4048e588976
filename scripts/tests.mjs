// Runs compiled tap files, some at once, and counts what really happened. A tap file is a program of its own, so it is
// started directly with node; that is three times as fast as going through tap's own runner, and a file that crashes,
// hangs or holds no test becomes a failure with a name instead of a hole in the totals.
//
// How long a file may take is said in seconds of a quiet machine: testbed/pace.ts measures what this one makes of them, at the
// start and while a file runs. Deadlines and timers inside the file stretch likewise.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./setup.mjs";

/** @typedef {{passed: number, failed: string[], skipped: string[]}} Totals `failed` and `skipped` hold names. */

/** For a file that hangs, to say so and to clean up. */
const GRACE_SECONDS = 15;

/** Groups of processes that run; they end with this one. */
const running = new Set();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.once(name, () => {
    for (const child of running) tell(child, name);
    process.kill(process.pid, name); // now as everybody
  });

/** To a test file and all that it has started. */
function tell(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch {} // they have all gone
}

/** Test sources below `folder` of test/, as paths relative to the checkout; derived from .ts so that stale output never runs. */
export function testFiles(folder, without = []) {
  const top = join(root, "test", folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true })
    .filter((name) => name.endsWith(".test.ts") && !without.some((part) => name.startsWith(part)))
    .map((name) => relative(root, join(top, name)))
    .sort();
}

/**
 * Runs the files, prints a line for each (with `sentences` one for each test, too), and all that a failing one printed.
 * @returns {Promise<Totals>}
 */
export async function runTests(
  files,
  { jobs = availableParallelism(), quietSeconds, sentences = false, verbose = false },
) {
  const { Parser } = await import("tap-parser");
  const machine = await import(pathToFileURL(join(root, "dist/testbed/pace.js")));
  if (machine.pace >= 1.5)
    console.log(`This machine is busy or slow: everything may take ${machine.pace.toFixed(1)} times as long.`);
  const totals = { passed: 0, failed: [], skipped: [] };
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const started = Date.now();
      const result = await runFile(Parser, machine, file, quietSeconds);
      totals.passed += result.passed.length;
      totals.failed.push(...result.failed.map((name) => `${file}: ${name}`));
      totals.skipped.push(...result.skipped.map((name) => `${file}: ${name}`));
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      const counts = [`${result.passed.length} passed`];
      if (result.failed.length > 0) counts.push(`${result.failed.length} failed`);
      if (result.skipped.length > 0) counts.push(`${result.skipped.length} skipped`);
      console.log(`${result.failed.length > 0 ? "FAIL" : "ok  "} ${file}  ${counts.join(", ")}  ${seconds} s`);
      if (sentences) for (const name of result.passed) console.log(`       - ${name.split(" > ").at(-1)}`);
      if (result.failed.length > 0 || verbose) console.log(result.output.trimEnd().replace(/^/gm, "    | "));
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, worker));
  return totals;
}

function runFile(Parser, { Patience }, file, quietSeconds) {
  return new Promise((resolve) => {
    const parser = new Parser();
    const tree = watch(parser, "");
    const compiled = join(root, "dist", file.replace(/\.ts$/, ".js"));
    // TAP_TIMEOUT=0: tap's own time-out is one of the clock on the wall.
    const child = spawn(process.execPath, ["--enable-source-maps", compiled], {
      cwd: root,
      env: { ...process.env, TAP_TIMEOUT: "0", TAP: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group of its own: what it has started ends with it
    });
    running.add(child);
    let output = "";
    /** How long it had taken when it was told to end. */
    let hung = null;
    const patience = new Patience(quietSeconds);
    const alarm = setInterval(() => {
      if (!patience.over) return;
      if (hung === null) {
        hung = patience.spent;
        child.kill("SIGALRM"); // tap says which test hangs
      } else if (patience.overBy(GRACE_SECONDS)) tell(child, "SIGKILL");
      else if (patience.overBy(1)) tell(child, "SIGTERM"); // a lab removes its namespaces
    }, 500);
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      parser.write(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.on("close", (code, signal) => {
      clearInterval(alarm);
      running.delete(child);
      tell(child, "SIGKILL"); // whatever it left behind
      parser.on("complete", (results) => {
        const totals = { passed: [], failed: [], skipped: [] };
        count(tree, totals);
        if (hung !== null) totals.failed.push(`still running after ${hung}`);
        else if (totals.failed.length === 0 && (code !== 0 || !results.ok))
          totals.failed.push(signal ? `ended by ${signal}` : `exit code ${code}, not finished`);
        else if (totals.passed.length + totals.failed.length + totals.skipped.length === 0)
          totals.failed.push("holds no test");
        resolve({ ...totals, output });
      });
      parser.end();
    });
  });
}

/** Collects the tree of subtests that a parser sees. */
function watch(parser, name) {
  const node = { name, children: [], asserts: [] };
  parser.on("child", (child) => node.children.push(watch(child, child.name)));
  parser.on("assert", (assert) => node.asserts.push(assert));
  return node;
}

/** A test is a subtest without subtests (or a file of bare assertions); assertions are not counted one by one. */
function count(node, totals, path = "") {
  const byName = new Map(node.children.map((child) => [child.name, child]));
  let bare = 0;
  for (const assert of node.asserts) {
    const name = path === "" ? assert.name : `${path} > ${assert.name}`;
    const child = byName.get(assert.name);
    if (assert.skip || assert.todo) totals.skipped.push(`${name} (${reason(assert)})`);
    else if (child !== undefined && (child.children.length > 0 || !assert.ok)) {
      const before = totals.failed.length;
      if (child.children.length > 0) count(child, totals, name);
      if (!assert.ok && totals.failed.length === before) totals.failed.push(name);
    } else if (!assert.ok) totals.failed.push(name);
    else if (child !== undefined) totals.passed.push(name);
    else bare++;
  }
  const closed = new Set(node.asserts.map((assert) => assert.name));
  for (const { name } of node.children)
    if (!closed.has(name)) totals.failed.push(`${path === "" ? name : `${path} > ${name}`} (unfinished)`);
  if (node.children.length === 0 && path === "" && bare > 0) totals.passed.push("the file as a whole");
}

function reason(assert) {
  const text = assert.skip || assert.todo;
  return text === true ? (assert.todo ? "to do" : "no reason given") : text;
}

/** Prints what was skipped and what failed, by name: nothing is left out silently. */
export function report(title, totals) {
  if (totals.skipped.length > 0)
    console.log(`\nSkipped in ${title}:\n${totals.skipped.map((name) => `  - ${name}`).join("\n")}`);
  if (totals.failed.length > 0)
    console.log(`\nFailed in ${title}:\n${totals.failed.map((name) => `  - ${name}`).join("\n")}`);
}

export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`;
