import { compareAddresses, parseAddress, tryParseAddress } from "../lib/address.ts";
import type { Inventory, InventoryNode, Place } from "./model.ts";
import type { Problems } from "./problems.ts";
import type { RawNode, RawPeer } from "./schema.ts";
import type { Source } from "./source.ts";

/** The nodes of a cluster, and the peers that follow from them. */

/** Who is looking for its own entry. */
export interface Self {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** A node of the file, checked but with AS and port still open where the file doesn't say. */
export interface ListedNode extends Omit<InventoryNode, "as" | "port"> {
  readonly as: number | null;
  readonly port: number | null;
  readonly place: Place;
}

export function resolveNodes(raw: readonly RawNode[], source: Source, problems: Problems): ListedNode[] {
  const owners = new Map<string, { name: string; place: Place }>();
  const claim = (kind: string, value: string, name: string, path: (string | number)[]) => {
    const before = owners.get(`${kind} ${value}`);
    const place = source.place(path);
    if (before)
      problems.error(
        `Two nodes have the ${kind} ${value}: ${before.name} (${before.place.file}:${before.place.line}) and ${name}`,
        place,
        path,
      );
    else owners.set(`${kind} ${value}`, { name, place });
  };
  const labelled = raw.findIndex((node) => node.labels !== undefined);
  if (labelled >= 0)
    problems.warn(
      "labels are for people: this version does nothing with them",
      source.keyPlace(["nodes", labelled, "labels"]),
    );
  return raw.map((node, i) => {
    const path = ["nodes", i];
    const name = node.name ?? "";
    if (node.name === undefined) {
      if (!source.has([...path, "name"])) problems.missing(source, [...path, "name"], "each node needs one");
    } else claim("name", name, name, [...path, "name"]);
    if (node.address === undefined && node.address6 === undefined) {
      if (!source.has([...path, "address"]) && !source.has([...path, "address6"]))
        problems.missing(source, [...path, "address"], "each node needs an address or an address6");
    }
    for (const [key, length] of [
      ["address", 1],
      ["address6", 4],
    ] as const) {
      const address = node[key];
      if (address === undefined) continue;
      if (tryParseAddress(address)!.length !== length)
        problems.cannot(source, [...path, key], `must be an IPv${length === 1 ? 4 : 6} address`);
      claim("address", address, name, [...path, key]);
    }
    for (const [j, block] of (node.blocks ?? []).entries()) claim("block", block.text, name, [...path, "blocks", j]);
    return {
      name,
      address: node.address ?? null,
      address6: node.address6 ?? null,
      as: node.as ?? null,
      rack: node.rack ?? null,
      role: node.role ?? "node",
      labels: node.labels ?? {},
      blocks: (node.blocks ?? []).map((block) => block.text),
      port: node.port ?? null,
      place: source.place(path),
    };
  });
}

/** Our own entry: by address, else by name, else by the first label of the name. */
export function findSelf<T extends { name: string; address: string | null; address6: string | null }>(
  nodes: readonly T[],
  self: Self,
): T | undefined {
  const has = (address: string | null) => address !== null && self.addresses.includes(address);
  return (
    nodes.find((node) => has(node.address) || has(node.address6)) ??
    nodes.find((node) => node.name === self.name) ??
    nodes.find((node) => node.name === self.name.split(".")[0])
  );
}

/** A session that the inventory asks for. */
export interface ImpliedPeer {
  readonly node: InventoryNode;
  readonly address: string;
  /** Ours: the source of the session. */
  readonly localAddress: string;
  readonly client: boolean;
  /** Groups that may hold its settings, the first that exists counts. */
  readonly group: "mesh" | "clients" | "reflectors";
}

/**
 * The sessions of a node. One per family in which both sides have an address. In reflector mode a node peers with the
 * reflectors of its rack, and with all reflectors where its rack has none; a reflector with the nodes that peer with
 * it (so that no side dials in vain) and with all other reflectors.
 */
export function impliedPeers(mode: "mesh" | "reflector" | "none", inventory: Inventory): ImpliedPeer[] {
  const { self, nodes } = inventory;
  if (mode === "none" || self === null) return [];
  const peers: ImpliedPeer[] = [];
  const reflectors = mode === "mesh" ? null : new ReflectorsByRack(nodes);
  for (const node of nodes) {
    if (node === self) continue;
    const relation =
      reflectors === null ? { client: false, group: "mesh" as const } : relationOf(self, node, reflectors);
    if (relation === undefined) continue;
    for (const key of ["address", "address6"] as const)
      if (self[key] !== null && node[key] !== null)
        peers.push({ node, address: node[key], localAddress: self[key], ...relation });
  }
  return peers;
}

function relationOf(
  self: InventoryNode,
  node: InventoryNode,
  reflectors: ReflectorsByRack,
): Pick<ImpliedPeer, "client" | "group"> | undefined {
  if (self.role === "reflector" && node.role === "reflector") return { client: false, group: "reflectors" };
  if (self.role === "node" && node.role === "node") return undefined;
  const [reflector, client] = self.role === "reflector" ? [self, node] : [node, self];
  if (!reflectors.serve(reflector, client)) return undefined;
  return self === reflector ? { client: true, group: "clients" } : { client: false, group: "reflectors" };
}

/** Whom a node peers with in reflector mode: the reflectors of its rack, or all where its rack has none. */
class ReflectorsByRack {
  readonly #racks: ReadonlySet<string | null>;

  constructor(nodes: readonly InventoryNode[]) {
    this.#racks = new Set(nodes.filter(({ role }) => role === "reflector").map(({ rack }) => rack));
  }

  serve(reflector: InventoryNode, client: InventoryNode): boolean {
    return reflector.rack === client.rack || !this.#racks.has(client.rack);
  }
}

/** Settings that follow from the inventory; those of the group hold where these say nothing. */
export function settingsOf(peer: ImpliedPeer, group: RawPeer | undefined, port: number, routerAs: number): RawPeer {
  return {
    "remote-as": peer.node.as,
    port,
    description: group?.description ?? peer.node.name,
    "local-address": peer.localAddress,
    // Both sides never dial at once: the higher address waits.
    passive: compareAddresses(parseAddress(peer.localAddress), parseAddress(peer.address)) > 0,
    ...(peer.group !== "mesh" && peer.node.as === routerAs ? { "route-reflector-client": peer.client } : {}),
  };
}

/** The inventory's word on peers that are listed, or that dialled in: its nodes by each of their addresses. */
export function nodesByAddress(inventory: Inventory | null): ReadonlyMap<string, InventoryNode> {
  const nodes = new Map<string, InventoryNode>();
  for (const node of inventory?.nodes ?? [])
    for (const address of [node.address, node.address6])
      if (address !== null && !nodes.has(address)) nodes.set(address, node);
  return nodes;
}
