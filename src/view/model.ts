import type { FamilyName } from "../lib/family.ts";
import type { OriginName } from "../wire/attribute/origin.ts";

/**
 * The answers that the edges give: the JSON of `--json`, of the control socket and of the looking glass. Other tools
 * read these names: add, never rename. Addresses, prefixes and communities are text, times seconds, instants ISO 8601.
 * Text that a peer sent (shutdown communication, host name) stands here as received; whoever shows it escapes it.
 */
export type SessionState = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";

export interface Summary {
  router: RouterSummary;
  neighbors: NeighborSummary[];
}

export interface RouterSummary {
  as: number;
  routerId: string;
  clusterId: string;
  version: string;
  uptimeSeconds: number;
  /** Prefixes with a best path, by family. */
  routes: Record<FamilyName, number>;
  /** Counts best-path changes: FRR's RIB table version. */
  tableVersion: number;
  /** Why nothing is decided yet after a restart; null: it is. */
  waiting: string | null;
  readiness: Readiness;
}

/** How far this daemon has come, in words: what `peerage wait`, `summary --check` and `/readyz` tell. */
export interface Readiness {
  /** The start is over: decided, written, and told to everyone who is up. Stays so until the daemon ends. */
  ready: boolean;
  /** What this daemon can still come to by itself; empty: nothing. */
  reasons: string[];
  /** The same and all that is under way at this moment; empty: it has converged, for now. */
  pending: string[];
  /** What it can't help, such as neighbors that are down. */
  warnings: string[];
  /** The kernel writer hangs, in words; null: it answers. */
  writer: string | null;
  /** Grows with whatever happens to routes: two answers with one number, and nothing has happened in between. */
  changes: number;
}

export interface NeighborSummary {
  address: string;
  /** Null while a peer with `remote-as: external` hasn't told its own. */
  remoteAs: number | null;
  /** BGP identifier of its last session; null before the first. */
  remoteRouterId: string | null;
  state: SessionState;
  /** Since it came up or went down last; attempts to come up again don't count. */
  uptimeSeconds: number;
  /** Whether it was ever Established, so that "never" can be told from "down". */
  everEstablished: boolean;
  dynamic: boolean;
  routeReflectorClient: boolean;
  description: string;
  messagesReceived: number;
  messagesSent: number;
  /** The table version that the peer has been told. */
  tableVersion: number;
  /** Bytes read but not yet worked off, and messages waiting for the peer's socket. */
  inQueue: number;
  outQueue: number;
  prefixes: PrefixCounts;
  /** What went wrong last, a failed dial too. */
  lastError: LastError | null;
  /** Why an Established session ended last; null while none has. */
  lastDrop: LastError | null;
  /** Why it isn't up, in words; null if there's nothing to add. */
  stateReason: string | null;
  /** Shut down by config or by command, and what was said with it ("" for nothing). */
  disabled: boolean;
  disabledText: string;
  /** Told that what we announce is the last resort. */
  draining: boolean;
  /** State of its BFD session; null: it has none. */
  bfd: BfdState | null;
}

/** One row of `announced`: a prefix that we originate, by whom, and whether it is that owner's that is announced. */
export interface AnnouncedRow {
  prefix: string;
  by: "config" | "workload" | "announce";
  active: boolean;
  /** Why it isn't active; null: it is. */
  reason: string | null;
}

/** Whom `disable`, `enable` or `drain` of a neighbor or a group concerned. */
export interface AdminReport {
  neighbors: string[];
}

export type BfdState = "AdminDown" | "Down" | "Init" | "Up";

/** One row of `bfd`. Discriminators as in the packets; intervals in milliseconds, 0: not agreed on yet. */
export interface BfdRow {
  address: string;
  interface: string | null;
  state: BfdState;
  remoteState: BfdState;
  /** Why it went down last, in words; null: never. */
  diagnostic: string | null;
  localDiscriminator: number;
  remoteDiscriminator: number;
  transmitMs: number;
  receiveMs: number;
  detectMs: number;
  multiplier: number;
  /** Null: not up. */
  uptimeSeconds: number | null;
  downs: number;
  multihop: boolean;
}

