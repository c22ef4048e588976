import { connect, type Socket } from "node:net";
import { MessageCutter } from "./framing.ts";
import { HeardRoutes, type Told } from "./heard-routes.ts";
import { capabilitiesOf, defaultHold, type Introduction, openOf } from "./introduction.ts";
import { keepalive } from "./octets.ts";
import { Pulse } from "./pulse.ts";
import { type UpdateSink, walkUpdate } from "./update.ts";

export interface ReceivedNotification {
  readonly code: number;
  readonly subcode: number;
  readonly data: string;
}

export interface SpeakerOptions {
  /** Its own address, and the daemon's. */
  readonly from: string;
  readonly to: string;
  readonly port?: number;
  /** Shakes hands as this one as soon as it is connected; without it nothing is said but what the script says. */
  readonly who?: Introduction;
  /** Beats whenever something has happened here. */
  readonly pulse?: Pulse;
  /** Keeps what the daemon tells instead of `routes`: for crowds of speakers with large tables. */
  readonly sink?: UpdateSink;
  /** Octets (hex) to look for in UPDATEs instead of reading them. */
  readonly watch?: string;
  /** Called for each route that is withdrawn. */
  readonly withdrawn?: (prefix: string) => void;
  /** Called with each whole message. */
  readonly onMessage?: (message: Buffer) => void;
  readonly onEstablished?: () => void;
  /** The daemon wants to hear everything again (ROUTE-REFRESH). */
  readonly onRefresh?: () => void;
  readonly onClosed?: () => void;
}

/**
 * A BGP speaker over TCP that does exactly what a script tells it, without a line of the daemon's, so that a fault of our codec can't
 * hide itself. It dials, shakes hands and keeps the session alive if asked to, sends whatever octets it is given, and remembers the
 * routes that it was told, its messages, and how the connection ended. It decides nothing. All trials and the interop scenarios use it; the
 * bench's generator (bench/load) is another kind of thing, system calls and recordings without any waiting, and stays its own.
 */
export class ScriptedSpeaker {
  readonly #options: SpeakerOptions;
  readonly #watch: Buffer | null;
  readonly #heard: HeardRoutes;
  readonly #sink: UpdateSink;
  readonly #pulse: Pulse;
  readonly socket: Socket;
  #who: Introduction | null;
  readonly #cutter = new MessageCutter((type, bytes, start, end) => this.#message(type, bytes, start, end));
  #keepalives: NodeJS.Timeout | null = null;
  connected = false;
  established = false;
  /** Body of the daemon's OPEN. */
  open: Buffer | null = null;
  keepalivesReceived = 0;
  updatesReceived = 0;
  endsOfRib = 0;
  /** UPDATEs with the octets of `watch`. */
  watched = 0;
  notification: ReceivedNotification | null = null;
  /** How the connection ended: "end" (FIN), an error's code, or null while it lives. */
  ended: string | null = null;
  readonly began = performance.now();
  establishedAt: number | null = null;
  /** When the first sign of the end was seen. */
  overAt: number | null = null;

