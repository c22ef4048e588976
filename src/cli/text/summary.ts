import type { NeighborSummary, Summary } from "../../view/model.ts";
import { formatDuration } from "./duration.ts";
import { Table } from "./table.ts";

/** `peerage summary`, in FRR's column order. */
export function formatSummary(summary: Summary): string {
  const { router, neighbors } = summary;
  const cluster = router.clusterId === router.routerId ? "" : `, cluster-id ${router.clusterId}`;
  const head = [
    `BGP router identifier ${router.routerId}, local AS number ${router.as}${cluster}`,
    `Peerage ${router.version}, up ${formatDuration(router.uptimeSeconds)}, table version ${router.tableVersion}, ${router.routes["ipv4-unicast"]} IPv4 and ${router.routes["ipv6-unicast"]} IPv6 routes`,
  ];
  if (router.waiting !== null) head.push(`Now ${router.waiting}`);
  if (neighbors.length === 0) return `${head.join("\n")}\nNo neighbors\n`;
  const table = new Table([
    { title: "Neighbor" },
    { title: "V" },
    { title: "AS", align: "right" },
    { title: "MsgRcvd", align: "right" },
    { title: "MsgSent", align: "right" },
    { title: "TblVer", align: "right" },
    { title: "InQ", align: "right" },
    { title: "OutQ", align: "right" },
    { title: "Up/Down", align: "right" },
    { title: "State/PfxRcd", align: "right" },
    { title: "PfxSnt", align: "right" },
    { title: "Desc" },
  ]);
  const rows = neighbors.map((neighbor) => [
    `${neighbor.dynamic ? "*" : ""}${neighbor.address}`,
    4,
    neighbor.remoteAs ?? "-",
    neighbor.messagesReceived,
    neighbor.messagesSent,
    neighbor.tableVersion,
    neighbor.inQueue,
    neighbor.outQueue,
    upDown(neighbor),
    neighbor.state === "Established" ? neighbor.prefixes.received : shownState(neighbor),
    neighbor.state === "Established" ? neighbor.prefixes.advertised : "-",
    neighbor.description === "" ? "-" : neighbor.description,
  ]);
  const dynamic = neighbors.filter((neighbor) => neighbor.dynamic).length;
  const foot = [`${plural(neighbors.length, "neighbor")}, ${neighbors.filter(isUp).length} established`];
  if (dynamic > 0) foot.push(`* - dynamic neighbor (${dynamic})`);
  return `${head.join("\n")}\n\n${table.format(rows)}\n${foot.join("\n")}\n`;
}

/** As FRR has it. */
const shownState = ({ state, disabled }: NeighborSummary): string => (disabled ? `${state} (Admin)` : state);

const isUp = (neighbor: NeighborSummary): boolean => neighbor.state === "Established";

/** Time up, or time since it went down. */
export const upDown = (neighbor: NeighborSummary): string =>
  formatDuration(isUp(neighbor) || neighbor.everEstablished ? neighbor.uptimeSeconds : null);

export const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** Neighbors that should be up and are not, each with what is known of the reason. */
export function unhealthyNeighbors(summary: Summary): string[] {
  return summary.neighbors
    .filter((neighbor) => !isUp(neighbor) && !neighbor.disabled)
    .map(
      ({ address, state, stateReason }) => `${address} is ${state}${stateReason === null ? "" : `: ${stateReason}`}`,
    );
}
