// Makes a checkout ready to run: checks Node, installs the locked dependencies, compiles. Plain JavaScript, because it
// runs before anything is built. It does nothing, quietly, when nothing has changed, and then needs no network.
import { spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const sources = ["src", "testbed", "trials", "test", "bench"];
const stamp = at("dist/.built");

/** Installs and compiles as far as needed; ends the process with a sentence when that fails. */
export async function setup() {
  checkNode();
  mkdirSync(at("dist"), { recursive: true });
  // Two commands started at once (npm start beside npm test) must not install or compile into each other.
  await withLock(at("dist/.setup-lock"), "another set-up of this checkout", () => {
    install();
    build();
  });
}

function checkNode() {
  const wanted = JSON.parse(readFileSync(at("package.json"), "utf8")).engines.node.match(/(\d+)\.(\d+)/);
  const found = process.versions.node.split(".").map(Number);
  if (found[0] > Number(wanted[1]) || (found[0] === Number(wanted[1]) && found[1] >= Number(wanted[2]))) return;
  fail(
    `Peerage needs Node.js ${wanted[1]}.${wanted[2]} or later, this is ${process.versions.node} (${process.execPath}).`,
  );
}

/** npm leaves a list of what it installed in node_modules/.package-lock.json: current means equal to the lock file. */
function installed() {
  const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  if (!existsSync(at("node_modules/.package-lock.json"))) return false;
  const has = read(at("node_modules/.package-lock.json"));
  return Object.entries(read(at("package-lock.json"))).every(
    ([path, entry]) =>
      path === "" ||
      (has[path] === undefined ? entry.optional || entry.devOptional : has[path].version === entry.version),
  );
}

function install() {
  if (installed()) return;
  console.log("Installing dependencies (npm ci) ...");
  const words = ["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  // npm wants to keep what it fetches, and gives up where it can't: a service account often has no home.
  const cache = isWritable(npmCache()) ? null : mkdtempSync(join(tmpdir(), "peerage-npm-"));
  if (cache !== null) words.push("--cache", cache);
  const npm = spawnSync("npm", words, { cwd: root, stdio: "inherit" });
  if (cache !== null) rmSync(cache, { recursive: true, force: true });
  if (npm.error) fail(`Cannot run npm: ${npm.error.message}.`);
  if (npm.status !== 0) fail("npm ci failed: see above. A first installation needs the network.");
}

/** Where npm keeps what it has fetched; npm itself sets the variable for the scripts that it runs. */
function npmCache() {
  try {
    return process.env.npm_config_cache ?? join(homedir(), ".npm");
  } catch {
    return "/nonexistent"; // neither $HOME nor an entry in /etc/passwd
  }
}

function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Compiles when a source is newer than the last good build, or when its output is missing. */
function build() {
  const inputs = sources.flatMap((folder) => walk(at(folder)));
  const outputs = inputs
    .filter((file) => /(?<!\.d)\.ts$/.test(file))
    .map((file) => at("dist", relative(root, file)).replace(/\.ts$/, ".js"));
  const complete = outputs.every((file) => existsSync(file));
  const built = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  // Folders count too: their time changes when a file goes away.
  const newest = Math.max(
    ...inputs.map((path) => statSync(path).mtimeMs),
    statSync(at("tsconfig.json")).mtimeMs,
    statSync(at("package-lock.json")).mtimeMs,
  );
  if (complete && newest <= built) return;

  console.log("Compiling ...");
  const started = new Date();
  prune(new Set(outputs));
  // The incremental record would make tsc skip outputs that somebody deleted.
  if (!complete) rmSync(at("dist/.tsbuildinfo"), { force: true });
  const tsc = spawnSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", at("tsconfig.json")], {
    cwd: root,
    stdio: "inherit",
  });
  if (tsc.status !== 0) {
    rmSync(stamp, { force: true });
    fail("The sources do not compile: see above.");
  }
  if (existsSync(at("dist/src/main.js"))) chmodSync(at("dist/src/main.js"), 0o755);
  writeFileSync(stamp, "");
  utimesSync(stamp, started, started);
}

/** Removes compiled files whose source is gone, so that a deleted test does not go on running. */
function prune(outputs) {
  for (const file of sources.flatMap((folder) => walk(at("dist", folder))))
    if (/\.js(\.map)?$/.test(file) && !outputs.has(file.replace(/\.map$/, ""))) rmSync(file);
}

/** Every file and folder below `folder`, itself included; empty when it is not there. */
function walk(folder) {
  if (!existsSync(folder)) return [];
  return [
    folder,
    ...readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
    ),
  ];
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
