import { formatIpv4 } from "../../lib/address.ts";
import type { Log, LogFields, LogLevel } from "../../lib/log.ts";
import type { NotificationView } from "../../session/handlers.ts";
import type { AttributeFault } from "../../wire/attribute/fault.ts";
import type { Peer } from "../peer.ts";

/** What the log is told of sessions; each line names its peer. */
export function logOfPeer(
  log: Log,
  peer: Peer,
  level: LogLevel,
  name: string,
  message: string,
  fields: LogFields = {},
): void {
  log.event(level, name, message, { peer: peer.address, ...fields });
}

/** How many octets of a message go into a line. */
const LOGGED_OCTETS = 256;

const outcome = {
  "attribute-discard": "the attribute was discarded",
  "treat-as-withdraw": "its routes were treated as withdrawn",
  "session-reset": "the session was reset",
} as const;

/** Faults of an UPDATE, with its first octets. */
export function logFaults(log: Log, peer: Peer, faults: readonly AttributeFault[], bytes: Uint8Array): void {
  const shown = bytes.subarray(0, LOGGED_OCTETS);
  for (const fault of faults)
    logOfPeer(
      log,
      peer,
      "warn",
      "update-fault",
      `${peer.address} sent a faulty ${fault.name}: ${fault.text}; ${outcome[fault.action]} (RFC 7606)`,
      { update: Buffer.from(shown).toString("hex"), cut: bytes.length > shown.length },
    );
}

export function logNotification(
  log: Log,
  peer: Peer,
  direction: "sent" | "received",
  { code, subcode, data }: NotificationView,
  text: string,
): void {
  const message = `${direction} NOTIFICATION ${direction === "sent" ? "to" : "from"} ${peer.address}: ${text}`;
  const hex = Buffer.from(data.subarray(0, LOGGED_OCTETS)).toString("hex");
  logOfPeer(log, peer, "warn", "notification", message, { code, subcode, ...(hex !== "" && { data: hex }) });
}

/** Two neighbors in our AS have the same BGP identifier. */
export function logTwin(log: Log, peer: Peer, twin: Peer): void {
  const routerId = formatIpv4(peer.remoteRouterId ?? 0);
  const message = `${twin.address} and ${peer.address} have the same router-id ${routerId}: if they are two routers, each drops the other's routes (RFC 4456 §8); give one another router-id`;
  logOfPeer(log, peer, "warn", "shared-router-id", message, { twin: twin.address, routerId });
}

export function logBug(log: Log, peer: Peer, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logOfPeer(log, peer, "error", "bug", `session with ${peer.address} was ended by an error of ours: ${text}`);
}
