import type { Random } from "../src/lib/random.ts";
import { seededRandom } from "../src/lib/random.ts";
import {
  type Dial,
  type DialOptions,
  type DialReceiver,
  ListenError,
  type Listener,
  type ListenOptions,
  type Network,
  type SocketOptions,
  type Transport,
  type TransportReceiver,
} from "../src/session/transport.ts";
import { VirtualClock } from "./virtual-clock.ts";

/**
 * TCP as a session sees it, under virtual time and from a seed: connections that take a while, streams that arrive whole and in
 * order but cut anywhere, closed windows, silence, resets. An idle end costs one small object and shares its strings.
 */
export interface NetworkOptions {
  readonly clock?: VirtualClock;
  readonly random?: Random;
  /** One way; the default of all links. */
  readonly delayMs?: number;
  /** How what was written arrives: whole, or cut into random pieces. */
  readonly split?: boolean;
  /** Octets that an end takes in unread before its sender has to wait. */
  readonly window?: number;
}

/** What two hosts see of each other. */
interface Link {
  delayMs: number;
  /** Bytes vanish, and TCP reports nothing. */
  cut: boolean;
}

const FIN = 1;
const RST = 2;
type Segment = Uint8Array | typeof FIN | typeof RST;

export class SimulatedNetwork {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly split: boolean;
  readonly window: number;
  readonly #delayMs: number;
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #links = new Map<string, Link>();
  #nextPort = 32768;
  #hostCount = 0;

  constructor(options: NetworkOptions = {}) {
    this.clock = options.clock ?? new VirtualClock();
    this.random = options.random ?? seededRandom(1);
    this.split = options.split ?? false;
    this.window = options.window ?? 262_144;
    this.#delayMs = options.delayMs ?? 1;
  }

  /** A machine with these addresses; its `Network`. */
  host(...addresses: string[]): SimulatedHost {
    const host = new SimulatedHost(this, this.#hostCount++, addresses);
    for (const address of addresses) this.#hosts.set(address, host);
    return host;
  }

  hostOf(address: string): SimulatedHost | undefined {
    return this.#hosts.get(address);
  }

  /** Silence between two hosts: what is under way is lost until `heal`, when TCP sends it again. */
  cut(a: SimulatedHost, b: SimulatedHost): void {
    this.#link(a, b).cut = true;
  }

  heal(a: SimulatedHost, b: SimulatedHost): void {
    this.#link(a, b).cut = false;
    for (const end of a.ends) if (end.far.host === b) end.retransmit();
    for (const end of b.ends) if (end.far.host === a) end.retransmit();
  }

  delay(a: SimulatedHost, b: SimulatedHost, ms: number): void {
    this.#link(a, b).delayMs = ms;
  }

  /** Every connection between two hosts breaks, and both sides hear of it at once. */
  reset(a: SimulatedHost, b: SimulatedHost): void {
    for (const end of [...a.ends]) {
      if (end.far.host !== b) continue;
      const far = end.far;
      end.broken("connection reset by peer");
      far.broken("connection reset by peer");
    }
  }

  isCut(a: SimulatedHost, b: SimulatedHost): boolean {
    return this.#links.size > 0 && (this.#links.get(keyOf(a, b))?.cut ?? false);
  }

  delayMs(a: SimulatedHost, b: SimulatedHost): number {
    return this.#links.size === 0 ? this.#delayMs : (this.#links.get(keyOf(a, b))?.delayMs ?? this.#delayMs);
  }

  freePort(): number {
    this.#nextPort = this.#nextPort >= 60_999 ? 32768 : this.#nextPort + 1;
    return this.#nextPort;
  }

  #link(a: SimulatedHost, b: SimulatedHost): Link {
    const key = keyOf(a, b);
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { delayMs: this.#delayMs, cut: false };
      this.#links.set(key, link);
    }
    return link;
  }
}

const keyOf = (a: SimulatedHost, b: SimulatedHost): string => (a.id < b.id ? `${a.id}-${b.id}` : `${b.id}-${a.id}`);

/** One machine: implements the port that sessions are handed. */
export class SimulatedHost implements Network {
  readonly id: number;
  readonly network: SimulatedNetwork;
  readonly addresses: readonly string[];
  readonly ends = new Set<SimulatedTransport>();
  readonly #listeners = new Map<string, ListenOptions>();
  /** Connections are refused, as by a machine whose daemon is down. */
  refusing = false;

  constructor(network: SimulatedNetwork, id: number, addresses: readonly string[]) {
    this.network = network;
    this.id = id;
    this.addresses = addresses;
  }

