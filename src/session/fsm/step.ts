import type { NotificationError } from "../../wire/errors.ts";
import type { ReceivedNotification } from "./event.ts";
import type { State } from "./state.ts";

/** The session attributes of RFC 4271 §8 that an FSM reads; times in milliseconds. */
export interface FsmOptions {
  readonly passive: boolean;
  readonly connectRetryMs: number;
  readonly delayOpenMs: number;
  readonly openHoldMs: number;
  /** 0 = off; null = the larger of 8 minutes and twice the hold time (RFC 9687 §3). */
  readonly sendHoldMs: number | null;
}

/** All that one FSM remembers. */
export interface Session {
  readonly state: State;
  readonly options: FsmOptions;
  readonly connectRetryCounter: number;
  readonly delayOpenRunning: boolean;
  /** Agreed with the peer's OPEN; 0 = no hold timer, no keepalives (RFC 4271 §4.4). */
  readonly holdMs: number;
  readonly keepaliveMs: number;
}

export type TimerName = "connectRetry" | "hold" | "keepalive" | "delayOpen" | "idleHold" | "sendHold";

/** What the shell must do, in order. */
export type Action =
  /** Starts a timer anew, or with 0 stops it; `jittered` takes a random 0.75..1 of it (RFC 4271 §10). */
  | { readonly do: "arm"; readonly timer: TimerName; readonly ms: number; readonly jittered: boolean }
  | { readonly do: "dial" }
  | { readonly do: "sendOpen" }
  | { readonly do: "sendKeepalive" }
  /** Sends it if a connection is up; the last message on that connection. */
  | { readonly do: "notify"; readonly error: NotificationError }
  /** Keeps what the peer said as the reason of the end. */
  | { readonly do: "remember"; readonly notification: ReceivedNotification }
  | { readonly do: "explain"; readonly reason: string }
  /** Ends the connection or the dial, and stops every timer. */
  | { readonly do: "release" }
  /** Comes back by itself (AllowAutomaticStart): arms the idle hold timer, longer each time if the peer is at fault (§8.1.1). */
  | { readonly do: "restart"; readonly fault: boolean };

export interface Step {
  readonly session: Session;
  readonly actions: readonly Action[];
}

export const initialSession = (options: FsmOptions): Session => ({
  state: "Idle",
  options,
  connectRetryCounter: 0,
  delayOpenRunning: false,
  holdMs: 0,
  keepaliveMs: 0,
});

const none: readonly Action[] = [];

/** Nothing happens. */
export const ignore = (session: Session): Step => ({ session, actions: none });

export const stay = (session: Session, ...actions: Action[]): Step => ({ session, actions });

export const to = (session: Session, state: State, ...actions: Action[]): Step => ({
  session: { ...session, state },
  actions,
});

export const arm = (timer: TimerName, ms: number): Action => ({ do: "arm", timer, ms, jittered: false });
export const armJittered = (timer: TimerName, ms: number): Action => ({ do: "arm", timer, ms, jittered: true });
export const disarm = (timer: TimerName): Action => arm(timer, 0);
export const dial: Action = { do: "dial" };
export const sendOpen: Action = { do: "sendOpen" };
export const sendKeepalive: Action = { do: "sendKeepalive" };
export const notify = (error: NotificationError): Action => ({ do: "notify", error });
export const remember = (notification: ReceivedNotification): Action => ({ do: "remember", notification });
export const explain = (reason: string): Action => ({ do: "explain", reason });
const release: Action = { do: "release" };

const idle = (session: Session, connectRetryCounter: number): Session => ({
  ...session,
  state: "Idle",
  connectRetryCounter,
  delayOpenRunning: false,
  holdMs: 0,
  keepaliveMs: 0,
});

/** The end that RFC 4271 spells out again and again: [NOTIFICATION,] release, ConnectRetryCounter + 1, damping, Idle. */
export const drop = (session: Session, ...why: Action[]): Step => ({
  session: idle(session, session.connectRetryCounter + 1),
  actions: [...why, release, { do: "restart", fault: why.some(blamesPeer) }],
});

/** An end that counts as no failure (NotifMsgVerErr): the same without ConnectRetryCounter. */
export const dropUncounted = (session: Session, ...why: Action[]): Step => ({
  session: idle(session, session.connectRetryCounter),
  actions: [...why, release, { do: "restart", fault: why.some(blamesPeer) }],
});

/** ManualStop: ConnectRetryCounter is zero again, and nothing starts by itself. */
export const halt = (session: Session, ...why: Action[]): Step => ({
  session: idle(session, 0),
  actions: [...why, release],
});

/**
 * Message errors on either side (codes 1, 2, 3, 5, 7) will happen again when the session comes back, so they are damped. Silence and
 * Cease are not: the first is an outage, the second somebody's wish.
 */
function blamesPeer(action: Action): boolean {
  const code =
    action.do === "notify" ? action.error.code : action.do === "remember" ? action.notification.code : undefined;
  return code !== undefined && code !== 4 && code !== 6 && code !== 8;
}

/** RFC 9687 §3: never without a hold time, at least 8 minutes unless the operator says otherwise. */
export const sendHoldMs = (session: Session): number =>
  session.holdMs === 0 ? 0 : (session.options.sendHoldMs ?? Math.max(480_000, 2 * session.holdMs));
