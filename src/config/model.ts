import type { LargeCommunity } from "../lib/communities.ts";
import type { ExtendedCommunity } from "../lib/extended-communities.ts";
import type { Family } from "../lib/family.ts";
import type { KernelMarks } from "../lib/kernel-marks.ts";

/**
 * The configuration as the rest of the program sees it: plain immutable data, every default applied, every group
 * inherited, every inventory node a neighbor. YAML's words end here (`schema.ts`, `resolve.ts`), RIB words never begin
 * here: addresses and prefixes are canonical text (RFC 5952), times are seconds, AS numbers are numbers.
 */
export interface Config {
  /** The file that was read, as an absolute path; the others are relative to its directory. */
  readonly file: string;
  readonly router: RouterConfig;
  readonly topology: TopologyConfig;
  /** Nodes of the inventory, null without one. */
  readonly inventory: Inventory | null;
  readonly originate: readonly OriginateConfig[];
  readonly workloads: readonly WorkloadsConfig[];
  /** Listed neighbors, then those that the inventory implies; each address once. */
  readonly neighbors: readonly NeighborConfig[];
  /** The longest range first, so that the first that holds an address is the one that counts. */
  readonly dynamicNeighbors: readonly DynamicNeighborsConfig[];
  readonly prefixLists: Readonly<Record<string, PrefixListConfig>>;
  readonly policies: Readonly<Record<string, PolicyConfig>>;
  readonly kernel: KernelConfig;
  readonly limits: LimitsConfig;
  readonly tunnels: readonly TunnelConfig[];
  readonly telemetry: TelemetryConfig;
  readonly control: ControlConfig;
  /** What is allowed but deserves a word; said once at start and by `check`. */
  readonly warnings: readonly ConfigWarning[];
}

/** Where something stands in a file: line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ConfigWarning {
  readonly place: Place;
  readonly message: string;
}

export interface RouterConfig {
  readonly as: number;
  /** Dotted quad, never 0.0.0.0. */
  readonly routerId: string;
  /** How `routerId` came about: written down, a hash as is written, or found: the router's own address, without any a hash of its name. */
  readonly routerIdFrom: "config" | "hash" | "address" | "name";
  /** The node's own addresses, null where none is given or found. */
  readonly address: string | null;
  readonly address6: string | null;
  /** Dotted quad; the router id unless given. */
  readonly clusterId: string;
  /** The name of this node: that of its inventory entry, else the host's. */
  readonly name: string;
  readonly listen: ListenConfig;
  readonly bestPath: BestPathConfig;
  /** How long installing waits for End-of-RIB after a restart, at most (RFC 4724 §4.1). */
  readonly selectionDeferralSeconds: number;
}

