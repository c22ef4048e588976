import { parsePrefix } from "../lib/address.ts";
import type { Path } from "./errors.ts";
import { formatPlace } from "./errors.ts";
import { matchesPattern } from "./host.ts";
import type {
  Inventory,
  KernelConfig,
  LimitsConfig,
  MrtConfig,
  OriginateConfig,
  TelemetryConfig,
  TunnelConfig,
  WorkloadsConfig,
} from "./model.ts";
import { nameOf, type Problems, type Reading } from "./problems.ts";
import type { RawConfig, RawOriginate } from "./schema.ts";
import type { Source } from "./source.ts";

/** Own prefixes, kernel, tunnels and telemetry: from YAML's words to the model. */

/** Protocol numbers that other routing daemons mark their routes with (linux/rtnetlink.h). */
const otherDaemons: Readonly<Record<number, string>> = {
  9: "GateD",
  11: "Zebra",
  12: "BIRD",
  16: "DHCP",
  17: "MROUTED",
  18: "Keepalived",
  42: "Babel",
  187: "IS-IS",
  188: "OSPF",
  189: "RIP",
  192: "EIGRP",
};

export function resolveKernel(raw: RawConfig, source: Source, problems: Problems): KernelConfig {
  const kernel = raw.kernel ?? {};
  const protocol = kernel.protocol ?? 186;
  const other = otherDaemons[protocol];
  if (other !== undefined)
    problems.cannot(
      source,
      ["kernel", "protocol"],
      `must not be the number of ${other}: each would undo the other's routes`,
    );
  return {
    fib: kernel.fib ?? "kernel",
    table: kernel.table ?? 254,
    protocol,
    metric: kernel.metric ?? 32,
    maximumPaths: kernel["maximum-paths"] ?? 1,
    weighted: kernel.weighted ?? false,
    writer: writerOf(kernel.writer ?? "process"),
    nexthopObjects: kernel["nexthop-objects"] ?? false,
    resolveViaDefault: kernel["resolve-via-default"] ?? false,
    onLink: kernel["on-link"] ?? "auto",
    keepOnExit: kernel["keep-on-exit"] ?? true,
    ignoreInterfaces: kernel["ignore-interfaces"] ?? [],
  };
}

export function resolveLimits(raw: RawConfig, source: Source, problems: Problems): LimitsConfig {
  const limits = raw.limits ?? {};
  const memory = limits.memory ?? "auto";
  const memoryPerPeer = limits["memory-per-peer"] ?? "none";
  if (typeof memory === "number" && typeof memoryPerPeer === "number" && memoryPerPeer > memory)
    problems.cannot(source, ["limits", "memory-per-peer"], "must not be more than limits.memory");
  return {
    memory,
    memoryPerPeer,
    halfOpen: limits["half-open"] ?? 1000,
    pathsPerPrefix: limits["paths-per-prefix"] ?? 1024,
    announced: limits.announced ?? 100_000,
  };
}

const writerOf = (text: string): KernelConfig["writer"] =>
  text === "process" || text === "inside" ? text : { socket: text };

export function resolveOriginate(
  raw: RawConfig,
  inventory: Inventory | null,
  source: Source,
  problems: Problems,
): { originate: OriginateConfig[]; workloads: WorkloadsConfig[] } {
  const originate = new Map<string, OriginateConfig>();
  const workloads: WorkloadsConfig[] = [];
  const blocks: { entry: RawOriginate; path: Path }[] = [];
  const all: Originated = { originate, others: ownersOfBlocks(inventory), source, problems };
  for (const [i, entry] of (raw.originate ?? []).entries()) {
    const path = ["originate", i];
    const forms = ["prefix", "inventory-blocks", "workloads"].filter((key) => source.has([...path, key]));
    if (forms.length !== 1) {
      const wanted = "must have one of prefix, inventory-blocks and workloads";
      problems.error(
        `Cannot use ${nameOf(source, path)}: ${wanted}, found ${forms.join(" and ") || "none"}`,
        source.place(path),
        path,
      );
      continue;
    }
    if (entry.prefix !== undefined) originated(entry.prefix.text, entry, path, all);
    else if (entry["inventory-blocks"]) blocks.push({ entry, path });
    else if (entry.workloads !== undefined) {
      const { interfaces, advertise } = entry.workloads;
      const at = [...path, "workloads", "interfaces"];
      for (const key of ["blackhole", "med", "local-pref"] as const)
        if (entry[key] !== undefined) problems.cannot(source, [...path, key], "must not stand beside workloads");
      if (interfaces === undefined || interfaces.length === 0) {
        if (interfaces || !source.has(at)) problems.missing(source, at, "must name at least one interface");
        continue;
      }
      const owner = workloads.find((other) => overlapping(other.interfaces, interfaces));
      if (owner)
        problems.error(
          `Two owners of the workloads on ${interfaces.join(", ")}: the entry at ${formatPlace(owner.place)} takes them too`,
          source.place(at),
          at,
        );
      workloads.push({
        interfaces,
        advertise: advertise ?? "when-outside-block",
        communities: entry.communities ?? [],
        largeCommunities: entry["large-communities"] ?? [],
        place: source.place(path),
      });
    }
  }
  for (const { entry, path } of blocks) {
    const at = [...path, "inventory-blocks"];
    if (!inventory?.self) {
      problems.cannot(
        source,
        at,
        "must not be set unless the inventory (topology.inventory) has an entry for this node",
      );
      continue;
    }
    // A block that is also listed by itself is as the list has it.
    for (const block of inventory.self.blocks) if (!originate.has(block)) originated(block, entry, path, all);
  }
  return { originate: [...originate.values()], workloads };
}

