import { communityName, formatLargeCommunity } from "../lib/communities.ts";
import { families, familyName } from "../lib/family.ts";
import { atOnce } from "../lib/in-slices.ts";
import type {
  Config,
  DynamicNeighborsConfig,
  NeighborConfig,
  OriginateConfig,
  PeerSettings,
  Secret,
  WorkloadsConfig,
} from "./model.ts";

/**
 * What a new configuration changes. A reload applies just this: peers that are not named here notice nothing.
 *
 * What a change of a peer's setting asks for:
 * - `restart`: it was said in the OPEN or belongs to the TCP connection; the session ends and begins again
 * - `import`: routes received from the peer are judged again
 * - `decision`: best paths are chosen again
 * - `export`: what the peer was told is worked out again, and the difference sent
 * - `refresh`: the peer is asked for its routes again (what was dropped on receipt isn't here to be judged)
 * - `live`: holds from now on, nothing has to be done
 * - `start`: holds from the next start of the daemon on, and is told at each reload until then
 */
export type Effect = "restart" | "import" | "decision" | "export" | "refresh" | "live" | "start";

export interface FieldChange {
  /** In YAML's words. */
  readonly field: string;
  /** Values in words; secrets as where they come from. */
  readonly from: string;
  readonly to: string;
  readonly effect: Effect;
}

export interface PeerChange<P extends NeighborConfig | DynamicNeighborsConfig> {
  /** The address, or the range of dynamic neighbors. */
  readonly key: string;
  readonly kind: "added" | "removed" | "restart" | "soft";
  readonly before: P | null;
  readonly after: P | null;
  readonly changes: readonly FieldChange[];
  readonly effects: ReadonlySet<Effect>;
}

export interface ConfigDiff {
  /** Changes of the router itself; one with effect `restart` (AS, router id) restarts every session. */
  readonly router: readonly FieldChange[];
  readonly neighbors: readonly PeerChange<NeighborConfig>[];
  readonly ranges: readonly PeerChange<DynamicNeighborsConfig>[];
  readonly unchangedNeighbors: number;
  readonly originate: {
    readonly added: readonly OriginateConfig[];
    readonly removed: readonly OriginateConfig[];
    readonly changed: readonly OriginateConfig[];
  };
  /** Policies whose meaning changed, by themselves or through a prefix list. */
  readonly policies: ReadonlySet<string>;
  /** Sections that changed: workloads, kernel, tunnels, telemetry, control, topology. */
  readonly sections: readonly FieldChange[];
}

/** Entries of a list that are compared in one go. */
const SLICE = 64;

/** What differs between two configurations; places and warnings do not count. */
export const diffConfig = (before: Config, after: Config): ConfigDiff => atOnce(diffing(before, after));

/** The same in slices: a config may be as large as an inventory of 20,000 nodes. */
export function* diffing(before: Config, wanted: Config): Generator<undefined, ConfigDiff> {
  const after = keepingRouterId(before, wanted);
  const router: FieldChange[] = [];
  const note = (field: string, from: unknown, to: unknown, effect: Effect) => {
    if (!same(from, to)) router.push({ field, from: words(from), to: words(to), effect });
  };
  note("router.as", before.router.as, after.router.as, "restart");
  note("router.router-id", before.router.routerId, after.router.routerId, "restart");
  note("router.router-id", after.router.routerId, wanted.router.routerId, "start");
  note("router.cluster-id", before.router.clusterId, after.router.clusterId, "export");
  note("router.address", before.router.address, after.router.address, "export");
  note("router.address6", before.router.address6, after.router.address6, "export");
  note("router.listen", before.router.listen, after.router.listen, "start");
  note("router.best-path", before.router.bestPath, after.router.bestPath, "decision");
  note("router.name", before.router.name, after.router.name, "live");
  note(
    "router.selection-deferral",
    before.router.selectionDeferralSeconds,
    after.router.selectionDeferralSeconds,
    "live",
  );

  const everyone = router.filter((change) => change.effect === "restart");
  const policies = changedPolicies(before, after);
  const neighbors = yield* peerChanges(before.neighbors, after.neighbors, neighborKey, policies, everyone);
  const ranges = yield* peerChanges(
    before.dynamicNeighbors,
    after.dynamicNeighbors,
    (entry) => entry.range,
    policies,
    everyone,
  );
  const touched = neighbors.filter((change) => change.after !== null).length;
  return {
    router,
    neighbors,
    ranges,
    unchangedNeighbors: after.neighbors.length - touched,
    originate: yield* originateChanges(before.originate, after.originate),
    policies,
    sections: sectionChanges(before, after),
  };
}

