import type { TableShape } from "./table.ts";

/** What the bench asks the generator to do: JSON on its stdin. */
export interface LoadSpec {
  readonly workload: LoadWorkload;
  /** Process ids of the daemon, whose CPU is read where the clock starts and stops. */
  readonly pids: readonly number[];
  readonly daemon: {
    readonly address: string;
    readonly port: number;
    readonly as: number;
    /** Null: the routes come back unchanged (the floor, which is no reflector). */
    readonly clusterId: string | null;
  };
  readonly table: TableShape;
  readonly addPath: boolean;
  /** Sessions that announce; each has an address of its own. */
  readonly feeders: number;
  /** Sessions that only listen (in `rack` and `sessions`: all sessions). */
  readonly clients: number;
  /** Update groups that clients are spread over: the second octet of their addresses. */
  readonly groups: number;
  readonly lateClients: number;
  readonly slowClients: number;
  readonly bursts: number;
  readonly burstRoutes: number;
  readonly idleSeconds: number;
  readonly holdTimeSeconds: number;
  readonly timeoutSeconds: number;
  readonly quietMs: number;
}

export type LoadWorkload = "reflect" | "rack" | "churn" | "late" | "paths" | "ingest" | "sessions" | "mixed";

/** One stretch of a run on the clock. */
export interface Phase {
  readonly name: string;
  /** From the first byte sent until the last client held exactly what it must; null = that did not happen in time. */
  readonly wallSeconds: number | null;
  readonly cpuSeconds: number;
  /** The generator's own CPU while the clock ran. */
  readonly loadCpuSeconds: number;
  readonly residentMb: number;
  readonly peakResidentMb: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly updatesReceived: number;
  readonly routesReceived: number;
  /** Milliseconds from the sending of a burst to the receipt of each of its routes by each client. */
  readonly delaysMs?: Delays;
  /** Figures of this workload alone, by name with unit. */
  readonly figures?: Readonly<Record<string, number>>;
}

export interface Delays {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** The generator's answer: JSON on its stdout. */
export interface LoadResult {
  readonly phases: readonly Phase[];
  /** What was not as it must be; empty = every client ended with exactly the expected routes and next hops. */
  readonly faults: readonly string[];
}