  constructor(options: SpeakerOptions) {
    this.#options = options;
    this.#who = options.who ?? null;
    this.#watch = options.watch === undefined ? null : Buffer.from(options.watch, "hex");
    this.#heard = new HeardRoutes(options.withdrawn);
    this.#sink = options.sink ?? this.#heard;
    this.#pulse = options.pulse ?? new Pulse();
    this.socket = connect({
      host: options.to,
      port: options.port ?? 179,
      localAddress: options.from,
      noDelay: true,
    });
    this.socket.on("connect", () => {
      this.connected = true;
      if (this.#who !== null) this.#introduce(this.#who);
      this.#pulse.beat();
    });
    this.socket.on("data", (chunk) => {
      this.#cutter.push(chunk);
      this.#pulse.beat();
    });
    this.socket.on("end", () => this.#over("end"));
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.#over(error.code ?? error.message));
    this.socket.on("close", () => {
      this.#over("close");
      options.onClosed?.();
    });
  }

  /** Routes that it was told, by prefix. */
  get routes(): ReadonlyMap<string, Told> {
    return this.#heard.routes;
  }

  /** Routes announced to it, each time that they were. */
  get announced(): number {
    return this.#heard.announced;
  }

  /** Whether the daemon has given up: by NOTIFICATION or by closing. */
  get over(): boolean {
    return this.notification !== null || this.ended !== null;
  }

  /** The connection is no more. */
  get closed(): boolean {
    return this.ended !== null;
  }

  /** Code and subcode of the NOTIFICATION that ended it: "6/4". */
  get lastWord(): string | null {
    return this.notification === null ? null : `${this.notification.code}/${this.notification.subcode}`;
  }

  /** Since it dialled. */
  get establishedMs(): number {
    return (this.establishedAt ?? this.began) - this.began;
  }

  get overMs(): number {
    return (this.overAt ?? this.began) - this.began;
  }

  /** Of the daemon, code → value in hex. */
  get capabilities(): ReadonlyMap<number, string> {
    return this.open === null ? new Map() : capabilitiesOf(this.open);
  }

  send(...messages: readonly Uint8Array[]): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    for (const message of messages) this.socket.write(message);
  }

  /**
   * Sends as fast as the daemon takes it. Between two chunks others have a turn: what the kernel takes at once drains before the event loop
   * goes round, and the KEEPALIVEs of all speakers of this process would wait for the end.
   */
  async stream(chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) {
      if (this.closed) return;
      if (this.socket.write(chunk)) await new Promise<void>((resolve) => setImmediate(resolve));
      else await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise<void>((resolve) => {
      const goOn = () => {
        this.socket.removeListener("drain", goOn);
        this.socket.removeListener("close", goOn);
        setImmediate(resolve);
      };
      this.socket.on("drain", goOn);
      this.socket.on("close", goOn);
    });
  }

  /** Shakes hands; whether both sides were Established within the time. */
  async establish(who: Introduction, withinMs = 5_000): Promise<boolean> {
    this.#who = who;
    if (this.connected) this.#introduce(who);
    await this.until(() => this.established || this.over, withinMs);
    return this.established && !this.over;
  }

  /** Sends no KEEPALIVEs any more; the connection stays. */
  beSilent(): void {
    if (this.#keepalives !== null) clearInterval(this.#keepalives);
    this.#keepalives = null;
  }

  /** FIN, after what waits to be sent. */
  leave(...lastMessages: readonly Uint8Array[]): void {
    this.send(...lastMessages);
    this.socket.end();
  }

  /** RST, not FIN. */
  reset(): void {
    if (!this.socket.destroyed) this.socket.resetAndDestroy();
    this.#over("reset by us");
  }

  /** Whatever waits to be sent is forgotten. */
  close(): void {
    this.socket.destroy();
  }

  until(holds: () => boolean, withinMs: number): Promise<boolean> {
    return this.#pulse.until(holds, withinMs);
  }

  #over(how: string): void {
    this.established = false;
    this.overAt ??= performance.now();
    this.ended ??= how;
    this.beSilent();
    this.#pulse.beat();
  }

  #introduce(who: Introduction): void {
    this.send(openOf(who));
    if (this.open !== null) this.#agree(this.open);
  }

  /** Both OPENs are said: ours was taken for good if a KEEPALIVE comes. */
  #agree(theirs: Buffer): void {
    this.send(keepalive);
    const hold = Math.min(this.#who!.hold ?? defaultHold, theirs.readUInt16BE(3));
    if (hold > 0) this.#keepalives ??= setInterval(() => this.send(keepalive), (hold * 1000) / 3);
  }

  #message(type: number, bytes: Buffer, start: number, end: number): void {
    this.#options.onMessage?.(bytes.subarray(start - 19, end));
    if (type === 1) {
      this.open = Buffer.from(bytes.subarray(start, end));
      if (this.#who !== null) this.#agree(this.open);
    } else if (type === 2) this.#update(bytes, start, end);
    else if (type === 3) {
      this.overAt ??= performance.now();
      const data = bytes.toString("hex", start + 2, end);
      this.notification ??= { code: bytes[start]!, subcode: bytes[start + 1]!, data };
    } else if (type === 4) {
      this.keepalivesReceived++;
      if (this.#who !== null && !this.established) this.#up();
    } else if (type === 5) this.#options.onRefresh?.();
  }

  #up(): void {
    this.established = true;
    this.establishedAt = performance.now();
    this.#options.onEstablished?.();
  }

  #update(bytes: Buffer, start: number, end: number): void {
    this.updatesReceived++;
    if (end - start === 4) this.endsOfRib++;
    if (this.#watch === null) walkUpdate(bytes, start, end, this.#sink);
    else if (bytes.subarray(start, end).includes(this.#watch)) this.watched++;
  }
}
