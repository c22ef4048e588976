import type { FamilyName } from "../lib/family.ts";
import type { SessionState } from "./model.ts";

/**
 * Numbers of a running speaker for those who scrape: plain counters of the rooms that count, read when asked and never
 * once per route. Times are milliseconds.
 */
export interface MetricsSource {
  readonly version: string;
  peers(): Iterable<PeerMetrics>;
  /** Of all sessions that there ever were: how often one went down, and messages by type as in `PeerMetrics`. */
  readonly totals: Pick<PeerMetrics, "flaps" | "received" | "sent">;
  /** Prefixes with a best path. */
  readonly locRib: Readonly<Record<FamilyName, number>>;
  readonly fib: FibMetrics;
  /** From the read that carried an UPDATE to its last byte handed to every member's socket, or to the kernel's answer. */
  readonly convergence: { readonly peers: Durations; readonly fib: Durations };
  /** How late KEEPALIVEs left. */
  readonly keepaliveLag: Durations;
  /** Connections turned away at the door, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** How often each term of a policy has fitted a route that was judged. */
  readonly policyHits: Iterable<PolicyTermMetrics>;
  /** Octets; the budget is infinite where there's none, `routes` is what the tables hold of `used`. */
  readonly memory: { readonly used: number; readonly routes: number; readonly budget: number };
  /** Sessions that are not read at the moment, so that they wait for us. */
  readonly paused: number;
}

export interface PolicyTermMetrics {
  readonly policy: string;
  /** From 1. */
  readonly term: number;
  readonly verdict: "accept" | "reject" | "next";
  readonly count: number;
}

export interface PeerMetrics {
  /** Address. */
  readonly peer: string;
  readonly remoteAs: number | null;
  readonly state: SessionState;
  /** In the present state. */
  readonly stateMs: number;
  readonly flaps: number;
  /** Its BFD session; null: it has none. */
  readonly bfd: { readonly isUp: boolean; readonly downs: number } | null;
  /** By message type (1 OPEN .. 5 ROUTE-REFRESH); index 0 is not looked at. */
  readonly received: readonly number[];
  readonly sent: readonly number[];
  readonly families: readonly PeerFamilyMetrics[];
}

export interface PeerFamilyMetrics {
  readonly family: FamilyName;
  readonly received: number;
  readonly accepted: number;
  readonly best: number;
  readonly advertised: number;
}

export interface FibMetrics {
  /** Routes of ours in the kernel. */
  readonly installed: number;
  /** Operations answered by the kernel, by operation and result. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly queued: number;
  readonly repaired: number;
  readonly resyncs: number;
}

/** Durations by size: one bucket per bound and one more for what is longer; not cumulative. */
export interface Durations {
  readonly boundsMs: readonly number[];
  readonly buckets: readonly number[];
  readonly count: number;
  readonly totalMs: number;
}
