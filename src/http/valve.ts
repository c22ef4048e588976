import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Clock } from "../lib/clock.ts";

/** Octets that the parser gets at once: a slice has room for a score of the shortest requests. */
const SLICE = 512;
/** Slices of one connection in a turn of the loop. */
const SLICES_PER_TURN = 16;

/**
 * A client's socket as Node's HTTP parser sees it. The parser makes an object of each request that it finds in what it is given, thousands
 * in one read of a client that sends ahead; so it is given little at a time, and nothing while `isOpen` says no: what a client sends
 * ahead then waits in the kernel, and it is the client that waits for room there.
 */
export class Valve extends Duplex {
  readonly socket: Socket;
  readonly #clock: Clock;
  readonly #isOpen: () => boolean;
  readonly #onGive: () => void;
  /** Read, but not yet given on. */
  #held: Buffer | null = null;
  #ended = false;
  #wanted = false;
  #deferred = false;
  #pushing = false;

  /** @param onGive called before octets are given on */
  constructor(socket: Socket, clock: Clock, isOpen: () => boolean, onGive: () => void) {
    // Text goes to the socket as it is: a copy of each piece in a Buffer would wait for the garbage collector.
    super({ readableHighWaterMark: SLICE, allowHalfOpen: true, decodeStrings: false });
    this.socket = socket;
    this.#clock = clock;
    this.#isOpen = isOpen;
    this.#onGive = onGive;
    socket.on("data", (chunk: Buffer) => {
      this.#held = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
      this.update();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.update();
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  /** Gives on what may be given on: to be called when `isOpen` changes. */
  update(): void {
    // The parser may ask for more while it is given something.
    if (this.#pushing) return;
    this.#pushing = true;
    let slices = 0;
    while (this.#held !== null && this.#wanted && this.#isOpen() && !this.destroyed && slices < SLICES_PER_TURN) {
      const slice = this.#held.subarray(0, SLICE);
      this.#held = this.#held.length > SLICE ? this.#held.subarray(SLICE) : null;
      this.#onGive();
      this.#wanted = this.push(slice);
      slices++;
    }
    this.#pushing = false;
    if (slices === SLICES_PER_TURN) this.#goOn();
    if (this.#held !== null) this.socket.pause();
    else if (!this.#ended) this.socket.resume();
    // Whoever says that this was all may still want the answer.
    else if (this.#isOpen()) this.push(null);
  }

  /** Ends the connection when what was written has been sent, whatever the client still sends (as `net.Socket` does). */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  override _read(): void {
    this.#wanted = true;
    this.update();
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, encoding, done);
  }

  override _writev(
    chunks: readonly { chunk: string | Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.socket.cork();
    for (const [i, { chunk, encoding }] of chunks.entries())
      this.socket.write(chunk, encoding, i === chunks.length - 1 ? done : undefined);
    this.socket.uncork();
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#held = null;
    this.socket.destroy();
    done(error);
  }

  #goOn(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#clock.defer(() => {
      this.#deferred = false;
      this.update();
    });
  }
}
