import t from "tap";
import type { Event, EventType } from "../../../src/session/fsm/event.ts";
import { type State, states } from "../../../src/session/fsm/state.ts";
import {
  type Action,
  type FsmOptions,
  initialSession,
  type Session,
  type Step,
} from "../../../src/session/fsm/step.ts";
import { table, transition } from "../../../src/session/fsm/transition.ts";
import { badMessageLength, badPeerAs, CeaseError, cease, UpdateError, updateError } from "../../../src/wire/errors.ts";

const options: FsmOptions = {
  passive: false,
  connectRetryMs: 5_000,
  delayOpenMs: 0,
  openHoldMs: 240_000,
  sendHoldMs: null,
};
const nothing = new Uint8Array(0);

/** One sample of each event of RFC 4271 §8.1 (and RFC 2918's, RFC 9687's). */
const samples: { readonly [T in EventType]: Extract<Event, { type: T }> } = {
  ManualStart: { type: "ManualStart" },
  ManualStop: { type: "ManualStop", notification: cease(CeaseError.AdministrativeShutdown) },
  AutomaticStart: { type: "AutomaticStart" },
  ManualStart_with_PassiveTcpEstablishment: { type: "ManualStart_with_PassiveTcpEstablishment" },
  AutomaticStart_with_PassiveTcpEstablishment: { type: "AutomaticStart_with_PassiveTcpEstablishment" },
  AutomaticStart_with_DampPeerOscillations: { type: "AutomaticStart_with_DampPeerOscillations" },
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: {
    type: "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment",
  },
  AutomaticStop: { type: "AutomaticStop", notification: cease(CeaseError.AdministrativeReset) },
  ConnectRetryTimer_Expires: { type: "ConnectRetryTimer_Expires" },
  HoldTimer_Expires: { type: "HoldTimer_Expires" },
  KeepaliveTimer_Expires: { type: "KeepaliveTimer_Expires" },
  DelayOpenTimer_Expires: { type: "DelayOpenTimer_Expires" },
  IdleHoldTimer_Expires: { type: "IdleHoldTimer_Expires" },
  TcpConnection_Valid: { type: "TcpConnection_Valid" },
  Tcp_CR_Invalid: { type: "Tcp_CR_Invalid" },
  Tcp_CR_Acked: { type: "Tcp_CR_Acked" },
  TcpConnectionConfirmed: { type: "TcpConnectionConfirmed" },
  TcpConnectionFails: { type: "TcpConnectionFails", reason: "connection reset by peer" },
  BGPOpen: { type: "BGPOpen", holdMs: 90_000, keepaliveMs: 30_000 },
  BGPOpen_with_DelayOpenTimer_running: {
    type: "BGPOpen_with_DelayOpenTimer_running",
    holdMs: 90_000,
    keepaliveMs: 30_000,
  },
  BGPHeaderErr: { type: "BGPHeaderErr", error: badMessageLength(18, "KEEPALIVE") },
  BGPOpenMsgErr: { type: "BGPOpenMsgErr", error: badPeerAs("AS 1", 2) },
  OpenCollisionDump: { type: "OpenCollisionDump" },
  NotifMsgVerErr: { type: "NotifMsgVerErr", notification: { code: 2, subcode: 1, data: nothing } },
  NotifMsg: { type: "NotifMsg", notification: { code: 6, subcode: 4, data: nothing } },
  KeepAliveMsg: { type: "KeepAliveMsg" },
  UpdateMsg: { type: "UpdateMsg" },
  UpdateMsgErr: { type: "UpdateMsgErr", error: updateError(UpdateError.MalformedAttributeList, nothing, "") },
  RouteRefreshMsg: { type: "RouteRefreshMsg" },
  SendHoldTimer_Expires: { type: "SendHoldTimer_Expires" },
};
const eventTypes = Object.keys(samples) as EventType[];

const inState = (state: State, more: Partial<Session> = {}): Session => ({
  ...initialSession(options),
  state,
  connectRetryCounter: 1,
  ...(state === "OpenConfirm" || state === "Established" ? { holdMs: 90_000, keepaliveMs: 30_000 } : {}),
  ...more,
});