  connect(options: DialOptions, receiver: DialReceiver): Dial {
    const { network } = this;
    const far = network.hostOf(options.remoteAddress);
    const family = options.remoteAddress.includes(":");
    const local = options.localAddress ?? this.addresses.find((address) => address.includes(":") === family);
    let cancelled = false;
    let near: SimulatedTransport | null = null;
    const fail = (ms: number, reason: string) =>
      network.clock.setTimer(ms, () => {
        if (!cancelled) receiver.failed(reason);
      });
    if (far === undefined || local === undefined) fail(0, "no route to host");
    else {
      const oneWay = network.delayMs(this, far);
      // The SYN: when it arrives, the other side's connection is up, half a round trip before ours.
      network.clock.arrive(oneWay, () => {
        if (cancelled) return;
        if (network.isCut(this, far)) {
          fail(127_000, "connection timed out");
          return;
        }
        const listener = far.refusing ? undefined : far.listener(options.remoteAddress, options.remotePort);
        if (listener === undefined) {
          fail(oneWay, "connection refused");
          return;
        }
        near = new SimulatedTransport(this, local, network.freePort());
        const accepted = new SimulatedTransport(far, options.remoteAddress, options.remotePort);
        near.join(accepted);
        accepted.join(near);
        network.clock.arrive(oneWay, () => {
          if (!cancelled && !near!.over) receiver.connected(near!);
        });
        listener.accepted(accepted);
      });
    }
    return {
      cancel() {
        cancelled = true;
        near?.destroy();
      },
    };
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const addresses = options.addresses.flatMap((address) => this.#expand(address));
    const keys = addresses.map((address) => `${address}|${options.port}`);
    for (const key of keys)
      if (this.#listeners.has(key)) throw new ListenError(`Cannot listen on ${key}: the port is in use.`);
    for (const key of keys) this.#listeners.set(key, options);
    return {
      endpoints: addresses.map((address) => ({ address, port: options.port })),
      setMd5Key() {},
      setTtl() {},
      close: async () => {
        for (const key of keys) this.#listeners.delete(key);
      },
    };
  }

  listener(address: string, port: number): ListenOptions | undefined {
    return this.#listeners.get(`${address}|${port}`);
  }

  /** Power off: every connection is forgotten, the other sides hear nothing until they send. */
  crash(): void {
    for (const end of [...this.ends]) end.vanish();
    this.#listeners.clear();
  }

  #expand(address: string): string[] {
    if (address === "0.0.0.0") return this.addresses.filter((own) => !own.includes(":"));
    if (address === "::") return this.addresses.filter((own) => own.includes(":"));
    if (!this.addresses.includes(address))
      throw new ListenError(`Cannot listen on ${address}: it is not an address of this host.`);
    return [address];
  }
}

/** Chunks that wait for room in the other end's window. */
interface Waiting {
  chunks: readonly Uint8Array[];
  index: number;
  taken: (() => void) | undefined;
}

/** One end of a connection. */
export class SimulatedTransport implements Transport {
  readonly host: SimulatedHost;
  readonly localAddress: string;
  readonly localPort: number;
  /** The other end. */
  far!: SimulatedTransport;
  options: SocketOptions | null = null;
  #receiver: TransportReceiver | null = null;
  #paused = false;
  /** Nothing more is written here: `end` or `destroy` was called, or the connection broke. */
  #closed = false;
  /** Both ways are over; the host has forgotten the connection. */
  over = false;
  #finSent = false;
  #finReceived = false;
  /** What has arrived but was not read, in order; null = nothing. */
  #unread: Segment[] | null = null;
  /** Octets on their way to this end or unread here. */
  #inFlight = 0;
  /** What this end could not send yet. */
  #waiting: Waiting[] | null = null;
  /** What is on its way from here, in order; null = nothing. */
  #outgoing: Segment[] | null = null;
  /** How many of these were lost on a link that is cut: sent again when it heals. */
  #lost = 0;
  #lastArrival = 0;

  constructor(host: SimulatedHost, localAddress: string, localPort: number) {
    this.host = host;
    this.localAddress = localAddress;
    this.localPort = localPort;
    host.ends.add(this);
  }

  /** Nothing more is written here. */
  get closing(): boolean {
    return this.#closed;
  }

  get remoteAddress(): string {
    return this.far.localAddress;
  }

  get remotePort(): number {
    return this.far.localPort;
  }

  join(far: SimulatedTransport): void {
    this.far = far;
  }

