import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { NotificationError } from "../wire/errors.ts";
import type { Agreed, CapabilitiesView } from "./agreed.ts";
import type { KeepaliveLag, MessageCounters } from "./counters.ts";
import type { State } from "./fsm/state.ts";
import type { DownReason, LastError, SessionHandlers } from "./handlers.ts";
import type { SessionSettings } from "./settings.ts";
import type { Network, Transport } from "./transport.ts";

/** What all sessions of a speaker share. */
export interface SessionEnvironment {
  readonly clock: Clock;
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
}

/**
 * One configured or dynamic peer: dials or waits, resolves collisions, and holds at most one Established connection.
 */
export declare class PeerSession {
  constructor(settings: SessionSettings, environment: SessionEnvironment, handlers: SessionHandlers);
  readonly settings: SessionSettings;
  /** The state that is shown: that of the connection that is furthest. */
  readonly state: State;
  /** Monotonic milliseconds (Clock.now) of the last change of `state`. */
  readonly stateSince: number;
  readonly agreed: Agreed | null;
  readonly counters: MessageCounters;
  /** Times that an Established session went down. */
  readonly flaps: number;
  readonly lastError: LastError | null;
  readonly lastDown: DownReason | null;
  capabilities(): CapabilitiesView | null;
  timers(): SessionTimers;

  /** ManualStart (or AutomaticStart): dials, or listens if the profile is passive. */
  start(): void;
  /** ManualStop: Cease 6/2 with an optional shutdown text (RFC 9003), 6/3 with `deconfigured`, or no NOTIFICATION at all with `quiet`. */
  stop(how?: { subcode?: number; text?: string; quiet?: boolean }): void;
  /** A connection from this peer's address. It is taken, or refused with a NOTIFICATION that the peer can read. */
  accept(transport: Transport): void;
  /** Ends the session with Cease (6/4 by default) and comes back by itself (AutomaticStop, then AutomaticStart). */
  reset(subcode?: number, text?: string): void;
  /** Ends the session as if its TCP connection had failed, e.g. when our own link went down. */
  disconnect(reason: string): void;
  /** Ends the session with a fault that was found outside of `update` (maximum-prefix: Cease 6/1 ...). */
  fail(error: NotificationError): void;
  /** Sends one whole small message (ROUTE-REFRESH, a lone UPDATE); ignored unless Established. */
  send(message: Uint8Array): void;
  /**
   * Writes whole messages; shared, never to be modified. At most one outstanding: wait for `taken`, which is called once (maybe
   * before this returns) when the kernel took all, and never if the session goes down before. `messages` is how many UPDATEs
   * the chunks hold (counted here by their lengths when left out).
   */
  writeBulk(chunks: readonly Uint8Array[], taken: () => void, messages?: number): void;
  /** Back pressure: while reading is paused the hold clock stands still. Survives until `resumeReading` or the end of the session. */
  pauseReading(): void;
  resumeReading(): void;
  /** New settings for the next connection (reload of what needs no reset: timers, passive, keys). */
  update(settings: SessionSettings): void;
}