/** An action in a word or two. */
function word(action: Action): string {
  switch (action.do) {
    case "arm":
      return action.ms === 0 ? `stop ${action.timer}` : `${action.timer} ${action.ms}${action.jittered ? "~" : ""}`;
    case "notify":
      return `notify ${action.error.code}/${action.error.subcode}${action.error.data.length > 0 && action.error.code === 5 ? `:${action.error.data[0]}` : ""}`;
    case "restart":
      return action.fault ? "restart damped" : "restart";
    default:
      return action.do;
  }
}
const inWords = ({ session, actions }: Step): string =>
  [`${session.state} +${session.connectRetryCounter}`, ...actions.map(word)].join(", ");

/** What the RFC calls an end: with or without a NOTIFICATION; the counter counts one more, and the session comes back. */
const end = (...before: string[]) => ["Idle +2", ...before, "release", "restart"].join(", ");
const blamed = (...before: string[]) => ["Idle +2", ...before, "release", "restart damped"].join(", ");

const starts: EventType[] = [
  "ManualStart",
  "AutomaticStart",
  "ManualStart_with_PassiveTcpEstablishment",
  "AutomaticStart_with_PassiveTcpEstablishment",
  "AutomaticStart_with_DampPeerOscillations",
  "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment",
];
const each = (types: readonly EventType[], expected: string) =>
  Object.fromEntries(types.map((type) => [type, expected])) as Partial<Record<EventType, string>>;
const unchanged = (state: State) => `${state} +1`;

const dialling = "stop idleHold, connectRetry 5000~, dial";
const listening = "stop idleHold, connectRetry 5000~";
const opening = "OpenSent +1, stop connectRetry, stop delayOpen, sendOpen, hold 240000";
const confirming = "sendKeepalive, keepalive 30000~, hold 90000";

