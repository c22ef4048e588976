import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./paths.ts";

/**
 * Everything that docs/performance.md and docs/scaling.md show, most telling first. A peer that is far slower is given up early (`--timeout`)
 * and measured once; on other tables BIRD and FRR are enough to hold ratios against.
 */
export const SERIES: readonly string[] = [
  "reflect --timeout 20",
  "churn --timeout 30 --peers bird,frr,openbgpd",
  "rack --timeout 40",
  "sessions --runs 1 --timeout 30 --no-floor --peers frr0",
  "late --timeout 60 --peers bird,frr,openbgpd",
  "paths --timeout 20 --peers bird,frr,openbgpd",
  "ingest --timeout 25 --peers bird,frr0,openbgpd",
  "ingest --feeders 10 --runs 1 --peers bird",
  "scaling --only mesh",
  "scaling --only one-reflector",
  "scaling --only two-reflectors",
  "scaling --only racks",
  "scaling --only racks-own",
  "scaling --only bird,cost",
  "scaling --only virtual",
  "reflect --clients 10 --timeout 40",
  "reflect --clients 200 --peers bird,frr",
  "reflect --routes 1M --peers frr0",
  "reflect --seed 2 --peers bird,frr",
  "reflect --lengths flat --peers bird,frr",
  "reflect --family 6 --peers bird,frr",
  "reflect --add-path --peers bird,frr",
  "reflect --policy 20 --peers bird,frr",
  "mixed --timeout 40 --peers bird,frr",
];

/** Runs the whole series, one command after the other, or with `--list` prints it; then writes the documents. */
export function runSeries(argv: readonly string[]): void {
  const { values } = parseArgs({ args: [...argv], options: { list: { type: "boolean", default: false } } });
  if (values.list) {
    process.stdout.write(`${SERIES.join("\n")}\n`);
    return;
  }
  const main = join(root, "dist/bench/main.js");
  const run = (words: string) => spawnSync(process.execPath, [main, ...words.split(" ")], { stdio: "inherit" }).status;
  const failed = SERIES.filter((words) => run(words) !== 0);
  run("report");
  if (failed.length > 0) throw new Error(`failed: ${failed.join("; ")}`);
}
