import { createConnection, type Socket } from "node:net";

/**
 * The other side of a session, as small as it can be and without a line of the daemon's: it shakes hands, keeps the session
 * alive, sends numbered routes and remembers what it is told. Route i is the prefix 20.0.0.0 + 256 i, of length 24; its MED says which
 * version of the route it is.
 */
const BASE = 0x14000000;
const marker = Buffer.alloc(16, 0xff);

const message = (type: number, body: Buffer): Buffer => {
  const length = Buffer.alloc(3);
  length.writeUInt16BE(19 + body.length);
  length[2] = type;
  return Buffer.concat([marker, length, body]);
};

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

const keepalive = message(4, Buffer.alloc(0));

const openOf = (as: number, holdTime: number, routerId: number, more: Buffer): Buffer => {
  const capabilities = Buffer.concat([Buffer.from([1, 4, 0, 1, 0, 1, 65, 4]), u32(as), more]);
  const head = Buffer.alloc(5);
  head[0] = 4;
  head.writeUInt16BE(as, 1);
  head.writeUInt16BE(holdTime, 3);
  const parameters = Buffer.concat([Buffer.from([2, capabilities.length]), capabilities]);
  return message(1, Buffer.concat([head, u32(routerId), Buffer.from([parameters.length]), parameters]));
};

/** Capabilities of RFC 2918 and RFC 4724 (F bit set, IPv4): what a peer that restarts needs. */
function restartCapabilities({ seconds, restarted }: GracefulRestart): Buffer {
  const flags = (restarted ? 0x8000 : 0) | seconds;
  return Buffer.from([2, 0, 64, 6, flags >>> 8, flags & 255, 0, 1, 1, 0x80]);
}

export interface GracefulRestart {
  /** Restart time. */
  readonly seconds: number;
  /** The R bit: this is the return from a restart. */
  readonly restarted: boolean;
}

const nlri = (first: number, count: number): Buffer => {
  const bytes = Buffer.alloc(4 * count);
  for (let i = 0; i < count; i++) {
    bytes[4 * i] = 24;
    bytes.writeUIntBE((BASE >>> 8) + first + i, 4 * i + 1, 3);
  }
  return bytes;
};

export interface Told {
  readonly first: number;
  readonly count: number;
  /** Routes in one UPDATE, which is as many as share an attribute set. */
  readonly together: number;
  readonly version: number;
  /** Octets of communities in each set: makes it a large one. */
  readonly ballast?: number;
}

/** UPDATEs that announce routes, in chunks of 64 KiB or so. */
export function* announcements(
  { first, count, together, version, ballast = 0 }: Told,
  nextHop: number,
): Generator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for (let at = first; at < first + count; at += together) {
    const communities = Buffer.alloc(4 + (ballast & ~3));
    for (let i = 0; i < communities.length; i += 4) communities.writeUInt32BE((at * 7919 + i) >>> 0, i);
    const attributes = Buffer.concat([
      Buffer.from([0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4]),
      u32(nextHop),
      Buffer.from([0x80, 4, 4]),
      u32(version),
      Buffer.from([0x40, 5, 4, 0, 0, 0, 100, 0xd0, 8, communities.length >>> 8, communities.length & 255]),
      communities,
    ]);
    const update = updateOf(attributes, at, Math.min(together, first + count - at));
    parts.push(update);
    size += update.length;
    if (size < 65_536) continue;
    yield Buffer.concat(parts);
    parts = [];
    size = 0;
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

/** One UPDATE with the attributes as they are, and routes that follow each other. */
export const updateOf = (attributes: Buffer, first: number, count = 1): Buffer =>
  message(
    2,
    Buffer.concat([
      Buffer.from([0, 0, attributes.length >>> 8, attributes.length & 255]),
      attributes,
      nlri(first, count),
    ]),
  );

export function* withdrawals(first: number, count: number): Generator<Buffer> {
  for (let at = first; at < first + count; at += 900) {
    const routes = nlri(at, Math.min(900, first + count - at));
    yield message(2, Buffer.concat([Buffer.from([routes.length >>> 8, routes.length & 255]), routes, Buffer.alloc(2)]));
  }
}

export const endOfRib = (): Buffer => message(2, Buffer.alloc(4));

export interface PeerOptions {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly as?: number;
  readonly holdTime?: number;
  /** Routes that may be told; 0: they are counted and forgotten. */
  readonly routes?: number;
  /** Says nothing at all, ever. */
  readonly silent?: boolean;
  readonly gracefulRestart?: GracefulRestart;
  /** What `table` remembers of the attributes between these offsets, not 0; by default 1 + the version. */
  readonly remember?: (bytes: Buffer, start: number, end: number) => number;
  readonly onEstablished?: () => void;
  /** The other side wants to hear everything again (ROUTE-REFRESH). */
  readonly onRefresh?: () => void;
  readonly onClosed?: () => void;
}

/** The MED of a route, which says which version of it this is. */
function versionOf(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; ) {
    const extended = (bytes[at]! & 0x10) !== 0;
    const length = extended ? bytes.readUInt16BE(at + 2) : bytes[at + 2]!;
    const value = at + (extended ? 4 : 3);
    if (bytes[at + 1] === 4) return 1 + bytes.readUInt32BE(value);
    at = value + length;
  }
  return 1;
}

