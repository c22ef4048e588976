import type { FibRow as KernelRow } from "../fib/port.ts";
import type { FibRow } from "./model.ts";

/** A row of the FIB in the words of the JSON. */
export const fibRow = ({
  prefix,
  type,
  nextHops,
  table,
  protocol,
  metric,
  state,
  owner,
  error,
}: KernelRow): FibRow => ({
  prefix,
  type: type ?? "unicast",
  nextHops: nextHops.map((hop) => ({ via: hop.via, dev: hop.dev ?? "", onlink: hop.onlink, weight: hop.weight })),
  table,
  protocol,
  metric,
  state,
  ...(owner !== undefined && { owner }),
  ...(error !== undefined && { error }),
});
