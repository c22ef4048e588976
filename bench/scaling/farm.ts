import type { Plan, PlannedNode } from "./plan.ts";

/** What all nodes of a farm have done so far. */
export interface FarmCounts {
  /** Null where the speaker doesn't tell. */
  readonly messagesSent: number | null;
  readonly updatesSent: number | null;
}

/** Runs the nodes of a plan as real speakers over real sockets. Times are of the machine's monotonic clock, in milliseconds. */
export interface Farm {
  readonly label: string;
  /** Prepares everything that comes before the first socket. */
  build(plan: Plan): Promise<void>;
  /** Starts all nodes, in the plan's order. */
  start(): Promise<void>;
  /** When the last node held exactly `routes` routes; throws after `timeoutMs`. */
  held(routes: number, timeoutMs: number): Promise<number>;
  /** One more node. */
  join(node: PlannedNode): Promise<void>;
  /** Withdraws or announces the first route of node `index`. */
  announce(index: number, announced: boolean): Promise<void>;
  counts(): Promise<FarmCounts>;
  /** The processes to measure. */
  pids(): number[];
  stop(): Promise<void>;
}

export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