export class Peer {
  readonly #options: PeerOptions;
  readonly #id: number;
  readonly socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #timer: NodeJS.Timeout | null = null;
  established = false;
  connected = false;
  closed = false;
  /** Code and subcode of the NOTIFICATION that ended it. */
  notification: string | null = null;
  updates = 0;
  announced = 0;
  withdrawn = 0;
  endOfRib = false;
  /** By route: 1 + its version (or what is to be remembered), 0 = not there. */
  readonly table: Uint32Array;
  readonly began = performance.now();
  establishedMs = 0;
  closedMs = 0;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.table = new Uint32Array(options.routes ?? 0);
    this.#id = options.from.split(".").reduce((word, octet) => word * 256 + Number(octet), 0);
    this.socket = createConnection({ host: options.to, port: options.port, localAddress: options.from, noDelay: true });
    this.socket.on("connect", () => {
      this.connected = true;
      if (options.silent) return;
      const more =
        options.gracefulRestart === undefined ? Buffer.alloc(0) : restartCapabilities(options.gracefulRestart);
      this.socket.write(openOf(options.as ?? 65001, options.holdTime ?? 90, this.#id, more));
    });
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
      this.established = false;
      this.closedMs = performance.now() - this.began;
      if (this.#timer !== null) clearInterval(this.#timer);
      options.onClosed?.();
    });
  }

  /** Sends as fast as the other side takes it. */
  async send(chunks: Iterable<Buffer>): Promise<void> {
    for (const chunk of chunks) {
      if (this.closed) return;
      if (this.socket.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        const goOn = () => {
          this.socket.removeListener("drain", goOn);
          this.socket.removeListener("close", goOn);
          resolve();
        };
        this.socket.on("drain", goOn);
        this.socket.on("close", goOn);
      });
    }
  }

  announce(told: Told): Promise<void> {
    return this.send(announcements(told, this.#id));
  }

  /** Reads nothing from now on; KEEPALIVEs go out all the same. */
  stopReading(): void {
    this.socket.pause();
  }

  readOn(): void {
    this.socket.resume();
  }

  /** No KEEPALIVEs any more: the other side's hold timer will run out. */
  fallSilent(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Cease with this subcode, and away. */
  leave(subcode: number): void {
    this.socket.end(message(3, Buffer.from([6, subcode])));
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 19) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes.length - at < length) break;
      this.#message(bytes[at + 18]!, bytes, at + 19, at + length);
      at += length;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }

  #message(type: number, bytes: Buffer, start: number, end: number): void {
    if (type === 1) {
      if (this.#options.silent) return;
      this.socket.write(keepalive);
      const holdTime = Math.min(this.#options.holdTime ?? 90, bytes.readUInt16BE(start + 3));
      this.#timer = setInterval(() => this.socket.write(keepalive), (holdTime * 1000) / 3);
    } else if (type === 4 && !this.established) {
      this.established = true;
      this.establishedMs = performance.now() - this.began;
      this.#options.onEstablished?.();
    } else if (type === 5) this.#options.onRefresh?.();
    else if (type === 3) this.notification = `${bytes[start]}/${bytes[start + 1]}`;
    else if (type === 2) this.#update(bytes, start, end);
  }

  #update(bytes: Buffer, start: number, end: number): void {
    this.updates++;
    if (end - start === 4) this.endOfRib = true;
    const withdrawnEnd = start + 2 + bytes.readUInt16BE(start);
    for (let at = start + 2; at < withdrawnEnd; at = this.#route(bytes, at, 0)) this.withdrawn++;
    const attributesEnd = withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd);
    if (attributesEnd === end) return;
    const value = (this.#options.remember ?? versionOf)(bytes, withdrawnEnd + 2, attributesEnd);
    for (let at = attributesEnd; at < end; at = this.#route(bytes, at, value)) this.announced++;
  }

  #route(bytes: Buffer, at: number, value: number): number {
    const octets = (bytes[at]! + 7) >>> 3;
    const index = bytes[at] === 24 ? bytes.readUIntBE(at + 1, 3) - (BASE >>> 8) : -1;
    if (index >= 0 && index < this.table.length) this.table[index] = value;
    return at + 1 + octets;
  }
}
