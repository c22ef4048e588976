import { resolve as absolute, dirname, isAbsolute, join } from "node:path";
import { Family } from "../lib/family.ts";
import { systemReason } from "../lib/system-errors.ts";
import type { Path } from "./errors.ts";
import type { Host } from "./host.ts";
import { findSelf, impliedPeers, type ListedNode, nodesByAddress, resolveNodes, settingsOf } from "./inventory.ts";
import { meshCost } from "./mesh-cost.ts";
import type { Config, DynamicNeighborsConfig, Inventory, NeighborConfig, RouterConfig } from "./model.ts";
import { nameOf, type Problems } from "./problems.ts";
import { readSource } from "./read.ts";
import { Layers, type PeerContext, resolvePeer } from "./resolve-peer.ts";
import { checkKey, checkName, kernelPolicies, resolvePolicies, resolvePrefixLists } from "./resolve-policy.ts";
import { ownAddresses, resolveRouter } from "./resolve-router.ts";
import {
  resolveKernel,
  resolveLimits,
  resolveOriginate,
  resolveTelemetry,
  resolveTunnels,
} from "./resolve-sections.ts";
import { inventorySchema, type RawConfig } from "./schema.ts";
import { Source } from "./source.ts";

/**
 * From a file that fits the schema to the model: names are looked up, groups inherited, defaults applied, the inventory
 * read and turned into neighbors, and whatever contradicts itself is told. Returns undefined, with `problems` knowing
 * why, if the rest could not be worked out.
 */
export function resolveConfig(
  raw: RawConfig,
  source: Source,
  file: string,
  host: Host,
  problems: Problems,
): Config | undefined {
  const directory = dirname(absolute(file));
  const beside = (path: string) => (isAbsolute(path) ? path : join(directory, path));
  const kernel = resolveKernel(raw, source, problems);
  const mode = raw.topology?.mode ?? "none";

  const rawRouter = raw.router ?? {};
  const machine = { source, problems, host, ignore: kernel.ignoreInterfaces };
  const own = ownAddresses(rawRouter, machine);
  const inventoryFile = raw.topology?.inventory?.file ?? null;
  const listed = inventoryFile === null ? null : readInventory(inventoryFile, beside, source, host, problems);
  const hostName = host.isAnother === true ? host.name : (rawRouter.name ?? host.name);
  const addresses = [own.address, own.address6].filter((address) => address !== null);
  const self = listed && findSelf(listed.nodes, { name: hostName, addresses });
  const router = resolveRouter(rawRouter, own, self ?? null, self?.name ?? hostName, machine);
  if (mode !== "none" && inventoryFile === null && !source.has(["topology", "inventory"]))
    problems.missing(source, ["topology", "inventory"], `mode ${mode} takes its peers from one ({file: nodes.yaml})`);
  if (mode !== "none" && listed && !self)
    problems.error(
      `Cannot use topology.inventory: no node of ${listed.file} has ${[...addresses, `the name "${hostName}"`].join(" or ")} of this machine`,
      source.place(["topology", "inventory"]),
    );

  const inventory =
    router && listed ? completeInventory(listed.nodes, self ?? null, router.as, router.listen.port) : null;
  if (inventory?.nodes.some((node) => node.as !== router!.as))
    for (const node of listed!.nodes.filter((entry) => entry.as === null))
      problems.warn(
        `Node "${node.name}" has no AS and is taken for one of ours (${router!.as}), though other nodes have another`,
        node.place,
      );
  const groups = raw["peer-groups"] ?? {};
  for (const name of Object.keys(groups)) checkKey(source, ["peer-groups", name], problems);
  const prefixLists = resolvePrefixLists(raw["prefix-lists"] ?? {}, source, problems);
  const names = {
    prefixLists: new Set(Object.keys(raw["prefix-lists"] ?? {})),
    lists: prefixLists,
    peerGroups: new Set(Object.keys(groups)),
    policies: new Set(Object.keys(raw.policies ?? {})),
  };
  const policies = resolvePolicies(raw.policies ?? {}, names, source, problems);
  const context: PeerContext = {
    source,
    problems,
    host,
    directory,
    routerAs: router?.as ?? null,
    restarter: kernel.keepOnExit || kernel.fib === "none",
    groups,
    groupNames: names.peerGroups,
    policies: new Set(Object.keys(policies)),
    kernelPolicies: kernelPolicies(policies),
    secrets: new Map(),
  };
  const neighbors = resolveNeighbors(raw, inventory, context);
  if (router && inventory)
    neighbors.push(...resolveImplied(mode, router, inventory, listed!.nodes, neighbors, context));
  for (const neighbor of neighbors)
    if (neighbor.address === router?.address || neighbor.address === router?.address6)
      problems.error(`Cannot use neighbor "${neighbor.address}": it is our own address`, neighbor.place);
  const dynamicNeighbors = resolveRanges(raw, context);
  const peers = [...neighbors, ...dynamicNeighbors];
  checkUnusedGroups(raw, usedGroups(raw, peers), context);
  for (const peer of peers) warnAboutPolicies(peer, problems);
  const { originate, workloads } = resolveOriginate(raw, inventory, source, problems);
  const limits = resolveLimits(raw, source, problems);
  const tunnels = resolveTunnels(raw, source, problems);
  const telemetry = resolveTelemetry(raw, beside, source, problems);
  const socket = beside(raw.control?.socket ?? "/run/peerage/peerage.sock");
  if (Buffer.byteLength(socket) > 107)
    problems.cannot(source, ["control", "socket"], "must be at most 107 octets long as an absolute path");
  const meshWarnAbove = raw.topology?.["mesh-warn-above"] ?? 100;
  if (mode === "mesh" && inventory && inventory.nodes.length > meshWarnAbove) {
    problems.warn(meshCost(inventory.nodes.length), source.place(["topology", "mode"]));
  }
  if (!router) return undefined;
  if (tunnels[0] !== undefined && router.address === null && kernel.fib === "kernel")
    problems.warn("No tunnel is made without router.address: it is their near end", tunnels[0].place);
  return {
    file: absolute(file),
    router,
    topology: { mode, meshWarnAbove, inventoryFile: inventoryFile === null ? null : beside(inventoryFile) },
    inventory,
    originate,
    workloads,
    neighbors,
    dynamicNeighbors,
    prefixLists,
    policies,
    kernel,
    limits,
    tunnels,
    telemetry,
    control: { socket },
    warnings: problems.warnings,
  };
}

