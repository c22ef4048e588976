import type { Machine } from "../machine.ts";
import type { Plan, Topology } from "./plan.ts";

/** What one step cost all nodes together. Null where the speaker doesn't tell. */
export interface Step {
  /** From the order until the last node held exactly what it must. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly messages: number | null;
  readonly updates: number | null;
  /** Octets on the wire, TCP and IP headers and acknowledgements included. */
  readonly wireBytes: number;
}

/** One topology at one size. */
export interface ScalingRun {
  readonly label: string;
  readonly topology: Plan["topology"];
  /** Routers with routes; reflectors come on top. */
  readonly nodes: number;
  readonly routes: number;
  readonly sessions: number;
  /** Of the node that has most. */
  readonly mostSessions: number;
  readonly processes: number;
  /** Resident memory of all processes when built, before the first socket; and after convergence. */
  readonly builtMb: number;
  readonly residentMb: number;
  readonly cold: Step;
  readonly join: Step;
  /** Mean of several withdrawals, and of the announcements after them. */
  readonly withdraw: Step;
  readonly announce: Step;
}

/** One topology at one size, under virtual time. */
export interface VirtualRun {
  readonly topology: Topology;
  readonly nodes: number;
  readonly routes: number;
  readonly sessions: number;
  /** UPDATEs, End-of-RIB included. */
  readonly coldMessages: number;
  readonly joinMessages: number;
  readonly flapMessages: number;
  /** Virtual time. */
  readonly coldSeconds: number;
  /** What the simulation took of the machine. */
  readonly cpuSeconds: number;
  /** Heap and array buffers that came with speakers, sessions and routes, after a garbage collection. */
  readonly heldMb: number;
  readonly residentMb: number;
}

/** What one of each costs in memory, within one process. */
export interface CostRun {
  readonly kbPerSpeaker: number;
  /** With ten routes of its own, started, without a session. */
  readonly kbPerSpeakerWithTenRoutes: number;
  /** All that one end of an idle established session takes: peer, state machine, timers, buffers, simulated connection. */
  readonly kbPerSessionEnd: number;
  /** The simulated connection's end alone. */
  readonly kbPerSimulatedTcpEnd: number;
}

/** What bench/results/ keeps: one file for each time the command was given, with the parts that were asked for. */
export interface ScalingResult {
  readonly workload: "scaling";
  readonly at: string;
  readonly command: string;
  readonly machine: Machine;
  readonly commit: string;
  readonly routesPerNode: number;
  readonly scaling: readonly ScalingRun[];
  readonly virtual: readonly VirtualRun[];
  readonly cost: CostRun | null;
  readonly faults: readonly string[];
}

/** How a fault begins: a later measurement of the same makes it moot. */
export const faultOf = (topology: Topology, nodes: number, kind: "real" | "virtual" = "real"): string =>
  `${kind === "virtual" ? "virtual time, " : ""}${topology}, ${nodes} nodes`;

/** All results as one: of equal measurements the last counts. */
export function mergeScaling(results: readonly ScalingResult[]): ScalingResult | null {
  const last = results.at(-1);
  if (!last) return null;
  const runs = new Map<string, ScalingRun>();
  const virtual = new Map<string, VirtualRun>();
  for (const result of results) {
    for (const run of result.scaling) runs.set(`${run.label}|${run.topology}|${run.nodes}`, run);
    for (const run of result.virtual) virtual.set(`${run.topology}|${run.nodes}`, run);
  }
  const measured = new Set([
    ...[...runs.values()].map((run) => faultOf(run.topology, run.nodes)),
    ...[...virtual.values()].map((run) => faultOf(run.topology, run.nodes, "virtual")),
  ]);
  const distinct = (pick: (result: ScalingResult) => string) => [...new Set(results.map(pick))].join(", ");
  return {
    ...last,
    command: distinct((r) => r.command),
    commit: distinct((r) => r.commit),
    scaling: [...runs.values()],
    virtual: [...virtual.values()].sort((a, b) => a.topology.localeCompare(b.topology) || a.nodes - b.nodes),
    cost: results.findLast((r) => r.cost)?.cost ?? null,
    faults: results.flatMap((r) => r.faults).filter((fault) => !measured.has(fault.split(":")[0]!)),
  };
}
