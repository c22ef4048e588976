import { parseArgs } from "node:util";
import { orUsage, whole } from "../../testbed/command-line.ts";
import { Lab } from "../../testbed/lab.ts";
import { obstacle } from "../../testbed/obstacle.ts";
import { plants } from "./plants.ts";
import { furnish, Walk } from "./walk.ts";

const usage = `npm run mirror [-- --seeds 20] [--from 1] [--rounds 10] [--lines 12] [--plant FAULT]: random walks of the kernel, as root
npm run mirror -- --seed N [--rounds 10] [--lines 12] [--plant FAULT]: one, and what was done in it until a fault was found
faults that can be planted: ${Object.keys(plants).join(", ")}`;

/** Faults enough to think about. */
const ENOUGH = 5;

const { plant, single, first, count, rounds, lines } = orUsage(usage, () => {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "20" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      rounds: { type: "string", default: "10" },
      lines: { type: "string", default: "12" },
      plant: { type: "string" },
    },
  });
  const plant = values.plant === undefined ? () => {} : plants[values.plant];
  if (plant === undefined) throw new Error(`No fault is called ${values.plant}`);
  const why = obstacle([]);
  if (why !== null) throw new Error(`No walk is possible here: ${why}`);
  const single = values.seed !== undefined;
  return {
    plant,
    single,
    first: single ? whole("--seed", values.seed!) : whole("--from", values.from),
    count: single ? 1 : whole("--seeds", values.seeds),
    rounds: whole("--rounds", values.rounds),
    lines: whole("--lines", values.lines),
  };
});
plant();
let [tried, failed] = [0, 0];
for (let seed = first; seed < first + count && failed < ENOUGH; seed++) {
  tried++;
  const lab = new Lab("pgm");
  try {
    const host = lab.host("walk");
    await furnish(host);
    const walk = new Walk(host, { seed, rounds, lines });
    const fault = await walk.go();
    await walk.close();
    if (fault === null) continue;
    failed++;
    console.log(`seed ${seed}, after ${fault.lines.length} lines:\n${fault.what}`);
    if (single) console.log(fault.lines.join("\n"));
    else console.log(`again: npm run mirror -- --rounds ${rounds} --lines ${lines} --seed ${seed}`);
  } finally {
    lab.close();
  }
}
console.log(`${tried} seeds, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