/** What has to be done to a session that goes over from one entry of the config to another, e.g. from a range to a neighbor. */
export const effectsOf = (
  before: PeerSettings,
  after: PeerSettings,
  policies: ReadonlySet<string>,
): ReadonlySet<Effect> => new Set(settingChanges(before, after, policies).map((change) => change.effect));

/** Two link-local peers may share an address on different interfaces. */
export const neighborKey = (neighbor: Pick<NeighborConfig, "address" | "zone">): string =>
  neighbor.zone === null ? neighbor.address : `${neighbor.address}%${neighbor.zone}`;

function* peerChanges<P extends NeighborConfig | DynamicNeighborsConfig>(
  before: readonly P[],
  after: readonly P[],
  keyOf: (peer: P) => string,
  policies: ReadonlySet<string>,
  everyone: readonly FieldChange[],
): Generator<undefined, PeerChange<P>[]> {
  const olds = new Map(before.map((peer) => [keyOf(peer), peer]));
  const changes: PeerChange<P>[] = [];
  for (const [i, peer] of after.entries()) {
    if (i % SLICE === SLICE - 1) yield;
    const key = keyOf(peer);
    const old = olds.get(key);
    olds.delete(key);
    if (old === undefined) {
      changes.push({ key, kind: "added", before: null, after: peer, changes: [], effects: new Set() });
      continue;
    }
    const fields = [...everyone, ...settingChanges(old, peer, policies)];
    if (fields.length === 0) continue;
    const effects = new Set(fields.map((field) => field.effect));
    const kind = effects.has("restart") ? "restart" : "soft";
    changes.push({ key, kind, before: old, after: peer, changes: fields, effects });
  }
  for (const [key, peer] of olds)
    changes.push({ key, kind: "removed", before: peer, after: null, changes: [], effects: new Set() });
  return changes;
}

type Settings = PeerSettings & Partial<Pick<NeighborConfig, "blocks">> & Partial<Pick<DynamicNeighborsConfig, "limit">>;

