import { descriptors, silent } from "./crowd.ts";
import { load } from "./load.ts";
import { flood, memory } from "./memory.ts";
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
};

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(scenarios)) {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`no scenario "${name}": ${Object.keys(scenarios).join(", ")}`);
  process.stdout.write(`${name}\n`);
  for (const [what, figure] of Object.entries(await scenario())) process.stdout.write(`  ${what}: ${figure}\n`);
}
process.exit();
