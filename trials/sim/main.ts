import { parseArgs } from "node:util";
import type { Violation } from "./invariants.ts";
import { plant, plants } from "./plants.ts";
import { runSeed, shrink } from "./seed.ts";

/** `npm run sim -- --seeds 1000`: many random worlds. `--seed N`: one, with everything it takes to understand a failure. */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    events: { type: "string", default: "60" },
    plant: { type: "string" },
    /** Ends when this invariant breaks; nothing is shrunk. */
    until: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log("npm run sim -- [--seeds 100] [--from 1] [--events 60] [--seed N] [--plant FAULT]");
  console.log(`faults that can be planted: ${Object.keys(plants).join(", ")}`);
  process.exit(0);
}
const onePerInvariant = (list: readonly Violation[]) =>
  list.filter((each, i) => list.findIndex(({ invariant }) => invariant === each.invariant) === i);
if (values.plant !== undefined) plant(values.plant);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
let failed = 0;
const startedAt = performance.now();
for (let seed = first; seed < first + count; seed++) {
  const outcome = await runSeed(seed, Number(values.events));
  if ((seed - first + 1) % 50 === 0)
    console.log(
      `${seed - first + 1} of ${count} seeds, ${failed} failed, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
    );
  if (outcome.violations.length === 0) continue;
  failed++;
  console.log(
    `seed ${seed} (${outcome.topology.shape}, ${outcome.topology.nodes.length} nodes): ${outcome.violations.length} violations`,
  );
  const smallest = values.until ? outcome : await shrink(outcome);
  for (const { invariant, text } of onePerInvariant(smallest.violations)) console.log(`  ${invariant}: ${text}`);
  if (!values.until) for (const event of smallest.events) console.log(`    ${JSON.stringify(event)}`);
  console.log(`  again: npm run sim -- --seed ${seed} --events ${values.events}`);
  const seen = outcome.violations.some(({ invariant }) => invariant === values.until);
  if (seen || (failed >= 5 && !values.until)) break;
}
console.log(`${count} seeds, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