export interface ListenConfig {
  /** Empty: listens nowhere and only dials. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** RFC 4271 §9.1.2.2 c. */
export interface BestPathConfig {
  readonly alwaysCompareMed: boolean;
  readonly deterministicMed: boolean;
}

export interface TopologyConfig {
  readonly mode: "mesh" | "reflector" | "none";
  readonly meshWarnAbove: number;
  /** Absolute path of the inventory, null without one. */
  readonly inventoryFile: string | null;
}

export interface Inventory {
  readonly nodes: readonly InventoryNode[];
  /** The node that we are; null if none matches (possible with mode `none` only). */
  readonly self: InventoryNode | null;
}

export interface InventoryNode {
  readonly name: string;
  readonly address: string | null;
  readonly address6: string | null;
  readonly as: number;
  readonly rack: string | null;
  readonly role: "node" | "reflector";
  readonly labels: Readonly<Record<string, string>>;
  /** Prefixes that belong to the node. */
  readonly blocks: readonly string[];
  readonly port: number;
}

/** A prefix of our own. */
export interface OriginateConfig {
  readonly prefix: string;
  readonly family: Family;
  /** Also a blackhole route in the kernel; never sent as unreachable. */
  readonly blackhole: boolean;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  readonly med: number | null;
  readonly localPref: number | null;
  readonly place: Place;
}

/** Link routes of workloads that are originated as they come and go. */
export interface WorkloadsConfig {
  /** Names with `*` as wildcard. */
  readonly interfaces: readonly string[];
  readonly advertise: "when-outside-block" | "always";
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  readonly place: Place;
}

/** How a session with a peer is to be: the same for a listed neighbor and for all members of a range. */
export interface PeerSettings {
  readonly peerGroup: string | null;
  readonly description: string;
  readonly kind: "internal" | "external";
  /** "external": any AS but ours. Internal peers always have the number. */
  readonly remoteAs: number | "external";
  /** The AS in our OPEN: `local-as`, else the router's. */
  readonly localAs: number;
  readonly port: number;
  /** Source address and, by it, interface of the session; null: the kernel chooses. */
  readonly localAddress: string | null;
  /** Shut down from the start. */
  readonly shutdown: boolean;
  readonly passive: boolean;
  /** TTL of our packets to an external peer; 1 unless `multihop`. Internal peers: 255. */
  readonly ttl: number;
  /** Hops for GTSM (RFC 5082); null: off. Excludes `multihop`. */
  readonly ttlSecurity: number | null;
  readonly password: Secret | null;
  readonly timers: TimersConfig;
  /** Null: off. */
  readonly bfd: BfdConfig | null;
  /** Indexed by `Family`; null: not offered. */
  readonly families: readonly (FamilySettings | null)[];
  /** IPv4 routes with an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** RFC 8654. */
  readonly extendedMessages: boolean;
  readonly addPath: AddPathConfig;
  readonly gracefulRestart: GracefulRestartConfig | null;
  readonly routeReflectorClient: boolean;
  readonly nextHop: "default" | "self" | "force-self" | "unchanged";
  /** How often our own AS may stand in a received AS_PATH. */
  readonly allowAsIn: number;
  readonly enforceFirstAs: boolean;
  /** Our role on this session (RFC 9234); null: OTC is carried untouched. */
  readonly role: PeerRole | null;
  /** Attribute codes that are dropped on receipt, ascending. */
  readonly dropAttributes: readonly number[];
  /** Names in the order they are tried; null: none given, the default of the peer's kind holds (RFC 8212). */
  readonly importPolicy: readonly string[] | null;
  readonly exportPolicy: readonly string[] | null;
}

/** BFD (RFC 5880) for a neighbor; milliseconds. */
export interface BfdConfig {
  readonly transmit: number;
  readonly receive: number;
  readonly multiplier: number;
  /** The BGP session waits for BFD, and is down without it. */
  readonly strict: boolean;
}

export type PeerRole = "provider" | "rs-server" | "rs-client" | "customer" | "peer";

export interface NeighborConfig extends PeerSettings {
  readonly address: string;
  /** Scope of a link-local address, "eth0" of "fe80::1%eth0". */
  readonly zone: string | null;
  /** Written down under `neighbors`, or implied by the inventory. */
  readonly source: "listed" | "inventory";
  /** Inventory entry with this address. */
  readonly node: string | null;
  /** The blocks of that entry, what `match: {neighbor-blocks: true}` accepts; null if the inventory does not know the peer. */
  readonly blocks: readonly string[] | null;
  readonly place: Place;
}

export interface DynamicNeighborsConfig extends PeerSettings {
  readonly range: string;
  /** Members at a time; 0: no limit. */
  readonly limit: number;
  readonly place: Place;
}

/** A secret's value never leaves by accident: it shows as where it came from. Read it with `reveal()`. */
export interface Secret {
  /** `{file: PATH}` or `{env: NAME}`, for display. */
  readonly source: { readonly file: string } | { readonly env: string };
  reveal(): string;
  toJSON(): unknown;
  toString(): string;
}

export interface TimersConfig {
  /** 0: no keepalives at all (RFC 4271 §4.4). */
  readonly holdTimeSeconds: number;
  /** As configured; the session takes at most a third of what was agreed. */
  readonly keepaliveSeconds: number;
  readonly connectRetrySeconds: number;
  readonly advertisementIntervalSeconds: number;
  /** 0: DelayOpen is off. */
  readonly delayOpenSeconds: number;
  /** RFC 9687; 0: off, null: the RFC's default. */
  readonly sendHoldSeconds: number | null;
}

export interface FamilySettings {
  readonly maximumPrefix: MaximumPrefixConfig | null;
}

export interface MaximumPrefixConfig {
  readonly limit: number;
  readonly action: "warn" | "discard" | "restart";
  /** Whether `limit` counts what was received or what policy accepted. */
  readonly count: "received" | "accepted";
  /** With `restart`: how long the session stays down. */
  readonly restartAfterSeconds: number;
}

export interface AddPathConfig {
  /** Paths per prefix that we send; 0: none. */
  readonly send: number | "all";
  readonly receive: boolean;
}

export interface GracefulRestartConfig {
  /** Whether we ask the peer to keep our routes too; always a helper. */
  readonly restarter: boolean;
  readonly restartTimeSeconds: number;
  readonly stalePathTimeSeconds: number;
  /** 0: no long-lived graceful restart (RFC 9494). */
  readonly longLivedSeconds: number;
}

export interface PrefixListConfig {
  readonly name: string;
  readonly entries: readonly PrefixListEntry[];
  /** The same for what means the same (digest.ts). */
  readonly digest: string;
  readonly place: Place;
}

/** Matches prefixes inside `prefix` whose length is `ge` to `le`. */
export interface PrefixListEntry {
  readonly prefix: string;
  readonly family: Family;
  readonly ge: number;
  readonly le: number;
}

export interface PolicyConfig {
  readonly name: string;
  readonly terms: readonly PolicyTerm[];
  /** The same for what means the same, prefix lists included (digest.ts). */
  readonly digest: string;
  readonly place: Place;
}

export interface PolicyTerm {
  /** Of the term: what `explain` names as the policy line. */
  readonly place: Place;
  readonly match: PolicyMatch;
  /** Applied before the verdict; null: nothing. */
  readonly set: PolicySet | null;
  /** "next": goes on with the next term. */
  readonly verdict: "accept" | "reject" | "next";
  /** A policy that it goes through; then `set` is null and the verdict "next". */
  readonly call: string | null;
}

/** All keys that are not null must hold; the elements of one are alternatives. */
export interface PolicyMatch {
  /** Names of prefix lists. */
  readonly prefixLists: readonly string[] | null;
  /** Written in place: `prefix: 10.0.0.0/8` or `{prefix, ge, le}`. */
  readonly prefixes: readonly PrefixListEntry[] | null;
  readonly families: readonly Family[] | null;
  readonly communities: readonly CommunityPattern[] | null;
  readonly largeCommunities: readonly LargeCommunityPattern[] | null;
  readonly extendedCommunities: readonly ExtendedCommunity[] | null;
  readonly asPaths: readonly AsPathMatch[] | null;
  readonly origins: readonly ("igp" | "egp" | "incomplete")[] | null;
  readonly med: NumberRange | null;
  readonly localPref: NumberRange | null;
  /** Prefixes that hold the next hop (a lone address is a full-length one). */
  readonly nextHops: readonly string[] | null;
  /** Prefixes that hold the address of the peer whom the route was learned from, in import and export policies alike. */
  readonly neighbors: readonly string[] | null;
  /** Peer groups of that peer. */
  readonly peerGroups: readonly string[] | null;
  /** Where the route was learned. */
  readonly learnedFrom: readonly ("own" | "internal" | "external" | "client")[] | null;
  /** Interfaces that the session with that peer runs over. */
  readonly interfaces: readonly string[] | null;
  /** Whether the prefix is, or lies inside, a block that the inventory gives that peer. */
  readonly neighborBlocks: boolean | null;
}

/** Null: any. "65001:*" is `{high: 65001, low: null}`. */
export interface CommunityPattern {
  readonly high: number | null;
  readonly low: number | null;
}

export type LargeCommunityPattern = readonly [number | null, number | null, number | null];

/** All that are not null must hold; the elements of one are alternatives. */
export interface AsPathMatch {
  /** One of them stands anywhere in the path. */
  readonly contains: readonly number[] | null;
  /** The first AS of the path: the neighbor's. */
  readonly starts: readonly number[] | null;
  /** The last AS of the path. */
  readonly originatedBy: readonly number[] | null;
  /** AS_PATH length as the decision counts it (an AS_SET is 1). */
  readonly length: NumberRange | null;
  /** Expressions on the path as text. */
  readonly regex: readonly string[] | null;
}

/** Both ends belong to it. */
export interface NumberRange {
  readonly ge: number;
  readonly le: number;
}

/** So much more than there is. */
export interface NumberChange {
  readonly change: number;
}

export interface PolicySet {
  readonly localPref: number | NumberChange | null;
  /** "none" removes it. */
  readonly med: number | NumberChange | "none" | null;
  readonly origin: "igp" | "egp" | "incomplete" | null;
  /** An address, or "self": our own on the session. */
  readonly nextHop: string | null;
  /** In the place of all that are there; null: those stay. */
  readonly communities: readonly number[] | null;
  readonly largeCommunities: readonly LargeCommunity[] | null;
  readonly extendedCommunities: readonly ExtendedCommunity[] | null;
  /** Removed first, then added. */
  readonly removeCommunities: readonly CommunityPattern[];
  readonly addCommunities: readonly number[];
  readonly removeLargeCommunities: readonly LargeCommunityPattern[];
  readonly addLargeCommunities: readonly LargeCommunity[];
  readonly removeExtendedCommunities: readonly ExtendedCommunity[];
  readonly addExtendedCommunities: readonly ExtendedCommunity[];
  /** Octets a second. */
  readonly linkBandwidth: number | null;
  /** Of the kernel route; import policies alone have it. */
  readonly kernel: KernelMarks | null;
  /** `as` null: the AS that we speak with on the session. */
  readonly prepend: { readonly as: number | null; readonly count: number } | null;
}

export interface KernelConfig {
  readonly fib: "kernel" | "memory" | "none";
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
  readonly maximumPaths: number;
  /** Equal paths share by the bandwidths that they tell. */
  readonly weighted: boolean;
  /** Where the kernel writer lives: a child process, this process, or behind a unix socket. */
  readonly writer: "process" | "inside" | { readonly socket: string };
  readonly nexthopObjects: boolean;
  readonly resolveViaDefault: boolean;
  readonly onLink: "auto" | boolean;
  readonly keepOnExit: boolean;
  readonly ignoreInterfaces: readonly string[];
}

/** What others may make us spend. */
export interface LimitsConfig {
  /** Octets for routes and all that they need; "auto": three quarters of what the process may have; "none": no budget. */
  readonly memory: number | "auto" | "none";
  /** Octets for the routes of one peer. */
  readonly memoryPerPeer: number | "none";
  /** Members of ranges that have connected but have not come to Established. */
  readonly halfOpen: number;
  /** Paths that one peer may have for one prefix (ADD-PATH). */
  readonly pathsPerPrefix: number;
  /** Routes that may be announced at run time. */
  readonly announced: number;
}

export interface TunnelConfig {
  readonly kind: "ipip" | "vxlan";
  readonly device: string;
  readonly mtu: number | "auto";
  readonly when: "never" | "always" | "cross-subnet";
  /** VXLAN alone; 0 for IPIP. */
  readonly vni: number;
  readonly port: number;
  readonly place: Place;
}

export interface HostPort {
  /** An address, or "" for all. */
  readonly host: string;
  readonly port: number;
}

export interface TelemetryConfig {
  readonly metrics: MetricsConfig | null;
  readonly web: { readonly listen: HostPort } | null;
  readonly bmp: readonly BmpConfig[];
  readonly mrt: MrtConfig | null;
  readonly log: LogConfig;
}

export interface MetricsConfig {
  readonly listen: HostPort;
  /** Above this number of peers the series of single peers are left out; the sums stay. */
  readonly perPeerUpTo: number;
  /** Names under which it may be asked, besides addresses, `localhost` and the host's own. */
  readonly hosts: readonly string[];
}

export interface BmpConfig {
  readonly connect: HostPort;
}

export interface MrtConfig {
  readonly directory: string;
  /** Seconds; 0: no updates are written. */
  readonly rotateSeconds: number;
  /** Seconds; 0: tables only when asked for. */
  readonly tablesEverySeconds: number;
  readonly compress: boolean;
}

export interface LogConfig {
  readonly format: "text" | "json";
  readonly level: "debug" | "info" | "warn" | "error";
}

export interface ControlConfig {
  readonly socket: string;
}
