import type { BfdRow } from "../../view/model.ts";
import { formatDuration } from "./duration.ts";
import { type Column, Table } from "./table.ts";

/** `peerage bfd`: a line for each session. */
const columns: readonly Column[] = [
  { title: "Neighbor" },
  { title: "State" },
  { title: "Remote" },
  { title: "Up for", align: "right" },
  { title: "Send", align: "right" },
  { title: "Receive", align: "right" },
  { title: "Detect", align: "right" },
  { title: "Downs", align: "right" },
  { title: "Last reason" },
];

export function formatBfd(rows: readonly BfdRow[]): string {
  if (rows.length === 0) return "No neighbor has BFD\n";
  return new Table(columns).format(
    rows.map((row) => [
      row.multihop ? `${row.address} (multihop)` : row.address,
      row.state,
      row.remoteState,
      row.uptimeSeconds === null ? "-" : formatDuration(row.uptimeSeconds),
      `${row.transmitMs} ms`,
      `${row.receiveMs} ms`,
      row.detectMs === 0 ? "-" : `${row.detectMs} ms`,
      row.downs,
      row.diagnostic ?? "-",
    ]),
  );
}
