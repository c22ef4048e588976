import { spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { version } from "../src/version.ts";

const main = join(import.meta.dirname, "../src/main.js");

t.test("the program starts where a process may have no more than 64 files open", async (t) => {
  const command = 'ulimit -n 64 && exec "$0" "$1" --version';
  const { stdout, stderr, status } = spawnSync("sh", ["-c", command, process.execPath, main], { encoding: "utf8" });
  t.equal(stdout.trim(), version, stderr);
  t.equal(status, 0);
});
