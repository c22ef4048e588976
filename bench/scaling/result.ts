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
  readonly sessions: number;
  readonly coldMessages: number;
  readonly joinMessages: number;
  readonly flapMessages: number;
  /** Virtual time. */
  readonly coldSeconds: number;
  /** What the simulation took of the machine. */
  readonly cpuSeconds: number;
  /** Heap and array buffers before the first session, per speaker; and what came with sessions and routes, per session end. */
  readonly kbPerSpeaker: number;
  readonly kbPerSessionEnd: number;
  readonly residentMb: number;
}

/** What bench/results/ keeps. */
export interface ScalingResult {
  readonly workload: "scaling";
  readonly at: string;
  readonly command: string;
  readonly machine: Machine;
  readonly commit: string;
  readonly routesPerNode: number;
  readonly scaling: readonly ScalingRun[];
  readonly virtual: readonly VirtualRun[];
  readonly faults: readonly string[];
}
