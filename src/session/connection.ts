import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { cease, ErrorCode, FsmError, fsmError, NotificationError, OpenError, UNSPECIFIC } from "../wire/errors.ts";
import { Framer, HEADER_LENGTH, MessageType } from "../wire/framer.ts";
import { encodeKeepalive } from "../wire/message/keepalive.ts";
import { decodeNotification, encodeNotification } from "../wire/message/notification.ts";
import { decodeOpen, type OpenMessage } from "../wire/message/open.ts";
import type { Agreed } from "./agreed.ts";
import type { Alarms } from "./alarms.ts";
import type { KeepaliveLag } from "./counters.ts";
import { type DeadlineOwner, Deadlines } from "./deadlines.ts";
import type { Event, ReceivedNotification } from "./fsm/event.ts";
import { type Action, type FsmOptions, initialSession, type Session, sendHoldMs, type TimerName } from "./fsm/step.ts";
import { transition } from "./fsm/transition.ts";
import type { SessionHandlers } from "./handlers.ts";
import { jittered } from "./jitter.ts";
import { bytesOf, type OpenRecord, recordOpen } from "./open-record.ts";
import type { Dial, DialReceiver, Transport, TransportReceiver } from "./transport.ts";

/** What a connection asks of and tells to the peer that it belongs to. */
export interface ConnectionOwner {
  readonly handlers: SessionHandlers;
  dial(receiver: DialReceiver): Dial;
  /** The OPEN to send, made new for each connection. */
  makeOpen(): Uint8Array;
  /** A good OPEN has come: what was agreed. @throws NotificationError 2/x */
  agree(connection: Connection, open: OpenMessage): Agreed;
  /** Decides on collisions and then calls `confirm`, at once or later, or ends the connection. */
  opened(connection: Connection): void;
  /** The state has changed; `why` as far as it was an end. Last of all that a step does. */
  moved(connection: Connection, from: Session["state"], end: End): void;
  /** A dial came to nothing, and the next one has begun in the same state. */
  hindered(connection: Connection, why: End): void;
  /** How long Idle is to last. */
  idleHoldMs(connection: Connection, fault: boolean): number;
  counted(direction: "sent" | "received", type: number, messages: number): void;
  notified(direction: "sent" | "received", notification: ReceivedNotification): void;
  bug(error: unknown): void;
  /** The time that a loser of a collision waits is over. */
  impatient(connection: Connection): void;
}

/** Why a connection ended. */
export interface End {
  readonly sent: NotificationError | null;
  readonly received: ReceivedNotification | null;
  readonly reason: string;
}

export interface ConnectionEnvironment {
  readonly clock: Clock;
  /** Of the same clock. */
  readonly alarms: Alarms;
  readonly random: Random;
  readonly keepaliveLag: KeepaliveLag;
}

const timers: readonly TimerName[] = ["connectRetry", "hold", "keepalive", "delayOpen", "idleHold", "sendHold"];
const HOLD = timers.indexOf("hold");
const KEEPALIVE = timers.indexOf("keepalive");
const SEND_HOLD = timers.indexOf("sendHold");
/** The one deadline that isn't the FSM's: the patience of §6.8. */
const PATIENCE = timers.length;

const KEEPALIVE_LENGTH = HEADER_LENGTH;
const timerEvents = {
  connectRetry: "ConnectRetryTimer_Expires",
  hold: "HoldTimer_Expires",
  keepalive: "KeepaliveTimer_Expires",
  delayOpen: "DelayOpenTimer_Expires",
  idleHold: "IdleHoldTimer_Expires",
  sendHold: "SendHoldTimer_Expires",
} as const satisfies Record<TimerName, Event["type"]>;

/** Shared by all sessions, as bytes handed to a transport are never written again. */
const keepaliveMessage: readonly Uint8Array[] = [encodeKeepalive()];

