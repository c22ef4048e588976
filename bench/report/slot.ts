import type { Result } from "../result.ts";

/** A short name for the work that was done; documents ask for results by it. */
export function slotOf(result: Result): string {
  const { scale, table, variant } = result;
  return [
    `${result.workload}-${scale.routes}x${scale.clients}`,
    ...(scale.feeders > 1 && result.workload !== "paths" ? [`feeders${scale.feeders}`] : []),
    ...(table.seed !== 1 ? [`seed${table.seed}`] : []),
    ...(table.lengths !== "internet" ? [table.lengths] : []),
    ...(table.family === 6 ? ["ipv6"] : []),
    ...(variant.addPath ? ["addpath"] : []),
    ...(variant.policyStatements > 0 ? [`policy${variant.policyStatements}`] : []),
  ].join("-");
}

/** The last result of each slot in which ours was measured. */
export function latestBySlot(results: readonly Result[]): Map<string, Result> {
  const latest = new Map<string, Result>();
  for (const result of results)
    if (result.runs.some((run) => run.kind === "ours" && run.phases.length > 0)) latest.set(slotOf(result), result);
  return latest;
}