function readInventory(
  file: string,
  beside: (path: string) => string,
  source: Source,
  host: Host,
  problems: Problems,
): { file: string; nodes: ListedNode[] } | undefined {
  let text: string;
  // Shown as the config file itself is: from where the reader stands.
  const shown = isAbsolute(file) ? file : join(dirname(source.file), file);
  const path = ["topology", "inventory", "file"];
  try {
    text = host.readFile(beside(file));
  } catch (error) {
    problems.error(
      `Cannot use ${nameOf(source, path)}: ${shown} can't be read (${systemReason(error)})`,
      source.place(path),
      path,
    );
    return undefined;
  }
  const inventory = new Source(shown, text);
  const raw = readSource(inventory, inventorySchema, problems);
  return raw && { file: shown, nodes: resolveNodes(raw.nodes ?? [], inventory, problems) };
}

function completeInventory(
  listed: readonly ListedNode[],
  self: ListedNode | null,
  as: number,
  port: number,
): Inventory {
  const nodes = listed.map(({ place: _, ...node }) => ({ ...node, as: node.as ?? as, port: node.port ?? port }));
  return { nodes, self: self === null ? null : nodes[listed.indexOf(self)]! };
}

function resolveNeighbors(raw: RawConfig, inventory: Inventory | null, context: PeerContext): NeighborConfig[] {
  const { source, problems } = context;
  const nodes = nodesByAddress(inventory);
  const seen = new Map<string, Path>();
  const neighbors: NeighborConfig[] = [];
  for (const [i, entry] of (raw.neighbors ?? []).entries()) {
    const path = ["neighbors", i];
    if (entry.address === undefined) {
      if (!source.has([...path, "address"])) problems.missing(source, [...path, "address"], "each neighbor needs one");
    } else {
      const key = `${entry.address.address}%${entry.address.zone ?? ""}`;
      const before = seen.get(key);
      if (before) {
        const place = source.place(before);
        problems.error(
          `Duplicate neighbor "${entry.address.address}": it is listed at ${place.file}:${place.line}:${place.column} too`,
          source.place([...path, "address"]),
          path,
        );
      } else seen.set(key, [...path, "address"]);
    }
    const group = entry["peer-group"] ?? null;
    if (group !== null) checkName("peer group", group, context.groupNames, [...path, "peer-group"], context);
    const { address, "peer-group": _, ...peer } = entry;
    // Where the address can't be read, what else is there tells its family.
    const family = familyOf(address?.address ?? peer["local-address"]);
    const settings = resolvePeer(new Layers(context, peer, path, group), family, context);
    if (!settings || !address) continue;
    const node = nodes.get(address.address);
    neighbors.push({
      ...address,
      ...settings,
      source: "listed",
      node: node?.name ?? null,
      blocks: node?.blocks ?? null,
      place: source.place(path),
    });
  }
  return neighbors;
}

