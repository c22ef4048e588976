import { judge, patienceMs } from "./collision.ts";
import type { Connection } from "./connection.ts";
import { type State, states } from "./fsm/state.ts";
import type { Transport } from "./transport.ts";

/** Who makes the connections. */
export interface PairOwner {
  newConnection(): Connection;
}

/**
 * The connections of one peer: the main one, which dials and whose timers bring the session back, and beside it at most one that
 * came in while the main one was busy. Carries out what `collision.ts` decides.
 */
export class ConnectionPair {
  readonly #owner: PairOwner;
  #main: Connection;
  #spare: Connection | null = null;

  constructor(owner: PairOwner) {
    this.#owner = owner;
    this.#main = owner.newConnection();
  }

  get main(): Connection {
    return this.#main;
  }

  get spare(): Connection | null {
    return this.#spare;
  }

  /** The state of the connection that is furthest. */
  get furthest(): State {
    const main = states.indexOf(this.#main.state);
    const spare = this.#spare === null ? 0 : states.indexOf(this.#spare.state);
    return states[Math.max(main, spare)]!;
  }

  has(connection: Connection): boolean {
    return connection === this.#main || connection === this.#spare;
  }

  /** Takes a connection that came in beside the main one; an older such one has been given up by the peer. */
  takeBeside(transport: Transport): void {
    this.dropSpare();
    const newcomer = this.#owner.newConnection();
    newcomer.event({ type: "AutomaticStart_with_PassiveTcpEstablishment" });
    this.#spare = newcomer;
    newcomer.take(transport);
  }

  /** Forgets both without a word, and starts afresh. */
  replace(): void {
    const old = this.#main;
    this.#main = this.#owner.newConnection();
    old.abandon();
    this.dropSpare();
  }

  /** A connection has got a good OPEN: which of both stays? */
  decide(connection: Connection, dominant: boolean): void {
    const other = connection === this.#main ? this.#spare : this.#main;
    const contender = (each: Connection) => ({
      state: each.state,
      initiatedByUs: each.initiatedByUs,
      newer: each === this.#spare,
    });
    switch (judge(contender(connection), other === null ? null : contender(other), dominant)) {
      case "wait":
        connection.wait(patienceMs(connection.agreed!.holdTimeSeconds * 1000));
        return;
      case "yield":
        connection.event({ type: "OpenCollisionDump" });
        return;
      case "take":
        other!.event({ type: "OpenCollisionDump" });
        connection.confirm();
        return;
      case "proceed":
        connection.confirm();
    }
  }

  /** A connection is Established: it is the one. */
  settleOn(connection: Connection): void {
    if (connection === this.#spare) this.#promote();
    else this.dropSpare();
  }

  /** Puts things in order after one has lost its TCP connection. */
  settle(): void {
    const spare = this.#spare;
    if (spare === null) return;
    const main = this.#main;
    if (spare.transport === null) {
      this.#spare = null;
      spare.abandon();
    } else if (main.transport === null && (main.state === "Idle" || main.state === "Active")) this.#promote();
    else return;
    // Nothing is left to wait for.
    if (this.#main.waiting) this.#main.confirm();
  }

  /** Takes the one that came in away, to be ended in another way. */
  releaseSpare(): Connection | null {
    const spare = this.#spare;
    this.#spare = null;
    return spare;
  }

  dropSpare(): void {
    const spare = this.releaseSpare();
    if (spare !== null) dump(spare);
  }

  /** The connection that came in becomes the main one; what was the main one ends, if it has not. */
  #promote(): void {
    const old = this.#main;
    this.#main = this.#spare!;
    this.#spare = null;
    dump(old);
  }
}

/** Ends a connection that is nobody's any more. */
function dump(connection: Connection): void {
  if (connection.state !== "Idle") connection.event({ type: "OpenCollisionDump" });
  connection.abandon();
}
