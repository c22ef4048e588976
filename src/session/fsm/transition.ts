import {
  CeaseError,
  cease,
  FsmError,
  fsmError,
  holdTimerExpired,
  sendHoldTimerExpired,
  UNSPECIFIC,
} from "../../wire/errors.ts";
import type { Event, EventOf, EventType } from "./event.ts";
import type { State } from "./state.ts";
import {
  type Action,
  arm,
  armJittered,
  dial,
  disarm,
  drop,
  dropUncounted,
  explain,
  halt,
  ignore,
  notify,
  remember,
  type Session,
  type Step,
  sendHoldMs,
  sendKeepalive,
  sendOpen,
  stay,
  to,
} from "./step.ts";

/**
 * The session FSM of RFC 4271 §8.2.2 as a table: one row per state, one answer per event. Pure: no socket, no clock, no log.
 * Where the RFC says "any other event", the cell says what that means here. Deviations, each for a reason:
 * - a NOTIFICATION is never answered with one, not even in OpenSent, where "any other event" would ask for it (RFC 4271 §6.4);
 * - a passive session never dials: ConnectRetryTimer, which the RFC also starts there, stays off;
 * - after an end the session starts again by itself: IdleHoldTimer_Expires leads to Active, listening first and dialling
 *   when ConnectRetryTimer expires, so that two speakers that lost each other do not storm;
 * - UPDATE and KEEPALIVE in Established do not come here from the shell, which only stamps the deadline; the cells say the same.
 */
export type Row = { readonly [T in EventType]: (session: Session, event: EventOf<T>) => Step };

/** Types of RFC 4271 §4.1 that can come at the wrong time. */
const OPEN = 1;
const UPDATE = 2;
const KEEPALIVE = 4;
const ROUTE_REFRESH = 5;

const connectRetry = (s: Session): Action =>
  armJittered("connectRetry", s.options.passive ? 0 : s.options.connectRetryMs);

const startActively = (s: Session): Step =>
  s.options.passive
    ? startPassively(s)
    : to({ ...s, connectRetryCounter: 0 }, "Connect", disarm("idleHold"), connectRetry(s), dial);

const startPassively = (s: Session): Step =>
  to({ ...s, connectRetryCounter: 0 }, "Active", disarm("idleHold"), connectRetry(s));

/** The automatic start after an end: keeps ConnectRetryCounter, listens, dials later. */
const restart = (s: Session): Step => to(s, "Active", disarm("idleHold"), connectRetry(s));

/** A TCP connection is up: OPEN at once, or after DelayOpenTimer. */
const connected = (s: Session): Step =>
  s.options.delayOpenMs > 0
    ? stay({ ...s, delayOpenRunning: true }, disarm("connectRetry"), arm("delayOpen", s.options.delayOpenMs))
    : open(s);

const open = (s: Session): Step =>
  to(
    { ...s, delayOpenRunning: false },
    "OpenSent",
    disarm("connectRetry"),
    disarm("delayOpen"),
    sendOpen,
    arm("hold", s.options.openHoldMs),
  );

/** The peer's OPEN is good: KEEPALIVE confirms it. */
const confirm = (s: Session, agreed: { holdMs: number; keepaliveMs: number }, ...before: Action[]): Step =>
  to(
    { ...s, delayOpenRunning: false, holdMs: agreed.holdMs, keepaliveMs: agreed.keepaliveMs },
    "OpenConfirm",
    disarm("connectRetry"),
    disarm("delayOpen"),
    ...before,
    sendKeepalive,
    armJittered("keepalive", agreed.keepaliveMs),
    arm("hold", agreed.holdMs),
  );

const keepalive = (s: Session): Step => stay(s, sendKeepalive, armJittered("keepalive", s.keepaliveMs));

/** A stop that owes the peer a word once both have begun to talk; `null` parts without one. */
const withWord = (notification: EventOf<"ManualStop">["notification"]): Action[] =>
  notification === null ? [explain("stopped without a word, for a restart")] : [notify(notification)];

const unexpected = {
  OpenSent: (s: Session, type?: number): Step => drop(s, notify(fsmError(FsmError.OpenSent, type))),
  OpenConfirm: (s: Session, type?: number): Step => drop(s, notify(fsmError(FsmError.OpenConfirm, type))),
  Established: (s: Session, type?: number): Step => drop(s, notify(fsmError(FsmError.Established, type))),
};

/** Timers that can't be running here: RFC 4271 calls it an FSM error; RFC 6608 has no subcode, as no message is to blame. */
const impossible = (s: Session): Step => drop(s, notify(fsmError(UNSPECIFIC)));

