import type { Phase } from "./load/spec.ts";
import type { TableShape } from "./load/table.ts";
import type { Machine } from "./machine.ts";
import type { Scale } from "./workloads/workloads.ts";

/** One daemon, one run. */
export interface Run {
  readonly kind: string;
  readonly label: string;
  readonly version: string;
  readonly phases: readonly Phase[];
  /** Why the figures must not be used; empty = good. */
  readonly faults: readonly string[];
  /** It said nothing of the daemon's speed: a process died or did not start. */
  readonly brokeOff?: boolean;
}

/** What bench/results/ keeps: one file for each time the command was given. */
export interface Result {
  readonly workload: string;
  readonly title: string;
  readonly at: string;
  readonly command: string;
  readonly machine: Machine;
  /** The one-minute load average before and after: a shared machine shows here. */
  readonly loadAverage: readonly [number, number];
  readonly commit: string;
  readonly scale: Scale;
  readonly table: TableShape;
  readonly variant: Variant;
  readonly runs: readonly Run[];
}

export interface Variant {
  readonly addPath: boolean;
  readonly policyStatements: number;
}

/** Equal keys may be compared: same work asked. How long one waits for the slowest is no part of it. */
export const resultKey = (r: Result): string =>
  JSON.stringify([r.workload, { ...r.scale, timeoutSeconds: 0 }, r.table, r.variant]);