/**
 * One TCP connection with its FSM, from the dial (or the accept) to the end: the shell that carries out the FSM's actions over a
 * `Transport`, and turns bytes, timers and TCP's news into its events. UPDATE and KEEPALIVE in Established never enter
 * the FSM: they stamp the hold deadline, once per chunk that was read.
 */
export class Connection implements TransportReceiver, DialReceiver, DeadlineOwner {
  readonly #owner: ConnectionOwner;
  readonly #environment: ConnectionEnvironment;
  readonly #deadlines: Deadlines;
  #session: Session;
  #dial: Dial | null = null;
  #transport: Transport | null = null;
  #framer: Framer | null = null;
  /** Why the step at hand ends, gathered by its actions. */
  #sent: NotificationError | null = null;
  #received: ReceivedNotification | null = null;
  #reason = "";
  /** Both OPENs: ours as soon as it is made, be it sent or still delayed. */
  openSent: OpenRecord | null = null;
  openReceived: OpenRecord | null = null;
  agreed: Agreed | null = null;
  /** We dialled it. */
  initiatedByUs = false;
  /** The peer's OPEN is here but held back (§6.8), with its KEEPALIVE if that came too. */
  waiting = false;
  #earlyKeepalive = false;
  /** What the hold timer had left when we stopped reading; -1 while we read. */
  #pausedHoldMs = -1;
  #keepaliveWaiting = false;
  /** Octets handed to the transport in Established, and how many of them were taken at the last stamp (RFC 9687). */
  #written = 0;
  #takenAtStamp = 0;
  /** What the chunk at hand held: an UPDATE; an UPDATE or KEEPALIVE. */
  #updates = false;
  #alive = false;
  /** Monotonic milliseconds of the last message in the chunk that was read last. */
  lastReceivedAt = 0;

  constructor(options: FsmOptions, environment: ConnectionEnvironment, owner: ConnectionOwner) {
    this.#session = initialSession(options);
    this.#environment = environment;
    this.#owner = owner;
    this.#deadlines = new Deadlines(environment.alarms, timers.length + 1, this);
  }

  get state(): Session["state"] {
    return this.#session.state;
  }

  get transport(): Transport | null {
    return this.#transport;
  }

  get connectRetryCounter(): number {
    return this.#session.connectRetryCounter;
  }

  /** New options for whatever comes next; a session that is up keeps its agreed times. */
  setOptions(options: FsmOptions): void {
    this.#session = { ...this.#session, options };
  }

