import type { FibRow as KernelRow } from "../fib/fib-port.ts";
import type { FibNextHop, FibRow } from "./model.ts";

/** A row of the FIB in the words of the JSON. @param trouble why nothing that is pending is written, if there's a reason. */
export const fibRow = (
  { prefix, type, nextHops, table, protocol, metric, state, owner, error, kernel, stale, contested }: KernelRow,
  trouble: string | null,
): FibRow => ({
  prefix,
  type: type ?? "unicast",
  nextHops: nextHops.map(nextHop),
  table,
  protocol,
  metric,
  state,
  ...(owner !== undefined && { owner }),
  ...(error !== undefined && { error }),
  ...(state === "pending" && trouble !== null && { error: trouble }),
  ...(kernel !== undefined && { kernel: kernel && { type: kernel.type, nextHops: kernel.nextHops.map(nextHop) } }),
  ...(stale !== undefined && { stale }),
  ...(contested !== undefined && { contested }),
});

const nextHop = ({ via, dev, onlink, weight }: KernelRow["nextHops"][number]): FibNextHop => ({
  via,
  dev: dev ?? "",
  onlink,
  weight,
});
