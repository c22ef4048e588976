import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { CeaseError, type CeaseSubcode, cease, NotificationError } from "../wire/errors.ts";
import { HEADER_LENGTH } from "../wire/framer.ts";
import { describeNotification, encodeNotification } from "../wire/message/notification.ts";
import { encodeOpen, type OpenMessage } from "../wire/message/open.ts";
import type { Agreed, CapabilitiesView } from "./agreed.ts";
import type { Alarms } from "./alarms.ts";
import { describeCapabilities } from "./capability-view.ts";
import { weDominate } from "./collision.ts";
import { Connection, type ConnectionOwner, type End } from "./connection.ts";
import { ConnectionPair, type PairOwner } from "./connection-pair.ts";
import type { KeepaliveLag, MessageCounters } from "./counters.ts";
import { countFailures, idleHoldMs } from "./damping.ts";
import type { ReceivedNotification } from "./fsm/event.ts";
import { type State, states } from "./fsm/state.ts";
import type { DownReason, LastError, SessionHandlers } from "./handlers.ts";
import { checkOpen, negotiate, offered } from "./negotiation.ts";
import { capabilitiesOf, hasParameters, type OpenRecord } from "./open-record.ts";
import { ceaseOf, isCollision, lastErrorOf, reasonOf, refusesParameters, viewOf } from "./reason.ts";
import type { SessionSettings } from "./settings.ts";
import { type Dial, type DialReceiver, type Network, SocketOptionError, type Transport } from "./transport.ts";

/**
 * The session room: one peer as RFC 4271 §8 sees it.
 *
 * A `PeerSession` owns one `Connection`, or two for as long as it takes to decide a collision (`collision.ts`). A connection
 * is a TCP connection with its FSM (`fsm/`, a pure table) and the shell that carries out the FSM's actions over a `Transport`.
 * Dials and timers belong to the main connection; the other, when there is one, always came in. When the main one loses its
 * TCP connection and the other stands, the other becomes the main one. What two OPENs agree on is worked out in
 * `negotiation.ts` and told to the speaker as `Agreed`.
 *
 * Invariants: at most one connection is Established; `established` and `down` alternate; while the main FSM rests in Idle
 * without being stopped, its idle hold timer runs, so that a session is never stuck.
 */

const OPEN_SENT = states.indexOf("OpenSent");

/** How long after Established a connection may still be one that was dialled before: more than a SYN that is sent twice. */
const COLLISION_MS = 2_000;

/** What all sessions of a speaker share. */
export interface SessionEnvironment {
  readonly clock: Clock;
  /** Of the same clock. */
  readonly alarms: Alarms;
  readonly random: Random;
  readonly network: Network;
  readonly keepaliveLag: KeepaliveLag;
}

/** Remaining times for display, in milliseconds; null = not running. */
export interface SessionTimers {
  readonly connectRetryMs: number | null;
  readonly holdMs: number | null;
  readonly keepaliveMs: number | null;
  readonly idleHoldMs: number | null;
  readonly sendHoldMs: number | null;
  /** Since the last KEEPALIVE or UPDATE of the peer; null unless Established. */
  readonly sinceLastMessageMs: number | null;
}

/** How `stop` parts from the peer. */
export interface StopOptions {
  /** 6/2 (administrative shutdown) unless given. */
  readonly subcode?: CeaseSubcode;
  /** Shutdown communication (RFC 9003), with subcodes 2 and 4 only. */
  readonly text?: string;
  /** No NOTIFICATION: the planned restart of RFC 4724. */
  readonly quiet?: boolean;
  /** Another NOTIFICATION altogether, e.g. a hard reset (RFC 8538). */
  readonly notification?: NotificationError;
}

