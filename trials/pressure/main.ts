import { parseArgs } from "node:util";
import { chosen, orUsage } from "../../testbed/command-line.ts";
import { nexthops } from "../kernel/next-hops.ts";
import { config } from "./config.ts";
import { descriptors, silent } from "./crowd.ts";
import { load } from "./load.ts";
import { flood, memory } from "./memory.ts";
import { paths } from "./paths.ts";
import { questions } from "./questions.ts";
import { readers } from "./readers.ts";
import { stops } from "./stops.ts";

/**
 * What no unit test can show: the daemon as it is shipped, real sockets, real time, and peers that mean no good. One scenario each by
 * name, or all of them; figures are printed, nothing is judged but that the scenario came to its end.
 *
 *   npm run pressure -- load
 */
const scenarios: readonly Scenario[] = [
  { name: "load", run: () => load(1) },
  { name: "rush", run: () => load(50) },
  { name: "silent", run: silent },
  { name: "descriptors", run: descriptors },
  { name: "stops", run: stops },
  { name: "readers", run: readers },
  { name: "memory", run: memory },
  { name: "flood", run: flood },
  { name: "questions", run: questions },
  { name: "config", run: config },
  { name: "paths", run: paths },
  { name: "nexthops", run: nexthops },
];

interface Scenario {
  readonly name: string;
  run(): Promise<Record<string, number | string>>;
}

const usage = `npm run pressure [-- SCENARIO ...]: ${scenarios.map(({ name }) => name).join(", ")}; all without one`;
const wanted = orUsage(usage, () => chosen("scenario", scenarios, parseArgs({ allowPositionals: true }).positionals));
for (const { name, run } of wanted) {
  process.stdout.write(`${name}\n`);
  for (const [what, figure] of Object.entries(await run())) process.stdout.write(`  ${what}: ${figure}\n`);
}
process.exit();