/** Every setting of a peer: its YAML word, how to look at it, what its change asks for. A test holds this against the model. */
export const peerFields: readonly (readonly [field: string, effect: Effect, get: (peer: Settings) => unknown])[] = [
  ["remote-as", "restart", (peer) => peer.remoteAs],
  ["local-as", "restart", (peer) => peer.localAs],
  ["kind", "restart", (peer) => peer.kind],
  ["port", "restart", (peer) => peer.port],
  ["local-address", "restart", (peer) => peer.localAddress],
  // Nobody writes it for an internal peer, whose 255 is no multihop.
  ["multihop", "restart", (peer) => (peer.kind === "internal" && peer.ttl === 255 ? 1 : peer.ttl)],
  ["ttl-security", "restart", (peer) => peer.ttlSecurity],
  ["password", "live", (peer) => peer.password],
  ["timers.hold-time", "restart", (peer) => peer.timers.holdTimeSeconds],
  ["timers.keepalive", "restart", (peer) => peer.timers.keepaliveSeconds],
  [
    "address-families",
    "restart",
    (peer) => families.filter((family) => peer.families[family] !== null).map(familyName),
  ],
  ["extended-next-hop", "restart", (peer) => peer.extendedNextHop],
  ["extended-messages", "restart", (peer) => peer.extendedMessages],
  ["add-path", "restart", (peer) => peer.addPath],
  ["graceful-restart", "restart", (peer) => offeredRestart(peer)],
  ["role", "restart", (peer) => peer.role],
  ["route-reflector-client", "export", (peer) => peer.routeReflectorClient],
  ["next-hop-self", "export", (peer) => peer.nextHop],
  ["export-policy", "export", (peer) => peer.exportPolicy],
  ["import-policy", "import", (peer) => peer.importPolicy],
  ["peer-group", "import", (peer) => peer.peerGroup],
  ["blocks", "import", (peer) => peer.blocks ?? null],
  ["allowas-in", "import", (peer) => peer.allowAsIn],
  ["enforce-first-as", "refresh", (peer) => peer.enforceFirstAs],
  ["drop-attributes", "refresh", (peer) => peer.dropAttributes],
  ["timers.connect-retry", "live", (peer) => peer.timers.connectRetrySeconds],
  ["timers.advertisement-interval", "live", (peer) => peer.timers.advertisementIntervalSeconds],
  ["timers.delay-open", "live", (peer) => peer.timers.delayOpenSeconds],
  ["timers.send-hold-time", "live", (peer) => peer.timers.sendHoldSeconds],
  ["graceful-restart.stale-path-time", "live", (peer) => peer.gracefulRestart?.stalePathTimeSeconds ?? null],
  [
    "address-families.maximum-prefix",
    "live",
    (peer) =>
      Object.fromEntries(families.map((family) => [familyName(family), peer.families[family]?.maximumPrefix ?? null])),
  ],
  ["bfd", "live", (peer) => peer.bfd],
  ["shutdown", "live", (peer) => peer.shutdown],
  ["passive", "live", (peer) => peer.passive],
  ["description", "live", (peer) => peer.description],
  ["limit", "live", (peer) => peer.limit ?? null],
];

/** What of graceful restart is said in the OPEN. */
const offeredRestart = (peer: PeerSettings) =>
  peer.gracefulRestart && {
    restarter: peer.gracefulRestart.restarter,
    restartTime: peer.gracefulRestart.restartTimeSeconds,
    longLived: peer.gracefulRestart.longLivedSeconds,
  };

function settingChanges(before: Settings, after: Settings, policies: ReadonlySet<string>): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [field, effect, get] of peerFields) {
    const from = get(before);
    const to = get(after);
    if (same(from, to)) continue;
    const [was, is] = [words(from), words(to)];
    changes.push({ field, from: was, to: was === is ? `${is} (another content)` : is, effect });
  }
  for (const [field, effect, names] of [
    ["import-policy", "import", after.importPolicy],
    ["export-policy", "export", after.exportPolicy],
  ] as const) {
    const changed = (names ?? []).filter((name) => policies.has(name));
    if (changed.length > 0 && !changes.some((change) => change.field === field))
      changes.push({ field, from: changed.join(", "), to: `${changed.join(", ")} as rewritten`, effect });
  }
  return changes;
}

function* originateChanges(
  before: readonly OriginateConfig[],
  after: readonly OriginateConfig[],
): Generator<undefined, ConfigDiff["originate"]> {
  const olds = new Map(before.map((entry) => [entry.prefix, entry]));
  const added: OriginateConfig[] = [];
  const changed: OriginateConfig[] = [];
  for (const [i, entry] of after.entries()) {
    if (i % SLICE === SLICE - 1) yield;
    const old = olds.get(entry.prefix);
    olds.delete(entry.prefix);
    if (old === undefined) added.push(entry);
    else if (!same(old, entry)) changed.push(entry);
  }
  return { added, removed: [...olds.values()], changed };
}

function changedPolicies(before: Config, after: Config): ReadonlySet<string> {
  const names = new Set([...Object.keys(before.policies), ...Object.keys(after.policies)]);
  return new Set([...names].filter((name) => before.policies[name]?.digest !== after.policies[name]?.digest));
}

