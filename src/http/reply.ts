import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Turns } from "./turns.ts";

/** What is handed to a socket at once: of a long answer the client must take this much before there is more. */
const PIECE = 64 * 1024;
/** Pieces of one answer in a turn of the loop: a client that takes them as fast as they come is no reason to stay. */
const PIECES_PER_TURN = 4;

/** Octets that clients haven't taken yet, of all answers of a server. */
export interface Queued {
  octets: number;
}

/** What a reply needs of its server. */
export interface ReplyParts {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly queued: Queued;
  readonly stallMs: number;
}

/**
 * One answer on its way to a client, with back pressure: whoever writes waits until the client has taken what was written, and is
 * let go at once when the client is gone, for whatever reason. Nothing waits for an event that a queued response never has.
 */
export class Reply {
  readonly #response: ServerResponse;
  readonly #parts: ReplyParts;
  #gone = false;
  #ended = false;
  /** Octets of this answer that are counted in `queued`. */
  #held = 0;
  #stalledSince: number | null = null;
  #timer: Timer | null = null;
  /** Lets the writer go on. */
  #wake: (() => void) | null = null;

  constructor(response: ServerResponse, parts: ReplyParts) {
    this.#response = response;
    this.#parts = parts;
    response.on("drain", this.#taken);
    response.on("finish", this.#taken);
    response.on("error", () => this.abandon());
  }

  /** Nobody is there any more to take it: stop working. */
  get gone(): boolean {
    return this.#gone;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Since when the client has not taken what lies there for it; null while it keeps up. */
  get stalledSince(): number | null {
    return this.#stalledSince;
  }

  /** The next turn of the loop that is this answer's: before each slice of work. */
  async turn(): Promise<void> {
    if (!this.#gone) await this.#parts.turns.next();
  }

  begin(status: number, headers: Readonly<Record<string, string>>): void {
    if (!this.#gone) this.#response.writeHead(status, headers);
  }

  /** Resolves when there is room for more, or nobody is there any more. */
  async write(text: string | Uint8Array): Promise<void> {
    if (text.length === 0) return;
    if (text.length <= PIECE) return this.#piece(text);
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    let pieces = 0;
    for (let at = 0; at < bytes.length && !this.#gone; at += PIECE) {
      await this.#piece(bytes.subarray(at, at + PIECE));
      if (++pieces % PIECES_PER_TURN === 0) await this.turn();
    }
  }

  /** Resolves when the client has taken all of it, or is gone. */
  async end(text: string | Uint8Array = ""): Promise<void> {
    await this.write(text);
    if (this.#gone || this.#ended) return;
    this.#ended = true;
    this.#response.end();
    if (!this.#response.writableFinished) await this.#room();
  }

  /** A whole answer. */
  async whole(
    status: number,
    type: string,
    text: string | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    this.begin(status, { "content-type": type, "content-length": String(Buffer.byteLength(text)), ...headers });
    await this.end(text);
  }

  /** Ends the connection in the middle of the answer, so that nobody takes a part for the whole. */
  cut(): void {
    this.#response.socket?.destroy();
    this.abandon();
  }

  /** The client is gone: whoever writes is let go, what was counted is given back. */
  abandon(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#release();
  }

  #piece(piece: string | Uint8Array): Promise<void> | undefined {
    if (this.#gone) return;
    const octets = piece.length;
    if (this.#response.write(piece)) return;
    this.#held += octets;
    this.#parts.queued.octets += octets;
    return this.#room();
  }

  #room(): Promise<void> {
    const { clock, stallMs } = this.#parts;
    this.#stalledSince = clock.now();
    this.#timer = clock.setTimer(stallMs, () => this.cut());
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly #taken = (): void => {
    // What is ended has taken all only when it is finished; a `drain` may come before.
    if (this.#ended && !this.#response.writableFinished) return;
    this.#release();
  };

  #release(): void {
    this.#parts.queued.octets -= this.#held;
    this.#held = 0;
    this.#stalledSince = null;
    this.#timer?.cancel();
    this.#timer = null;
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
