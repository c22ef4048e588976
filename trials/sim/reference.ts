import type { PathRow } from "../../src/view/model.ts";
import type { Origination } from "./event.ts";
import type { SimNeighbor, SimNode, SimTopology } from "./topology.ts";

/** A route as it would be on the wire or in a table: what the reference thinks in. */
export interface SimRoute {
  readonly prefix: string;
  readonly nextHop: string;
  readonly asPath: readonly number[];
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
}

/** A route that a node could choose; `from` null: its own. */
export interface Candidate {
  readonly route: SimRoute;
  readonly from: SimNode | null;
}

const NO_EXPORT = "65535:65281";
const NO_ADVERTISE = "65535:65282";

export const ownRoute = (node: SimNode, { prefix, med, community }: Origination): Candidate => ({
  from: null,
  route: {
    prefix,
    nextHop: node.address,
    asPath: [],
    localPref: 100,
    med,
    communities: community === null ? [] : [community],
    originatorId: null,
    clusterList: [],
  },
});

/** A row of an Adj-RIB-In as a route. */
export const routeOf = (prefix: string, row: PathRow): SimRoute => ({
  prefix,
  nextHop: row.nextHop ?? "",
  asPath: row.asPath as number[],
  localPref: row.localPref,
  med: row.med,
  communities: row.communities,
  originatorId: row.originatorId,
  clusterList: row.clusterList,
});

export const neighborOf = (node: SimNode, name: string): SimNeighbor =>
  node.neighbors.find((neighbor) => neighbor.node === name)!;

/** Whether a received route may be used: no loop by AS, originator or cluster (RFC 4271 §9.1.2, RFC 4456 §8). */
export const isAcceptable = (node: SimNode, route: SimRoute): boolean =>
  !route.asPath.includes(node.as) && route.originatorId !== node.address && !route.clusterList.includes(node.address);

/**
 * What `node` tells `to` when `best` is its best route, by the words of RFC 4271 §5.1, RFC 4456 and RFC 1997, one rule after the
 * other, for one peer at a time. Null: nothing.
 */
export function exportOf(node: SimNode, best: Candidate, to: SimNeighbor): SimRoute | null {
  const { route, from } = best;
  if (from?.name === to.node) return null;
  const learned = from === null ? null : neighborOf(node, from.name);
  if (route.communities.includes(NO_ADVERTISE)) return null;
  if (to.kind === "external") {
    if (route.communities.includes(NO_EXPORT)) return null;
    return {
      ...route,
      nextHop: node.address,
      asPath: [node.as, ...route.asPath],
      localPref: null,
      med: from === null ? route.med : null,
      originatorId: null,
      clusterList: [],
    };
  }
  const localPref = route.localPref ?? 100;
  if (learned === null) return { ...route, localPref };
  if (learned.kind === "external")
    return { ...route, localPref, nextHop: to.nextHopSelf ? node.address : route.nextHop };
  if (!learned.client && !to.client) return null;
  return {
    ...route,
    localPref,
    originatorId: route.originatorId ?? from!.address,
    clusterList: [node.address, ...route.clusterList],
  };
}

/** The best of the candidates by RFC 4271 §9.1.2.2 and RFC 4456 §9, step by step; null if there's none. */
export function bestOf(node: SimNode, candidates: readonly Candidate[]): Candidate | null {
  let left = [...candidates];
  const lowest = (value: (candidate: Candidate) => number) => {
    const least = Math.min(...left.map(value));
    left = left.filter((candidate) => value(candidate) === least);
  };
  if (left.length === 0) return null;
  const kindOf = ({ from }: Candidate) => (from === null ? null : neighborOf(node, from.name).kind);
  lowest(({ from }) => (from === null ? 0 : 1));
  lowest(({ route }) => -(route.localPref ?? 100));
  lowest(({ route }) => route.asPath.length);
  const neighborAs = ({ route }: Candidate) => route.asPath[0] ?? 0;
  left = left.filter((candidate) => {
    const rivals = left.filter((other) => neighborAs(other) === neighborAs(candidate));
    return (candidate.route.med ?? 0) === Math.min(...rivals.map((rival) => rival.route.med ?? 0));
  });
  lowest((candidate) => (kindOf(candidate) === "external" ? 0 : 1));
  lowest(({ route, from }) => numberOf(route.originatorId ?? from?.address ?? "0.0.0.0"));
  lowest(({ route }) => route.clusterList.length);
  lowest(({ from }) => numberOf(from?.address ?? "0.0.0.0"));
  return left[0]!;
}

const numberOf = (address: string): number =>
  address.split(".").reduce((number, octet) => number * 256 + Number(octet), 0);

export const nodeAt = (topology: SimTopology, address: string): SimNode | undefined =>
  topology.nodes.find((node) => node.address === address);