export interface PrefixCounts {
  received: number;
  accepted: number;
  advertised: number;
}

export interface LastError {
  /** ISO 8601, UTC. */
  at: string;
  direction: "sent" | "received" | "local";
  /** NOTIFICATION code and subcode; null where no NOTIFICATION was involved. */
  code: number | null;
  subcode: number | null;
  text: string;
}

export interface NeighborDetail extends NeighborSummary {
  localAs: number;
  kind: "internal" | "external";
  peerGroup: string | null;
  /** FQDN capability of the peer, as received. */
  hostName: string | null;
  localAddress: string | null;
  localPort: number | null;
  remotePort: number | null;
  passive: boolean;
  flaps: number;
  timers: {
    /** Agreed while a session is up, else as configured. */
    holdTimeSeconds: number;
    keepaliveSeconds: number;
    connectRetrySeconds: number;
    advertisementIntervalSeconds: number;
    configuredHoldTimeSeconds: number;
    /** Since the last message of the peer; null without a session. */
    sinceLastMessageSeconds: number | null;
  };
  capabilities: {
    sent: CapabilityText[];
    received: CapabilityText[];
    /** What both sides agreed on. */
    used: CapabilityText[];
  };
  families: NeighborFamily[];
  messages: { received: MessageCounts; sent: MessageCounts };
  gracefulRestart: GracefulRestartState | null;
  importPolicy: string[] | null;
  exportPolicy: string[] | null;
  nextHop: "default" | "self" | "force-self" | "unchanged";
}

/** "graceful-restart" and its parameters in words, e.g. "restart time 120 s, ipv4-unicast". */
export interface CapabilityText {
  code: number;
  name: string;
  value: string;
}

export interface NeighborFamily extends PrefixCounts {
  family: FamilyName;
  /** Whether End-of-RIB was sent and received in this session. */
  endOfRibSent: boolean;
  endOfRibReceived: boolean;
  addPathSend: boolean;
  addPathReceive: boolean;
  maximumPrefix: { limit: number; action: "warn" | "discard" | "restart" } | null;
}

export interface MessageCounts {
  open: number;
  update: number;
  notification: number;
  keepalive: number;
  routeRefresh: number;
}

export interface GracefulRestartState {
  /** Negotiated parameters of the peer, null if it offered none. */
  restartTimeSeconds: number | null;
  /** Routes of the peer that are kept while it is away. */
  staleRoutes: number;
}

export interface RouteRow {
  prefix: string;
  /** The best first. */
  paths: PathRow[];
}

/** An AS; a list is an AS_SET; of a confederation's segments each is an object: a sequence or a set (RFC 5065). */
export type AsPathElement = number | number[] | { confed: number[] } | { confedSet: number[] };

export interface PathRow {
  best: boolean;
  /** An address, or "self". */
  from: string;
  nextHop: string | null;
  asPath: AsPathElement[];
  origin: OriginName;
  localPref: number | null;
  med: number | null;
  communities: string[];
  largeCommunities: string[];
  extendedCommunities: string[];
  originatorId: string | null;
  clusterList: string[];
  atomicAggregate: boolean;
  /** Who aggregated the route (RFC 4271 §5.1.7). */
  aggregator: { as: number; address: string } | null;
  /** OTC (RFC 9234 §5): the AS that may only pass it on to customers. */
  onlyToCustomer: number | null;
  /** Attributes that we don't implement and pass on; values in hex. */
  unknownAttributes: { code: number; flags: number; value: string }[];
  /** Whether it could be chosen: next hop reachable, accepted. */
  valid: boolean;
  multipath: boolean;
  stale: boolean;
  /** ADD-PATH id, null without. */
  pathId: number | null;
  /** Why it was rejected: the policy's or the check's name; null if it wasn't. */
  rejectedBy: string | null;
  /** In `received` and `advertised`. */
  policy?: PolicyVerdict;
}

