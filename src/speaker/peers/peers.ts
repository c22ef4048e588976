import type { Config, DynamicNeighborsConfig } from "../../config/model.ts";
import { type Prefix, parsePrefix, prefixContains } from "../../lib/address.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { ceaseOf } from "../../session/reason.ts";
import type { Transport } from "../../session/transport.ts";
import { CeaseError, cease, type NotificationError } from "../../wire/errors.ts";
import { encodeNotification } from "../../wire/message/notification.ts";
import type { Admission } from "../load/admission.ts";
import { addressWords, memberOf, type Peer, type PeerIdentity } from "../peer.ts";
import { GonePeers, type SessionTotals } from "./gone-peers.ts";
import { InventoryNodes } from "./inventory-nodes.ts";

interface Range {
  readonly config: DynamicNeighborsConfig;
  readonly prefix: Prefix;
  members: number;
}

/** Connections that were turned away at the door. */
export interface RefusalCounters {
  /** Nobody that we know. */
  unknown: number;
  /** Of a range that has its limit of members. */
  overLimit: number;
  /** Members that took too long to shake hands while too many others did, too. */
  halfOpen: number;
  /** Memory is short. */
  memory: number;
}

/** Refusals of one kind are logged at most this often; the number of those in between is said. */
const REFUSAL_LOG_MS = 10_000;

/** All peers by address, listed and dynamic, and the door at which connections arrive. */
export class Peers implements Iterable<Peer> {
  readonly #byAddress = new Map<string, Peer>();
  readonly #rangeOf = new Map<Peer, Range>();
  readonly #create: (identity: PeerIdentity) => Peer;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #lastSaid = new Map<string, { at: number; since: number }>();
  #ranges: Range[] = [];
  readonly refused: RefusalCounters = { unknown: 0, overLimit: 0, halfOpen: 0, memory: 0 };
  /** Members of ranges that have connected but have never been Established, the oldest first. */
  readonly #halfOpen = new Set<Peer>();
  #maxHalfOpen = Number.POSITIVE_INFINITY;
  readonly #nodes = new InventoryNodes();
  readonly #gone = new GonePeers();
  readonly #admission: Admission;

  constructor(create: (identity: PeerIdentity) => Peer, clock: Clock, log: Log, admission: Admission) {
    this.#create = create;
    this.#admission = admission;
    this.#clock = clock;
    this.#log = log;
  }

  [Symbol.iterator](): Iterator<Peer> {
    return this.#byAddress.values();
  }

  get size(): number {
    return this.#byAddress.size;
  }

  get(address: string): Peer | undefined {
    return this.#byAddress.get(address);
  }

  add(identity: PeerIdentity): Peer {
    const peer = this.#create(identity);
    peer.flapsBefore = this.#gone.returned(identity.address);
    this.#byAddress.set(identity.address, peer);
    return peer;
  }

  /** What all sessions counted, also those that are no more. */
  get totals(): SessionTotals {
    return this.#gone.totals(this);
  }

  /** Members of ranges in the middle of their handshake. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /** The peer's session is Established. */
  shookHands(peer: Peer): void {
    this.#halfOpen.delete(peer);
  }

  /** Forgets a peer; its session has been stopped. */
  remove(peer: Peer): void {
    this.#halfOpen.delete(peer);
    if (this.#byAddress.get(peer.address) === peer) {
      this.#byAddress.delete(peer.address);
      this.#gone.left(peer);
    }
    const range = this.#rangeOf.get(peer);
    if (range !== undefined) range.members--;
    this.#rangeOf.delete(peer);
  }

