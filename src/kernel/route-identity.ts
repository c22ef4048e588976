import { Family } from "../lib/family.ts";
import type { KernelHop, KernelRoute } from "./reader.ts";
import type { ParsedHop, RouteView } from "./rtnetlink/route.ts";

/**
 * What the kernel tells routes apart by. Prefix, table and metric are the place of a route (TOS and source prefixes are
 * not looked at here at all), and a place has room for several routes, whoever owns them:
 *
 * - IPv4 (`fib_table_insert`, `fib_find_info`): two are one if type, scope, protocol, preferred source, settings (MTU
 *   and the like) and all hops are equal. They stand in a row, the first is used: `append` puts behind the last,
 *   `prepend` before the first, `replace` takes the place of the first and no deletion is told.
 * - IPv6 (`fib6_add_rt2node`): each next hop is a route, told apart by gateway, device and encapsulation, not by protocol
 *   (but a replacement may leave two alike that have no gateway: those are told apart by all that is shown of them).
 *   Those with a gateway are shown as one multipath route, under the protocol of the first, whoever owns the others. An
 *   addition tells all of them, a deletion only those that went.
 *
 * Read in Linux 6.18, and tried there (test/interop/26-kernel-mirror).
 */
export const placeOf = (view: RouteView): string =>
  `${view.words.join(".")}/${view.prefixLength} table ${view.table} metric ${view.metric}`;

/** One text for an IPv4 route; for an IPv6 route one for each of its hops, in their order. */
export function identitiesOf(view: RouteView, hops: readonly ParsedHop[]): string[] {
  const place = placeOf(view);
  if (view.family === Family.Ipv6Unicast) {
    if (view.nexthopId !== 0) return [`${place} object ${view.nexthopId}`];
    if (hops.length === 0) return [`${place} -`];
    const without = `- ${view.type} ${view.protocol}`;
    return hops.map((hop) => `${place} ${hop.via?.join(".") ?? without} ${hop.ifindex} ${hop.rest}`);
  }
  const through = view.nexthopId !== 0 ? `object ${view.nexthopId}` : hops.map(hopText).join(" ");
  const { protocol, type, scope, source, settings } = view;
  return [`${place} ${protocol} ${type} ${scope} ${source} ${settings}${through}`];
}

const hopText = ({ via, ifindex, onlink, weight, rest }: ParsedHop): string =>
  `${via?.join(".") ?? "-"} ${ifindex} ${onlink ? "onlink " : ""}${weight} ${rest}`;

const sameWords = (a: readonly number[] | null, b: readonly number[] | null): boolean =>
  a === b || (a !== null && b !== null && a.length === b.length && a.every((word, i) => word === b[i]));

const sameHop = (a: KernelHop, b: KernelHop): boolean =>
  a.ifindex === b.ifindex &&
  a.onlink === b.onlink &&
  a.weight === b.weight &&
  a.dead === b.dead &&
  sameWords(a.via, b.via);

/** Whether two routes of one identity look alike to whoever is told of them. */
export const sameRoute = (a: KernelRoute, b: KernelRoute): boolean =>
  a.type === b.type &&
  a.scope === b.scope &&
  a.protocol === b.protocol &&
  a.order === b.order &&
  a.hops.length === b.hops.length &&
  a.hops.every((hop, i) => sameHop(hop, b.hops[i]!));
