import type { Config } from "../config/model.ts";
import type { Clock } from "../lib/clock.ts";
import type { PolicyHits } from "../policy/hits.ts";
import type { KeepaliveLag } from "../session/counters.ts";
import type { KernelSide } from "./kernel/kernel-side.ts";
import type { BackPressure } from "./load/back-pressure.ts";
import type { Convergence } from "./load/convergence.ts";
import type { MemoryGuard } from "./load/memory-guard.ts";
import type { OriginatedRoutes } from "./originated-routes.ts";
import type { BfdWatch } from "./peers/bfd-watch.ts";
import type { Peers } from "./peers/peers.ts";
import type { OwnRestart } from "./restart/own-restart.ts";
import type { StartOver } from "./restart/start-over.ts";
import type { Tables } from "./tables.ts";

/** What may be read of a running speaker: all that answers are made of. Nothing is changed through it. */
export interface SpeakerState {
  readonly config: Config;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly tables: Tables;
  readonly originatedRoutes: Pick<OriginatedRoutes, "all" | "ownersOf">;
  readonly peers: Pick<Peers, typeof Symbol.iterator | "get" | "totals" | "refused">;
  readonly kernel: Pick<KernelSide, "fib" | "nextHops" | "linkName" | "guard" | "tunnelStates">;
  readonly restart: Pick<OwnRestart, "explain" | "keepingFor">;
  readonly startOver: Pick<StartOver, "begun" | "reached" | "untold">;
  readonly convergence: Convergence;
  readonly keepaliveLag: KeepaliveLag;
  readonly backPressure: Pick<BackPressure, "paused">;
  /** Null: there is no BFD here. */
  readonly bfd: Pick<BfdWatch, "state" | "rows" | "watching"> | null;
  /** How often each term of a policy has fitted a route. */
  readonly policyHits: Pick<PolicyHits, "rows">;
  readonly memory: Pick<MemoryGuard, "used" | "budget">;
}
