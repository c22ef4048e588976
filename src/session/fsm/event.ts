import type { NotificationError } from "../../wire/errors.ts";

/** A NOTIFICATION that came in. */
export interface ReceivedNotification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/**
 * The events of RFC 4271 §8.1, in its order and by its names; event 29 is RFC 9687's. Three refinements: ROUTE-REFRESH (RFC 2918)
 * is an event of its own; the stop events and the error events carry the NOTIFICATION that they ask for; `BGPOpen` carries the
 * times that both sides agreed on, since the table is pure and reads no message.
 */
export type Event =
  | { readonly type: "ManualStart" }
  | { readonly type: "ManualStop"; readonly notification: NotificationError | null }
  | { readonly type: "AutomaticStart" }
  | { readonly type: "ManualStart_with_PassiveTcpEstablishment" }
  | { readonly type: "AutomaticStart_with_PassiveTcpEstablishment" }
  | { readonly type: "AutomaticStart_with_DampPeerOscillations" }
  | { readonly type: "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment" }
  | { readonly type: "AutomaticStop"; readonly notification: NotificationError | null }
  | { readonly type: "ConnectRetryTimer_Expires" }
  | { readonly type: "HoldTimer_Expires" }
  | { readonly type: "KeepaliveTimer_Expires" }
  | { readonly type: "DelayOpenTimer_Expires" }
  | { readonly type: "IdleHoldTimer_Expires" }
  | { readonly type: "TcpConnection_Valid" }
  | { readonly type: "Tcp_CR_Invalid" }
  | { readonly type: "Tcp_CR_Acked" }
  | { readonly type: "TcpConnectionConfirmed" }
  | { readonly type: "TcpConnectionFails"; readonly reason: string }
  | { readonly type: "BGPOpen"; readonly holdMs: number; readonly keepaliveMs: number }
  | { readonly type: "BGPOpen_with_DelayOpenTimer_running"; readonly holdMs: number; readonly keepaliveMs: number }
  | { readonly type: "BGPHeaderErr"; readonly error: NotificationError }
  | { readonly type: "BGPOpenMsgErr"; readonly error: NotificationError }
  | { readonly type: "OpenCollisionDump" }
  | { readonly type: "NotifMsgVerErr"; readonly notification: ReceivedNotification }
  | { readonly type: "NotifMsg"; readonly notification: ReceivedNotification }
  | { readonly type: "KeepAliveMsg" }
  | { readonly type: "UpdateMsg" }
  | { readonly type: "UpdateMsgErr"; readonly error: NotificationError }
  | { readonly type: "RouteRefreshMsg" }
  | { readonly type: "SendHoldTimer_Expires" };

export type EventType = Event["type"];
export type EventOf<T extends EventType> = Extract<Event, { readonly type: T }>;
