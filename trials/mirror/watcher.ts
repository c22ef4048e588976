import type { KernelAddress, KernelEvents, KernelLink, KernelReader, KernelRoute } from "../../src/kernel/reader.ts";
import { formatAddress, formatPrefix } from "../../src/lib/address.ts";
import { NextHopTracker, type TrackerOptions } from "../../src/nexthop/next-hop-tracker.ts";
import { hopLine, type Picture, placeLine, type RouteText } from "./model.ts";

const types = [
  "other",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
];

const options: TrackerOptions = {
  resolve: true,
  viaDefault: true,
  onLink: "auto",
  loopback: false,
  ignores: () => false,
  tunnels: null,
};

const textOf = (address: KernelAddress): string => {
  const { ifindex, words, length, peer, scope, tentative } = address;
  const other = peer === null ? "-" : formatAddress(peer);
  return `${ifindex} ${formatAddress(words)}/${length} peer ${other} scope ${scope}${tentative ? " tentative" : ""}`;
};

/** A listener of the kernel's reader that believes every word: what it was told, and how next hops resolve by that. */
export class Watcher {
  readonly tracker = new NextHopTracker(options);
  readonly #links = new Map<number, KernelLink>();
  readonly #addresses = new Set<string>();
  readonly #routes = new Map<string, KernelRoute>();
  /** What a listener can't make sense of. */
  readonly nonsense: string[] = [];

  constructor(reader: KernelReader) {
    const mine: KernelEvents = {
      link: (link) => this.#links.set(link.ifindex, link),
      linkGone: (link) => this.#links.delete(link.ifindex) || this.nonsense.push(`unknown link ${link.name} is gone`),
      address: (address) => {
        this.#forget(address);
        this.#addresses.add(textOf(address));
      },
      addressGone: (address) =>
        this.#forget(address) || this.nonsense.push(`unknown address ${textOf(address)} is gone`),
      route: (route) => this.#routes.set(route.key, route),
      routeGone: (route) =>
        this.#routes.delete(route.key) || this.nonsense.push(`unknown route ${formatPrefix(route)}`),
    };
    reader.subscribe(mine);
    reader.subscribe(this.tracker);
  }

  #forget(address: KernelAddress): boolean {
    const other = textOf({ ...address, tentative: !address.tentative });
    return this.#addresses.delete(textOf(address)) || this.#addresses.delete(other);
  }

  picture(): Picture {
    const routes = new Map<string, RouteText[]>();
    for (const route of [...this.#routes.values()].sort((a, b) => a.order - b.order)) {
      const place = placeLine(formatPrefix(route), route.table, route.metric);
      const hops = route.hops.map(({ via, ifindex, weight, onlink, dead }) =>
        hopLine(via && formatAddress(via), this.#links.get(ifindex)?.name ?? `if${ifindex}`, weight, onlink, dead),
      );
      const text = `type ${types.indexOf(route.type)} scope ${route.scope} ${hops.join(", ")}`;
      routes.set(place, [...(routes.get(place) ?? []), { protocol: route.protocol, text }]);
    }
    const links = [...this.#links.values()].map(
      ({ ifindex, name, up, running, mtu }) =>
        `${ifindex} ${name} ${up ? "up" : "down"} ${running ? "running" : "-"} ${mtu}`,
    );
    return { links: links.sort(), addresses: [...this.#addresses].sort(), routes };
  }

  /** How an address resolves, as a sentence, and through which hops. */
  resolves(words: readonly number[]): string {
    const id = this.tracker.intern(words, null);
    const hops = this.tracker
      .hops(id)
      .map((hop) => `${formatAddress(hop.via)} ${hop.device} ${hop.onlink} ${hop.weight}`);
    const text = `${this.tracker.explain(id)}: ${hops.join(", ")}`;
    this.tracker.release(id);
    return text;
  }
}
