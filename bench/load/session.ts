import { encodeOpen, KEEPALIVE } from "./encode.ts";
import { type ChunkPool, type OnMessage, Recording } from "./recording.ts";
import { type Address, EPOLLIN, EPOLLOUT, type Sys } from "./sys.ts";

export interface SessionSettings {
  readonly as: number;
  readonly family: 4 | 6;
  readonly addPath: boolean;
  readonly holdTimeSeconds: number;
  readonly remote: Address;
  readonly port: number;
  /** 0 = the kernel's own choice. */
  readonly receiveBuffer: number;
}

export type SessionState = "idle" | "connecting" | "opening" | "established" | "closed";

const SEND_SLICE = 262_144;

/** One BGP session of the generator: an address, a socket, what it must still send and all that it received. */
export class Session {
  readonly index: number;
  readonly local: Address;
  readonly routerId: Uint8Array;
  state: SessionState = "idle";
  closeReason = "";
  recording: Recording;
  establishedAtMs = 0;
  bytesSent = 0;
  onEstablished: (() => void) | null = null;
  onClosed: (() => void) | null = null;
  readonly #sys: Sys;
  readonly #pool: ChunkPool;
  readonly #settings: SessionSettings;
  #fd = -1;
  #watched = 0;
  #paused = false;
  #keepaliveSeen = false;
  #openSeen = false;
  #outbox: { bytes: Uint8Array; at: number; end: number }[] = [];

  constructor(
    index: number,
    local: Address,
    routerId: Uint8Array,
    settings: SessionSettings,
    sys: Sys,
    pool: ChunkPool,
  ) {
    this.index = index;
    this.local = local;
    this.routerId = routerId;
    this.#settings = settings;
    this.#sys = sys;
    this.#pool = pool;
    this.recording = new Recording(pool);
  }

  get addPath(): boolean {
    return this.#settings.addPath;
  }

  /** Octets that wait for the kernel. */
  get waiting(): number {
    return this.#outbox.reduce((sum, part) => sum + part.end - part.at, 0);
  }

  /** A fresh connection; what an earlier one left behind is forgotten. */
  connect(): void {
    this.state = "connecting";
    this.closeReason = "";
    this.#openSeen = this.#keepaliveSeen = false;
    if (this.recording.bytes > 0) this.recording = new Recording(this.#pool);
    this.#fd = this.#sys.tcp(this.local, this.#settings.receiveBuffer);
    this.#sys.connect(this.#fd, this.#settings.remote, this.#settings.port);
    this.#watch();
  }

  /** Sends `bytes`, from `at` up to `end`, after what waits already. They must not change afterwards. */
  send(bytes: Uint8Array, at = 0, end = bytes.length): void {
    this.#outbox.push({ bytes, at, end });
    if (this.#outbox.length === 1) this.#flush();
  }

  /** Stops or resumes reading: a slow reader. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (this.#fd >= 0) this.#watch();
  }

  close(reason: string): void {
    if (this.#fd < 0) return;
    this.#sys.watch(this.#fd, 0, 0, true);
    this.#sys.close(this.#fd);
    this.#fd = -1;
    this.#watched = 0;
    this.state = "closed";
    this.closeReason = reason;
    this.#outbox = [];
    this.onClosed?.();
  }

  /** Something happened to the socket. */
  ready(events: number, nowMs: number): void {
    if (this.state === "connecting") {
      const error = this.#sys.takeError(this.#fd);
      if (error !== 0) {
        this.close(`connect: errno ${error}`);
        return;
      }
      this.state = "opening";
      const { as, holdTimeSeconds, family, addPath } = this.#settings;
      this.send(encodeOpen({ as, holdTimeSeconds, routerId: this.routerId, family, addPath }));
      this.#watch();
    } else if (events & EPOLLOUT) this.#flush();
    if (this.#fd >= 0 && events & ~EPOLLOUT) this.read(nowMs);
  }

  /** One read, if something is there. */
  read(nowMs: number): void {
    const got = this.recording.readFrom(this.#sys, this.#fd, nowMs);
    if (got === 0) this.close(this.#lastWords());
    else if (this.state === "opening") this.#handshake(nowMs);
  }

  /** Reads no further than the KEEPALIVE that ends it: UPDATEs may have come in the same read. */
  #handshake(nowMs: number): void {
    const on: OnMessage = (type, bytes, start, end) => {
      if (type === 1) {
        this.#openSeen = true;
        if (this.addPath && !offersAddPath(bytes, start, end)) this.close("it does not offer ADD-PATH");
        else this.send(KEEPALIVE);
      } else if (type === 4) this.#keepaliveSeen = true;
      else if (type === 3) this.closeReason = notification(bytes, start, end);
    };
    while (!this.#keepaliveSeen && this.recording.next(on));
    if (this.#openSeen && this.#keepaliveSeen) {
      this.state = "established";
      this.establishedAtMs = nowMs;
      this.onEstablished?.();
    }
  }

  #lastWords(): string {
    let words = this.closeReason || "closed by the daemon";
    try {
      this.recording.parse((type, bytes, start, end) => {
        if (type === 3) words = notification(bytes, start, end);
      });
    } catch (error) {
      words = `closed by the daemon; ${String(error)}`;
    }
    return words;
  }

  #flush(): void {
    try {
      while (this.#outbox.length > 0) {
        const part = this.#outbox[0]!;
        const sent = this.#sys.send(this.#fd, part.bytes.subarray(part.at, Math.min(part.end, part.at + SEND_SLICE)));
        if (sent < 0) break;
        part.at += sent;
        this.bytesSent += sent;
        if (part.at === part.end) this.#outbox.shift();
        else break; // let others have a turn; epoll calls again
      }
    } catch (error) {
      this.close(String(error));
      return;
    }
    this.#watch();
  }

  #watch(): void {
    const wanted =
      (this.#paused ? 0 : EPOLLIN) | (this.#outbox.length > 0 || this.state === "connecting" ? EPOLLOUT : 0);
    if (wanted === this.#watched) return;
    this.#sys.watch(this.#fd, this.index, wanted, this.#watched !== 0);
    this.#watched = wanted;
  }
}

const notification = (bytes: Uint8Array, start: number, end: number): string =>
  `NOTIFICATION ${bytes[start]}/${bytes[start + 1]} ${Buffer.from(bytes.subarray(start + 2, end)).toString("hex")}`;

/** Whether an OPEN has the ADD-PATH capability (69) with "send" for any family. Only capabilities in ordinary optional parameters are read. */
function offersAddPath(bytes: Uint8Array, start: number, end: number): boolean {
  for (let parameter = start + 10; parameter < end; parameter += 2 + bytes[parameter + 1]!)
    for (let at = parameter + 2; at < parameter + 2 + bytes[parameter + 1]!; at += 2 + bytes[at + 1]!)
      if (bytes[at] === 69 && bytes[at + 5]! >= 2) return true;
  return false;
}
