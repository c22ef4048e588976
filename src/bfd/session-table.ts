import type { Random } from "../lib/random.ts";
import { type ControlPacket, decodePacket, type PacketFault, SessionState } from "./packet.ts";
import type { BfdNeighbor, BfdStatus } from "./port.ts";
import { BfdSession, type SessionParts } from "./session.ts";

/** Why packets were dropped: faults of form; no session that it could be for; another sender, or port, than the session's. */
export type DropReason = PacketFault | "no-session" | "sender" | "hops";

/** Where packets of a session go. */
export interface Path {
  readonly address: string;
  readonly local: string | null;
  readonly multihop: boolean;
}

export interface TableParts extends Pick<SessionParts, "clock" | "random"> {
  send(path: Path, packet: ControlPacket): void;
  /** A session is not what it was: state, diagnostic, times. */
  onChange(address: string, status: BfdStatus): void;
  /** The address is of one of our links' subnets. */
  isConnected(address: string): boolean;
}

interface Entry {
  readonly address: string;
  readonly session: BfdSession;
  neighbor: BfdNeighbor;
  multihop: boolean;
}

/** The sessions of this system: found by the discriminator that we gave, at first by the sender's address (RFC 5880 §6.8.6, RFC 5881 §3). */
export class SessionTable {
  readonly #parts: TableParts;
  /** By the address of the other end, with its zone. */
  readonly #byAddress = new Map<string, Entry>();
  readonly #byDiscriminator = new Map<number, Entry>();
  readonly #dropped = new Map<DropReason, number>();
  #droppedInAll = 0;

  constructor(parts: TableParts) {
    this.#parts = parts;
  }

  /** Packets that were dropped, by reason. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped;
  }

  get droppedInAll(): number {
    return this.#droppedInAll;
  }

  /** A session, or other settings for the one that is there. */
  set(address: string, neighbor: BfdNeighbor): void {
    const known = this.#byAddress.get(address);
    if (known !== undefined && known.neighbor.hops === neighbor.hops && known.neighbor.local === neighbor.local) {
      known.neighbor = neighbor;
      known.session.change(neighbor);
      return;
    }
    this.remove(address);
    const { clock, random, send, onChange, isConnected } = this.#parts;
    const discriminator = newDiscriminator(random, this.#byDiscriminator);
    const multihop = neighbor.hops === "auto" ? !isConnected(address) : neighbor.hops === "multi";
    const session: BfdSession = new BfdSession({
      clock,
      random,
      settings: neighbor,
      discriminator,
      send: (packet) => send({ address, local: entry.neighbor.local, multihop: entry.multihop }, packet),
      onChange: () => onChange(address, this.#statusOf(entry)),
    });
    const entry: Entry = { address, session, neighbor, multihop };
    this.#byAddress.set(address, entry);
    this.#byDiscriminator.set(discriminator, entry);
    session.start();
  }

  /** Ends a session; its last word is that this was on purpose. */
  remove(address: string): void {
    const entry = this.#byAddress.get(address);
    if (entry === undefined) return;
    entry.session.disable();
    entry.session.close();
    this.#byAddress.delete(address);
    this.#byDiscriminator.delete(entry.session.discriminator);
  }

  /** @param from address and zone of the sender; @param multihop the port it came to; @param bytes the payload. */
  receive(from: string, multihop: boolean, bytes: Uint8Array): void {
    const packet = decodePacket(bytes);
    if (typeof packet === "string") {
      this.#drop(packet);
      return;
    }
    const entry = this.#entryOf(from, packet);
    if (typeof entry === "string") this.#drop(entry);
    else if (!takesFrom(entry, multihop)) this.#drop("hops");
    else {
      entry.multihop = multihop;
      entry.session.receive(packet);
    }
  }

  close(): void {
    for (const address of [...this.#byAddress.keys()]) this.remove(address);
  }

  #entryOf(from: string, { yourDiscriminator }: ControlPacket): Entry | DropReason {
    if (yourDiscriminator === 0) return this.#byAddress.get(from) ?? "no-session";
    const found = this.#byDiscriminator.get(yourDiscriminator);
    if (found === undefined) return "no-session";
    return found.address === from ? found : "sender";
  }

  #drop(reason: DropReason): void {
    this.#droppedInAll++;
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  #statusOf({ session, multihop }: Entry): BfdStatus {
    const { clock } = this.#parts;
    const { upSince } = session;
    return {
      state: session.state,
      remoteState: session.remoteState,
      diagnostic: session.diagnostic,
      remoteDiagnostic: session.remoteDiagnostic,
      localDiscriminator: session.discriminator,
      remoteDiscriminator: session.remoteDiscriminator,
      transmit: session.transmitMs,
      receive: session.receiveMs,
      detect: session.detectMs,
      multiplier: session.multiplier,
      upSince: upSince === null ? null : clock.wallTime() - (clock.now() - upSince),
      downs: session.downs,
      multihop,
      remoteIndependent: session.remoteIndependent,
    };
  }
}

/** Where both are possible the other end's port tells, as long as the session isn't up. */
const takesFrom = ({ neighbor, multihop, session }: Entry, came: boolean): boolean =>
  multihop === came || (neighbor.hops === "auto" && session.state !== SessionState.Up);

/** Not guessed by others, never 0, and nobody else's (RFC 5880 §6.3). */
function newDiscriminator(random: Random, taken: { has(discriminator: number): boolean }): number {
  for (;;) {
    const discriminator = Math.floor(random.next() * 2 ** 32);
    if (discriminator !== 0 && !taken.has(discriminator)) return discriminator;
  }
}
