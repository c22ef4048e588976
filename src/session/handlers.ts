import type { Family } from "../lib/family.ts";
import type { Agreed } from "./agreed.ts";
import type { State } from "./fsm/state.ts";

/** A NOTIFICATION as numbers; `data` is a copy. */
export interface NotificationView {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** Why a session ended or did not come up. */
export interface DownReason {
  /**
   * "sent" and "received": by a NOTIFICATION; "closed": the TCP connection failed, or we parted without a word; "replaced": a new
   * connection of a peer with graceful restart took the place of the old one (RFC 4724 §5).
   */
  readonly kind: "sent" | "received" | "closed" | "replaced";
  readonly notification: NotificationView | null;
  /** One sentence part in words, e.g. "hold timer expired"; text from the peer is already escaped. */
  readonly text: string;
}

/** The last thing that went wrong, as `summary` and `neighbor` show it. */
export interface LastError {
  /** Wall-clock milliseconds since 1970. */
  readonly at: number;
  readonly direction: "sent" | "received" | "local";
  /** Of the NOTIFICATION; null where none was involved. */
  readonly code: number | null;
  readonly subcode: number | null;
  readonly text: string;
}

/**
 * What a session tells the one who runs it, in the turn in which it happens. `established`, then any number of `update` and
 * `routeRefresh`, then exactly one `down`: after `down` nothing comes until the next `established`.
 */
export interface SessionHandlers {
  established(agreed: Agreed): void;
  down(reason: DownReason): void;
  /**
   * The body of an UPDATE (behind the 19 octets of its header), in place in the receive buffer: copy what you keep.
   * A NotificationError that is thrown here ends the session with it; any other error ends it too and is reported by `bug`.
   */
  update(bytes: Uint8Array, start: number, end: number): void;
  /** The body of a ROUTE-REFRESH (RFC 2918, RFC 7313), likewise. */
  routeRefresh(bytes: Uint8Array, start: number, end: number): void;
  /** Each change of the state that is shown; `reason` in words, "" when there is nothing to say. */
  stateChanged?(from: State, to: State, reason: string): void;
  /** A dial came to nothing, and the next one has begun in the same state. */
  hindered?(reason: string): void;
  /** A NOTIFICATION that went out or came in, also on a connection that lost a collision or was refused. */
  notification?(direction: "sent" | "received", notification: NotificationView, text: string): void;
  /** The chunk that was being read is done: a good moment to end a batch. Called once per chunk that held UPDATEs. */
  chunkDone?(): void;
  /** R and F bits of the OPEN about to be sent (RFC 4724 §3), asked only if graceful restart is offered; both false without it. */
  restartState?(): { readonly restarting: boolean; forwarding(family: Family): boolean };
  /** An error of our own in a handler: the session was ended with Cease 6/0, the error is for the log. */
  bug?(error: unknown): void;
}
