import { formatIpv4 } from "../../src/lib/address.ts";

/** How N routers learn each other's routes. Reflectors come on top of the N. */
export type Topology = "mesh" | "one reflector" | "two reflectors";

export const topologies: readonly Topology[] = ["mesh", "one reflector", "two reflectors"];

/** One speaker of a topology. It dials `dials`; whoever else comes is welcome. */
export interface PlannedNode {
  readonly index: number;
  readonly address: string;
  readonly reflector: boolean;
  /** Indices of nodes that listen before this one starts. */
  readonly dials: readonly number[];
  /** Prefixes that it originates. */
  readonly routes: readonly string[];
}

export interface Plan {
  readonly topology: Topology;
  /** In the order in which they start. Reflectors come first. */
  readonly nodes: readonly PlannedNode[];
  readonly reflectors: number;
  readonly sessions: number;
  /** Distinct routes; everyone must hold them all. */
  readonly routes: number;
}

export const AS = 65_000;
/** Where nodes live: every address is local, and every one of them may come. */
export const RANGE = "10.0.0.0/9";

export const addressOf = (index: number): string => formatIpv4(0x0a000000 + 256 + index);

/** Each of `count` nodes originates `routesPerNode` prefixes of 172.16.0.0/12 and above. */
export function plan(topology: Topology, count: number, routesPerNode: number): Plan {
  const reflectors = topology === "mesh" ? 0 : topology === "one reflector" ? 1 : 2;
  const nodes = Array.from({ length: count + reflectors }, (_, index): PlannedNode => {
    const reflector = index < reflectors;
    const dialled = reflector || topology === "mesh" ? index : reflectors;
    return {
      index,
      address: addressOf(index),
      reflector,
      dials: Array.from({ length: dialled }, (_, i) => i),
      routes: reflector
        ? []
        : Array.from({ length: routesPerNode }, (_, i) => routeOf((index - reflectors) * routesPerNode + i)),
    };
  });
  const sessions = nodes.reduce((sum, node) => sum + node.dials.length, 0);
  return { topology, nodes, reflectors, sessions, routes: count * routesPerNode };
}

/** The i-th /24 from 20.0.0.0 on: far from the nodes' own addresses. */
const routeOf = (i: number): string => `${formatIpv4((0x14000000 + i * 256) >>> 0)}/24`;

/** One more node for a plan that runs: what a join costs. */
export function joiner(running: Plan, routesPerNode: number): PlannedNode {
  const count = running.nodes.length - running.reflectors + 1;
  return plan(running.topology, count, routesPerNode).nodes.at(-1)!;
}
