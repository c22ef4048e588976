import { connect, type Socket } from "node:net";
import { capabilities, capability, keepalive, open, u16, u32 } from "./hex.ts";
import type { Pulse } from "./pulse.ts";

/** How a peer of ours introduces itself. */
export interface Introduction {
  readonly as: number;
  readonly routerId: string;
  /** RFC 6793; on unless told otherwise. */
  readonly fourOctetAs?: boolean;
  /** RFC 8654. */
  readonly extended?: boolean;
  /** RFC 7313. */
  readonly enhancedRefresh?: boolean;
  /** RFC 7911: we send path identifiers. */
  readonly addPath?: boolean;
  /** RFC 4724 with this restart time. */
  readonly gracefulRestart?: number;
  readonly hold?: number;
  /** IPv6 unicast beside IPv4; on unless told otherwise. */
  readonly ipv6?: boolean;
}

/** The OPEN of such a peer. */
export function openOf(who: Introduction): Uint8Array {
  const list = [capability(1, "00010001"), capability(2)];
  if (who.ipv6 !== false) list.push(capability(1, "00020001"));
  if (who.extended) list.push(capability(6));
  if (who.fourOctetAs !== false) list.push(capability(65, u32(who.as)));
  if (who.enhancedRefresh) list.push(capability(70));
  if (who.addPath) list.push(capability(69, "00010102"));
  if (who.gracefulRestart !== undefined) list.push(capability(64, `${u16(who.gracefulRestart)}0001018000020180`));
  const as = who.as > 0xffff ? 23456 : who.as;
  return open({ as, routerId: who.routerId, hold: who.hold ?? 90, parameters: capabilities(list) });
}

export interface ReceivedAttribute {
  readonly flags: number;
  readonly value: string;
}

/** A route as a daemon told it to us: attributes by code, in hex. */
export type Told = ReadonlyMap<number, ReceivedAttribute>;

export interface ReceivedNotification {
  readonly code: number;
  readonly subcode: number;
  readonly data: string;
}

export interface PeerOptions {
  readonly local: string;
  readonly remote: string;
  readonly port?: number;
  readonly pulse: Pulse;
  /** Called for each route that is withdrawn. */
  readonly withdrawn?: (prefix: string) => void;
  /** Octets (hex) to look for in UPDATEs instead of reading them: for crowds of peers with large tables. */
  readonly watch?: string;
}

/**
 * A BGP speaker that does exactly what it is told, and reads what comes back without any code of ours, so that a fault of our
 * codec can't hide itself. It keeps the routes that it was told, its messages in order, and how the connection ended.
 */
