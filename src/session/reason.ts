import {
  CeaseError,
  type CeaseSubcode,
  cease,
  ceaseWithText,
  ErrorCode,
  type NotificationError,
  OpenError,
} from "../wire/errors.ts";
import { describeNotification } from "../wire/message/notification.ts";
import type { End } from "./connection.ts";
import type { ReceivedNotification } from "./fsm/event.ts";
import type { DownReason, LastError, NotificationView } from "./handlers.ts";

/** Why sessions end, in the words that people are shown. */

export const viewOf = ({ code, subcode, data }: ReceivedNotification): NotificationView => ({ code, subcode, data });

/** The NOTIFICATION that went out says more than the one that came in, and either more than TCP. */
export function reasonOf({ sent, received, reason }: End): DownReason {
  if (sent !== null) return { kind: "sent", notification: viewOf(sent), text: sent.message };
  if (received !== null) return { kind: "received", notification: received, text: describeNotification(received) };
  return { kind: "closed", notification: null, text: reason };
}

export const lastErrorOf = ({ kind, notification, text }: DownReason, at: number): LastError => ({
  at,
  direction: kind === "sent" || kind === "received" ? kind : "local",
  code: notification?.code ?? null,
  subcode: notification?.subcode ?? null,
  text,
});

/** The end of a collision's loser is nothing wrong. */
export const isCollision = ({ notification }: DownReason): boolean =>
  notification?.code === ErrorCode.Cease && notification.subcode === CeaseError.ConnectionCollision;

/** NOTIFICATION 2/4 and 2/7 (RFC 5492 §3 and §5). */
export const refusesParameters = (notification: ReceivedNotification | null): boolean =>
  notification?.code === ErrorCode.Open &&
  (notification.subcode === OpenError.UnsupportedOptionalParameter ||
    notification.subcode === OpenError.UnsupportedCapability);

/** The text goes out where the RFC has room for it (RFC 9003 §2), and is told to our own operator in any case. */
export function ceaseOf(subcode: CeaseSubcode, text: string): NotificationError {
  return subcode === CeaseError.AdministrativeShutdown || subcode === CeaseError.AdministrativeReset
    ? ceaseWithText(subcode, text)
    : cease(subcode, undefined, text);
}
