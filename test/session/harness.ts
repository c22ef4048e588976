import type { Agreed } from "../../src/session/agreed.ts";
import { Alarms } from "../../src/session/alarms.ts";
import { KeepaliveLag } from "../../src/session/counters.ts";
import type { State } from "../../src/session/fsm/state.ts";
import type { DownReason, NotificationView, SessionHandlers } from "../../src/session/handlers.ts";
import { PeerSession } from "../../src/session/peer-session.ts";
import {
  type CapabilityOffer,
  defaultOffer,
  defaultProfile,
  type SessionProfile,
  type SessionSettings,
} from "../../src/session/settings.ts";
import type { Transport, TransportReceiver } from "../../src/session/transport.ts";
import { NotificationError } from "../../src/wire/errors.ts";
import { HEADER_LENGTH, MessageType } from "../../src/wire/framer.ts";
import { encodeHeader } from "../../src/wire/message/header.ts";
import { encodeKeepalive } from "../../src/wire/message/keepalive.ts";
import { encodeOpen, type OpenToSend } from "../../src/wire/message/open.ts";
import { type NetworkOptions, type SimulatedHost, SimulatedNetwork } from "../../testbed/simulated-network.ts";
import { MessageCutter } from "../../testbed/speaker/framing.ts";

export const seconds = (n: number): number => n * 1000;

export interface Wanted extends Partial<Omit<SessionProfile, "offer">> {
  readonly offer?: Partial<CapabilityOffer>;
}

export const profileOf = (wanted: Wanted = {}): SessionProfile => ({
  ...defaultProfile,
  localAs: 65001,
  routerId: 0x0a000001,
  remoteAs: 65001,
  ...wanted,
  offer: { ...defaultOffer, ...wanted.offer },
});

/** One side of a session and all that it was told. */
export class Side implements SessionHandlers {
  readonly host: SimulatedHost;
  readonly session: PeerSession;
  readonly lag = new KeepaliveLag();
  /** Everything in order, a word or two each. */
  readonly log: string[] = [];
  readonly downs: DownReason[] = [];
  readonly notifications: string[] = [];
  readonly updates: Uint8Array[] = [];
  readonly refreshes: Uint8Array[] = [];
  readonly bugs: unknown[] = [];
  lastNotification: { direction: string; code: number; subcode: number; data: number[] } | null = null;
  onUpdate: (() => void) | null = null;
  onEstablished: (() => void) | null = null;
  onDown: (() => void) | null = null;
  onNotification: (() => void) | null = null;
  restart: { restarting: boolean; forwarding: boolean } | null = null;

  constructor(host: SimulatedHost, settings: SessionSettings) {
    this.host = host;
    const { network } = host;
    this.session = new PeerSession(
      settings,
      {
        clock: network.clock,
        alarms: new Alarms(network.clock),
        random: network.random,
        network: host,
        keepaliveLag: this.lag,
      },
      this,
    );
  }

  get state(): State {
    return this.session.state;
  }

  get agreed(): Agreed | null {
    return this.session.agreed;
  }

  listen(): this {
    void this.host.listen({
      addresses: this.host.addresses,
      port: 179,
      accepted: (transport) => this.session.accept(transport),
    });
    return this;
  }

  established(): void {
    this.log.push("established");
    this.onEstablished?.();
  }

  down(reason: DownReason): void {
    this.log.push("down");
    this.downs.push(reason);
    this.onDown?.();
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    this.updates.push(bytes.slice(start, end));
    this.onUpdate?.();
  }

  routeRefresh(bytes: Uint8Array, start: number, end: number): void {
    this.refreshes.push(bytes.slice(start, end));
  }

  stateChanged(from: State, to: State): void {
    this.log.push(`${from} > ${to}`);
  }

  notification(direction: "sent" | "received", { code, subcode, data }: NotificationView): void {
    this.notifications.push(`${direction} ${code}/${subcode}`);
    this.lastNotification = { direction, code, subcode, data: [...data] };
    this.onNotification?.();
  }

  restartState() {
    return {
      restarting: this.restart?.restarting ?? false,
      forwarding: () => this.restart?.forwarding ?? false,
    };
  }

  bug(error: unknown): void {
    this.bugs.push(error);
  }
}

export const LEFT = "192.0.2.1";
export const RIGHT = "192.0.2.2";

export interface Pair {
  readonly net: SimulatedNetwork;
  readonly left: Side;
  readonly right: Side;
}

/** Two speakers that know each other; the right one has the higher identifier. Neither has started. */
export function pair(left: Wanted = {}, right: Wanted = left, network: NetworkOptions = {}): Pair {
  const net = new SimulatedNetwork(network);
  const side = (own: string, other: string, profile: SessionProfile) =>
    new Side(net.host(own), { profile, remoteAddress: other, remotePort: 179 }).listen();
  return {
    net,
    left: side(LEFT, RIGHT, profileOf({ routerId: 0x0a000001, ...left })),
    right: side(RIGHT, LEFT, profileOf({ routerId: 0x0a000002, ...right })),
  };
}

