import type { DynamicNeighborsConfig, InventoryNode, NeighborConfig, PeerSettings } from "../config/model.ts";
import type { Outbox } from "../export/members/outbox.ts";
import type { Membership } from "../export/update-groups.ts";
import { type Prefix, parseAddress, parsePrefix } from "../lib/address.ts";
import type { Family } from "../lib/family.ts";
import { families } from "../lib/family.ts";
import type { PolicySource } from "../policy/definition.ts";
import type { ImportPipeline } from "../policy/import-pipeline.ts";
import type { SourceInfo } from "../rib/source-table.ts";
import type { Inbound } from "../rib/update-reader.ts";
import type { Agreed } from "../session/agreed.ts";
import type { PeerSession } from "../session/peer-session.ts";
import type { CodecContext } from "../wire/context.ts";
import { type AdminState, enabled } from "./peers/administration.ts";
import type { Rest } from "./peers/rest.ts";

/** Who a peer is, whichever way it came about. */
export interface PeerIdentity {
  /** Canonical text, with a zone for a link-local address. */
  readonly address: string;
  readonly settings: PeerSettings;
  /** Came out of a range. */
  readonly dynamic: boolean;
  /** Of the inventory; empty if it doesn't know the peer. */
  readonly blocks: readonly Prefix[];
}

export const identityOf = (neighbor: NeighborConfig): PeerIdentity => ({
  address: neighbor.zone === null ? neighbor.address : `${neighbor.address}%${neighbor.zone}`,
  settings: neighbor,
  dynamic: false,
  blocks: (neighbor.blocks ?? []).map(parsePrefix),
});

/** A member of a range. @param node of the inventory, with its address */
export const memberOf = (
  address: string,
  range: DynamicNeighborsConfig,
  node: InventoryNode | undefined,
): PeerIdentity => ({
  address,
  settings: range,
  dynamic: true,
  blocks: (node?.blocks ?? []).map(parsePrefix),
});

/** What exists while a session is Established, and all of it goes when the session does. */
export interface LiveSession extends Inbound {
  /** As agreed, but for what a reload changed of how UPDATEs are read. */
  codec: CodecContext;
  context: number;
  readonly agreed: Agreed;
  readonly outbox: Outbox;
  /** By family. */
  readonly memberships: (Membership | undefined)[];
  readonly endOfRibReceived: boolean[];
}

/** One peer: its settings, its session, and the state that links the session to the tables. Plain state; `Peers` acts on it. */
export class Peer {
  identity: PeerIdentity;
  readonly session: PeerSession;
  /** Null unless Established. */
  live: LiveSession | null = null;
  /** The source under which the peer's routes stand, also while they are kept as stale; 0 = none. */
  source = 0;
  /** Stale routes are waiting for the peer (RFC 4724 §4.2). */
  restarting = false;
  /** Stale routes are there for long: marked, and the last resort (RFC 9494 §4.2); by family. */
  readonly longLived: boolean[] = families.map(() => false);
  /** Our link to the peer went down while its routes were stale, or with its session. */
  cutOff = false;
  everEstablished = false;
  /** Times that sessions with this address went down before this object was made: a member of a range that left and came back. */
  flapsBefore = 0;
  /** The peer's AS and identifier in its last session. */
  remoteAs: number | null = null;
  remoteRouterId: number | null = null;
  /** The maximum-prefix limit was passed and said so; by family. */
  readonly overLimit: boolean[] = families.map(() => false);
  /** Paths of one prefix were too many (`limits.paths-per-prefix`), and that was said; by family. */
  readonly crowded: boolean[] = families.map(() => false);
  /** What it rests for, if its session was ended for using too much; until it is up again. */
  rest: Rest | null = null;
  policySource: PolicySource;
  pipeline: ImportPipeline | null = null;
  admin: AdminState = enabled;

  constructor(identity: PeerIdentity, makeSession: (peer: Peer) => PeerSession) {
    this.identity = identity;
    this.policySource = policySourceOf(identity, null);
    this.remoteAs = typeof identity.settings.remoteAs === "number" ? identity.settings.remoteAs : null;
    this.session = makeSession(this);
  }

  get address(): string {
    return this.identity.address;
  }

  /** Begins, unless the operator has shut it down. */
  start(): void {
    if (!this.admin.disabled) this.session.start();
  }

  get settings(): PeerSettings {
    return this.identity.settings;
  }

  /** Times that a session with this address went down. */
  get flaps(): number {
    return this.flapsBefore + this.session.flaps;
  }

  membership(family: Family): Membership | undefined {
    return this.live?.memberships[family];
  }
}

/** A peer's address in words, without the zone. */
export const addressWords = (address: string): readonly number[] => parseAddress(address.split("%")[0]!);

/** @param device the interface that the session runs or ran over; null: unknown, or there was none yet. */
export const policySourceOf = ({ address, settings, blocks }: PeerIdentity, device: string | null): PolicySource => ({
  address: addressWords(address),
  peerGroup: settings.peerGroup,
  learnedFrom: settings.kind === "external" ? "external" : settings.routeReflectorClient ? "client" : "internal",
  interface: device,
  blocks,
});

export const sourceInfoOf = ({ address, settings }: PeerIdentity, agreed: Agreed): SourceInfo => ({
  kind: settings.kind,
  client: settings.routeReflectorClient,
  remoteAs: agreed.remoteAs,
  routerId: agreed.remoteRouterId,
  address: addressWords(address),
  peer: address,
  name: settings.description,
});