function sectionChanges(before: Config, after: Config): FieldChange[] {
  const changes: FieldChange[] = [];
  const note = (field: string, from: unknown, to: unknown, effect: Effect = "live") => {
    if (!same(from, to)) changes.push({ field, from: words(from), to: words(to), effect });
  };
  note("topology.mode", before.topology.mode, after.topology.mode);
  const gone = nodesGone(before, after);
  if (gone.length > 0) changes.push({ field: "topology.inventory", from: few(gone), to: "gone", effect: "live" });
  note("originate.workloads", before.workloads.map(named), after.workloads.map(named));
  for (const key of Object.keys(after.kernel) as (keyof Config["kernel"])[])
    note(
      `kernel.${dashed(key)}`,
      before.kernel[key],
      after.kernel[key],
      kernelFromStart.some((fixed) => fixed === key) ? "start" : "live",
    );
  for (const key of Object.keys(after.limits) as (keyof Config["limits"])[])
    note(`limits.${dashed(key)}`, before.limits[key], after.limits[key]);
  note("tunnels", before.tunnels, after.tunnels);
  for (const key of Object.keys(after.telemetry) as (keyof Config["telemetry"])[])
    note(`telemetry.${dashed(key)}`, before.telemetry[key], after.telemetry[key]);
  note("control.socket", before.control.socket, after.control.socket, "start");
  return changes;
}

/** Names of nodes that the inventory has no longer: what they told goes at once, wherever they dialled in. */
function nodesGone(before: Config, after: Config): string[] {
  if (before.inventory === null || after.inventory === null) return [];
  const names = new Set(after.inventory.nodes.map(({ name }) => name));
  return before.inventory.nodes.filter(({ name }) => !names.has(name)).map(({ name }) => name);
}

const few = (names: readonly string[]): string =>
  names.length > 10 ? `${names.slice(0, 10).join(", ")} and ${names.length - 10} more` : names.join(", ");

/** As people write it: a community is two numbers, not one. */
const named = ({ communities, largeCommunities, ...rest }: WorkloadsConfig) => ({
  ...rest,
  communities: communities.map(communityName),
  largeCommunities: largeCommunities.map(formatLargeCommunity),
});

/** What is settled when the kernel's side is opened. */
const kernelFromStart = ["fib", "table", "protocol", "metric", "writer", "nexthopObjects"] as const;

/** `after` as far as a running daemon can take it on: what holds from the start stays as it is in `before`. */
export function takenOn(before: Config, after: Config): Config {
  const { fib, table, protocol, metric, writer, nexthopObjects } = before.kernel;
  return {
    ...after,
    router: { ...keepingRouterId(before, after).router, listen: before.router.listen },
    kernel: { ...after.kernel, fib, table, protocol, metric, writer, nexthopObjects },
    control: before.control,
  };
}

/**
 * A router id that was found, not set, stays what it was at the start: an address that came or went since says nothing about who we
 * are, and another id would end every session.
 */
function keepingRouterId(before: Config, after: Config): Config {
  const { routerId, routerIdFrom } = before.router;
  const found = (from: Config["router"]["routerIdFrom"]) => from === "address" || from === "name";
  if (after.router.routerId === routerId || !found(routerIdFrom) || !found(after.router.routerIdFrom)) return after;
  const clusterId = after.router.clusterId === after.router.routerId ? routerId : after.router.clusterId;
  return { ...after, router: { ...after.router, routerId, routerIdFrom, clusterId } };
}

const dashed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Deep equality; where something stands in a file does not count, and secrets are equal if they are the same secret. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isSecret(a) || isSecret(b)) return isSecret(a) && isSecret(b) && a.reveal() === b.reveal();
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys)
    if (key !== "place" && !same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
      return false;
  return true;
}

const isSecret = (value: object): value is Secret => "reveal" in value && typeof value.reveal === "function";

/** A value as a sentence shows it. */
function words(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "string") return value === "" ? '""' : value;
  if (typeof value !== "object") return String(value);
  if (isSecret(value)) return value.toString();
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(words).join(", ");
  if ("host" in value && "port" in value) return `${value.host}:${value.port}`;
  const parts = Object.entries(value).filter(([key]) => key !== "place");
  return `{${parts.map(([key, inner]) => `${dashed(key)}: ${words(inner)}`).join(", ")}}`;
}
