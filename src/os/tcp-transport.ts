import { writeSync } from "node:fs";
import type { Socket } from "node:net";
import { systemReason } from "../lib/system-errors.ts";
import { SocketOptionError, type SocketOptions, type Transport, type TransportReceiver } from "../session/transport.ts";
import { abort } from "./abort.ts";
import type { Libc } from "./libc.ts";
import { isEmpty, setOptions } from "./socket-options.ts";

/** What a transport needs of the network that made it. */
export interface TransportHome {
  /** How long an end of ours waits for the peer to read our last word and to close, too. */
  readonly lingerMs: number;
  libc(): Libc;
  /** Told of each connection that is up, of each that is ending, and of each that is gone. */
  opened(): void;
  ending(transport: SocketTransport): void;
  gone(transport: SocketTransport): void;
}

const NOTHING = new Uint8Array(0);

const owner = Symbol("transport");
type OwnedSocket = Socket & { [owner]: SocketTransport };

// Listeners are shared by all sockets and find their transport on the socket: a closure less per event and connection.
function onData(this: OwnedSocket, chunk: Uint8Array): void {
  this[owner].received(chunk);
}
function onEnd(this: OwnedSocket): void {
  this[owner].failed("connection closed by peer");
}
function onError(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this[owner].failed(reasonOf(error));
}
function onClose(this: OwnedSocket): void {
  this[owner].closed();
}

/** A connection as `node:net` has it. */
export class SocketTransport implements Transport {
  readonly #home: TransportHome;
  readonly #socket: OwnedSocket;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  #receiver: TransportReceiver | null = null;
  #linger: NodeJS.Timeout | null = null;

  constructor(socket: Socket, home: TransportHome) {
    this.#home = home;
    this.#socket = socket as OwnedSocket;
    this.#socket[owner] = this;
    // Node forgets the addresses when the socket closes.
    this.remoteAddress = unmapped(socket.remoteAddress ?? "");
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = unmapped(socket.localAddress ?? "");
    this.localPort = socket.localPort ?? 0;
    this.#socket.on("end", onEnd);
    this.#socket.on("error", onError);
    this.#socket.on("close", onClose);
    home.opened();
  }

  /** -1 when the connection is gone. */
  get fileDescriptor(): number {
    return fileDescriptor(this.#socket);
  }

  attach(receiver: TransportReceiver): void {
    const first = this.#receiver === null;
    this.#receiver = receiver;
    if (first) this.#socket.on("data", onData);
  }

  write(chunks: readonly Uint8Array[], taken?: () => void): void {
    const socket = this.#socket;
    if (socket.destroyed || this.#linger !== null || chunks.length === 0) {
      if (chunks.length === 0) taken?.();
      return;
    }
    let first = chunks[0]!;
    if (socket.writableLength === 0 && chunks.length === 1) {
      const written = this.#writeNow(first);
      if (written === first.length) {
        taken?.();
        return;
      }
      if (written > 0) first = first.subarray(written);
    }
    const done =
      taken === undefined
        ? undefined
        : (error?: Error | null) => {
            if (!error) taken();
          };
    const last = chunks.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(chunks[i]!);
    socket.write(last === 0 ? first : chunks[last]!, done);
    if (last > 0) socket.uncork();
  }

  /**
   * What the kernel takes at once needs no stream: a KEEPALIVE by way of one costs several times what the kernel asks for it. Returns how
   * many octets were taken; errors and the rest are the stream's.
   */
  #writeNow(chunk: Uint8Array): number {
    const fd = this.fileDescriptor;
    if (fd < 0 || this.#socket.connecting) return 0;
    try {
      return writeSync(fd, chunk);
    } catch {
      return 0;
    }
  }

  backlog(): number {
    const socket = this.#socket;
    const queued = socket.writableLength;
    if (queued === 0) return 0;
    // Of the write that is under way the kernel may have taken a part already: both numbers are Node's own, neither is
    // documented, and without them the whole write counts as waiting.
    const { _handle: handle, _writableState: state } = socket as unknown as {
      _handle?: { writeQueueSize?: number } | null;
      _writableState?: { writelen?: number };
    };
    const underWay = state?.writelen ?? 0;
    return queued - Math.max(0, underWay - (handle?.writeQueueSize ?? underWay));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  configure(options: SocketOptions): void {
    if (isEmpty(options)) return;
    const fd = this.fileDescriptor;
    if (fd < 0) return;
    setOptions(this.#home.libc(), fd, this.remoteAddress, options);
  }

  end(): void {
    const socket = this.#socket;
    this.#receiver = null;
    if (socket.destroyed || this.#linger !== null) return;
    // Read on until the peer closes: closing with data unread would reset the connection and lose our last word.
    socket.resume();
    // Half-closed only when the kernel has all: a shutdown that waits for the peer to read can't be reset (`abort`).
    if (socket.writableLength === 0) socket.end();
    else
      socket.write(NOTHING, (error) => {
        if (!error && !socket.destroyed) socket.end();
      });
    this.#linger = setTimeout(() => abort(socket), this.#home.lingerMs);
    this.#linger.unref();
    this.#home.ending(this);
  }

  destroy(): void {
    this.#receiver = null;
    abort(this.#socket);
  }

  // --- what the socket says ---

  received(chunk: Uint8Array): void {
    this.#receiver?.received(chunk);
  }

  failed(reason: string): void {
    const receiver = this.#receiver;
    this.#receiver = null;
    receiver?.closed(reason);
    // Nobody took care of it: a connection that was never attached.
    if (this.#linger === null && receiver === null) this.#socket.destroy();
  }

  closed(): void {
    if (this.#linger !== null) clearTimeout(this.#linger);
    this.failed("connection closed");
    this.#home.gone(this);
  }
}

/** The one place that knows how Node hides a file descriptor; -1 when there is none (any more). */
export const fileDescriptor = (socket: object): number =>
  (socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;

/** An IPv4 address in IPv6's clothes is an IPv4 address. */
const unmapped = (address: string): string =>
  /^::ffff:\d+\.\d+\.\d+\.\d+$/.test(address) ? address.slice(7) : address;

/** What it means of a connection that we make. */
const dialing: Readonly<Record<string, string>> = {
  EACCES: "not permitted",
  EPERM: "not permitted by a local firewall rule",
  EADDRNOTAVAIL: "no such local address",
  EADDRINUSE: "no free local port",
};

/** An error of the system as a sentence part. */
export const reasonOf = (error: NodeJS.ErrnoException): string =>
  error instanceof SocketOptionError ? error.message : systemReason(error, dialing);
