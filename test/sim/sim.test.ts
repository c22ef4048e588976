import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { InvariantName } from "../../trials/sim/invariants.ts";
import { runSeed } from "../../trials/sim/seed.ts";

const FIRST_SEED = 1;
const SEEDS = 25;

t.test("random networks of real speakers settle as the reference says, whatever happened to them", async (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { violations, topology } = await runSeed(seed, 40);
    t.same(violations, [], `seed ${seed}, ${topology.shape}`);
  }
});

t.test("the same seed gives the same run", async (t) => {
  const [first, second] = [await runSeed(7, 20), await runSeed(7, 20)];
  t.same(first.events, second.events);
  t.same(first.topology, second.topology);
});

/** Which invariant has to notice which fault; docs/simulation.md explains them. */
const noticed: Readonly<Record<string, InvariantName>> = {
  "forget-withdrawals": "everyone is told what the reference says",
  "never-purge": "everyone is told what the reference says",
  "never-sweep": "no stale route",
  "first-path-wins": "best paths are the reference's",
  "no-loop-check": "no loop is ever accepted",
  "lose-group-changes": "everyone is told what the reference says",
  "lose-fib-changes": "kernel intent is Loc-RIB",
  "give-up-after-a-loss": "no stuck session",
  "wrong-next-hop": "no forwarding loop",
};

const program = fileURLToPath(new URL("../../trials/sim/main.js", import.meta.url));

t.test("each invariant notices the fault that is planted for it", async (t) => {
  for (const [fault, invariant] of Object.entries(noticed)) {
    const output = await new Promise<string>((resolve) =>
      execFile(
        process.execPath,
        [program, "--plant", fault, "--seeds", "30", "--events", "40", "--until", invariant],
        (_, stdout) => resolve(stdout),
      ),
    );
    t.ok(output.includes(`  ${invariant}: `), `${fault} breaks "${invariant}"`);
  }
});
