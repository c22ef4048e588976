import { escapeText } from "../../lib/escape.ts";
import type { CapabilityText, LastError, MessageCounts, NeighborDetail, NeighborFamily } from "../../view/model.ts";
import { formatDuration } from "./duration.ts";
import { upDown } from "./summary.ts";
import { Table } from "./table.ts";

/** `peerage neighbor`: everything about each, one block after the other. */
export function formatNeighbors(neighbors: readonly NeighborDetail[]): string {
  if (neighbors.length === 0) return "No neighbors\n";
  return neighbors.map(block).join("\n");
}

function block(neighbor: NeighborDetail): string {
  const as = neighbor.remoteAs === null ? "AS not known yet" : `AS ${neighbor.remoteAs}`;
  const traits = [
    neighbor.dynamic ? "dynamic" : "",
    neighbor.routeReflectorClient ? "route reflector client" : "",
    neighbor.passive ? "passive" : "",
    neighbor.peerGroup === null ? "" : `group ${neighbor.peerGroup}`,
  ].filter((trait) => trait !== "");
  const lines = [
    `Neighbor ${neighbor.address}, ${as}, ${neighbor.kind}${traits.map((trait) => `, ${trait}`).join("")}`,
  ];
  const say = (label: string, text: string | null) => {
    if (text !== null && text !== "") lines.push(`  ${`${label}:`.padEnd(14)} ${escapeText(text)}`);
  };
  say("Description", neighbor.description);
  say("State", stateOf(neighbor));
  say("Reason", neighbor.stateReason);
  const { lastDrop, lastError } = neighbor;
  say("Last drop", lastDrop && formatLastError(lastDrop));
  if (lastError?.at !== lastDrop?.at || lastError?.text !== lastDrop?.text)
    say("Last error", lastError && formatLastError(lastError));
  say("Router id", neighbor.remoteRouterId);
  say("Host name", neighbor.hostName);
  say("Connection", connectionOf(neighbor));
  say("Timers", timersOf(neighbor));
  if (neighbor.gracefulRestart) {
    const { restartTimeSeconds, staleRoutes } = neighbor.gracefulRestart;
    const offered = restartTimeSeconds === null ? "not offered" : `restart time ${restartTimeSeconds} s`;
    say("Restart", `${offered}, ${staleRoutes} stale routes`);
  }
  say("Next hop", neighbor.nextHop === "default" ? null : neighbor.nextHop);
  say("Import", neighbor.importPolicy?.join(", ") ?? null);
  say("Export", neighbor.exportPolicy?.join(", ") ?? null);
  lines.push("", indent(families(neighbor.families)), indent(messages(neighbor)), indent(capabilities(neighbor)));
  return `${lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trimEnd()}\n`;
}

function stateOf(neighbor: NeighborDetail): string {
  const since = upDown(neighbor);
  const time =
    since === "never" ? "never up" : neighbor.state === "Established" ? `up for ${since}` : `down for ${since}`;
  return `${neighbor.state}, ${time}, ${neighbor.flaps} flap${neighbor.flaps === 1 ? "" : "s"}`;
}

/** "2026-11-21T09:03:11Z sent 6/2 Cease / Administrative Shutdown". */
function formatLastError(error: LastError): string {
  const code = error.code === null ? "" : ` ${error.code}/${error.subcode ?? 0}`;
  return `${error.at} ${error.direction}${code}: ${error.text}`;
}

function connectionOf(neighbor: NeighborDetail): string | null {
  if (neighbor.localAddress === null || neighbor.localPort === null || neighbor.remotePort === null) return null;
  return `${neighbor.localAddress} port ${neighbor.localPort} to ${neighbor.address} port ${neighbor.remotePort}, local AS ${neighbor.localAs}`;
}

function timersOf({ timers }: NeighborDetail): string {
  const { holdTimeSeconds, keepaliveSeconds, configuredHoldTimeSeconds, connectRetrySeconds } = timers;
  const configured =
    configuredHoldTimeSeconds === holdTimeSeconds ? "" : ` (configured ${configuredHoldTimeSeconds} s)`;
  const heard = timers.sinceLastMessageSeconds;
  return `hold ${holdTimeSeconds} s${configured}, keepalive ${keepaliveSeconds} s, connect retry ${connectRetrySeconds} s, advertisement interval ${timers.advertisementIntervalSeconds} s${heard === null ? "" : `, last heard ${formatDuration(heard)} ago`}`;
}

function families(list: readonly NeighborFamily[]): string {
  if (list.length === 0) return "";
  const table = new Table([
    { title: "Family" },
    { title: "Received", align: "right" },
    { title: "Accepted", align: "right" },
    { title: "Advertised", align: "right" },
    { title: "End-of-RIB" },
    { title: "ADD-PATH" },
    { title: "Maximum" },
  ]);
  const both = (received: boolean, sent: boolean, none: string) =>
    [received ? "received" : "", sent ? "sent" : ""].filter((word) => word !== "").join(", ") || none;
  return table.format(
    list.map((family) => [
      family.family,
      family.received,
      family.accepted,
      family.advertised,
      both(family.endOfRibReceived, family.endOfRibSent, "-"),
      [family.addPathReceive ? "receive" : "", family.addPathSend ? "send" : ""]
        .filter((word) => word !== "")
        .join(", ") || "-",
      family.maximumPrefix ? `${family.maximumPrefix.limit} (${family.maximumPrefix.action})` : "-",
    ]),
  );
}

function messages({ messages: { received, sent } }: NeighborDetail): string {
  const kinds: readonly [keyof MessageCounts, string][] = [
    ["open", "OPEN"],
    ["update", "UPDATE"],
    ["notification", "NOTIFICATION"],
    ["keepalive", "KEEPALIVE"],
    ["routeRefresh", "ROUTE-REFRESH"],
  ];
  const table = new Table([{ title: "Messages" }, ...kinds.map(([, title]) => ({ title, align: "right" as const }))]);
  return table.format([
    ["received", ...kinds.map(([kind]) => received[kind])],
    ["sent", ...kinds.map(([kind]) => sent[kind])],
  ]);
}

function capabilities({ capabilities: { sent, received, used } }: NeighborDetail): string {
  const codes = [
    ...new Map([...sent, ...received, ...used].map((item) => [`${item.code} ${item.name}`, item])).values(),
  ];
  if (codes.length === 0) return "";
  const cell = (list: readonly CapabilityText[], { code, name }: CapabilityText) => {
    const found = list.filter((item) => item.code === code && item.name === name);
    return found.length === 0 ? "-" : found.map((item) => item.value || "yes").join("; ");
  };
  const table = new Table([{ title: "Capability" }, { title: "Sent" }, { title: "Received" }, { title: "Used" }]);
  return table.format(codes.map((item) => [item.name, cell(sent, item), cell(received, item), cell(used, item)]));
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, "  ");
