import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock, Timer } from "../lib/clock.ts";
import { hasBody } from "./body.ts";
import type { HttpBounds } from "./bounds.ts";
import type { Reply } from "./reply.ts";
import { Valve } from "./valve.ts";

/** A request and the answer to it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly reply: Reply;
  readonly connection: Connection;
}

/** One client's connection: what is answered on it now, what waits behind that, and how long it may take to ask. */
export class Connection {
  /** What Node's server parses. */
  readonly valve: Valve;
  /** The address at the other side; empty on a unix socket. */
  readonly address: string;
  readonly #clock: Clock;
  readonly #bounds: HttpBounds;
  /** What came in one slice with what is answered now. */
  readonly #waiting: Exchange[] = [];
  #current: Exchange | null = null;
  /** Nothing that comes behind is answered. */
  #isLast = false;
  #timer: Timer | null = null;
  /** The timer is that of a request which has begun to come in. */
  #isAsking = false;

  constructor(socket: Socket, clock: Clock, bounds: HttpBounds) {
    this.address = socket.remoteAddress ?? "";
    this.#clock = clock;
    this.#bounds = bounds;
    this.valve = new Valve(
      socket,
      clock,
      () => this.#isOpen(),
      () => this.#asking(),
    );
    this.#setTimer(bounds.idleMs);
  }

  /** Takes a request in; true if it is to be answered now, otherwise `next` will give it out. */
  take(exchange: Exchange): boolean {
    const { request } = exchange;
    if (hasBody(request)) request.once("end", () => this.#endTimer());
    else this.#endTimer();
    if (this.#isLast) return false;
    if (this.#current !== null) {
      this.#waiting.push(exchange);
      return false;
    }
    this.#current = exchange;
    return true;
  }

  /** What is to be answered next, now that an answer has ended; null if the client has asked nothing: then it `rest`s. */
  next(): Exchange | null {
    this.#current = this.#waiting.shift() ?? null;
    return this.#current;
  }

  /** Waits for the next request, and looks whether it is there already. */
  rest(): void {
    this.#isAsking = false;
    this.#setTimer(this.#bounds.idleMs);
    this.valve.update();
  }

  /** The answer under way is the last: what else the client has asked is forgotten. */
  finish(): void {
    this.#isLast = true;
    this.#forgetWaiting();
  }

  /** The client is gone: lets go whoever works for it. */
  abandon(): void {
    this.#endTimer();
    this.#current?.reply.abandon();
    this.#forgetWaiting();
  }

  destroy(): void {
    this.valve.destroy();
  }

  #isOpen(): boolean {
    if (this.#isLast) return false;
    // A body goes on coming in while its request is looked at.
    return this.#current === null || !this.#current.request.complete;
  }

  /** Octets are on their way to the parser: the first of a request begin its time. */
  #asking(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#setTimer(this.#bounds.requestMs);
  }

  #setTimer(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(ms, () => this.destroy());
  }

  #endTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #forgetWaiting(): void {
    for (const { reply } of this.#waiting.splice(0)) reply.abandon();
  }
}
