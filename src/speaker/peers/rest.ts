import type { LimitsConfig } from "../../config/model.ts";
import type { Family } from "../../lib/family.ts";
import type { Peer } from "../peer.ts";

/** Why a peer stays away for a while although its session is wanted: what it was ended for, as the config was then. */
export type Rest =
  | { readonly why: "maximum-prefix"; readonly family: Family; readonly limit: number; readonly count: string }
  | { readonly why: "memory"; readonly limits: Pick<LimitsConfig, "memory" | "memoryPerPeer"> };

/** Whether today's config has removed what a peer rests for: a fresh start would have it come back at once, so a reload does. */
export function restIsOver({ rest, settings }: Peer, limits: LimitsConfig): boolean {
  if (rest === null) return false;
  if (rest.why === "memory")
    return limits.memory !== rest.limits.memory || limits.memoryPerPeer !== rest.limits.memoryPerPeer;
  const maximum = settings.families[rest.family]?.maximumPrefix ?? null;
  return maximum === null || maximum.action !== "restart" || maximum.limit > rest.limit || maximum.count !== rest.count;
}