/** Both started and Established; the left one has dialled, and the right one is passive unless it says otherwise. */
export function established(left: Wanted = {}, right: Wanted = left, network: NetworkOptions = {}): Pair {
  const both = pair(left, { passive: true, ...right }, network);
  both.right.session.start();
  both.net.clock.advance(0);
  both.left.session.start();
  both.net.clock.runUntil(() => both.left.state === "Established" && both.right.state === "Established", seconds(60));
  return both;
}

/** The other side of a session, played by hand: writes what the test says, keeps what it reads. */
export class Puppet implements TransportReceiver {
  readonly host: SimulatedHost;
  readonly transports: Transport[] = [];
  /** Messages by name: "OPEN", "KEEPALIVE", "NOTIFICATION 6/2", ... */
  readonly read: string[] = [];
  /** The bodies of the OPENs. */
  readonly opens: Uint8Array[] = [];
  readonly closes: string[] = [];
  lastNotification: { code: number; subcode: number; data: number[] } | null = null;
  #cutter = this.#newCutter();

  constructor(host: SimulatedHost) {
    this.host = host;
    void host.listen({
      addresses: host.addresses,
      port: 179,
      accepted: (transport) => this.#take(transport),
    });
  }

  dial(to: string): this {
    this.host.connect(
      { remoteAddress: to, remotePort: 179 },
      { connected: (transport) => this.#take(transport), failed: (reason) => this.closes.push(reason) },
    );
    return this;
  }

  /** The newest connection. */
  get transport(): Transport {
    return this.transports.at(-1)!;
  }

  send(...messages: Uint8Array[]): void {
    this.transport.write(messages);
  }

  open(more: Partial<OpenToSend> = {}): void {
    this.send(openOf(more));
  }

  keepalive(): void {
    this.send(encodeKeepalive());
  }

  #take(transport: Transport): void {
    this.transports.push(transport);
    this.#cutter = this.#newCutter();
    transport.attach(this);
  }

  received(chunk: Uint8Array): void {
    this.#cutter.push(chunk);
  }

  closed(reason: string): void {
    this.closes.push(reason);
  }

  #newCutter(): MessageCutter {
    return new MessageCutter((type, bytes, start, end) => {
      if (type === MessageType.Notification) {
        const [code, subcode, ...data] = bytes.subarray(start, end);
        this.lastNotification = { code: code!, subcode: subcode!, data };
        this.read.push(`NOTIFICATION ${code}/${subcode}`);
        return;
      }
      if (type === MessageType.Open) this.opens.push(bytes.subarray(start, end));
      this.read.push(["", "OPEN", "UPDATE", "", "KEEPALIVE", "ROUTE-REFRESH"][type]!);
    });
  }
}

export const openOf = (more: Partial<OpenToSend> = {}): Uint8Array =>
  encodeOpen({
    as: 65001,
    holdTimeSeconds: 90,
    routerId: 0x0a000009,
    capabilities: [
      { kind: "multiprotocol", afi: 1, safi: 1, family: 0 },
      { kind: "four-octet-as", as: more.as ?? 65001 },
    ],
    ...more,
  });

/** An UPDATE without content: End-of-RIB (RFC 4724 §2), padded with `octets` of nonsense if asked. */
export function updateOf(octets = 0): Uint8Array {
  const bytes = encodeHeader(MessageType.Update, HEADER_LENGTH + 4 + octets);
  bytes[HEADER_LENGTH + 2] = octets >>> 8;
  bytes[HEADER_LENGTH + 3] = octets;
  return bytes;
}

/** A session of ours and a puppet as its peer, neither started. */
export function withPuppet(wanted: Wanted = {}, network: NetworkOptions = {}) {
  const net = new SimulatedNetwork(network);
  const side = new Side(net.host(LEFT), {
    profile: profileOf(wanted),
    remoteAddress: RIGHT,
    remotePort: 179,
  }).listen();
  return { net, side, puppet: new Puppet(net.host(RIGHT)) };
}

/** The same, Established: the puppet has dialled. */
export function puppetEstablished(wanted: Wanted = {}, open: Partial<OpenToSend> = {}, network: NetworkOptions = {}) {
  const all = withPuppet({ passive: true, ...wanted }, network);
  all.side.session.start();
  all.puppet.dial(LEFT);
  all.net.clock.runUntil(() => all.puppet.read.includes("OPEN"), seconds(10));
  all.puppet.open(open);
  all.puppet.keepalive();
  all.net.clock.runUntil(() => all.side.state === "Established", seconds(10));
  return all;
}

export { NotificationError };