const collisionDump = notify(cease(CeaseError.ConnectionCollision));

const idle: Row = {
  ManualStart: startActively,
  AutomaticStart: startActively,
  ManualStart_with_PassiveTcpEstablishment: startPassively,
  AutomaticStart_with_PassiveTcpEstablishment: startPassively,
  AutomaticStart_with_DampPeerOscillations: ignore, // IdleHoldTimer is what starts it
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: ignore,
  IdleHoldTimer_Expires: restart,
  ManualStop: (s) => halt(s), // stops an idle hold that still runs
  AutomaticStop: ignore,
  ConnectRetryTimer_Expires: ignore,
  HoldTimer_Expires: ignore,
  KeepaliveTimer_Expires: ignore,
  DelayOpenTimer_Expires: ignore,
  TcpConnection_Valid: ignore,
  Tcp_CR_Invalid: ignore,
  Tcp_CR_Acked: ignore,
  TcpConnectionConfirmed: ignore,
  TcpConnectionFails: ignore,
  BGPOpen: ignore,
  BGPOpen_with_DelayOpenTimer_running: ignore,
  BGPHeaderErr: ignore,
  BGPOpenMsgErr: ignore,
  OpenCollisionDump: ignore,
  NotifMsgVerErr: ignore,
  NotifMsg: ignore,
  KeepAliveMsg: ignore,
  UpdateMsg: ignore,
  UpdateMsgErr: ignore,
  RouteRefreshMsg: ignore,
  SendHoldTimer_Expires: ignore,
};

/** Nothing came back: what else looks like this is said too, as neither side hears more from its kernel. */
const unanswered = "no answer to our SYN: the host is away, packets are filtered, or the TCP MD5 keys differ";

/** Connect and Active differ only in who moves first: their common cells. Before OPEN a fault is told if TCP is up (SendNOTIFICATIONwithoutOPEN). */
const waiting = {
  ManualStart: ignore,
  AutomaticStart: ignore,
  ManualStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_DampPeerOscillations: ignore,
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: ignore,
  ManualStop: (s, e) => halt(s, ...(s.delayOpenRunning ? withWord(e.notification) : [])),
  AutomaticStop: (s, e) => drop(s, ...(s.delayOpenRunning ? withWord(e.notification) : [])),
  HoldTimer_Expires: (s) => drop(s),
  KeepaliveTimer_Expires: (s) => drop(s),
  DelayOpenTimer_Expires: open,
  IdleHoldTimer_Expires: (s) => drop(s),
  TcpConnection_Valid: ignore, // the shell has accepted; TcpConnectionConfirmed follows
  Tcp_CR_Invalid: ignore,
  Tcp_CR_Acked: connected,
  TcpConnectionConfirmed: connected,
  BGPOpen: (s) => drop(s),
  BGPOpen_with_DelayOpenTimer_running: (s, e) => confirm(s, e, sendOpen),
  BGPHeaderErr: (s, e) => drop(s, notify(e.error)),
  BGPOpenMsgErr: (s, e) => drop(s, notify(e.error)),
  OpenCollisionDump: (s) => drop(s, ...(s.delayOpenRunning ? [collisionDump] : [])),
  NotifMsgVerErr: (s, e) =>
    s.delayOpenRunning ? dropUncounted(s, remember(e.notification)) : drop(s, remember(e.notification)),
  NotifMsg: (s, e) => drop(s, remember(e.notification)),
  KeepAliveMsg: (s) => drop(s),
  UpdateMsg: (s) => drop(s),
  UpdateMsgErr: (s) => drop(s),
  RouteRefreshMsg: (s) => drop(s),
  SendHoldTimer_Expires: (s) => drop(s),
} satisfies Partial<Row>;

const connect: Row = {
  ...waiting,
  ConnectRetryTimer_Expires: (s) =>
    stay({ ...s, delayOpenRunning: false }, explain(unanswered), { do: "release" }, connectRetry(s), dial),
  TcpConnectionFails: (s, e) =>
    s.delayOpenRunning
      ? to({ ...s, delayOpenRunning: false }, "Active", explain(e.reason), { do: "release" }, connectRetry(s))
      : dropUncounted(s, explain(e.reason)),
};

const active: Row = {
  ...waiting,
  ConnectRetryTimer_Expires: (s) =>
    s.options.passive ? ignore(s) : to({ ...s, delayOpenRunning: false }, "Connect", connectRetry(s), dial),
  TcpConnectionFails: (s, e) => drop(s, explain(e.reason)),
};

