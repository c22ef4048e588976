import { stringify } from "yaml";
import { communityName, formatLargeCommunity, type LargeCommunity } from "../lib/communities.ts";
import { formatExtendedCommunity } from "../lib/extended-communities.ts";
import { families, familyName } from "../lib/family.ts";
import type { KernelMarks } from "../lib/kernel-marks.ts";
import type {
  AsPathMatch,
  CommunityPattern,
  Config,
  DynamicNeighborsConfig,
  HostPort,
  LargeCommunityPattern,
  NeighborConfig,
  NumberChange,
  NumberRange,
  PeerSettings,
  PolicyMatch,
  PolicySet,
  PolicyTerm,
  PrefixListEntry,
} from "./model.ts";

/**
 * The effective configuration in YAML's words again: every default written out, groups dissolved, the inventory's
 * neighbors listed, secrets as where they come from. Reading it gives the same configuration, which the tests hold it to.
 */
export function formatEffective(config: Config): string {
  const groups = new Set([...config.neighbors, ...config.dynamicNeighbors].map((peer) => peer.peerGroup));
  for (const policy of Object.values(config.policies))
    for (const term of policy.terms) for (const name of term.match.peerGroups ?? []) groups.add(name);
  const { router, topology, kernel, limits, telemetry } = config;
  return stringify(
    {
      router: {
        as: router.as,
        name: router.name,
        "router-id": router.routerId,
        ...given("address", router.address),
        ...given("address6", router.address6),
        "cluster-id": router.clusterId,
        listen: { address: router.listen.addresses, port: router.listen.port },
        "best-path": {
          "always-compare-med": router.bestPath.alwaysCompareMed,
          "deterministic-med": router.bestPath.deterministicMed,
        },
        "selection-deferral": router.selectionDeferralSeconds,
      },
      topology: {
        mode: topology.mode,
        "mesh-warn-above": topology.meshWarnAbove,
        ...(topology.inventoryFile === null ? {} : { inventory: { file: topology.inventoryFile } }),
      },
      originate: [
        ...config.originate.map((entry) => ({
          prefix: entry.prefix,
          blackhole: entry.blackhole,
          ...communities(entry),
          ...given("med", entry.med),
          ...given("local-pref", entry.localPref),
        })),
        ...config.workloads.map((entry) => ({
          workloads: { interfaces: entry.interfaces, advertise: entry.advertise },
          ...communities(entry),
        })),
      ],
      "peer-groups": Object.fromEntries([...groups].filter((name) => name !== null).map((name) => [name, {}])),
      neighbors: config.neighbors.map(neighbor),
      "dynamic-neighbors": config.dynamicNeighbors.map(range),
      "prefix-lists": Object.fromEntries(
        Object.values(config.prefixLists).map((list) => [list.name, list.entries.map(prefixEntry)]),
      ),
      policies: Object.fromEntries(
        Object.values(config.policies).map((policy) => [policy.name, policy.terms.map(term)]),
      ),
      kernel: {
        fib: kernel.fib,
        table: kernel.table === 254 ? "main" : kernel.table,
        protocol: kernel.protocol === 186 ? "bgp" : kernel.protocol,
        metric: kernel.metric,
        "maximum-paths": kernel.maximumPaths,
        weighted: kernel.weighted,
        writer: typeof kernel.writer === "string" ? kernel.writer : kernel.writer.socket,
        "nexthop-objects": kernel.nexthopObjects,
        "resolve-via-default": kernel.resolveViaDefault,
        "on-link": kernel.onLink,
        "keep-on-exit": kernel.keepOnExit,
        "ignore-interfaces": kernel.ignoreInterfaces,
      },
      limits: {
        memory: size(limits.memory),
        "memory-per-peer": size(limits.memoryPerPeer),
        "half-open": limits.halfOpen,
        "paths-per-prefix": limits.pathsPerPrefix,
        announced: limits.announced,
      },
      tunnels: config.tunnels.map((tunnel) => ({
        kind: tunnel.kind,
        device: tunnel.device,
        mtu: tunnel.mtu,
        when: tunnel.when,
        ...(tunnel.kind === "vxlan" ? { vni: tunnel.vni, port: tunnel.port } : {}),
      })),
      telemetry: {
        ...(telemetry.metrics === null
          ? {}
          : {
              metrics: {
                listen: hostPort(telemetry.metrics.listen),
                "per-peer-up-to": telemetry.metrics.perPeerUpTo,
                ...(telemetry.metrics.hosts.length > 0 && { hosts: telemetry.metrics.hosts }),
              },
            }),
        ...(telemetry.web === null ? {} : { web: { listen: hostPort(telemetry.web.listen) } }),
        bmp: telemetry.bmp.map((entry) => ({ connect: hostPort(entry.connect) })),
        mrt: telemetry.mrt && {
          directory: telemetry.mrt.directory,
          updates: { rotate: telemetry.mrt.rotateSeconds },
          tables: { every: telemetry.mrt.tablesEverySeconds },
          compress: telemetry.mrt.compress,
        },
        log: telemetry.log,
      },
      control: config.control,
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

/** A key that is left out where there's nothing to say. */
const given = (key: string, value: unknown): object => (value === null ? {} : { [key]: value });
const some = (key: string, values: readonly unknown[]): object => (values.length === 0 ? {} : { [key]: values });

/** Whole KiB, as it can only have been written. */
const size = (octets: number | string): string => (typeof octets === "string" ? octets : `${octets / 1024}KiB`);

const hostPort = ({ host, port }: HostPort): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

function neighbor(peer: NeighborConfig): object {
  return { address: peer.zone === null ? peer.address : `${peer.address}%${peer.zone}`, ...settings(peer) };
}

function range(entry: DynamicNeighborsConfig): object {
  return { range: entry.range, limit: entry.limit, ...settings(entry) };
}

function settings(peer: PeerSettings): object {
  const limits = (family: (typeof families)[number]) => {
    const limit = peer.families[family]?.maximumPrefix;
    if (!limit) return {};
    const { action, count, restartAfterSeconds } = limit;
    return { "maximum-prefix": { limit: limit.limit, action, count, "restart-after": restartAfterSeconds } };
  };
  return {
    ...given("peer-group", peer.peerGroup),
    "remote-as": peer.remoteAs,
    port: peer.port,
    description: peer.description,
    ...given("local-address", peer.localAddress),
    ...(peer.kind === "external" ? { "local-as": peer.localAs } : {}),
    shutdown: peer.shutdown,
    passive: peer.passive,
    ...(peer.kind === "external" && peer.ttl !== 1 ? { multihop: peer.ttl } : {}),
    ...given("ttl-security", peer.ttlSecurity),
    ...given("password", peer.password?.toJSON() ?? null),
    timers: {
      "hold-time": peer.timers.holdTimeSeconds,
      keepalive: peer.timers.keepaliveSeconds,
      "connect-retry": peer.timers.connectRetrySeconds,
      "advertisement-interval": peer.timers.advertisementIntervalSeconds,
      "delay-open": peer.timers.delayOpenSeconds,
      ...given("send-hold-time", peer.timers.sendHoldSeconds),
    },
    bfd: peer.bfd ?? false,
    "address-families": Object.fromEntries(
      families.filter((family) => peer.families[family] !== null).map((family) => [familyName(family), limits(family)]),
    ),
    "extended-next-hop": peer.extendedNextHop,
    "extended-messages": peer.extendedMessages,
    "add-path": { send: peer.addPath.send, receive: peer.addPath.receive },
    "graceful-restart":
      peer.gracefulRestart === null
        ? false
        : {
            "restart-time": peer.gracefulRestart.restartTimeSeconds,
            "stale-path-time": peer.gracefulRestart.stalePathTimeSeconds,
            "long-lived": peer.gracefulRestart.longLivedSeconds,
          },
    "route-reflector-client": peer.routeReflectorClient,
    "next-hop-self": peer.nextHop === "force-self" ? "force" : peer.nextHop === "self",
    "next-hop-unchanged": peer.nextHop === "unchanged",
    "allowas-in": peer.allowAsIn,
    "enforce-first-as": peer.enforceFirstAs,
    ...given("role", peer.role),
    "drop-attributes": peer.dropAttributes,
    ...given("import-policy", peer.importPolicy),
    ...given("export-policy", peer.exportPolicy),
  };
}

function prefixEntry(entry: PrefixListEntry): object {
  return { prefix: entry.prefix, ge: entry.ge, le: entry.le };
}

function term({ match, set, verdict, call }: PolicyTerm): object {
  const conditions = matchOf(match);
  if (call !== null) return { ...(Object.keys(conditions).length > 0 ? { match: conditions } : {}), call };
  const verdicts = verdict === "next" ? {} : { [verdict]: true };
  return {
    ...(Object.keys(conditions).length > 0 ? { match: conditions } : {}),
    // biome-ignore lint/suspicious/noThenProperty: the key that policies have
    then: set === null ? verdict : { set: setOf(set), ...verdicts },
  };
}

function matchOf(match: PolicyMatch): object {
  return {
    ...given("prefix-list", match.prefixLists),
    ...given("prefix", match.prefixes?.map(prefixEntry) ?? null),
    ...given("family", match.families?.map(familyName) ?? null),
    ...given("communities", match.communities?.map(pattern) ?? null),
    ...given("large-communities", match.largeCommunities?.map(largePattern) ?? null),
    ...given("extended-communities", match.extendedCommunities?.map(formatExtendedCommunity) ?? null),
    ...given("as-path", match.asPaths?.map(asPath) ?? null),
    ...given("origin", match.origins),
    ...given("med", bounds(match.med)),
    ...given("local-pref", bounds(match.localPref)),
    ...given("next-hop", match.nextHops),
    ...given("neighbor", match.neighbors),
    ...given("peer-group", match.peerGroups),
    ...given("learned-from", match.learnedFrom),
    ...given("interface", match.interfaces),
    ...given("neighbor-blocks", match.neighborBlocks),
  };
}

const bounds = (range: NumberRange | null): NumberRange | null => range && { ge: range.ge, le: range.le };

function asPath(match: AsPathMatch): object {
  return {
    ...given("contains", match.contains),
    ...given("starts", match.starts),
    ...given("originated-by", match.originatedBy),
    ...given("length", bounds(match.length)),
    ...given("regex", match.regex),
  };
}

const numberOrChange = (value: number | NumberChange | "none" | null): number | string | null =>
  value === null || typeof value !== "object" ? value : `${value.change < 0 ? "" : "+"}${value.change}`;

function kernelMarks(marks: KernelMarks | null): object {
  if (marks === null) return {};
  const { weight, ...kernel } = marks;
  return { ...(weight !== undefined && { weight }), ...(Object.keys(kernel).length > 0 && { kernel }) };
}

function setOf(set: PolicySet): object {
  return {
    ...given("local-pref", numberOrChange(set.localPref)),
    ...given("med", numberOrChange(set.med)),
    ...given("origin", set.origin),
    ...given("next-hop", set.nextHop),
    ...given("communities", set.communities?.map(communityName) ?? null),
    ...given("large-communities", set.largeCommunities?.map(formatLargeCommunity) ?? null),
    ...given("extended-communities", set.extendedCommunities?.map(formatExtendedCommunity) ?? null),
    ...some("remove-communities", set.removeCommunities.map(pattern)),
    ...some("add-communities", set.addCommunities.map(communityName)),
    ...some("remove-large-communities", set.removeLargeCommunities.map(largePattern)),
    ...some("add-large-communities", set.addLargeCommunities.map(formatLargeCommunity)),
    ...some("remove-extended-communities", set.removeExtendedCommunities.map(formatExtendedCommunity)),
    ...some("add-extended-communities", set.addExtendedCommunities.map(formatExtendedCommunity)),
    ...given("link-bandwidth", set.linkBandwidth),
    ...kernelMarks(set.kernel),
    ...(set.prepend === null ? {} : { prepend: { ...given("as", set.prepend.as), count: set.prepend.count } }),
  };
}

function communities(entry: { communities: readonly number[]; largeCommunities: readonly LargeCommunity[] }): object {
  return {
    communities: entry.communities.map(communityName),
    "large-communities": entry.largeCommunities.map(formatLargeCommunity),
  };
}

const pattern = ({ high, low }: CommunityPattern): string => `${high ?? "*"}:${low ?? "*"}`;
const largePattern = (parts: LargeCommunityPattern): string => parts.map((part) => part ?? "*").join(":");