export class PeerSession implements ConnectionOwner, PairOwner {
  readonly #environment: SessionEnvironment;
  /** Who hears what happens. */
  readonly handlers: SessionHandlers;
  #settings: SessionSettings;
  readonly #pair: ConnectionPair;
  /** start() was called and stop() was not. */
  #wanted = false;
  #state: State = "Idle";
  #stateSince: number;
  #agreed: Agreed | null = null;
  /** Failures in a row, for damping. */
  #failures = 0;
  /** The last idle hold was damping, so who connects meanwhile is refused. */
  #damped = false;
  /** How long the end that is under way lasts, if somebody said so. */
  #restMs = 0;
  /** The next OPEN has no optional parameters (RFC 5492 §3). */
  #plain = false;
  readonly #received = [0, 0, 0, 0, 0, 0];
  readonly #sent = [0, 0, 0, 0, 0, 0];
  #flaps = 0;
  #lastError: LastError | null = null;
  #lastDrop: LastError | null = null;
  #turnedAt: number;
  #lastDown: DownReason | null = null;

  constructor(settings: SessionSettings, environment: SessionEnvironment, handlers: SessionHandlers) {
    this.#settings = settings;
    this.#environment = environment;
    this.handlers = handlers;
    this.#stateSince = environment.clock.now();
    this.#turnedAt = this.#stateSince;
    this.#pair = new ConnectionPair(this);
  }

