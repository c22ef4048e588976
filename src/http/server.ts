/**
 * The HTTP servers of this daemon (control socket, metrics) with one set of bounds. Node's server parses and writes; here stands what it
 * leaves open: how many clients, how much at once, for how long. The rules:
 *
 * - A connection has one request under way. What a client sends ahead waits in the kernel (valve.ts).
 * - A request under way holds one of a few places until its answer is taken. Long answers go out in slices, one slice of one answer in
 *   each turn of the loop (turns.ts), and none before the client took the last (reply.ts).
 * - When all places are taken, who takes nothing gives way to who comes: the connection that has been idle for the longest, the answer
 *   that has been stuck for the longest. So nobody can shut the operator out by sitting there.
 * - A client that goes, or a server that closes, lets go at once whatever works for it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createNetServer, type Server, type Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { defaultBounds, type HttpBounds } from "./bounds.ts";
import { Connection, type Exchange } from "./connection.ts";
import { isOwnHost } from "./host.ts";
import { Places } from "./places.ts";
import { type Queued, Reply } from "./reply.ts";
import { Turns } from "./turns.ts";
import type { Valve } from "./valve.ts";

export interface HttpServerOptions {
  readonly clock: Clock;
  /** Shared by all servers of one daemon. */
  readonly turns?: Turns;
  readonly bounds?: Partial<HttpBounds>;
  /** Names under which the server may be asked besides addresses; null: by any, as nobody but this machine can (a unix socket). */
  readonly hostNames: (() => readonly string[]) | null;
  /** Answers a request and resolves when the reply has ended; of one that is `gone` it may resolve any time. */
  answer(request: IncomingMessage, reply: Reply): Promise<void>;
  /** A fault of ours: the answer was cut off. */
  failed(error: Error, request: IncomingMessage): void;
  /** A refusal in the words of this server: its content type and text. */
  refusal(sentence: string): { readonly type: string; readonly text: string };
}

interface Refusal {
  readonly status: 421 | 429 | 500 | 503;
  readonly sentence: string;
}

export class HttpServer {
  /** To listen with. */
  readonly listener: Server;
  readonly bounds: HttpBounds;
  /** Octets of answers that haven't been taken. */
  readonly queued: Queued = { octets: 0 };
  /** Octets of bodies that are held. */
  readonly bodies: Queued = { octets: 0 };
  readonly #options: HttpServerOptions;
  readonly #turns: Turns;
  readonly #places: Places;
  readonly #long: Places;
  readonly #connections = new Map<Valve, Connection>();
  /** Connections without a request, the one that has been so for the longest first. */
  readonly #idle = new Set<Connection>();
  readonly #underWay = new Set<Exchange>();