/** From OpenSent on: starts and second connections are not this FSM's business (the latter are §6.8's). */
const talking = {
  ManualStart: ignore,
  AutomaticStart: ignore,
  ManualStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_DampPeerOscillations: ignore,
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: ignore,
  ManualStop: (s, e) => halt(s, ...withWord(e.notification)),
  AutomaticStop: (s, e) => drop(s, ...withWord(e.notification)),
  ConnectRetryTimer_Expires: impossible,
  HoldTimer_Expires: (s) => drop(s, notify(holdTimerExpired())), // 4/0
  DelayOpenTimer_Expires: impossible,
  IdleHoldTimer_Expires: impossible,
  TcpConnection_Valid: ignore,
  Tcp_CR_Invalid: ignore,
  Tcp_CR_Acked: ignore,
  TcpConnectionConfirmed: ignore,
  BGPHeaderErr: (s, e) => drop(s, notify(e.error)),
  OpenCollisionDump: (s) => drop(s, collisionDump), // 6/7, RFC 4486
  NotifMsgVerErr: (s, e) => dropUncounted(s, remember(e.notification)),
  NotifMsg: (s, e) => drop(s, remember(e.notification)), // never answered with one
} satisfies Partial<Row>;

const openSent: Row = {
  ...talking,
  KeepaliveTimer_Expires: impossible,
  TcpConnectionFails: (s, e) =>
    to({ ...s, delayOpenRunning: false }, "Active", explain(e.reason), { do: "release" }, connectRetry(s)),
  BGPOpen: (s, e) => confirm(s, e),
  BGPOpen_with_DelayOpenTimer_running: (s) => unexpected.OpenSent(s, OPEN),
  BGPOpenMsgErr: (s, e) => drop(s, notify(e.error)),
  KeepAliveMsg: (s) => unexpected.OpenSent(s, KEEPALIVE),
  UpdateMsg: (s) => unexpected.OpenSent(s, UPDATE),
  UpdateMsgErr: (s) => unexpected.OpenSent(s, UPDATE),
  RouteRefreshMsg: (s) => unexpected.OpenSent(s, ROUTE_REFRESH),
  SendHoldTimer_Expires: impossible,
};

const openConfirm: Row = {
  ...talking,
  KeepaliveTimer_Expires: keepalive,
  TcpConnectionFails: (s, e) => drop(s, explain(e.reason)),
  BGPOpen: (s) => unexpected.OpenConfirm(s, OPEN),
  BGPOpen_with_DelayOpenTimer_running: (s) => unexpected.OpenConfirm(s, OPEN),
  BGPOpenMsgErr: (s, e) => drop(s, notify(e.error)),
  KeepAliveMsg: (s) => to(s, "Established", arm("hold", s.holdMs), arm("sendHold", sendHoldMs(s))),
  UpdateMsg: (s) => unexpected.OpenConfirm(s, UPDATE),
  UpdateMsgErr: (s) => unexpected.OpenConfirm(s, UPDATE),
  RouteRefreshMsg: (s) => unexpected.OpenConfirm(s, ROUTE_REFRESH),
  SendHoldTimer_Expires: impossible,
};

const established: Row = {
  ...talking,
  KeepaliveTimer_Expires: keepalive,
  TcpConnectionFails: (s, e) => drop(s, explain(e.reason)),
  BGPOpen: (s) => unexpected.Established(s, OPEN),
  BGPOpen_with_DelayOpenTimer_running: (s) => unexpected.Established(s, OPEN),
  BGPOpenMsgErr: (s) => unexpected.Established(s, OPEN),
  KeepAliveMsg: (s) => stay(s, arm("hold", s.holdMs)),
  UpdateMsg: (s) => stay(s, arm("hold", s.holdMs)),
  UpdateMsgErr: (s, e) => drop(s, notify(e.error)),
  RouteRefreshMsg: ignore, // RFC 2918 leaves the hold timer alone
  SendHoldTimer_Expires: (s) => drop(s, notify(sendHoldTimerExpired())), // 8/0, RFC 9687
};

/** The whole FSM; read-only, shared by all sessions. */
export const table: Readonly<Record<State, Row>> = {
  Idle: idle,
  Connect: connect,
  Active: active,
  OpenSent: openSent,
  OpenConfirm: openConfirm,
  Established: established,
};

/** Pure: equal session and event, equal step. Arming a timer with 0 ms stops it (hold time zero, RFC 4271 §4.4). */
export const transition = (session: Session, event: Event): Step =>
  (table[session.state][event.type] as (session: Session, event: Event) => Step)(session, event);
