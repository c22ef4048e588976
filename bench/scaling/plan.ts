import { formatIpv4 } from "../../src/lib/address.ts";

/** How N routers learn each other's routes. Reflectors come on top of the N. */
export type Topology =
  | "mesh"
  | "one reflector"
  | "two reflectors"
  | "racks, one AS"
  | "racks, an AS each"
  /** Reflectors tell other racks what is in their own, and nothing that they know from others. */
  | "racks, an AS each, own routes only";

/** One speaker of a topology. It dials `dials`; whoever else comes is welcome. */
export interface PlannedNode {
  readonly index: number;
  readonly address: string;
  readonly as: number;
  readonly reflector: boolean;
  /** Indices of nodes that listen before this one starts. */
  readonly dials: readonly number[];
  /** Other reflectors that dial this one: they are no clients. */
  readonly expects: readonly number[];
  /** Whether what it dials and expects is in other ASes, and what these are told. */
  readonly externalPeers: "none" | "told all" | "told own";
  /** Prefixes that it originates. */
  readonly routes: readonly string[];
}

export interface Plan {
  readonly topology: Topology;
  /** In the order in which they start. Reflectors come first. */
  readonly nodes: readonly PlannedNode[];
  readonly reflectors: number;
  readonly sessions: number;
  /** Sessions of the node that has most. */
  readonly mostSessions: number;
  /** Distinct routes; everyone must hold them all. */
  readonly routes: number;
}

const AS = 65_000;
/** Nodes in a rack; each rack has a reflector of its own, and these know each other as a mesh. */
export const RACK = 20;
/** Where nodes live: every address is local, and every one of them may come. */
export const RANGE = "10.0.0.0/9";

export const addressOf = (index: number): string => formatIpv4(0x0a000000 + 256 + index);

function reflectorsOf(topology: Topology, count: number): number {
  switch (topology) {
    case "mesh":
      return 0;
    case "one reflector":
      return 1;
    case "two reflectors":
      return 2;
    default:
      return Math.ceil(count / RACK);
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** Each of `origins` of the `count` nodes, evenly spread, originates `routesPerNode` prefixes. */
export function plan(topology: Topology, count: number, routesPerNode: number, origins = count): Plan {
  const reflectors = reflectorsOf(topology, count);
  const inRacks = topology.startsWith("racks");
  const ownAs = topology.startsWith("racks, an AS each");
  const told = topology.endsWith("own routes only") ? "told own" : "told all";
  let originated = 0;
  const nodes = range(0, count + reflectors).map((index): PlannedNode => {
    const reflector = index < reflectors;
    const number = index - reflectors;
    const rack = reflector ? index : Math.floor(number / RACK);
    const wanted = reflector ? 0 : Math.floor(((number + 1) * origins) / count) * routesPerNode - originated;
    const routes = range(originated, originated + wanted).map(routeOf);
    originated += wanted;
    return {
      index,
      address: addressOf(index),
      as: ownAs ? AS + 1 + rack : AS,
      reflector,
      dials: reflector || topology === "mesh" ? range(0, index) : inRacks ? [rack] : range(0, reflectors),
      expects: reflector ? range(index + 1, reflectors) : [],
      externalPeers: reflector && ownAs ? told : "none",
      routes,
    };
  });
  const ends = new Array<number>(nodes.length).fill(0);
  for (const { index, dials } of nodes)
    for (const other of dials) {
      ends[index]!++;
      ends[other]!++;
    }
  return {
    topology,
    nodes,
    reflectors,
    sessions: ends.reduce((sum, n) => sum + n, 0) / 2,
    mostSessions: Math.max(...ends),
    routes: originated,
  };
}

/** The i-th /24 from 20.0.0.0 on: far from the nodes' own addresses. */
const routeOf = (i: number): string => `${formatIpv4((0x14000000 + i * 256) >>> 0)}/24`;

/** One more node for a plan that runs: what a join costs. In racks it is one more node of the last. */
export function joiner(running: Plan, routesPerNode: number): PlannedNode {
  const last = running.nodes.at(-1)!;
  const index = running.nodes.length;
  return {
    ...last,
    index,
    address: addressOf(index),
    dials: running.topology === "mesh" ? range(0, index) : last.dials,
    routes: range(running.routes, running.routes + routesPerNode).map(routeOf),
  };
}