/** The whole FSM as RFC 4271 §8.2.2 has it, one line per cell. */
const expected: Readonly<Record<State, Partial<Record<EventType, string>>>> = {
  Idle: {
    ...each(eventTypes, unchanged("Idle")), // "any other event ... does not cause change in the state"
    ManualStart: `Connect +0, ${dialling}`,
    AutomaticStart: `Connect +0, ${dialling}`,
    ManualStart_with_PassiveTcpEstablishment: `Active +0, ${listening}`,
    AutomaticStart_with_PassiveTcpEstablishment: `Active +0, ${listening}`,
    ManualStop: "Idle +0, release", // ends a pending idle hold
    IdleHoldTimer_Expires: `Active +1, ${listening}`,
  },
  Connect: {
    ...each(eventTypes, end()), // "any other events (8, 10-11, 13, 19, 23, 25-28)"
    ...each([...starts, "TcpConnection_Valid", "Tcp_CR_Invalid"], unchanged("Connect")),
    ManualStop: "Idle +0, release",
    ConnectRetryTimer_Expires: "Connect +1, explain, release, connectRetry 5000~, dial",
    DelayOpenTimer_Expires: opening,
    Tcp_CR_Acked: opening,
    TcpConnectionConfirmed: opening,
    TcpConnectionFails: "Idle +1, explain, release, restart",
    BGPOpen_with_DelayOpenTimer_running: `OpenConfirm +1, stop connectRetry, stop delayOpen, sendOpen, ${confirming}`,
    BGPHeaderErr: blamed("notify 1/2"),
    BGPOpenMsgErr: blamed("notify 2/2"),
    NotifMsgVerErr: blamed("remember"),
    NotifMsg: end("remember"),
  },
  Active: {
    ...each(eventTypes, end()),
    ...each([...starts, "TcpConnection_Valid", "Tcp_CR_Invalid"], unchanged("Active")),
    ManualStop: "Idle +0, release",
    ConnectRetryTimer_Expires: "Connect +1, connectRetry 5000~, dial",
    DelayOpenTimer_Expires: opening,
    Tcp_CR_Acked: opening,
    TcpConnectionConfirmed: opening,
    TcpConnectionFails: end("explain"),
    BGPOpen_with_DelayOpenTimer_running: `OpenConfirm +1, stop connectRetry, stop delayOpen, sendOpen, ${confirming}`,
    BGPHeaderErr: blamed("notify 1/2"),
    BGPOpenMsgErr: blamed("notify 2/2"),
    NotifMsgVerErr: blamed("remember"),
    NotifMsg: end("remember"),
  },
  OpenSent: {
    ...each(eventTypes, blamed("notify 5/0")), // "any other event (9, 11-13, 20, 25-28)"
    ...each(
      [...starts, "TcpConnection_Valid", "Tcp_CR_Invalid", "Tcp_CR_Acked", "TcpConnectionConfirmed"],
      unchanged("OpenSent"),
    ),
    ManualStop: "Idle +0, notify 6/2, release",
    AutomaticStop: end("notify 6/4"),
    HoldTimer_Expires: end("notify 4/0"),
    TcpConnectionFails: "Active +1, explain, release, connectRetry 5000~",
    BGPOpen: `OpenConfirm +1, stop connectRetry, stop delayOpen, ${confirming}`,
    BGPOpen_with_DelayOpenTimer_running: blamed("notify 5/1:1"),
    BGPHeaderErr: blamed("notify 1/2"),
    BGPOpenMsgErr: blamed("notify 2/2"),
    OpenCollisionDump: end("notify 6/7"),
    NotifMsgVerErr: "Idle +1, remember, release, restart damped",
    NotifMsg: end("remember"),
    KeepAliveMsg: blamed("notify 5/1:4"),
    UpdateMsg: blamed("notify 5/1:2"),
    UpdateMsgErr: blamed("notify 5/1:2"),
    RouteRefreshMsg: blamed("notify 5/1:5"),
  },
  OpenConfirm: {
    ...each(eventTypes, blamed("notify 5/0")),
    ...each(
      [...starts, "TcpConnection_Valid", "Tcp_CR_Invalid", "Tcp_CR_Acked", "TcpConnectionConfirmed"],
      unchanged("OpenConfirm"),
    ),
    ManualStop: "Idle +0, notify 6/2, release",
    AutomaticStop: end("notify 6/4"),
    HoldTimer_Expires: end("notify 4/0"),
    KeepaliveTimer_Expires: "OpenConfirm +1, sendKeepalive, keepalive 30000~",
    TcpConnectionFails: end("explain"),
    BGPOpen: blamed("notify 5/2:1"),
    BGPOpen_with_DelayOpenTimer_running: blamed("notify 5/2:1"),
    BGPHeaderErr: blamed("notify 1/2"),
    BGPOpenMsgErr: blamed("notify 2/2"),
    OpenCollisionDump: end("notify 6/7"),
    NotifMsgVerErr: "Idle +1, remember, release, restart damped",
    NotifMsg: end("remember"),
    KeepAliveMsg: "Established +1, hold 90000, sendHold 480000",
    UpdateMsg: blamed("notify 5/2:2"),
    UpdateMsgErr: blamed("notify 5/2:2"),
    RouteRefreshMsg: blamed("notify 5/2:5"),
  },
  Established: {
    ...each(eventTypes, blamed("notify 5/0")),
    ...each(
      [...starts, "TcpConnection_Valid", "Tcp_CR_Invalid", "Tcp_CR_Acked", "TcpConnectionConfirmed", "RouteRefreshMsg"],
      unchanged("Established"),
    ),
    ManualStop: "Idle +0, notify 6/2, release",
    AutomaticStop: end("notify 6/4"),
    HoldTimer_Expires: end("notify 4/0"),
    KeepaliveTimer_Expires: "Established +1, sendKeepalive, keepalive 30000~",
    TcpConnectionFails: end("explain"),
    BGPOpen: blamed("notify 5/3:1"),
    BGPOpen_with_DelayOpenTimer_running: blamed("notify 5/3:1"),
    BGPOpenMsgErr: blamed("notify 5/3:1"),
    BGPHeaderErr: blamed("notify 1/2"),
    OpenCollisionDump: end("notify 6/7"),
    NotifMsgVerErr: "Idle +1, remember, release, restart damped",
    NotifMsg: end("remember"),
    KeepAliveMsg: "Established +1, hold 90000",
    UpdateMsg: "Established +1, hold 90000",
    UpdateMsgErr: blamed("notify 3/1"),
    SendHoldTimer_Expires: end("notify 8/0"),
  },
};

for (const state of states)
  t.test(`every event in ${state} has the answer of RFC 4271 §8.2.2`, (t) => {
    t.same(Object.keys(table[state]).sort(), [...eventTypes].sort(), "no cell is missing, none is unknown");
    for (const type of eventTypes)
      t.equal(inWords(transition(inState(state), samples[type])), expected[state][type], `${state} × ${type}`);
    t.end();
  });