  constructor(options: HttpServerOptions) {
    const { clock, turns } = options;
    const bounds = { ...defaultBounds, ...options.bounds };
    this.#options = options;
    this.bounds = bounds;
    this.#turns = turns ?? new Turns(clock);
    this.#places = new Places(bounds.requests, bounds.giveWayMs, clock);
    this.#long = new Places(bounds.longAnswers, bounds.giveWayMs, clock);
    // Time is ours to keep: Node looks for late requests every so often, and not at who reads.
    const parser = createServer(
      { maxHeaderSize: bounds.headOctets, headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 },
      (request, response) => this.#asked(request, response),
    );
    parser.on("clientError", (_, socket) => socket.destroy());
    this.listener = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = this.#connected(socket);
      if (connection !== null) parser.emit("connection", connection.valve);
    });
  }

  /** Requests that are answered now. */
  get underWay(): number {
    return this.#underWay.size;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Takes one of the places for long answers for this one, until it has ended; false: it was refused (503). */
  async makeLong(reply: Reply): Promise<boolean> {
    if (this.#long.take(reply)) return true;
    const sentence = `${this.#long.most} long answers are under way already: try again`;
    await this.#refuse(reply, { status: 503, sentence });
    return false;
  }

  /** Cuts off every answer under way that `which` takes. */
  cut(which: (request: IncomingMessage) => boolean): void {
    for (const { request, reply } of [...this.#underWay]) if (which(request)) reply.cut();
  }

  /** Stops listening and ends all connections, whatever is under way on them. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.listener.close(() => resolve());
      for (const connection of [...this.#connections.values()]) connection.destroy();
    });
  }

  #connected(socket: Socket): Connection | null {
    if (this.#connections.size >= this.bounds.connections) {
      const [longest] = this.#idle;
      if (longest === undefined) {
        socket.destroy();
        return null;
      }
      this.#forget(longest);
      longest.destroy();
    }
    const connection = new Connection(socket, this.#options.clock, this.bounds);
    this.#connections.set(connection.valve, connection);
    this.#idle.add(connection);
    connection.valve.on("error", () => {});
    connection.valve.on("close", () => this.#forget(connection));
    return connection;
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.valve);
    this.#idle.delete(connection);
    connection.abandon();
  }

  #asked(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket as unknown as Valve);
    if (connection === undefined) return;
    const { clock } = this.#options;
    const reply = new Reply(response, {
      clock,
      turns: this.#turns,
      queued: this.queued,
      stallMs: this.bounds.stallMs,
    });
    this.#idle.delete(connection);
    const exchange: Exchange = { request, reply, connection };
    if (connection.take(exchange)) this.#begin(exchange);
  }

  #begin(exchange: Exchange): void {
    const { connection, request, reply } = exchange;
    const refusal = this.#reasonToRefuse(request, connection, reply);
    if (refusal === null) {
      this.#underWay.add(exchange);
      void this.#answer(exchange);
      return;
    }
    connection.finish();
    void this.#refuse(reply, refusal);
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request, reply, connection } = exchange;
    try {
      await reply.turn();
      if (!reply.gone) await this.#options.answer(request, reply);
    } catch (error) {
      this.#options.failed(error as Error, request);
      if (!reply.begun) await this.#refuse(reply, { status: 500, sentence: "The daemon failed to answer" });
    }
    this.#underWay.delete(exchange);
    this.#places.leave(reply);
    this.#long.leave(reply);
    // Neither a part of an answer nor none at all may look like a whole one.
    if (!reply.ended) reply.cut();
    if (reply.gone) return;
    const next = connection.next();
    if (next !== null) this.#begin(next);
    else if (this.#connections.has(connection.valve)) {
      this.#idle.add(connection);
      connection.rest();
    }
  }

  #reasonToRefuse({ headers }: IncomingMessage, { address }: Connection, reply: Reply): Refusal | null {
    const { bounds } = this;
    const names = this.#options.hostNames;
    if (names !== null && !isOwnHost(headers.host, names()))
      return { status: 421, sentence: `This server is not called ${JSON.stringify(headers.host)}` };
    const same: Reply[] = [];
    if (address !== "")
      for (const { connection, reply } of this.#underWay)
        if (connection.address === address && !reply.gone) same.push(reply);
    const mostOfOne = bounds.requestsPerAddress;
    if (same.length >= mostOfOne && !this.#places.makeRoom(same))
      return { status: 429, sentence: `${mostOfOne} requests from ${address} are being answered already: try again` };
    if (this.queued.octets >= bounds.queuedOctets && !this.#places.makeRoom())
      return { status: 503, sentence: "Too much of other answers waits to be taken: try again" };
    if (!this.#places.take(reply))
      return { status: 503, sentence: `${bounds.requests} requests are being answered already: try again` };
    return null;
  }

  /** An answer that costs nothing, after which the connection ends. */
  async #refuse(reply: Reply, { status, sentence }: Refusal): Promise<void> {
    const { type, text } = this.#options.refusal(sentence);
    await reply.whole(status, type, text, { connection: "close", ...(status === 503 && { "retry-after": "1" }) });
  }
}