export class RawPeer {
  readonly #options: PeerOptions;
  readonly #watch: Buffer | null;
  readonly socket: Socket;
  #held: Buffer[] = [];
  #heldLength = 0;
  #keepalives: NodeJS.Timeout | null = null;
  connected = false;
  /** Types of the messages that came, in order; only the first hundred. */
  readonly types: number[] = [];
  /** Body of the daemon's OPEN. */
  open: Buffer | null = null;
  keepalivesReceived = 0;
  updatesReceived = 0;
  octetsReceived = 0;
  /** UPDATEs with the octets of `watch`. */
  watched = 0;
  /** Routes announced to us, each time that they were. */
  announced = 0;
  notification: ReceivedNotification | null = null;
  /** How the connection ended: "end" (FIN), an error's code, or null while it lives. */
  ended: string | null = null;
  /** When the first sign of the end was seen. */
  overAt: number | null = null;
  /** Routes by prefix, "20.0.1.0/24" and IPv6 as hex with a length, "20010db80001/48". */
  readonly routes = new Map<string, Told>();
  endsOfRib = 0;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#watch = options.watch === undefined ? null : Buffer.from(options.watch, "hex");
    this.socket = connect({ host: options.remote, port: options.port ?? 179, localAddress: options.local });
    this.socket.setNoDelay(true);
    this.socket.on("connect", () => {
      this.connected = true;
      options.pulse.beat();
    });
    this.socket.on("data", (chunk) => this.#received(chunk));
    this.socket.on("end", () => this.#over("end"));
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.#over(error.code ?? error.message));
    this.socket.on("close", () => this.#over("close"));
  }

  #over(how: string): void {
    if (this.ended === null) {
      this.ended = how;
      this.overAt ??= performance.now();
    }
    if (this.#keepalives !== null) clearInterval(this.#keepalives);
    this.#keepalives = null;
    this.#options.pulse.beat();
  }

  /** Whether the other side has given up: by NOTIFICATION or by closing. */
  get over(): boolean {
    return this.notification !== null || this.ended !== null;
  }

  /** In hex. */
  get capabilities(): ReadonlyMap<number, string> {
    return this.open === null ? new Map() : capabilitiesOf(this.open);
  }

  send(...messages: readonly Uint8Array[]): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    for (const message of messages) this.socket.write(message);
  }

  /** Sends KEEPALIVEs from now on. */
  stayAlive(everyMs = 15_000): void {
    this.#keepalives ??= setInterval(() => this.send(keepalive), everyMs);
  }

  /** Sends no KEEPALIVEs any more; the connection stays. */
  beSilent(): void {
    if (this.#keepalives !== null) clearInterval(this.#keepalives);
    this.#keepalives = null;
  }

  /** RST, not FIN. */
  reset(): void {
    if (!this.socket.destroyed) this.socket.resetAndDestroy();
    this.#over("reset by us");
  }

  until(holds: () => boolean, withinMs: number): Promise<boolean> {
    return this.#options.pulse.until(holds, withinMs);
  }

  /** OPEN, KEEPALIVE and on until both sides are Established. */
  async establish(who: Introduction, withinMs = 5_000): Promise<boolean> {
    if (!(await this.until(() => this.connected || this.over, withinMs)) || this.over) return false;
    this.send(openOf(who));
    if (!(await this.until(() => this.keepalivesReceived > 0 || this.over, withinMs)) || this.over) return false;
    this.send(keepalive);
    return true;
  }

  #received(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldLength += chunk.length;
    this.octetsReceived += chunk.length;
    if (this.#heldLength < 19) return;
    let held = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    while (held.length >= 19) {
      const length = held.readUInt16BE(16);
      if (length < 19) throw new Error(`a daemon sent a message of ${length} octets`);
      if (held.length < length) break;
      this.#message(held[18]!, held.subarray(19, length));
      held = held.subarray(length);
    }
    this.#held = held.length === 0 ? [] : [held];
    this.#heldLength = held.length;
    this.#options.pulse.beat();
  }

  #message(type: number, body: Buffer): void {
    if (this.types.length < 100) this.types.push(type);
    if (type === 1) this.open = Buffer.from(body);
    else if (type === 2) this.#update(body);
    else if (type === 3) {
      this.overAt ??= performance.now();
      this.notification ??= { code: body[0]!, subcode: body[1]!, data: body.subarray(2).toString("hex") };
    } else if (type === 4) this.keepalivesReceived++;
  }

  #update(body: Buffer): void {
    this.updatesReceived++;
    if (this.#watch !== null) {
      if (body.includes(this.#watch)) this.watched++;
      return;
    }
    const withdrawnEnd = 2 + body.readUInt16BE(0);
    const attributesEnd = withdrawnEnd + 2 + body.readUInt16BE(withdrawnEnd);
    if (body.length === 4) this.endsOfRib++;
    for (const prefix of prefixes(body.subarray(2, withdrawnEnd), 4)) this.#withdraw(prefix);
    const told = new Map<number, ReceivedAttribute>();
    for (let at = withdrawnEnd + 2; at < attributesEnd; ) {
      const flags = body[at]!;
      const wide = (flags & 0x10) !== 0;
      const start = at + (wide ? 4 : 3);
      const end = start + (wide ? body.readUInt16BE(at + 2) : body[at + 2]!);
      const value = body.subarray(start, end);
      const code = body[at + 1]!;
      if (code === 14) this.#reach(value, told);
      else if (code === 15) {
        for (const prefix of prefixes(value.subarray(3), value.readUInt16BE(0) === 1 ? 4 : 6)) this.#withdraw(prefix);
      } else told.set(code, { flags, value: value.toString("hex") });
      at = end;
    }
    for (const prefix of prefixes(body.subarray(attributesEnd), 4)) this.#announce(prefix, told);
  }

  #reach(value: Buffer, told: Map<number, ReceivedAttribute>): void {
    const family = value.readUInt16BE(0) === 1 ? 4 : 6;
    for (const prefix of prefixes(value.subarray(5 + value[3]!), family)) this.#announce(prefix, told);
  }

  #announce(prefix: string, told: Told): void {
    this.announced++;
    this.routes.set(prefix, told);
  }

  #withdraw(prefix: string): void {
    if (this.routes.delete(prefix)) this.#options.withdrawn?.(prefix);
  }
}

/** Capabilities of an OPEN's body, code → value; of several of one code the last. */
function capabilitiesOf(body: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  for (let at = 10; at + 2 <= body.length; at += 2 + body[at + 1]!) {
    const parameter = body.subarray(at + 2, at + 2 + body[at + 1]!);
    for (let i = 0; i + 2 <= parameter.length; i += 2 + parameter[i + 1]!)
      found.set(parameter[i]!, parameter.subarray(i + 2, i + 2 + parameter[i + 1]!).toString("hex"));
  }
  return found;
}

/** IPv4 in words ("20.0.1.0/24"), IPv6 as hex of the octets that matter ("20010db80001/48"). */
function* prefixes(field: Buffer, family: 4 | 6): Generator<string> {
  for (let at = 0; at < field.length; ) {
    const length = field[at]!;
    const end = at + 1 + Math.ceil(length / 8);
    const octets = field.subarray(at + 1, end);
    if (family === 6) yield `${octets.toString("hex")}/${length}`;
    else yield `${[0, 1, 2, 3].map((i) => octets[i] ?? 0).join(".")}/${length}`;
    at = end;
  }
}