  get #main(): Connection {
    return this.#pair.main;
  }

  get settings(): SessionSettings {
    return this.#settings;
  }

  /** The state that is shown: that of the connection that is furthest. */
  get state(): State {
    return this.#state;
  }

  /** Monotonic milliseconds (Clock.now) of the last change of `state`. */
  get stateSince(): number {
    return this.#stateSince;
  }

  /** Monotonic milliseconds at which it came up or went down last; attempts to come up again don't count. */
  get turnedAt(): number {
    return this.#turnedAt;
  }

  /** Waiting in Idle before it comes back: after failures in a row, or as `fail` was asked to. */
  get resting(): boolean {
    return this.#wanted && this.#damped && this.#main.state === "Idle";
  }

  /** Null unless Established. */
  get agreed(): Agreed | null {
    return this.#agreed;
  }

  get counters(): MessageCounters {
    return { received: this.#received, sent: this.#sent };
  }

  /** Times that an Established session went down. */
  get flaps(): number {
    return this.#flaps;
  }

  get lastError(): LastError | null {
    return this.#lastError;
  }

  /** Why an Established session ended last; attempts to come up again don't count. */
  get lastDrop(): LastError | null {
    return this.#lastDrop;
  }

  get lastDown(): DownReason | null {
    return this.#lastDown;
  }

  /** Ends of the connection that is furthest, null without one. */
  get ends(): { localAddress: string; localPort: number; remotePort: number } | null {
    const transport = this.#main.transport ?? this.#pair.spare?.transport ?? null;
    if (transport === null) return null;
    return { localAddress: transport.localAddress, localPort: transport.localPort, remotePort: transport.remotePort };
  }

  /** Octets written to the peer but not yet taken by the kernel. */
  get backlog(): number {
    return this.#main.transport?.backlog() ?? 0;
  }

  /** The capabilities of the session that is up or was last; null if no OPEN was exchanged. */
  capabilities(): CapabilitiesView | null {
    const { openSent, openReceived } = this.#main;
    if (openSent === null) return null;
    const received = openReceived === null ? [] : capabilitiesOf(openReceived);
    return describeCapabilities(capabilitiesOf(openSent), received, this.#main.agreed);
  }

  timers(): SessionTimers {
    const main = this.#main;
    return {
      connectRetryMs: main.left("connectRetry"),
      holdMs: main.left("hold"),
      keepaliveMs: main.left("keepalive"),
      idleHoldMs: main.left("idleHold"),
      sendHoldMs: main.left("sendHold"),
      sinceLastMessageMs: this.#state === "Established" ? this.#environment.clock.now() - main.lastReceivedAt : null,
    };
  }

  // --- what the speaker asks for ---

  /** ManualStart: dials, or listens if the profile is passive. */
  start(): void {
    this.#wanted = true;
    this.#failures = 0;
    this.#main.event({ type: "ManualStart" });
  }

  /** ManualStop: Cease, or whatever else is asked for. Nothing starts by itself afterwards, and who connects is refused. */
  stop(how: StopOptions = {}): void {
    this.#wanted = false;
    const notification =
      how.quiet === true
        ? null
        : (how.notification ?? ceaseOf(how.subcode ?? CeaseError.AdministrativeShutdown, how.text ?? ""));
    this.#pair.releaseSpare()?.event({ type: "ManualStop", notification });
    this.#main.event({ type: "ManualStop", notification });
  }

  /**
   * Ends the session with Cease (6/4, administrative reset, by default) and comes back by itself. One that is not up tries at
   * once: damping is forgiven, and connect-retry is not waited for.
   */
  reset(subcode: CeaseSubcode = CeaseError.AdministrativeReset, text = ""): void {
    if (this.#main.transport !== null || this.#pair.spare !== null) {
      this.fail(ceaseOf(subcode, text));
      return;
    }
    this.tryAgain();
  }

  /** One that waits, for whatever reason, tries at once; one that is up, or on its way, goes on. */
  tryAgain(): void {
    if (this.#main.transport !== null || this.#pair.spare !== null) return;
    this.#failures = 0;
    this.#damped = false;
    if (!this.#wanted) return;
    if (this.#main.state === "Idle") this.#main.event({ type: "IdleHoldTimer_Expires" });
    if (this.#main.state === "Active") this.#main.event({ type: "ConnectRetryTimer_Expires" });
  }

  /**
   * Ends the session with a fault that was found outside of `update` (maximum-prefix: Cease 6/1), and comes back by itself: at once, or
   * after `restMs`, in which who connects is refused. `reset` ends the rest.
   */
  fail(error: NotificationError, restMs = 0): void {
    this.#restMs = restMs;
    if (restMs > 0) this.#pair.dropSpare();
    this.#end(error);
    this.#restMs = 0;
  }

  #end(error: NotificationError): void {
    if (this.#main.transport !== null) this.#main.event({ type: "AutomaticStop", notification: error });
    else this.#pair.spare?.event({ type: "AutomaticStop", notification: error });
  }

  /** Ends the session as if its TCP connection had failed, e.g. when our own link went down. */
  disconnect(reason: string): void {
    this.#pair.spare?.closed(reason);
    if (this.#main.transport !== null) this.#main.closed(reason);
  }

  /**
   * New settings for the next connection; a session that is up keeps what it agreed on, but signs with a new MD5 key from now on
   * (the peer's operator changes theirs at the same time: TCP sends again what was lost meanwhile). The address must stay.
   */
  update(settings: SessionSettings): void {
    const { passive: wasPassive } = this.#settings.profile;
    const before = this.#settings.profile.socket.md5Key;
    const { md5Key } = settings.profile.socket;
    this.#settings = settings;
    if (!sameKey(before, md5Key)) this.#rekey(md5Key ?? null);
    this.#main.setOptions(settings.profile);
    this.#pair.spare?.setOptions(settings.profile);
    // Nothing else would end the wait of one that is to dial from now on.
    const waits = this.#wanted && this.#main.state === "Active" && this.#main.transport === null;
    if (waits && wasPassive && !settings.profile.passive) this.#main.event({ type: "ConnectRetryTimer_Expires" });
  }

  #rekey(md5Key: Uint8Array | null): void {
    for (const connection of [this.#main, this.#pair.spare])
      try {
        connection?.transport?.configure({ md5Key });
      } catch (error) {
        if (!(error instanceof SocketOptionError)) throw error;
        this.#note(null, { kind: "closed", notification: null, text: error.message });
      }
  }

  /** Sends one whole small message (ROUTE-REFRESH, a lone UPDATE); ignored unless Established. */
  send(message: Uint8Array): void {
    if (this.#state === "Established") this.#main.send(message);
  }

  /**
   * Writes whole UPDATEs; the bytes are shared and never modified. At most one outstanding: wait for `taken`, which is called
   * once (maybe before this returns) when the kernel took all, and never if the session goes down before. `messages` is how
   * many UPDATEs the chunks hold (counted here by their lengths when left out).
   */
  writeBulk(chunks: readonly Uint8Array[], taken: () => void, messages = countMessages(chunks)): void {
    if (this.#state === "Established") this.#main.writeBulk(chunks, taken, messages);
  }

  /** Back pressure: while reading is paused the hold clock stands still. Ends with `resumeReading` or the session. */
  pauseReading(): void {
    if (this.#state === "Established") this.#main.pause();
  }

  resumeReading(): void {
    this.#main.resume();
  }

  /** A connection from this peer's address: taken, or refused with a NOTIFICATION that the peer can read. */
  accept(transport: Transport): void {
    if (!this.#wanted) {
      this.#refuse(transport, "the session is shut down");
      return;
    }
    try {
      transport.configure(this.#settings.profile.socket);
    } catch (error) {
      if (!(error instanceof SocketOptionError)) throw error;
      this.#note(null, { kind: "closed", notification: null, text: error.message });
      this.#refuse(transport, error.message);
      return;
    }
    // A rest in Idle that isn't damping (or none, after a replacement) is over as soon as somebody connects.
    if (this.#main.state === "Idle" && !this.#damped) this.#main.event({ type: "IdleHoldTimer_Expires" });
    if (this.#main.state === "Idle") {
      this.#refuse(transport, "the session rests after failures");
      return;
    }
    if (this.#main.state === "Active" && this.#main.transport === null) {
      this.#main.take(transport);
      return;
    }
    if (this.#mayBeReborn()) {
      this.#replace(transport);
      return;
    }
    this.#pair.takeBeside(transport);
  }

  /**
   * RFC 4724 §5 counts every connection after Established. One that comes right then was dialled before, by a peer that dialled as
   * we did and that lives: it is the other half of a collision (RFC 4271 §6.8), and to drop the session for it loses both.
   */
  #mayBeReborn(): boolean {
    if (this.#main.state !== "Established" || (this.#agreed?.gracefulRestart?.families.length ?? 0) === 0) return false;
    return this.#environment.clock.now() - this.#stateSince >= COLLISION_MS;
  }

  /** RFC 4724 §5: a peer with graceful restart that connects anew has lost the old connection, whatever TCP thinks. */
  #replace(transport: Transport): void {
    const text = "the peer has connected anew";
    this.#pair.replace();
    this.#agreed = null;
    this.#show(text);
    this.#down({ kind: "replaced", notification: null, text });
    this.#damped = false;
    this.accept(transport);
  }

  /** Cease 6/5 on a connection that never had an FSM. */
  #refuse(transport: Transport, why: string): void {
    const error = cease(CeaseError.ConnectionRejected, undefined, why);
    transport.write([encodeNotification(error)]);
    transport.end();
    this.counted("sent", 3, 1);
    this.handlers.notification?.("sent", error, error.message);
  }

  // --- what its connections ask for and tell ---

  newConnection(): Connection {
    return new Connection(this.#settings.profile, this.#environment, this);
  }

  dial(receiver: DialReceiver): Dial {
    const { remoteAddress, remotePort, localAddress, profile } = this.#settings;
    return this.#environment.network.connect({ ...profile.socket, remoteAddress, remotePort, localAddress }, receiver);
  }

  makeOpen(): Uint8Array {
    const { profile } = this.#settings;
    const capabilities = this.#plain ? [] : offered(profile, this.handlers.restartState?.() ?? null);
    const { localAs, holdTimeSeconds, routerId } = profile;
    return encodeOpen({ as: localAs, holdTimeSeconds, routerId, capabilities });
  }

  agree(connection: Connection, open: OpenMessage): Agreed {
    const { profile, remoteAddress } = this.#settings;
    checkOpen(profile, open);
    const sent = capabilitiesOf(connection.ownOpen());
    return negotiate(profile, sent, open, { localAddress: connection.transport!.localAddress, remoteAddress });
  }

  opened(connection: Connection): void {
    const { localAs, routerId } = this.#settings.profile;
    const { remoteRouterId, remoteAs } = connection.agreed!;
    const dominant = weDominate({ routerId, as: localAs }, { routerId: remoteRouterId, as: remoteAs });
    this.#pair.decide(connection, dominant);
  }

  impatient(connection: Connection): void {
    if (connection.waiting) connection.confirm();
  }

  idleHoldMs(connection: Connection, fault: boolean): number {
    const established = connection === this.#main && this.#state === "Established";
    const establishedForMs = established ? this.#environment.clock.now() - this.#stateSince : 0;
    this.#failures = countFailures(this.#failures, fault, establishedForMs);
    const damping = idleHoldMs(this.#failures, fault, this.#settings.profile.idleHoldMaxMs);
    const ms = connection === this.#main ? Math.max(damping, this.#restMs) : damping;
    this.#damped = ms > 1;
    return ms;
  }

  moved(connection: Connection, from: State, end: End): void {
    const { state } = connection;
    const ended = states.indexOf(from) >= OPEN_SENT && states.indexOf(state) < OPEN_SENT;
    if (ended && connection.openSent !== null)
      this.#plain = refusesParameters(end.received) && this.#canSpeakPlainly(connection.openSent);
    if (!this.#pair.has(connection)) return; // given up by us
    if (state === "Established") {
      this.#pair.settleOn(connection);
      this.#established(connection);
      return;
    }
    const reason = reasonOf(end);
    if (from === "Established") {
      this.#agreed = null;
      this.#show(reason.text);
      this.#down(reason);
    } else this.#note(end, reason);
    this.#pair.settle();
    this.#show(reason.text);
  }

  hindered(connection: Connection, why: End): void {
    if (!this.#pair.has(connection)) return;
    const reason = reasonOf(why);
    this.#note(why, reason);
    this.handlers.hindered?.(reason.text);
  }

  #established(connection: Connection): void {
    this.#agreed = connection.agreed;
    connection.lastReceivedAt = this.#environment.clock.now();
    this.#show("");
    // The handler of the state may have ended it.
    if (connection.state === "Established") this.handlers.established(connection.agreed!);
  }

  #down(reason: DownReason): void {
    this.#flaps++;
    this.#note(null, reason);
    this.#lastDrop = lastErrorOf(reason, this.#environment.clock.wallTime());
    this.handlers.down(reason);
  }

  /** Remembers what went wrong, for display. The end of a collision's loser is nothing wrong. */
  #note(end: End | null, reason: DownReason): void {
    if (end !== null && reason.text === "") return;
    if (isCollision(reason)) return;
    this.#lastDown = reason;
    this.#lastError = lastErrorOf(reason, this.#environment.clock.wallTime());
  }

  /** Tells of a change of the state that is shown: that of the connection that is furthest. */
  #show(reason: string): void {
    const state = this.#pair.furthest;
    const from = this.#state;
    if (state === from) return;
    this.#state = state;
    this.#stateSince = this.#environment.clock.now();
    if (state === "Established" || from === "Established") this.#turnedAt = this.#stateSince;
    this.handlers.stateChanged?.(from, state, reason);
  }

  /** A retry without optional parameters makes sense where they were sent, and where IPv4 unicast is wanted (RFC 5492 §3). */
  #canSpeakPlainly(openSent: OpenRecord): boolean {
    return hasParameters(openSent) && this.#settings.profile.offer.families.includes(0);
  }

  counted(direction: "sent" | "received", type: number, messages: number): void {
    const counters = direction === "sent" ? this.#sent : this.#received;
    counters[type]! += messages;
    counters[0]! += messages;
  }

  notified(direction: "sent" | "received", notification: ReceivedNotification): void {
    const text = notification instanceof NotificationError ? notification.message : describeNotification(notification);
    this.handlers.notification?.(direction, viewOf(notification), text);
  }

  bug(error: unknown): void {
    if (this.handlers.bug !== undefined) this.handlers.bug(error);
    else
      this.#environment.clock.defer(() => {
        throw error;
      });
  }
}

const sameKey = (a: Uint8Array | null | undefined, b: Uint8Array | null | undefined): boolean =>
  a === b ||
  (a instanceof Uint8Array &&
    b instanceof Uint8Array &&
    a.length === b.length &&
    a.every((octet, i) => octet === b[i]));

/** Whole messages back to back. */
function countMessages(chunks: readonly Uint8Array[]): number {
  let count = 0;
  for (const chunk of chunks)
    for (let at = 0; at + HEADER_LENGTH <= chunk.length; count++) at += (chunk[at + 16]! << 8) | chunk[at + 17]!;
  return count;
}
