import { foreignRoute } from "../../lib/route-owner.ts";
import type { FibRow } from "../../view/model.ts";
import type { Cell, Column } from "./table.ts";

/** `peerage fib`: what we want in the kernel, and what is there. */

export const fibColumns: readonly Column[] = [
  { title: "Prefix" },
  { title: "Next hops" },
  { title: "Table", align: "right" },
  { title: "Proto" },
  { title: "Metric", align: "right" },
  { title: "State" },
];

export function fibCells(row: FibRow): readonly (readonly Cell[])[] {
  return [
    [row.prefix, formatNextHops(row), row.table === 254 ? "main" : row.table, row.protocol, row.metric, stateOf(row)],
  ];
}

/** In the words of `ip route`. */
export function formatNextHops(row: Pick<FibRow, "type" | "nextHops">): string {
  if (row.type === "blackhole") return "blackhole";
  return row.nextHops
    .map(({ via, dev, onlink, weight }) =>
      [
        ...(via === null ? [] : [`via ${via}`]),
        `dev ${dev}`,
        ...(onlink ? ["onlink"] : []),
        ...(row.nextHops.length > 1 ? [`weight ${weight}`] : []),
      ].join(" "),
    )
    .join(", ");
}

const stateOf = (row: FibRow): string => {
  const state = plainState(row);
  return row.contested === undefined ? state : `${state}; ${row.contested}`;
};

function plainState(row: FibRow): string {
  // Nothing in the kernel goes without saying; something else of ours that is there doesn't.
  const there = row.kernel ? `; the kernel has ${formatNextHops(row.kernel)}` : "";
  if (row.state === "overridden")
    return `overridden by ${row.owner === "boot" ? foreignRoute(row.owner) : (row.owner ?? "another owner")}${there}`;
  if (row.state === "failed") return `failed: ${row.error ?? "the kernel didn't say why"}${there}`;
  if (row.state === "pending" && row.error !== undefined) return `pending: ${row.error}${there}`;
  return row.stale ? `${row.state}, stale` : `${row.state}${there}`;
}