export interface PolicyVerdict {
  verdict: "accept" | "reject";
  /** Of the policy, or of the built-in rule that spoke ("as-loop", "ebgp-without-policy"). */
  name: string;
  /** Line of the term in the config file, null for built-in rules. */
  line: number | null;
  /** In words. */
  reason?: string;
}

/**
 * What two routers can't both be right about, a row for each neighbor and originator:
 * - `own-originator`: its routes are dropped since their ORIGINATOR_ID is our router-id, though we don't announce them.
 * - `own-prefix`: it tells a prefix that we announce ourselves.
 * - `two-clients`: a prefix that two of our clients announce, each as its own; `originator` is the second one's address.
 */
export interface Clash {
  kind: "own-originator" | "own-prefix" | "two-clients";
  from: string;
  originator: string;
  count: number;
  /** The first few. */
  prefixes: string[];
}

export type FibState = "installed" | "pending" | "failed" | "overridden";

export interface FibRow {
  prefix: string;
  type: "unicast" | "blackhole";
  nextHops: FibNextHop[];
  table: number;
  protocol: string;
  metric: number;
  state: FibState;
  /** Of an overridden one: who holds the prefix, e.g. "static". */
  owner?: string;
  /** Of a failed one: the kernel's words; of a pending one: why it waits for long. */
  error?: string;
  /** What the kernel holds of ours where that is not what is intended; null = nothing. */
  kernel?: Pick<FibRow, "type" | "nextHops"> | null;
  /** A route of an earlier run that nobody has asked for yet. */
  stale?: true;
  /** Somebody else removes or changes it again and again: how often, and how long a repair waits. */
  contested?: string;
}

/** A tunnel beside what the config wants of it. */
export interface TunnelRow {
  device: string;
  kind: "ipip" | "vxlan";
  /** Whether next hops are reached through it. */
  usable: boolean;
  /** What is otherwise than configured, in words; null: nothing. */
  problem: string | null;
}

export interface FibNextHop {
  /** Null: connected, no gateway. */
  via: string | null;
  dev: string;
  onlink: boolean;
  weight: number;
}

/** The whole way of a prefix. Each part also has a sentence for people. */
export interface Explanation {
  prefix: string;
  /** What a lookup of an address fell on, when the question was one. */
  question: string;
  received: ExplainedPath[];
  decision: {
    /** `from` of the best path; null if there's none. */
    best: string | null;
    text: string;
  };
  /** Of the best path; null for own routes and without a best path. */
  nextHop: {
    address: string;
    reachable: boolean;
    metric: number | null;
    via: string | null;
    dev: string | null;
    text: string;
  } | null;
  /** Null when no kernel route is intended and none is held. */
  kernel: { intended: FibRow | null; state: FibState | "absent"; text: string } | null;
  advertised: ExplainedAdvertisement[];
}

export interface ExplainedPath extends PathRow {
  policy: PolicyVerdict;
  /** The step of the decision at which it lost, in words; null for the best and for rejected ones. */
  lostAt: string | null;
}

export interface ExplainedAdvertisement {
  address: string;
  description: string;
  sent: boolean;
  /** Why not, or what was changed. */
  reason: string;
  /** As sent. */
  nextHop: string | null;
}

/** What a new config does, or would do. */
export interface ChangeReport {
  /** Sentences that concern the router as a whole. */
  router: string[];
  neighbors: NeighborChange[];
  /** Own prefixes, policies, kernel and the rest, as sentences. */
  others: string[];
  warnings: string[];
  unchangedNeighbors: number;
}

export interface NeighborChange {
  /** An address, or the range of dynamic neighbors. */
  address: string;
  change: "added" | "removed" | "restart" | "soft";
  /** What differs: "hold-time 90 -> 30". */
  reasons: string[];
}

export interface DrainReport {
  /** False: the time ran out before all peers had taken everything. */
  complete: boolean;
  /** Peers that hadn't. */
  waitingFor: string[];
  text: string;
}

/** Of a request that failed; `place` is FILE:LINE:COL where there is one. A bad config has all of its faults in `errors`. */
export interface ErrorAnswer {
  error: ErrorText;
  errors?: ErrorText[];
}

export interface ErrorText {
  message: string;
  place: string | null;
}
