import { formatAddress, formatPrefix } from "../lib/address.ts";

/** One way out, as a kernel route takes it. */
export interface ResolvedHop {
  /** Where to send to: the next hop itself where it is connected, else the gateway on the way to it. */
  readonly via: readonly number[];
  readonly ifindex: number;
  readonly device: string;
  readonly onlink: boolean;
  readonly weight: number;
}

/** Why a next hop can or can't be used. */
export type ResolutionReason =
  | "own-route"
  /** Nothing is resolved here, everything that makes sense counts as reachable. */
  | "not-resolved"
  /** Policy says that packets are thrown away. */
  | "blackhole"
  | "connected"
  | "gateway"
  /** On 127.0.0.0/8: another speaker of this machine, to which the kernel needs no route and takes none. */
  | "this-machine"
  /** Through a tunnel of this node's. */
  | "tunnel"
  | "tunnel-trouble"
  | "martian"
  | "own-address"
  | "no-link"
  | "link-down"
  | "no-route"
  | "default-only"
  | "not-unicast";

/** The route of the kernel by which a next hop resolves, or doesn't. */
export interface DecidingRoute {
  readonly words: readonly number[];
  readonly length: number;
  readonly type: string;
  readonly metric: number;
}

/** How a next hop resolves. */
export interface Resolution {
  readonly reachable: boolean;
  /**
   * IGP metric (RFC 4271 §9.1.2.2 e): behind a gateway that of the kernel's route; 0 for what is directly connected. There no IGP lies
   * between, and the metric is the kernel's preference among routes to one subnet (100 and 101 for the links of a host), no cost.
   */
  readonly metric: number;
  /** Empty when unreachable, and when nothing is resolved. */
  readonly hops: readonly ResolvedHop[];
  readonly reason: ResolutionReason;
  /** The kernel's route that decided, if one did. */
  readonly route: DecidingRoute | null;
  /** What kind of martian it is, or what is wrong with its tunnel. */
  readonly detail: string | null;
}

/** A resolution without a way out. */
export const wayless = (
  reachable: boolean,
  reason: ResolutionReason,
  route: Resolution["route"] = null,
  detail: string | null = null,
): Resolution => ({ reachable, metric: 0, hops: [], reason, route, detail });

/** Whether routes through the next hop go the same way, and are as good. */
export const sameWay = (a: Resolution, b: Resolution): boolean =>
  a.reachable === b.reachable &&
  a.metric === b.metric &&
  a.hops.length === b.hops.length &&
  a.hops.every((hop, i) => sameHop(hop, b.hops[i]!));

const sameHop = (a: ResolvedHop, b: ResolvedHop): boolean =>
  a.ifindex === b.ifindex &&
  a.onlink === b.onlink &&
  a.weight === b.weight &&
  a.via.length === b.via.length &&
  a.via.every((word, i) => word === b.via[i]);

/** A sentence: "192.0.2.7 is reached through gateway 192.168.1.1 on eth0 (kernel route 192.0.2.0/24, metric 100)". */
export function describeResolution(words: readonly number[], resolution: Resolution): string {
  const { reason, route, hops } = resolution;
  const address = words.length === 0 ? "" : formatAddress(words);
  const prefix = route === null ? "" : formatPrefix(route);
  const deciding = `kernel route ${prefix}, metric ${route?.metric}`;
  switch (reason) {
    case "own-route":
      return "an own route, which needs no next hop";
    case "not-resolved":
      return `${address} counts as reachable: nothing is resolved here`;
    case "blackhole":
      return `${address} counts as reachable: policy throws its packets away`;
    case "connected": {
      const devices = hops.map(({ device }) => device).join(" and ");
      return `${address} is connected on ${devices}${route === null ? "" : ` (${deciding})`}`;
    }
    case "this-machine":
      return `${address} is on this machine`;
    case "gateway": {
      const gateways = hops.map(({ via, device }) => `${formatAddress(via)} on ${device}`).join(" and ");
      return `${address} is reached through gateway ${gateways} (${deciding})`;
    }
    case "tunnel":
      return `${address} is reached through the tunnel ${hops[0]!.device} (underlay: ${deciding})`;
    case "tunnel-trouble":
      return `${address} is unreachable: ${resolution.detail}`;
    case "martian":
      return `${address} can't be a next hop: it is ${resolution.detail}`;
    case "own-address":
      return `${address} can't be a next hop: it is one of our own addresses`;
    case "no-link":
      return `${address} is unreachable: it is link-local, and the link of its session is unknown`;
    case "link-down":
      return `${address} is unreachable: the link of ${route === null ? "its session" : `the kernel route ${prefix}`} is down`;
    case "default-only":
      return `${address} is unreachable: only a default route leads there, and resolve-via-default is off`;
    case "not-unicast":
      return `${address} is unreachable: the kernel's ${route!.type} route ${prefix} is in the way`;
    case "no-route":
      return `${address} is unreachable: no route of the kernel leads there`;
  }
}