  /** A member of a range exists while its session does, or its stale routes. */
  forgetIfGone(peer: Peer): void {
    if (!peer.identity.dynamic || peer.live !== null || peer.restarting) return;
    this.#clock.defer(() => {
      // By its connection: with DelayOpen a session that has one is still in Active.
      const busy = peer.session.ends !== null;
      if (busy || peer.restarting || peer.session.resting) return;
      peer.session.stop({ quiet: true });
      this.remove(peer);
    });
  }

  /** The ranges of a (new) config, the longest first. Members of ranges that are still there stay with them. */
  setRanges(config: Config): void {
    this.#maxHalfOpen = config.limits.halfOpen;
    this.#nodes.adopt(config.inventory);
    const before = new Map(this.#ranges.map((range) => [range.config.range, range]));
    this.#ranges = config.dynamicNeighbors.map((range) => ({
      config: range,
      prefix: parsePrefix(range.range),
      members: before.get(range.range)?.members ?? 0,
    }));
    const ranges = new Map(this.#ranges.map((range) => [range.config.range, range]));
    for (const [peer, old] of this.#rangeOf) {
      const now = ranges.get(old.config.range);
      if (now) this.#rangeOf.set(peer, now);
    }
  }

  /** The range that a host with this address would come out of: the longest; none if the inventory says that it is gone. */
  rangeFor(address: string): DynamicNeighborsConfig | undefined {
    return this.#nodes.isGone(address) ? undefined : this.#find(address)?.config;
  }

  /** Who a host is that comes out of this range. */
  member(address: string, range: DynamicNeighborsConfig): PeerIdentity {
    return memberOf(address, range, this.#nodes.of(address));
  }

  /** A member belongs to the longest range that holds it from now on; whoever is listed to none. */
  enroll(peer: Peer): void {
    const range = peer.identity.dynamic ? this.#find(peer.address) : undefined;
    const before = this.#rangeOf.get(peer);
    if (range === before) return;
    if (before !== undefined) before.members--;
    this.#rangeOf.delete(peer);
    if (range === undefined) return;
    range.members++;
    this.#rangeOf.set(peer, range);
  }

  #find(address: string): Range | undefined {
    const words = addressWords(address);
    return this.#ranges.find(({ prefix }) => prefixContains(prefix, words));
  }

  /** The range that a dynamic peer came out of. */
  rangeOf(peer: Peer): string | undefined {
    return this.#rangeOf.get(peer)?.config.range;
  }

  /** A connection has arrived: it goes to its peer, makes one out of a range, or is turned away in the same turn. */
  accept(transport: Transport): void {
    const { remoteAddress } = transport;
    const known = this.#byAddress.get(remoteAddress);
    if (known !== undefined) {
      // Whose routes are here already, be they stale, adds none to them.
      if (known.source === 0 && !this.#admission.open) this.#refuseForMemory(transport);
      else known.session.accept(transport);
      return;
    }
    const range = this.#find(remoteAddress);
    if (range === undefined) {
      this.refused.unknown++;
      this.#say("refused-unknown", `${remoteAddress} is no neighbor and in no range: closed`);
      transport.destroy();
      return;
    }
    if (this.#nodes.isGone(remoteAddress)) {
      this.refused.unknown++;
      this.#say("refused-gone", `${remoteAddress} is no node of the inventory any more: refused`);
      refuse(transport, cease(CeaseError.ConnectionRejected));
      return;
    }
    if (range.config.limit > 0 && range.members >= range.config.limit) {
      this.refused.overLimit++;
      this.#say(
        "refused-over-limit",
        `${remoteAddress} would be one more than the ${range.config.limit} of range ${range.config.range}`,
      );
      refuse(transport, cease(CeaseError.ConnectionRejected));
      return;
    }
    if (!this.#admission.open) {
      this.#refuseForMemory(transport);
      return;
    }
    if (this.#halfOpen.size >= this.#maxHalfOpen) this.#makeRoom();
    const peer = this.add(this.member(remoteAddress, range.config));
    if (peer.admin.disabled) {
      this.remove(peer);
      refuse(transport, ceaseOf(CeaseError.AdministrativeShutdown, peer.admin.text));
      return;
    }
    this.#halfOpen.add(peer);
    this.enroll(peer);
    peer.session.start();
    peer.session.accept(transport);
  }

  /**
   * The one that has been silent for longest goes. Refusing the newcomer instead would let whoever holds that many connections
   * keep everybody else out; an honest peer shakes hands in far less time than it takes to become the oldest.
   */
  #makeRoom(): void {
    const [oldest] = this.#halfOpen;
    if (oldest === undefined) return;
    this.refused.halfOpen++;
    this.#say(
      "half-open",
      `${this.#halfOpen.size} members of ranges have not shaken hands; ${oldest.address}, the oldest, makes room`,
    );
    oldest.session.stop({ subcode: CeaseError.OutOfResources });
    this.remove(oldest);
  }

  #refuseForMemory(transport: Transport): void {
    this.refused.memory++;
    this.#say("refused-memory", `${transport.remoteAddress} is refused: memory is short`);
    refuse(transport, cease(CeaseError.OutOfResources));
  }

  #say(name: string, message: string): void {
    const now = this.#clock.now();
    const last = this.#lastSaid.get(name);
    if (last !== undefined && now - last.at < REFUSAL_LOG_MS) {
      last.since++;
      return;
    }
    this.#log.event("warn", name, message, last?.since ? { before: last.since } : {});
    this.#lastSaid.set(name, { at: now, since: 0 });
  }
}

/** Says why, and lets the other side read it (RFC 4486 §4). */
function refuse(transport: Transport, { code, subcode, data }: NotificationError): void {
  transport.attach({ received() {}, closed() {} });
  transport.write([encodeNotification({ code, subcode, data })]);
  transport.end();
}
