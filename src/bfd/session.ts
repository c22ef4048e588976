import type { Clock, Timer } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { type ControlPacket, Diagnostic, SessionState } from "./packet.ts";

/** What one end of a session wants. Times in milliseconds. */
export interface SessionSettings {
  /** As often as we send at most, while the session is up. */
  readonly transmit: number;
  /** As often as we take packets. */
  readonly receive: number;
  /** So many packets may be missed: 1 to 255. */
  readonly multiplier: number;
}

export interface SessionParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: SessionSettings;
  /** Ours: not 0, and no other session's. */
  readonly discriminator: number;
  send(packet: ControlPacket): void;
  /** State, diagnostic or times of one end are other ones. */
  onChange(session: BfdSession): void;
}

/** While a session isn't up, nobody sends more often than that (RFC 5880 §6.8.3), and neither do we. */
const SLOW_MS = 1000;
const US_PER_MS = 1000;
/** What stands for "not heard yet" (RFC 5880 §6.8.1, bfd.RemoteMinRxInterval). */
const UNHEARD_MIN_RX = 1;

/**
 * One BFD session in asynchronous mode (RFC 5880 §6.8), without Demand mode, Echo and authentication on our side. A pure state
 * machine: packets and time come in, packets and changes go out.
 */
export class BfdSession {
  readonly discriminator: number;
  readonly #parts: SessionParts;
  #settings: SessionSettings;
  #state: SessionState = SessionState.Down;
  #diagnostic: number = Diagnostic.None;
  #remote = unheard();
  /** Times that are in force now, in ms: those of the settings come into force as RFC 5880 §6.8.3 says. */
  #transmit = SLOW_MS;
  #receive: number;
  /** We ask for an answer (Poll Sequence) until one with the F bit comes. */
  #polling = false;
  /** What a Poll Sequence that comes to its end brings into force. */
  #afterPoll: { transmit: number; receive: number } | null = null;
  #sendTimer: Timer | null = null;
  #sendAt = 0;
  #detection: Timer | null = null;
  #detectionAt = 0;
  #heardAt = 0;
  #upSince: number | null = null;
  #downs = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#receive = parts.settings.receive;
    this.discriminator = parts.discriminator;
  }

  /** Begins to look for the other end (active role). */
  start(): void {
    this.#sendAndGoOn();
  }

  get state(): SessionState {
    return this.#state;
  }

  get remoteState(): SessionState {
    return this.#remote.state;
  }

  /** Why the session went down last; of the other end, if it was that which said so. */
  get diagnostic(): number {
    return this.#diagnostic;
  }

  get remoteDiagnostic(): number {
    return this.#remote.diagnostic;
  }

  get remoteDiscriminator(): number {
    return this.#remote.discriminator;
  }

  /** The other end's BFD lives on when its control plane restarts (C bit). */
  get remoteIndependent(): boolean {
    return this.#remote.independent;
  }

  /** How often it left Up. */
  get downs(): number {
    return this.#downs;
  }

  /** Since when it is up, by the clock; null: it isn't. */
  get upSince(): number | null {
    return this.#upSince;
  }

  /** Mean time between our packets before the jitter, in ms; 0: the other end wants none. */
  get transmitMs(): number {
    return this.#remote.minRx === 0 ? 0 : Math.max(this.#transmit, this.#remote.minRx / US_PER_MS);
  }

  get receiveMs(): number {
    return this.#receive;
  }

  /** So long nothing may be heard (RFC 5880 §6.8.4), in ms; 0: nothing was heard yet. */
  get detectMs(): number {
    return this.#remote.multiplier * Math.max(this.#receive, this.#remote.desiredTx / US_PER_MS);
  }

  get multiplier(): number {
    return this.#settings.multiplier;
  }

  /** Other settings of a session that goes on: agreed on by a Poll Sequence (RFC 5880 §6.8.3). */
  change(settings: SessionSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    if (this.#state !== SessionState.Up) {
      this.#receive = settings.receive;
      this.#rearmDetection();
      return;
    }
    if (before.transmit === settings.transmit && before.receive === settings.receive) return;
    this.#poll();
  }

  /** A packet for this session, whose form was found right and which came from the right address. */
  receive(packet: ControlPacket): void {
    const remote = this.#remote;
    const heardBefore = remote.state;
    const detectBefore = this.detectMs;
    remote.discriminator = packet.myDiscriminator;
    remote.state = packet.state;
    remote.diagnostic = packet.diagnostic;
    remote.independent = packet.controlPlaneIndependent;
    remote.multiplier = packet.multiplier;
    const other = packet.requiredMinRx < remote.minRx || packet.demand !== remote.demand;
    remote.demand = packet.demand;
    remote.minRx = packet.requiredMinRx;
    remote.desiredTx = packet.desiredMinTx;
    if (packet.final && this.#polling) this.#pollEnded();
    if (this.#state === SessionState.AdminDown) return;
    this.#heardAt = this.#parts.clock.now();
    const before = this.#state;
    this.#advance(packet);
    this.#rearmDetection();
    if (packet.poll) this.#send(true);
    else if (this.#state !== before && this.#state !== SessionState.Up) this.#send(false);
    if (other || this.#state !== before || this.#sendTimer === null) this.#schedule();
    const isOther = heardBefore !== packet.state || detectBefore !== this.detectMs;
    if (this.#state === before && isOther) this.#parts.onChange(this);
  }

  /** Says so to the other end, which then knows that the path isn't to blame (RFC 5880 §6.8.16). Packets go on until `close`. */
  disable(): void {
    if (this.#state === SessionState.AdminDown) return;
    this.#enter(SessionState.AdminDown, Diagnostic.AdministrativelyDown);
    this.#sendAndGoOn();
  }

  enable(): void {
    if (this.#state !== SessionState.AdminDown) return;
    this.#enter(SessionState.Down, Diagnostic.None);
    this.#sendAndGoOn();
  }

  close(): void {
    this.#sendTimer?.cancel();
    this.#detection?.cancel();
    this.#sendTimer = this.#detection = null;
  }

  /** The state machine (RFC 5880 §6.8.6, §6.2). */
  #advance({ state }: ControlPacket): void {
    if (state === SessionState.AdminDown) {
      if (this.#state !== SessionState.Down) this.#enter(SessionState.Down, Diagnostic.NeighborSignaledDown);
    } else if (this.#state === SessionState.Down) {
      if (state === SessionState.Down) this.#enter(SessionState.Init, this.#diagnostic);
      else if (state === SessionState.Init) this.#enter(SessionState.Up, Diagnostic.None);
    } else if (this.#state === SessionState.Init) {
      if (state !== SessionState.Down) this.#enter(SessionState.Up, Diagnostic.None);
    } else if (state === SessionState.Down) this.#enter(SessionState.Down, Diagnostic.NeighborSignaledDown);
  }

  #enter(state: SessionState, diagnostic: number): void {
    const wasUp = this.#state === SessionState.Up;
    this.#state = state;
    this.#diagnostic = diagnostic;
    if (state === SessionState.Up) {
      this.#upSince = this.#parts.clock.now();
      this.#poll(); // from the slow time to that of the settings
    } else {
      if (wasUp) this.#downs++;
      this.#upSince = null;
      this.#polling = false;
      this.#afterPoll = null;
      this.#transmit = SLOW_MS;
      this.#receive = this.#settings.receive;
      this.#sendTimer?.cancel();
      this.#sendTimer = null;
    }
    this.#parts.onChange(this);
  }

  /**
   * A Poll Sequence (RFC 5880 §6.5, §6.8.3). A shorter time between our packets holds at once and a longer one when the other end
   * knows; with the time between theirs it is the other way round.
   */
  #poll(): void {
    const { transmit, receive } = this.#settings;
    this.#polling = true;
    this.#afterPoll = { transmit, receive };
    this.#transmit = Math.min(this.#transmit, transmit);
    this.#receive = Math.max(this.#receive, receive);
    this.#sendAndGoOn();
    this.#rearmDetection();
  }

  #pollEnded(): void {
    this.#polling = false;
    if (this.#afterPoll === null) return;
    this.#sendTimer?.cancel();
    this.#sendTimer = null;
    ({ transmit: this.#transmit, receive: this.#receive } = this.#afterPoll);
    this.#afterPoll = null;
    this.#schedule();
    this.#parts.onChange(this);
  }

  /** A timer that runs is left alone if it isn't too late: it looks when it fires. So a packet costs none. */
  #rearmDetection(): void {
    const { clock } = this.#parts;
    const ms = this.detectMs;
    const idle = ms === 0 || this.#state === SessionState.AdminDown;
    const due = this.#heardAt + ms;
    if (!idle && this.#detection !== null && this.#detectionAt <= due) return;
    this.#detection?.cancel();
    this.#detection = null;
    if (idle) return;
    this.#detectionAt = due;
    this.#detection = clock.setTimer(Math.max(0, due - clock.now()), () => {
      this.#detection = null;
      if (this.#heardAt + this.detectMs > clock.now()) this.#rearmDetection();
      else this.#notHeard();
    });
  }

  #notHeard(): void {
    const wasDown = this.#state === SessionState.Down;
    this.#remote = unheard(); // RFC 5880 §6.8.1, bfd.RemoteDiscr
    if (wasDown) {
      this.#parts.onChange(this);
      return;
    }
    this.#enter(SessionState.Down, Diagnostic.DetectionTimeExpired);
    this.#sendAndGoOn();
  }

  #sendAndGoOn(): void {
    this.#send(false);
    this.#schedule();
  }

  /** The next packet: the agreed time less 0 to 25 %, less 10 to 25 % where a single packet may not be missed (RFC 5880 §6.8.7). */
  #schedule(): void {
    const { clock, random } = this.#parts;
    const ms = this.transmitMs;
    const least = 0.75 * ms;
    const most = this.#settings.multiplier === 1 ? 0.9 * ms : ms;
    const at = clock.now() + least + (most - least) * random.next();
    const idle = ms === 0 || this.#isDemanded();
    if (!idle && this.#sendTimer !== null && this.#sendAt <= at) return;
    this.#sendTimer?.cancel();
    this.#sendTimer = null;
    if (idle) return;
    this.#sendAt = at;
    this.#sendTimer = clock.setTimer(at - clock.now(), () => {
      this.#sendTimer = null;
      this.#sendAndGoOn();
    });
  }

  /** The other end is in Demand mode: it asks when it wants to know (RFC 5880 §6.6, §6.8.7). */
  #isDemanded(): boolean {
    const both = this.#state === SessionState.Up && this.#remote.state === SessionState.Up;
    return both && this.#remote.demand && !this.#polling;
  }

  #send(final: boolean): void {
    this.#parts.send({
      diagnostic: this.#diagnostic,
      state: this.#state,
      poll: this.#polling && !final,
      final,
      controlPlaneIndependent: false,
      demand: false,
      multiplier: this.#settings.multiplier,
      myDiscriminator: this.discriminator,
      yourDiscriminator: this.#remote.discriminator,
      desiredMinTx:
        US_PER_MS *
        (this.#state === SessionState.Up ? this.#settings.transmit : Math.max(SLOW_MS, this.#settings.transmit)),
      requiredMinRx: US_PER_MS * this.#settings.receive,
      requiredMinEchoRx: 0,
    });
  }
}

/** The other end as long as nothing was heard of it. */
const unheard = () => ({
  discriminator: 0,
  state: SessionState.Down as SessionState,
  diagnostic: Diagnostic.None as number,
  demand: false,
  independent: false,
  multiplier: 0,
  /** Microseconds. */
  minRx: UNHEARD_MIN_RX,
  desiredTx: 0,
});