  /** Milliseconds left of a timer; null if it doesn't run. A hold timer that stands still shows what it has left. */
  left(timer: TimerName): number | null {
    if (timer === "hold" && this.#pausedHoldMs >= 0) return this.#pausedHoldMs;
    return this.#deadlines.left(timers.indexOf(timer));
  }

  /** Takes a connection that came in: it is this FSM's from now on. */
  take(transport: Transport): void {
    this.initiatedByUs = false;
    this.#up(transport);
    this.event({ type: "TcpConnectionConfirmed" });
  }

  /** Our OPEN, made when it is first needed. */
  ownOpen(): OpenRecord {
    this.openSent ??= recordOpen(this.#owner.makeOpen());
    return this.openSent;
  }

  /** Goes on after an OPEN: our KEEPALIVE goes out. */
  confirm(): void {
    this.waiting = false;
    this.#deadlines.arm(PATIENCE, 0);
    const { holdTimeSeconds, keepaliveSeconds } = this.agreed!;
    const times = { holdMs: holdTimeSeconds * 1000, keepaliveMs: keepaliveSeconds * 1000 };
    this.#framer!.setMaxLength(this.agreed!.codec.maxReceive);
    this.event(
      this.#session.delayOpenRunning
        ? { type: "BGPOpen_with_DelayOpenTimer_running", ...times }
        : { type: "BGPOpen", ...times },
    );
    if (!this.#earlyKeepalive) return;
    this.#earlyKeepalive = false;
    if (this.state === "OpenConfirm") this.event({ type: "KeepAliveMsg" });
  }

  /** Holds the peer's OPEN back for a while. */
  wait(patienceMs: number): void {
    this.waiting = true;
    this.#deadlines.arm(PATIENCE, patienceMs);
  }

  /** Gives the connection up without a word: a new one has taken its place (RFC 4724 §5). */
  abandon(): void {
    this.#deadlines.clear();
    this.#dial?.cancel();
    this.#framer?.stop();
    this.#transport?.destroy();
    this.#dial = this.#framer = this.#transport = null;
  }

  /** Carries out what the FSM says to an event. */
  event(event: Event): void {
    const from = this.#session.state;
    const step = transition(this.#session, event);
    this.#session = step.session;
    for (const action of step.actions) this.#carryOut(action);
    const end = { sent: this.#sent, received: this.#received, reason: this.#reason };
    this.#sent = this.#received = null;
    this.#reason = "";
    // The owner is told last, when this connection is all done: it may call back.
    if (end.sent !== null) this.#owner.notified("sent", end.sent);
    if (step.session.state !== from) this.#owner.moved(this, from, end);
    else if (end.reason !== "") this.#owner.hindered(this, end);
  }

  #carryOut(action: Action): void {
    switch (action.do) {
      case "arm": {
        const ms = action.jittered ? this.#jittered(action.ms) : action.ms;
        this.#deadlines.arm(timers.indexOf(action.timer), ms);
        if (action.timer === "sendHold") this.#takenAtStamp = this.#takenOctets();
        return;
      }
      case "dial":
        this.initiatedByUs = true;
        this.#dial = this.#owner.dial(this);
        return;
      case "sendOpen":
        this.#write(MessageType.Open, [bytesOf(this.ownOpen())]);
        return;
      case "sendKeepalive":
        this.#sendKeepalive();
        return;
      case "notify":
        this.#reason = action.error.message;
        this.#notify(action.error);
        return;
      case "remember":
        this.#received = action.notification;
        return;
      case "explain":
        this.#reason = action.reason;
        return;
      case "release":
        this.#release();
        return;
      case "restart":
        this.#deadlines.arm(timers.indexOf("idleHold"), this.#owner.idleHoldMs(this, action.fault));
        return;
    }
  }

  #up(transport: Transport): void {
    this.openSent = this.openReceived = this.agreed = null;
    this.#transport = transport;
    this.#framer = new Framer((type, bytes, start, end) => this.#message(type, bytes, start, end));
    transport.attach(this);
  }

  #release(): void {
    this.#deadlines.clear();
    this.#dial?.cancel();
    this.#framer?.stop();
    this.#transport?.end();
    this.#dial = this.#framer = this.#transport = null;
    this.waiting = this.#earlyKeepalive = this.#keepaliveWaiting = false;
    this.#pausedHoldMs = -1;
    this.#written = this.#takenAtStamp = 0;
    // `agreed` and both OPENs stay until the next connection: they explain the last one.
  }

  // --- what TCP says ---

  connected(transport: Transport): void {
    this.#dial = null;
    this.#up(transport);
    this.event({ type: "Tcp_CR_Acked" });
  }

  failed(reason: string): void {
    this.#dial = null;
    this.event({ type: "TcpConnectionFails", reason });
  }

  closed(reason: string): void {
    this.event({ type: "TcpConnectionFails", reason });
  }

  received(chunk: Uint8Array): void {
    const framer = this.#framer;
    if (framer === null) return;
    this.#alive = this.#updates = false;
    try {
      framer.push(chunk);
    } catch (error) {
      this.#fault(error, "BGPHeaderErr");
    }
    const updates = this.#updates;
    if (this.#alive && this.#framer === framer) this.#stampReceived();
    if (updates) this.#owner.handlers.chunkDone?.();
  }

  #message(type: MessageType, bytes: Uint8Array, start: number, end: number): void {
    this.#owner.counted("received", type, 1);
    switch (this.state === "Established" ? type : 0) {
      case MessageType.Update:
        this.#alive = this.#updates = true;
        try {
          this.#owner.handlers.update(bytes, start, end);
        } catch (error) {
          this.#fault(error, "UpdateMsgErr");
        }
        return;
      case MessageType.Keepalive:
        this.#alive = true;
        return;
      case MessageType.RouteRefresh:
        try {
          this.#owner.handlers.routeRefresh(bytes, start, end);
        } catch (error) {
          this.#fault(error, "UpdateMsgErr");
        }
        return;
      default:
        this.#control(type, bytes, start, end);
    }
  }

  /** Messages of the handshake, and those that come at the wrong time. */
  #control(type: MessageType, bytes: Uint8Array, start: number, end: number): void {
    switch (type) {
      case MessageType.Open:
        this.#open(bytes, start, end);
        return;
      case MessageType.Keepalive:
        if (this.waiting) this.#earlyKeepalive = true;
        else this.event({ type: "KeepAliveMsg" });
        return;
      case MessageType.Update:
        this.event({ type: "UpdateMsg" });
        return;
      case MessageType.RouteRefresh:
        this.event({ type: "RouteRefreshMsg" });
        return;
      case MessageType.Notification: {
        const notification = decodeNotification(bytes, start, end);
        this.#owner.notified("received", notification);
        const version = notification.code === ErrorCode.Open && notification.subcode === OpenError.UnsupportedVersion;
        this.event({ type: version ? "NotifMsgVerErr" : "NotifMsg", notification });
      }
    }
  }

  #open(bytes: Uint8Array, start: number, end: number): void {
    if (this.openReceived !== null || (this.state !== "OpenSent" && !this.#session.delayOpenRunning)) {
      // A second OPEN: the table knows it for what it is in every state but OpenSent, where the first is held back.
      if (this.waiting) this.event({ type: "BGPHeaderErr", error: fsmError(FsmError.OpenSent, MessageType.Open) });
      else this.event({ type: "BGPOpen", holdMs: 0, keepaliveMs: 0 });
      return;
    }
    this.openReceived = recordOpen(bytes.subarray(start - HEADER_LENGTH, end));
    try {
      this.agreed = this.#owner.agree(this, decodeOpen(bytes, start, end));
    } catch (error) {
      this.#fault(error, "BGPOpenMsgErr");
      return;
    }
    this.#owner.opened(this);
  }

  /** The peer's fault becomes its NOTIFICATION; a fault of our own ends the session too, but is told apart. */
  #fault(error: unknown, type: "BGPHeaderErr" | "BGPOpenMsgErr" | "UpdateMsgErr"): void {
    if (error instanceof NotificationError) this.event({ type, error });
    else {
      this.#owner.bug(error);
      this.event({ type: "AutomaticStop", notification: cease(UNSPECIFIC, undefined, "internal error") });
    }
  }

