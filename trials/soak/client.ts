import { NumberedSpeaker, updateOf, withdrawals } from "../../testbed/speaker/numbered-speaker.ts";
import { notification, update } from "../../testbed/speaker/octets.ts";
import { eachAttribute } from "../../testbed/speaker/update.ts";

/** Restart time that a client asks for. */
const RESTART_SECONDS = 30;
const HOLD_SECONDS = 9;
const RETRY_MS = 500;

/** One of the two daemons, as a client sees it. */
interface Side {
  readonly to: string;
  peer: NumberedSpeaker | null;
  /** Why the session may end now; null: it may not. */
  expected: string | null;
  /** By route: what this daemon has told, as a digest of its attributes; 0: nothing. */
  table: Uint32Array;
  retry: NodeJS.Timeout | null;
}

export interface ClientOptions {
  readonly address: string;
  readonly ours: string;
  readonly reference: string;
  /** Whether it speaks graceful restart (RFC 4724): then it may be killed without losing its routes. */
  readonly graceful: boolean;
  /** How many routes there are in all. */
  readonly routes: number;
  /** Our daemon has ended the session, and nobody asked it to. */
  readonly onDrop: (why: string) => void;
}

/** A client of two reflectors, ours and the reference, which tells both the same. */
export class Client {
  readonly #options: ClientOptions;
  /** What it announces: attributes by number of the route. */
  readonly routes = new Map<number, Buffer>();
  readonly ours: Side;
  readonly reference: Side;
  #down = false;
  #restarted = false;
  /** UPDATEs that came from our daemon on sessions that have ended. */
  #updatesBefore = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    const side = (to: string): Side => ({
      to,
      peer: null,
      expected: null,
      table: new Uint32Array(options.routes),
      retry: null,
    });
    this.ours = side(options.ours);
    this.reference = side(options.reference);
  }

  get address(): string {
    return this.#options.address;
  }

  get graceful(): boolean {
    return this.#options.graceful;
  }

  /** Both sessions are up and nothing is planned that would end one. */
  get settled(): boolean {
    return !this.#down && this.#sides.every(({ peer, expected }) => peer?.established && expected === null);
  }

  get updates(): number {
    return this.#updatesBefore + (this.ours.peer?.updatesReceived ?? 0);
  }

  get #sides(): readonly Side[] {
    return [this.ours, this.reference];
  }

  connect(): void {
    this.#down = false;
    for (const side of this.#sides) this.#dial(side);
  }

  announce(route: number, attributes: Buffer): void {
    this.routes.set(route, attributes);
    const announcement = updateOf(attributes, route);
    for (const { peer } of this.#sides) if (peer?.established) peer.send(announcement);
  }

  withdraw(route: number): void {
    if (!this.routes.delete(route)) return;
    for (const { peer } of this.#sides) if (peer?.established) peer.send(...withdrawals(route, 1));
  }

  /** The next end of the session with our daemon is somebody's wish. */
  expect(why: string): void {
    this.ours.expected = why;
  }

  /** Ends both sessions in this way and comes back later. With graceful restart it has restarted, unless it said farewell. */
  goAway(how: "RST" | "FIN" | "Cease", backAfterMs: number): void {
    this.#down = true;
    this.#restarted = this.graceful && how !== "Cease";
    for (const side of this.#sides) {
      side.expected = how;
      if (side.retry !== null) clearTimeout(side.retry);
      side.retry = null;
      if (how === "Cease") side.peer?.leave(notification(6, 4));
      else if (how === "FIN") side.peer?.close();
      else side.peer?.reset();
    }
    setTimeout(() => this.connect(), backAfterMs);
  }

  /** Neither daemon hears from it any more, until they give it up. */
  fallSilent(): void {
    for (const side of this.#sides) {
      side.expected = "hold timer";
      side.peer?.beSilent();
    }
  }

  /** Doesn't read for a while. */
  stopReading(ms: number): void {
    const peers = this.#sides.map(({ peer }) => peer);
    for (const peer of peers) peer?.socket.pause();
    setTimeout(() => {
      for (const peer of peers) peer?.socket.resume();
    }, ms);
  }

  /** Ends all for good. */
  close(): void {
    this.#down = true;
    for (const side of this.#sides) {
      if (side.retry !== null) clearTimeout(side.retry);
      side.expected = "the end";
      side.peer?.close();
    }
  }

  #dial(side: Side): void {
    side.retry = null;
    const peer = new NumberedSpeaker({
      from: this.address,
      to: side.to,
      port: 179,
      holdTime: HOLD_SECONDS,
      routes: side.table.length,
      remember: digest,
      ...(this.graceful ? { gracefulRestart: { seconds: RESTART_SECONDS, restarted: this.#restarted } } : {}),
      onEstablished: () => {
        side.expected = null;
        this.#tellAll(peer);
        peer.send(update());
      },
      onRefresh: () => this.#tellAll(peer),
      onClosed: () => this.#closed(side, peer),
    });
    side.peer = peer;
    side.table = peer.table;
  }

  #tellAll(peer: NumberedSpeaker): void {
    const updates: Buffer[] = [];
    for (const [route, attributes] of this.routes) updates.push(updateOf(attributes, route));
    if (updates.length > 0) peer.send(Buffer.concat(updates));
  }

  #closed(side: Side, peer: NumberedSpeaker): void {
    if (side.peer !== peer) return;
    side.peer = null;
    if (side === this.ours) {
      this.#updatesBefore += peer.updatesReceived;
      if (peer.establishedAt !== null && side.expected === null)
        this.#options.onDrop(`${this.address}: ${peer.lastWord ?? "closed without a NOTIFICATION"}`);
    }
    if (!this.#down) side.retry = setTimeout(() => this.#dial(side), RETRY_MS);
  }
}

/** The digest of a set of attributes, in whatever order they stand and however their length is written; never 0. */
export function digest(bytes: Buffer, start: number, end: number): number {
  let sum = 0;
  eachAttribute(bytes, start, end, (code, value, valueEnd, at) => {
    let hash = Math.imul(0x811c9dc5 ^ (bytes[at]! & 0xe0), 0x01000193) ^ code;
    for (let i = value; i < valueEnd; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    sum = (sum + Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)) >>> 0;
  });
  return sum === 0 ? 1 : sum;
}
