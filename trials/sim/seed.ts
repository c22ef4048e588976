import { seededRandom } from "../../src/lib/random.ts";
import { drawEvents, type SimEvent } from "./event.ts";
import { acceptedLoops, type Violation, violations } from "./invariants.ts";
import { Simulation } from "./simulation.ts";
import { drawTopology, type SimTopology } from "./topology.ts";

export interface Outcome {
  readonly seed: number;
  readonly topology: SimTopology;
  readonly events: readonly SimEvent[];
  readonly violations: readonly Violation[];
}

/** Everything that a seed stands for, run once. The same seed gives the same run. */
export async function runSeed(seed: number, eventCount: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const topology = drawTopology(random);
  return runEvents(seed, topology, drawEvents(random, topology, eventCount));
}

export async function runEvents(seed: number, topology: SimTopology, events: readonly SimEvent[]): Promise<Outcome> {
  const simulation = new Simulation(topology, seed);
  const meanwhile: Violation[] = [];
  await simulation.run(events, () => {
    if (meanwhile.length === 0) meanwhile.push(...acceptedLoops(simulation));
  });
  return { seed, topology, events, violations: [...meanwhile, ...violations(simulation)] };
}

/** Leaves out events as long as the same invariant still breaks: what remains is what it takes. */
export async function shrink(outcome: Outcome): Promise<Outcome> {
  const { invariant } = outcome.violations[0]!;
  let smallest = outcome;
  for (let size = Math.ceil(outcome.events.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.events.length; ) {
      const events = [...smallest.events.slice(0, at), ...smallest.events.slice(at + size)];
      const tried = await runEvents(outcome.seed, outcome.topology, events);
      if (tried.violations.some((violation) => violation.invariant === invariant)) smallest = tried;
      else at += size;
    }
  }
  return smallest;
}
