import type { KernelReader, KernelRoute } from "../kernel/reader.ts";
import { type Prefix, prefixContains } from "../lib/address.ts";
import { namePattern } from "./choose.ts";

export interface WorkloadOptions {
  readonly reader: KernelReader;
  /** Names of the host ends of workloads' links, with `*`: `cali*`. */
  readonly interfaces: readonly string[];
  /** when-outside-block: a workload inside one of `blocks` is covered by its block and not told. */
  readonly advertise: "when-outside-block" | "always";
  readonly blocks: readonly Prefix[];
  /** A workload is there: its host route is to be originated. */
  appeared(prefix: Prefix): void;
  /** It is gone. */
  vanished(prefix: Prefix): void;
}

/**
 * Workloads, seen by their host routes: /32 and /128 straight onto an interface such as `cali1234`, made by whoever wires
 * workloads (a CNI plugin, Felix). They come and go as netlink events; nothing is configured per workload.
 */
export class Workloads {
  readonly #options: WorkloadOptions;
  readonly #matches: (name: string) => boolean;
  /** Host routes by prefix and key, whether their interface matches or not: a link may get its name later. */
  readonly #routes = new Map<string, Map<string, KernelRoute>>();
  /** What is told, by prefix. */
  readonly #told = new Map<string, Prefix>();
  readonly #leave: () => void;
  #blocks: readonly Prefix[];

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#blocks = options.blocks;
    this.#matches = namePattern(options.interfaces);
    this.#leave = options.reader.subscribe({
      link: (link) => this.#linkChanged(link.ifindex),
      linkGone: (link) => this.#linkChanged(link.ifindex),
      route: (route) => {
        if (isHostRoute(route)) this.#keep(route);
        else this.#forget(route); // a host route that got a gateway is no workload any more
      },
      routeGone: (route) => this.#forget(route),
    });
  }

  /** Other blocks are ours from now on. */
  setBlocks(blocks: readonly Prefix[]): void {
    this.#blocks = blocks;
    for (const key of this.#routes.keys()) this.#judge(key);
  }

  /** Stops, and takes back what was told. */
  close(): void {
    this.#leave();
    for (const prefix of this.#told.values()) this.#options.vanished(prefix);
    this.#told.clear();
  }

  #keep(route: KernelRoute): void {
    const key = prefixKey(route);
    const routes = this.#routes.get(key) ?? new Map<string, KernelRoute>();
    routes.set(route.key, route);
    this.#routes.set(key, routes);
    this.#judge(key);
  }

  #forget(route: KernelRoute): void {
    const key = prefixKey(route);
    if (this.#routes.get(key)?.delete(route.key) !== true) return;
    this.#judge(key);
  }

  #linkChanged(ifindex: number): void {
    for (const [key, routes] of this.#routes)
      for (const route of routes.values()) if (route.hops[0]!.ifindex === ifindex) this.#judge(key);
  }

  /** Brings what is told of a prefix in line with the routes that there are. */
  #judge(key: string): void {
    const routes = this.#routes.get(key)!;
    const route = [...routes.values()].find((each) => this.#counts(each));
    const told = this.#told.get(key);
    if (route !== undefined && told === undefined) {
      const prefix: Prefix = { family: route.family, words: route.words, length: route.length };
      this.#told.set(key, prefix);
      this.#options.appeared(prefix);
    } else if (route === undefined && told !== undefined) {
      this.#told.delete(key);
      this.#options.vanished(told);
    }
    if (routes.size === 0) this.#routes.delete(key);
  }

  #counts(route: KernelRoute): boolean {
    const link = this.#options.reader.links.get(route.hops[0]!.ifindex);
    if (link === undefined || !this.#matches(link.name)) return false;
    return this.#options.advertise === "always" || !this.#blocks.some((block) => prefixContains(block, route.words));
  }
}

const prefixKey = (route: KernelRoute): string => `${route.words.join(".")}/${route.length}`;

/** A /32 or /128 straight onto one interface (not the kernel's own host addresses, which are of type local). */
const isHostRoute = (route: KernelRoute): boolean =>
  route.type === "unicast" &&
  route.length === route.words.length * 32 &&
  route.hops.length === 1 &&
  route.hops[0]!.via === null &&
  route.hops[0]!.ifindex !== 0;
