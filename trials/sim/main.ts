import { parseArgs } from "node:util";
import { orUsage, whole } from "../../testbed/command-line.ts";
import type { Violation } from "./invariants.ts";
import { plant, plants } from "./plants.ts";
import { runSeed, shrink } from "./seed.ts";

const usage = `npm run sim [-- --seeds 100] [--from 1] [--events 60] [--plant FAULT]: many random worlds
npm run sim -- --seed N [--events 60] [--plant FAULT]: one, with everything it takes to understand a failure
faults that can be planted: ${Object.keys(plants).join(", ")}
--until INVARIANT: ends when this one breaks; nothing is shrunk`;
const { fault, until, first, count, events } = orUsage(usage, () => {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "100" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      events: { type: "string", default: "60" },
      plant: { type: "string" },
      until: { type: "string" },
    },
  });
  if (values.plant !== undefined && plants[values.plant] === undefined)
    throw new Error(`No fault is called ${values.plant}`);
  return {
    fault: values.plant,
    until: values.until,
    first: values.seed === undefined ? whole("--from", values.from) : whole("--seed", values.seed),
    count: values.seed === undefined ? whole("--seeds", values.seeds) : 1,
    events: whole("--events", values.events),
  };
});
const onePerInvariant = (list: readonly Violation[]) =>
  list.filter((each, i) => list.findIndex(({ invariant }) => invariant === each.invariant) === i);
if (fault !== undefined) plant(fault);
let failed = 0;
const startedAt = performance.now();
for (let seed = first; seed < first + count; seed++) {
  const outcome = await runSeed(seed, events);
  if ((seed - first + 1) % 50 === 0)
    console.log(
      `${seed - first + 1} of ${count} seeds, ${failed} failed, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
    );
  if (outcome.violations.length === 0) continue;
  failed++;
  console.log(
    `seed ${seed} (${outcome.topology.shape}, ${outcome.topology.nodes.length} nodes): ${outcome.violations.length} violations`,
  );
  const smallest = until ? outcome : await shrink(outcome);
  for (const { invariant, text } of onePerInvariant(smallest.violations)) console.log(`  ${invariant}: ${text}`);
  if (!until) for (const event of smallest.events) console.log(`    ${JSON.stringify(event)}`);
  console.log(`  again: npm run sim -- --seed ${seed} --events ${events}`);
  const seen = outcome.violations.some(({ invariant }) => invariant === until);
  if (seen || (failed >= 5 && !until)) break;
}
console.log(`${count} seeds, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
