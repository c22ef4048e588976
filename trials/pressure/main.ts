import { descriptors, silent } from "./crowd.ts";
import { load } from "./load.ts";
import { flood, memory } from "./memory.ts";
import { questions } from "./questions.ts";
import { readers } from "./readers.ts";

/**
 * What no unit test can show: the daemon as it is shipped, real sockets, real time, and peers that mean no good. One scenario each by
 * name, or all of them; figures are printed, nothing is judged but that the scenario came to its end.
 *
 *   npm run pressure -- load
 */
const scenarios: Record<string, () => Promise<Record<string, number | string>>> = {
  load: () => load(1),
  rush: () => load(50),
  silent,
  descriptors,
  readers,
  memory,
  flood,
  questions,
};

const names = Object.keys(scenarios);
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  const help = unknown.includes("--help");
  process.stderr.write(
    `${help ? "" : `There is no scenario ${unknown.join(", ")}.\n`}npm run pressure [-- SCENARIO ...]: ${names.join(", ")}; all without one\n`,
  );
  process.exit(help ? 0 : 2);
}
for (const name of wanted.length > 0 ? wanted : names) {
  process.stdout.write(`${name}\n`);
  for (const [what, figure] of Object.entries(await scenarios[name]!())) process.stdout.write(`  ${what}: ${figure}\n`);
}
process.exit();