/** Blocks of the other nodes, each with the name of its node. */
function ownersOfBlocks(inventory: Inventory | null): ReadonlyMap<string, string> {
  const others = (inventory?.nodes ?? []).filter((node) => node !== inventory?.self);
  return new Map(others.flatMap((node) => node.blocks.map((block) => [block, node.name] as const)));
}

interface Originated extends Reading {
  /** By prefix. */
  readonly originate: Map<string, OriginateConfig>;
  readonly others: ReadonlyMap<string, string>;
}

function originated(
  prefix: string,
  entry: RawOriginate,
  path: Path,
  { originate, others, source, problems }: Originated,
): void {
  const place = source.place(path);
  const before = originate.get(prefix);
  if (before) {
    problems.error(
      `Duplicate originated prefix "${prefix}": it is listed at ${formatPlace(before.place)} too`,
      place,
      path,
    );
    return;
  }
  const owner = others.get(prefix);
  if (owner !== undefined)
    problems.error(
      `Two owners of ${prefix}: it is originated here, and the inventory gives it to the node ${owner}`,
      place,
      path,
    );
  originate.set(prefix, {
    prefix,
    family: parsePrefix(prefix).family,
    blackhole: entry.blackhole ?? false,
    communities: entry.communities ?? [],
    largeCommunities: entry["large-communities"] ?? [],
    med: entry.med ?? null,
    localPref: entry["local-pref"] ?? null,
    place,
  });
}

const overlapping = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((a) => others.some((b) => matchesPattern(a, b) || matchesPattern(b, a)));

/** Which next hops a tunnel takes: those in a subnet of ours, and the others. */
const classes = {
  never: [],
  always: ["next hops in our own subnets", "next hops in other subnets"],
  "cross-subnet": ["next hops in other subnets"],
} as const;

export function resolveTunnels(raw: RawConfig, source: Source, problems: Problems): TunnelConfig[] {
  const owners = new Map<string, TunnelConfig>();
  return (raw.tunnels ?? []).flatMap((entry, i) => {
    const path = ["tunnels", i];
    const kind = entry.kind;
    if (kind === undefined) {
      if (!source.has([...path, "kind"])) problems.missing(source, [...path, "kind"], "must be ipip or vxlan");
      return [];
    }
    if (kind === "vxlan" && entry.vni === undefined && !source.has([...path, "vni"]))
      problems.missing(source, [...path, "vni"], "VXLAN needs a network identifier");
    for (const key of ["vni", "port"] as const)
      if (kind === "ipip" && entry[key] !== undefined)
        problems.cannot(source, [...path, key], "must not be set for ipip, only for vxlan");
    const tunnel: TunnelConfig = {
      kind,
      device: entry.device ?? (kind === "ipip" ? "tunl0" : "vxlan.bgp"),
      mtu: entry.mtu ?? "auto",
      when: entry.when ?? "cross-subnet",
      vni: entry.vni ?? 0,
      port: kind === "ipip" ? 0 : (entry.port ?? 4789),
      place: source.place(path),
    };
    for (const claim of [`the device ${tunnel.device}`, ...classes[tunnel.when]]) {
      const owner = owners.get(claim);
      if (owner)
        problems.error(
          `Two owners of ${claim}: this tunnel and the ${owner.kind} tunnel at ${formatPlace(owner.place)}`,
          tunnel.place,
          path,
        );
      else owners.set(claim, tunnel);
    }
    return [tunnel];
  });
}

export function resolveTelemetry(
  raw: RawConfig,
  beside: (path: string) => string,
  source: Source,
  problems: Problems,
): TelemetryConfig {
  const telemetry = raw.telemetry ?? {};
  const listen = (key: "metrics" | "web") => {
    const section = telemetry[key];
    if (section === undefined) return null;
    if (section.listen === undefined && !source.has(["telemetry", key, "listen"]))
      problems.missing(source, ["telemetry", key, "listen"], "must be ADDRESS:PORT");
    return section.listen ?? null;
  };
  const metrics = listen("metrics");
  const web = listen("web");
  if (metrics && web && metrics.port !== 0 && metrics.host === web.host && metrics.port === web.port)
    problems.cannot(source, ["telemetry", "web", "listen"], "must not be where the metrics listen");
  return {
    metrics: metrics && {
      listen: metrics,
      perPeerUpTo: telemetry.metrics?.["per-peer-up-to"] ?? 200,
      hosts: telemetry.metrics?.hosts ?? [],
    },
    web: web && { listen: web },
    bmp: (telemetry.bmp ?? []).flatMap((entry, i) => {
      if (entry.connect) return [{ connect: entry.connect }];
      if (!source.has(["telemetry", "bmp", i, "connect"]))
        problems.missing(source, ["telemetry", "bmp", i, "connect"], "must be ADDRESS:PORT");
      return [];
    }),
    mrt: mrtOf(telemetry.mrt ?? null, beside, source, problems),
    log: { format: telemetry.log?.format ?? "text", level: telemetry.log?.level ?? "info" },
  };
}

function mrtOf(
  raw: NonNullable<RawConfig["telemetry"]>["mrt"] | null,
  beside: (path: string) => string,
  source: Source,
  problems: Problems,
): MrtConfig | null {
  if (!raw) return null;
  if (raw.directory === undefined) {
    if (!source.has(["telemetry", "mrt", "directory"]) && !source.has(["telemetry", "mrt", "file"]))
      problems.missing(source, ["telemetry", "mrt", "directory"], "must be a folder");
    return null;
  }
  return {
    directory: beside(raw.directory),
    rotateSeconds: raw.updates?.rotate ?? 900,
    tablesEverySeconds: raw.tables?.every ?? 7200,
    compress: raw.compress ?? true,
  };
}