function resolveImplied(
  mode: Config["topology"]["mode"],
  router: RouterConfig,
  inventory: Inventory,
  listed: readonly ListedNode[],
  neighbors: readonly NeighborConfig[],
  context: PeerContext,
): NeighborConfig[] {
  const taken = new Set(neighbors.map((neighbor) => neighbor.address));
  const { groups } = context;
  const result: NeighborConfig[] = [];
  const entries = new Map(inventory.nodes.map((node, i) => [node, listed[i]!]));
  for (const peer of impliedPeers(mode, inventory)) {
    if (taken.has(peer.address)) continue;
    const entry = entries.get(peer.node)!;
    const group = Object.hasOwn(groups, peer.group) ? groups[peer.group] : undefined;
    const own = settingsOf(peer, group, entry.port ?? group?.port ?? router.listen.port, router.as);
    // Nothing of such a peer stands in the config file but its group.
    const layers = new Layers(context, own, ["topology", "inventory", peer.node.name], group ? peer.group : null);
    const settings = resolvePeer(layers, familyOf(peer.address), context);
    if (settings)
      result.push({
        address: peer.address,
        zone: null,
        ...settings,
        source: "inventory",
        node: peer.node.name,
        blocks: peer.node.blocks,
        place: entry.place,
      });
  }
  return result;
}

function resolveRanges(raw: RawConfig, context: PeerContext): DynamicNeighborsConfig[] {
  const { source, problems } = context;
  const seen = new Map<string, Path>();
  const ranges: DynamicNeighborsConfig[] = [];
  for (const [i, entry] of (raw["dynamic-neighbors"] ?? []).entries()) {
    const path = ["dynamic-neighbors", i];
    const { range, limit, "peer-group": group, ...peer } = entry;
    if (group !== undefined) checkName("peer group", group, context.groupNames, [...path, "peer-group"], context);
    if (range === undefined) {
      if (!source.has([...path, "range"]))
        problems.missing(source, [...path, "range"], "a prefix whose hosts may connect");
    } else if (seen.has(range.text)) {
      const place = source.place(seen.get(range.text)!);
      problems.error(
        `Duplicate range "${range.text}": it is listed at ${place.file}:${place.line}:${place.column} too`,
        source.place([...path, "range"]),
        path,
      );
    } else seen.set(range.text, [...path, "range"]);
    if (peer.passive === false)
      problems.cannot(source, [...path, "passive"], "must not be false: members of a range are never dialled");
    const settings = resolvePeer(
      new Layers(context, peer, path, group ?? null),
      range?.family ?? familyOf(peer["local-address"]),
      context,
    );
    if (!settings || !range) continue;
    ranges.push({ range: range.text, ...settings, passive: true, limit: limit ?? 0, place: source.place(path) });
  }
  return ranges.toSorted((a, b) => lengthOf(b.range) - lengthOf(a.range));
}

const familyOf = (address: string | undefined): Family =>
  address?.includes(":") ? Family.Ipv6Unicast : Family.Ipv4Unicast;

const lengthOf = (prefix: string): number => Number(prefix.slice(prefix.indexOf("/") + 1));

/** Those of entries that had other faults count too. */
const usedGroups = (raw: RawConfig, peers: readonly { peerGroup: string | null }[]): Set<string | null> =>
  new Set([
    ...peers.map((peer) => peer.peerGroup),
    ...[...(raw.neighbors ?? []), ...(raw["dynamic-neighbors"] ?? [])].map((entry) => entry["peer-group"] ?? null),
  ]);

/** A group that nobody uses is read all the same, so that its faults don't wait for its first member. */
function checkUnusedGroups(raw: RawConfig, used: ReadonlySet<string | null>, context: PeerContext): void {
  for (const [name, group] of Object.entries(raw["peer-groups"] ?? {})) {
    if (used.has(name)) continue;
    const known = group["remote-as"] !== undefined;
    const layers = new Layers(context, known ? {} : { "remote-as": "external" }, ["peer-groups", name], name);
    const family = familyOf(group["local-address"]);
    resolvePeer(layers, family, known ? context : { ...context, routerAs: null });
  }
}

function warnAboutPolicies(peer: NeighborConfig | DynamicNeighborsConfig, problems: Problems): void {
  if (peer.kind === "internal") return;
  const who = "range" in peer ? `range "${peer.range}"` : `neighbor "${peer.address}"`;
  const say = (keys: string, what: string) =>
    problems.warn(`Without ${keys} the external ${who} ${what} (RFC 8212)`, peer.place);
  if (peer.importPolicy === null && peer.exportPolicy === null)
    say("import-policy and export-policy", "is neither listened to nor told anything");
  else if (peer.importPolicy === null) say("import-policy", "is not listened to");
  else if (peer.exportPolicy === null) say("export-policy", "is told nothing");
}