  attach(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    if (this.#unread !== null) this.host.network.clock.defer(() => this.#read());
  }

  configure(options: SocketOptions): void {
    this.options = options;
  }

  write(chunks: readonly Uint8Array[], taken?: () => void): void {
    if (this.#closed) return;
    const waiting = { chunks, index: 0, taken };
    if (this.#waiting === null && this.#send(waiting)) {
      taken?.();
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push(waiting);
  }

  backlog(): number {
    let octets = 0;
    for (const { chunks, index } of this.#waiting ?? [])
      for (let i = index; i < chunks.length; i++) octets += chunks[i]!.length;
    return octets;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#unread !== null) this.host.network.clock.defer(() => this.#read());
  }

  /** What waits is written out first, then FIN; the whole takes at most 5 s, as with sockets. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver = null;
    if (this.#waiting === null) this.#finish();
    if (this.over) return;
    this.host.network.clock.setTimer(5_000, () => {
      if (!this.over) this.#reset();
    });
    this.#read();
  }

  destroy(): void {
    if (this.over) return;
    this.#closed = true;
    this.#receiver = null;
    this.#reset();
  }

  /** The connection breaks under both ends. */
  broken(reason: string): void {
    if (this.over) return;
    const receiver = this.#receiver;
    this.#forget();
    receiver?.closed(reason);
  }

  /** The host loses its memory. */
  vanish(): void {
    this.#forget();
  }

  /** The link is whole again: what was lost is sent again. */
  retransmit(): void {
    const lost = this.#lost;
    this.#lost = 0;
    for (let i = 0; i < lost; i++) this.#schedule();
  }

  #forget(): void {
    this.#closed = this.over = true;
    this.#receiver = null;
    this.#unread = this.#waiting = null;
    this.host.ends.delete(this);
  }

  #reset(): void {
    this.#forget();
    this.#transmit(RST);
  }

  /** Sends as much as the window lets through; true when all is gone. */
  #send(waiting: Waiting): boolean {
    for (; waiting.index < waiting.chunks.length; waiting.index++) {
      const chunk = waiting.chunks[waiting.index]!;
      if (this.far.#inFlight > 0 && this.far.#inFlight + chunk.length > this.host.network.window) return false;
      this.far.#inFlight += chunk.length;
      this.#transmitBytes(chunk);
    }
    return true;
  }

  #transmitBytes(chunk: Uint8Array): void {
    const { split, random } = this.host.network;
    if (!split) {
      this.#transmit(chunk);
      return;
    }
    for (let at = 0; at < chunk.length; ) {
      const length = 1 + Math.floor(random.next() * Math.min(64, chunk.length - at));
      this.#transmit(chunk.subarray(at, at + length));
      at += length;
    }
  }

  #transmit(segment: Segment): void {
    this.#outgoing ??= [];
    this.#outgoing.push(segment);
    this.#schedule();
  }

  /** The next segment in order arrives after the link's delay, and never before one that was sent earlier. */
  #schedule(): void {
    const { network } = this.host;
    const at = Math.max(network.clock.now() + network.delayMs(this.host, this.far.host), this.#lastArrival);
    this.#lastArrival = at;
    network.clock.arrive(at - network.clock.now(), () => {
      if (network.isCut(this.host, this.far.host)) {
        this.#lost++;
        return;
      }
      const segment = this.#outgoing!.shift()!;
      if (this.#outgoing!.length === 0) this.#outgoing = null;
      this.far.#arrive(segment);
    });
  }

  #arrive(segment: Segment): void {
    if (this.over) {
      // Nobody knows this connection here: the sender is told so.
      if (segment !== RST) this.#transmit(RST);
      return;
    }
    if (segment === RST) {
      this.broken("connection reset by peer");
      return;
    }
    this.#unread ??= [];
    this.#unread.push(segment);
    this.#read();
  }

  #read(): void {
    while (this.#unread !== null && !this.#paused && (this.#receiver !== null || this.#closed)) {
      const segment = this.#unread.shift()!;
      if (this.#unread.length === 0) this.#unread = null;
      if (segment instanceof Uint8Array) {
        this.#inFlight -= segment.length;
        this.#receiver?.received(segment);
        this.far.#flush();
        continue;
      }
      this.#finished();
    }
  }

  /** The other side has half-closed. */
  #finished(): void {
    this.#finReceived = true;
    const receiver = this.#receiver;
    this.#receiver = null;
    if (this.#finSent) this.#forget();
    else receiver?.closed("connection closed by peer");
  }

  #finish(): void {
    this.#finSent = true;
    this.#transmit(FIN);
    if (this.#finReceived) this.#forget();
  }

  /** The other side has read: there may be room. */
  #flush(): void {
    if (this.#waiting === null) return;
    while (this.#waiting !== null) {
      const first: Waiting = this.#waiting[0]!;
      if (!this.#send(first)) return;
      this.#waiting.shift();
      if (this.#waiting.length === 0) this.#waiting = null;
      if (!this.#closed) first.taken?.();
    }
    if (this.#closed && !this.over) this.#finish();
  }
}