t.test(
  "with DelayOpen a connection waits for its timer before OPEN goes out (RFC 4271 §8.2.2 Connect, Active)",
  (t) => {
    for (const state of ["Connect", "Active"] as const) {
      const delayed = inState(state, { options: { ...options, delayOpenMs: 2_000 } });
      const up = transition(delayed, { type: "TcpConnectionConfirmed" });
      t.equal(inWords(up), `${state} +1, stop connectRetry, delayOpen 2000`);
      t.ok(up.session.delayOpenRunning);
      t.equal(inWords(transition(up.session, { type: "DelayOpenTimer_Expires" })), opening);
      t.equal(
        inWords(transition(up.session, samples.BGPOpen_with_DelayOpenTimer_running)),
        `OpenConfirm +1, stop connectRetry, stop delayOpen, sendOpen, ${confirming}`,
        "an OPEN that comes first is answered with OPEN and KEEPALIVE",
      );
      t.equal(inWords(transition(up.session, samples.ManualStop)), "Idle +0, notify 6/2, release");
      t.equal(inWords(transition(up.session, samples.NotifMsgVerErr)), "Idle +1, remember, release, restart damped");
    }
    t.end();
  },
);

t.test("TCP that fails while DelayOpenTimer runs: Connect goes to Active, Active to Idle (RFC 4271 §8.2.2)", (t) => {
  const failing = (state: State) =>
    inWords(transition(inState(state, { delayOpenRunning: true }), samples.TcpConnectionFails));
  t.equal(failing("Connect"), "Active +1, explain, release, connectRetry 5000~");
  t.equal(failing("Active"), end("explain"));
  t.end();
});

t.test("a passive session never dials", (t) => {
  const passive = { ...options, passive: true };
  t.equal(
    inWords(transition(inState("Idle", { options: passive }), samples.ManualStart)),
    "Active +0, stop idleHold, stop connectRetry",
  );
  t.equal(
    inWords(transition(inState("Idle", { options: passive }), samples.IdleHoldTimer_Expires)),
    "Active +1, stop idleHold, stop connectRetry",
  );
  t.equal(inWords(transition(inState("Active", { options: passive }), samples.ConnectRetryTimer_Expires)), "Active +1");
  t.equal(
    inWords(transition(inState("OpenSent", { options: passive }), samples.TcpConnectionFails)),
    "Active +1, explain, release, stop connectRetry",
  );
  t.end();
});

t.test(
  "hold time zero means neither hold timer nor keepalives nor send hold timer (RFC 4271 §4.4, RFC 9687 §3)",
  (t) => {
    const confirm = transition(inState("OpenSent"), { type: "BGPOpen", holdMs: 0, keepaliveMs: 0 });
    t.equal(
      inWords(confirm),
      "OpenConfirm +1, stop connectRetry, stop delayOpen, sendKeepalive, stop keepalive, stop hold",
    );
    t.equal(inWords(transition(confirm.session, samples.KeepAliveMsg)), "Established +1, stop hold, stop sendHold");
    t.end();
  },
);

t.test(
  "the send hold timer is at least 8 minutes, twice the hold time if that is more, or what is configured (RFC 9687 §3)",
  (t) => {
    const sendHold = (holdMs: number, sendHoldMs: number | null) =>
      transition(inState("OpenConfirm", { holdMs, options: { ...options, sendHoldMs } }), samples.KeepAliveMsg)
        .actions.map(word)
        .at(-1);
    t.equal(sendHold(3_000, null), "sendHold 480000");
    t.equal(sendHold(600_000, null), "sendHold 1200000");
    t.equal(sendHold(90_000, 7_000), "sendHold 7000");
    t.equal(sendHold(90_000, 0), "stop sendHold");
    t.end();
  },
);

t.test("a stop may part without a word: the planned restart of RFC 4724", (t) => {
  for (const state of ["OpenSent", "OpenConfirm", "Established"] as const)
    t.equal(
      inWords(transition(inState(state), { type: "ManualStop", notification: null })),
      "Idle +0, explain, release",
    );
  t.end();
});

t.test("message errors are damped; silence, Cease and lost connections are not (RFC 4271 §8.1.1)", (t) => {
  const received = (code: number) =>
    transition(inState("Established"), { type: "NotifMsg", notification: { code, subcode: 0, data: nothing } })
      .actions.map(word)
      .at(-1);
  t.same([1, 2, 3, 4, 5, 6, 7, 8].map(received), [
    "restart damped",
    "restart damped",
    "restart damped",
    "restart",
    "restart damped",
    "restart",
    "restart damped",
    "restart",
  ]);
  t.end();
});

t.test("transition is pure: it changes nothing that it was given", (t) => {
  for (const state of states)
    for (const type of eventTypes) {
      const session = Object.freeze(inState(state));
      t.same(inWords(transition(session, samples[type])), inWords(transition(session, samples[type])));
    }
  t.end();
});
