import { setTimeout as sleep } from "node:timers/promises";
import { processTree, sampleProcesses } from "../measure/process.ts";
import type { Namespace } from "../net/namespace.ts";
import { type Farm, monotonicMs } from "./farm.ts";
import { joiner, type Plan } from "./plan.ts";
import type { ScalingRun, Step } from "./result.ts";

const FLAPS = 5;

/** Builds, starts, adds a node and lets one route flap; stops everything whatever happens. */
export async function measureFarm(
  farm: Farm,
  plan: Plan,
  routesPerNode: number,
  place: Namespace,
  timeoutMs: number,
): Promise<ScalingRun> {
  try {
    await farm.build(plan);
    const pids = () => processTree(farm.pids());
    const memory = () => sampleProcesses(pids()).residentMb;
    const started = farm.pids().length > 0 && farm.label !== "BIRD";
    const builtMb = started ? memory() : 0;
    const step = async (action: () => Promise<void>, routes: number): Promise<Step> => {
      const before = await totals(farm, place);
      const start = monotonicMs();
      await action();
      const heldAt = await farm.held(routes, timeoutMs);
      await settled(place);
      const after = await totals(farm, place);
      const minus = (a: number | null, b: number | null) => (a === null || b === null ? null : a - b);
      return {
        seconds: (heldAt - start) / 1000,
        cpuSeconds: after.cpu - before.cpu,
        messages: minus(after.messages, before.messages),
        updates: minus(after.updates, before.updates),
        wireBytes: after.bytes - before.bytes,
      };
    };
    const cold = await step(() => farm.start(), plan.routes);
    const residentMb = memory();
    const withdrawals: Step[] = [];
    const announcements: Step[] = [];
    for (let i = 0; i < FLAPS; i++) {
      const index = plan.reflectors + ((i * 7) % (plan.nodes.length - plan.reflectors));
      withdrawals.push(await step(() => farm.announce(index, false), plan.routes - 1));
      announcements.push(await step(() => farm.announce(index, true), plan.routes));
    }
    const join = await step(() => farm.join(joiner(plan, routesPerNode)), plan.routes + routesPerNode);
    return {
      label: farm.label,
      topology: plan.topology,
      nodes: plan.nodes.length - plan.reflectors,
      routes: plan.routes,
      sessions: plan.sessions,
      mostSessions: plan.mostSessions,
      processes: farm.pids().length,
      builtMb,
      residentMb,
      cold,
      join,
      withdraw: mean(withdrawals),
      announce: mean(announcements),
    };
  } finally {
    await farm.stop();
  }
}

interface Totals {
  readonly cpu: number;
  readonly messages: number | null;
  readonly updates: number | null;
  readonly bytes: number;
}

async function totals(farm: Farm, place: Namespace): Promise<Totals> {
  const pids = processTree(farm.pids());
  const { messagesSent, updatesSent } =
    farm.pids().length > 0 ? await farm.counts() : { messagesSent: 0, updatesSent: 0 };
  return {
    cpu: pids.length > 0 ? sampleProcesses(pids).cpuSeconds : 0,
    messages: messagesSent,
    updates: updatesSent,
    bytes: loopbackBytes(place),
  };
}

/** Waits until nothing moves on the wire for 300 ms: what a step costs ends later than the last route arrives. */
async function settled(place: Namespace): Promise<void> {
  for (let before = loopbackBytes(place); ; ) {
    await sleep(300);
    const now = loopbackBytes(place);
    if (now - before < 2000) return;
    before = now;
  }
}

/** All local delivery of a namespace passes its loopback device; any of its processes shows the counters. */
function loopbackBytes(place: Namespace): number {
  const row = place
    .read("/proc/net/dev")
    .split("\n")
    .find((line) => line.trim().startsWith("lo:"));
  return Number(row?.split(":")[1]?.trim().split(/\s+/)[0] ?? 0);
}

function mean(steps: readonly Step[]): Step {
  const of = (pick: (step: Step) => number | null): number | null => {
    const values = steps.map(pick);
    return values.some((value) => value === null)
      ? null
      : values.reduce<number>((sum, value) => sum + value!, 0) / steps.length;
  };
  return {
    seconds: of((s) => s.seconds)!,
    cpuSeconds: of((s) => s.cpuSeconds)!,
    messages: of((s) => s.messages),
    updates: of((s) => s.updates),
    wireBytes: of((s) => s.wireBytes)!,
  };
}
