import { stringify } from "yaml";
import type { RackTopology, Topology } from "./topology.ts";

/** A workload of a node: a namespace of its own behind a `cali` interface. */
export interface WorkloadPlan {
  readonly address: string;
  /** Host end of its link. */
  readonly interface: string;
}

export interface HostPlan {
  /** Short and unique: "a-rr", "a-1". */
  readonly name: string;
  readonly role: "reflector" | "node";
  readonly rack: string;
  readonly address: string;
  /** What it originates; null for a reflector. */
  readonly block: string | null;
  readonly workload: WorkloadPlan | null;
  /** The config in YAML, for `peerage run`. */
  readonly config: string;
  readonly socket: string;
}

/** Where reflectors meet: a link between each two of them. */
export interface TrunkPlan {
  readonly left: { readonly host: string; readonly address: string };
  readonly right: { readonly host: string; readonly address: string };
}

export interface LabPlan {
  readonly hosts: readonly HostPlan[];
  readonly trunks: readonly TrunkPlan[];
}

/** How hosts are told apart: namespaces with the topology's own addresses, or addresses of the loopback. */
export type Stage = "namespaces" | "loopback";

/** A port that needs no privilege, for the loopback stage. */
const LOOPBACK_PORT = 1179;
const FIRST_NODE = 100;
/** Sessions of a lab should come up at once, and notice a loss soon. */
const timers = { "hold-time": 9, keepalive: 3, "connect-retry": 1 };

/** Everything that is to be built, from what is wanted. Pure. */
export function planLab(topology: Topology, stage: Stage, directory: string): LabPlan {
  const racks = topology.racks.map((rack, index) => ({ ...rack, base: rackBase(rack, index, stage) }));
  const trunks: TrunkPlan[] = [];
  for (let i = 0; i < racks.length; i++)
    for (let j = i + 1; j < racks.length; j++) {
      const base = stage === "namespaces" ? trunkBase(trunks.length) : null;
      trunks.push({
        left: { host: `${racks[i]!.name}-rr`, address: base ? `${base}.1` : `${racks[i]!.base}.1` },
        right: { host: `${racks[j]!.name}-rr`, address: base ? `${base}.2` : `${racks[j]!.base}.1` },
      });
    }
  const hosts = racks.flatMap((rack) => [
    reflector(rack, racks, trunks, stage, directory),
    ...rack.blocks.map((block, index) => node(rack, block, index, stage, directory)),
  ]);
  return { hosts, trunks };
}

/** The first three numbers of the addresses on the link between two reflectors. */
const trunkBase = (index: number): string => `192.168.${index}`;

/** What a lab of so many racks takes for the links between its reflectors. */
export const trunkNetworks = (racks: number): string[] =>
  Array.from({ length: (racks * (racks - 1)) / 2 }, (_, index) => `${trunkBase(index)}.0/24`);

type Rack = RackTopology & { readonly base: string };

/** The first three numbers of the rack's addresses. */
const rackBase = (rack: RackTopology, index: number, stage: Stage): string =>
  stage === "namespaces" ? rack.subnet.split(".").slice(0, 3).join(".") : `127.65.${index + 1}`;

const firstAddressOf = (block: string): string => block.replace(/\.0\/24$/, ".2");

const common = (stage: Stage, name: string, address: string, as: number, directory: string) => ({
  router: {
    as,
    address,
    "router-id": address,
    listen: {
      address: stage === "namespaces" ? ["0.0.0.0"] : [address],
      ...(stage === "loopback" && { port: LOOPBACK_PORT }),
    },
  },
  kernel: stage === "namespaces" ? { fib: "kernel", "keep-on-exit": false } : { fib: "memory" },
  control: { socket: socketOf(directory, name) },
});

const socketOf = (directory: string, name: string): string => `${directory}/${name}.sock`;

const portOf = (stage: Stage) => (stage === "loopback" ? { port: LOOPBACK_PORT } : {});

function node(rack: Rack, block: string, index: number, stage: Stage, directory: string): HostPlan {
  const name = `${rack.name}-${index + 1}`;
  const address = `${rack.base}.${FIRST_NODE + index}`;
  return {
    name,
    role: "node",
    rack: rack.name,
    address,
    block,
    workload: { address: firstAddressOf(block), interface: `cali-${name}` },
    socket: socketOf(directory, name),
    config: stringify({
      ...common(stage, name, address, rack.as, directory),
      originate: [{ prefix: block, blackhole: true }],
      "peer-groups": { reflectors: { "remote-as": "internal", timers } },
      neighbors: [
        {
          address: `${rack.base}.1`,
          "peer-group": "reflectors",
          description: `reflector of rack ${rack.name}`,
          ...portOf(stage),
          ...(stage === "loopback" && { "local-address": address }),
        },
      ],
    }),
  };
}

function reflector(
  rack: Rack,
  racks: readonly Rack[],
  trunks: readonly TrunkPlan[],
  stage: Stage,
  directory: string,
): HostPlan {
  const name = `${rack.name}-rr`;
  const address = `${rack.base}.1`;
  const borders = trunks.flatMap((trunk) => {
    if (trunk.left.host === name) return [{ own: trunk.left, other: trunk.right }];
    return trunk.right.host === name ? [{ own: trunk.right, other: trunk.left }] : [];
  });
  return {
    name,
    role: "reflector",
    rack: rack.name,
    address,
    block: null,
    workload: null,
    socket: socketOf(directory, name),
    config: stringify({
      ...common(stage, name, address, rack.as, directory),
      "prefix-lists": { blocks: racks.flatMap((each) => each.blocks.map((prefix) => ({ prefix }))) },
      // The end of a policy rejects.
      // biome-ignore lint/suspicious/noThenProperty: the key that policies have
      policies: { "only-blocks": [{ match: { "prefix-list": "blocks" }, then: "accept" }] },
      "peer-groups": {
        nodes: { "remote-as": "internal", "route-reflector-client": true, "next-hop-self": true, timers },
        borders: { "import-policy": ["only-blocks"], "export-policy": ["only-blocks"], timers },
      },
      "dynamic-neighbors": [{ range: `${rack.base}.0/24`, "peer-group": "nodes", limit: 200 }],
      neighbors: borders.map(({ own, other }) => {
        const otherRack = racks.find((candidate) => `${candidate.name}-rr` === other.host)!;
        return {
          address: other.address,
          "peer-group": "borders",
          "remote-as": otherRack.as,
          description: `reflector of rack ${otherRack.name}`,
          ...portOf(stage),
          ...(stage === "loopback" && { "local-address": own.address }),
        };
      }),
    }),
  };
}