  // --- time ---

  expired(index: number, lateMs: number): void {
    switch (index) {
      case HOLD:
        this.#suspectSilence();
        return;
      case KEEPALIVE:
        this.#environment.keepaliveLag.record(lateMs);
        this.event({ type: "KeepaliveTimer_Expires" });
        return;
      case SEND_HOLD:
        if (this.#takenOctets() > this.#takenAtStamp || this.#transport?.backlog() === 0) this.#stampSent();
        else this.event({ type: "SendHoldTimer_Expires" });
        return;
      case PATIENCE:
        this.#owner.impatient(this);
        return;
      default:
        this.event({ type: timerEvents[timers[index]!] });
    }
  }

  /**
   * After a stall of ours the timer runs before the sockets are read: let one turn of the loop pass, and give the peer up only
   * if still nothing came.
   */
  #suspectSilence(): void {
    const transport = this.#transport;
    this.#environment.clock.defer(() => {
      if (this.#transport !== transport || this.#deadlines.isArmed(HOLD) || this.#pausedHoldMs >= 0) return;
      this.event({ type: "HoldTimer_Expires" });
    });
  }

  #stampReceived(): void {
    if (this.state !== "Established") return;
    this.lastReceivedAt = this.#environment.clock.now();
    if (this.#pausedHoldMs >= 0) this.#pausedHoldMs = this.#session.holdMs;
    else this.#deadlines.arm(HOLD, this.#session.holdMs);
  }

  /** Stops reading: the hold clock stands still, as it is we who are silent. */
  pause(): void {
    if (this.#transport === null || this.#pausedHoldMs >= 0) return;
    this.#pausedHoldMs = this.#deadlines.left(HOLD) ?? 0;
    this.#deadlines.arm(HOLD, 0);
    this.#transport.pause();
  }

  resume(): void {
    if (this.#transport === null || this.#pausedHoldMs < 0) return;
    const left = this.#pausedHoldMs;
    this.#pausedHoldMs = -1;
    if (this.#session.holdMs > 0) this.#deadlines.arm(HOLD, Math.max(1, left));
    this.#transport.resume();
  }

  // --- what goes out ---

  /** One whole message in Established. */
  send(message: Uint8Array): void {
    const type = message[18]!;
    this.#write(type, [message]);
    if (type === MessageType.Update) this.#deferKeepalive();
  }

  /** Whole UPDATEs in Established; `taken` once the kernel has them all, unless the session has ended before. */
  writeBulk(chunks: readonly Uint8Array[], taken: () => void, messages: number): void {
    const transport = this.#transport!;
    this.#owner.counted("sent", MessageType.Update, messages);
    for (const chunk of chunks) this.#written += chunk.length;
    transport.write(chunks, () => {
      if (this.#transport !== transport) return;
      this.#stampSent();
      this.#deferKeepalive();
      taken();
    });
    if (this.#takenOctets() > this.#takenAtStamp) this.#stampSent();
  }

  #write(type: number, chunks: readonly Uint8Array[]): void {
    const transport = this.#transport;
    if (transport === null) return;
    this.#owner.counted("sent", type, 1);
    for (const chunk of chunks) this.#written += chunk.length;
    transport.write(chunks, () => {
      if (this.#transport === transport) this.#stampSent();
    });
  }

  /** At most one KEEPALIVE waits behind what a slow peer has not taken yet. */
  #sendKeepalive(): void {
    const transport = this.#transport;
    if (transport === null || this.#keepaliveWaiting) return;
    this.#owner.counted("sent", MessageType.Keepalive, 1);
    this.#keepaliveWaiting = true;
    this.#written += KEEPALIVE_LENGTH;
    transport.write(keepaliveMessage, () => {
      if (this.#transport !== transport) return;
      this.#keepaliveWaiting = false;
      this.#stampSent();
    });
  }

  #notify(error: NotificationError): void {
    if (this.#transport === null) return;
    this.#sent = error;
    this.#write(MessageType.Notification, [encodeNotification(error, this.agreed?.codec.maxSend)]);
  }

  /** An UPDATE is as good as a KEEPALIVE (RFC 4271 §4.4): the timer starts anew. */
  #deferKeepalive(): void {
    if (this.state === "Established") this.#deadlines.arm(KEEPALIVE, this.#jittered(this.#session.keepaliveMs));
  }

  #jittered(ms: number): number {
    return jittered(ms, this.#environment.random, this.#environment.clock.now());
  }

  #takenOctets(): number {
    return this.#written - (this.#transport?.backlog() ?? 0);
  }

  /** Something was taken: the send hold timer starts anew (RFC 9687 §3). */
  #stampSent(): void {
    if (this.state !== "Established") return;
    this.#takenAtStamp = this.#takenOctets();
    this.#deadlines.arm(SEND_HOLD, sendHoldMs(this.#session));
  }
}
