import type { State } from "../../session/fsm/state.ts";
import type { DownReason } from "../../session/handlers.ts";
import type { Peer } from "../peer.ts";

/** Somebody who writes down what sessions do. Must neither throw nor keep the octets that it is shown. */
export interface SessionWatcher {
  /** An UPDATE has come in, and is about to be read: its body, with the 19 octets of its header before `start`. */
  received?(peer: Peer, bytes: Uint8Array, start: number, end: number): void;
  /** It has been read, and the tables hold what it said. */
  read?(peer: Peer, bytes: Uint8Array, start: number, end: number): void;
  stateChanged?(peer: Peer, from: State, to: State): void;
  /** `peer.live` is there. */
  established?(peer: Peer): void;
  /** `peer.live` has gone. */
  down?(peer: Peer, reason: DownReason): void;
}

/** Those who look on. With nobody there a message costs one look at `list`. */
export class SessionWatchers {
  list: readonly SessionWatcher[] | null = null;

  add(watcher: SessionWatcher): void {
    this.list = [...(this.list ?? []), watcher];
  }

  remove(watcher: SessionWatcher): void {
    const left = this.list?.filter((each) => each !== watcher) ?? [];
    this.list = left.length === 0 ? null : left;
  }
}
