/**
 * Next-hop tracking: which next hops of BGP routes can be reached, how, and at what metric (RFC 4271 §5.1.3, §9.1.2).
 *
 * Next hops are interned: a small counted id each, with the two columns that the decision reads. What the kernel knows comes
 * in as events (links and the routes of others, never ours: a BGP route must not be resolved by another one of ours). After
 * each burst of events everything is resolved anew, and whoever listens hears which ids came out differently.
 */
import { formatAddress } from "../lib/address.ts";
import type { ViewedLink, ViewedRoute } from "./kernel-view.ts";
import { isLinkLocal, unusableNextHop } from "./martian.ts";
import { RouteMap } from "./route-map.ts";

export interface TrackerOptions {
  /** False: nothing is known of the kernel, every next hop counts as reachable at metric 0 (a pure reflector). */
  readonly resolve: boolean;
  /** Whether a default route may resolve a next hop. */
  readonly viaDefault: boolean;
  /** Whether routes straight to a neighbor are marked onlink; "auto" does so for connected next hops. */
  readonly onLink: "auto" | boolean;
  /** Sessions run on 127.0.0.0/8, so next hops may lie there. */
  readonly loopback: boolean;
  /** Interfaces through which nothing resolves: workloads' links, for example. */
  ignores(interfaceName: string): boolean;
}

/** One way out, as a kernel route takes it. */
export interface ResolvedHop {
  readonly via: readonly number[] | null;
  readonly ifindex: number;
  readonly onlink: boolean;
  readonly weight: number;
}

/** How a next hop resolves. */
export interface Resolution {
  readonly reachable: boolean;
  readonly metric: number;
  /** Empty when unreachable, and when nothing is resolved. */
  readonly hops: readonly ResolvedHop[];
  /** In words, for `explain`. */
  readonly text: string;
}

interface NextHop {
  readonly key: string;
  readonly words: readonly number[];
  readonly linkLocal: readonly number[] | null;
  readonly scope: number;
  users: number;
  resolution: Resolution;
}

const LOOPBACK_IFINDEX = 1;
const ownRoute: Resolution = { reachable: true, metric: 0, hops: [], text: "an own route" };
const unreachable = (text: string): Resolution => ({ reachable: false, metric: 0xffffffff, hops: [], text });

export class NextHopTracker {
  /** 1 where a route with this next hop may be used, by id. Grows: read anew after `intern`. */
  reachable = new Uint8Array(16);
  /** IGP metric by id. Grows: read anew after `intern`. */
  metric = new Uint32Array(16);
  readonly #options: TrackerOptions;
  readonly #ids = new Map<string, number>();
  readonly #nextHops: (NextHop | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #links = new Map<number, ViewedLink>();
  readonly #routes = new RouteMap();
  readonly #listeners: ((ids: readonly number[]) => void)[] = [];

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#nextHops.push({ key: "", words: [], linkLocal: null, scope: 0, users: 1, resolution: ownRoute });
    this.reachable[0] = 1;
  }

  // ---- the table of next hops ------------------------------------------------------------------------------------

  /** The id of a next hop, counted once more. `scope`: interface index of a link-local address, else 0. */
  intern(words: readonly number[], linkLocal: readonly number[] | null, scope = 0): number {
    const key = `${words.join(".")}/${linkLocal === null ? "" : linkLocal.join(".")}/${scope}`;
    const known = this.#ids.get(key);
    if (known !== undefined) {
      this.#nextHops[known]!.users++;
      return known;
    }
    const id = this.#free.pop() ?? this.#nextHops.length;
    const resolution = this.#resolve(words, scope);
    this.#nextHops[id] = {
      key,
      words: [...words],
      linkLocal: linkLocal && [...linkLocal],
      scope,
      users: 1,
      resolution,
    };
    this.#ids.set(key, id);
    if (id >= this.metric.length) this.#grow();
    this.#store(id, resolution);
    return id;
  }

  retain(id: number): void {
    if (id !== 0) this.#nextHops[id]!.users++;
  }

  release(id: number): void {
    if (id === 0) return;
    const nextHop = this.#nextHops[id]!;
    if (--nextHop.users > 0) return;
    this.#ids.delete(nextHop.key);
    this.#nextHops[id] = undefined;
    this.reachable[id] = 0;
    this.#free.push(id);
  }

  /** Next hops in use, the one of own routes left out. */
  get size(): number {
    return this.#ids.size;
  }

  /** Empty for id 0. */
  words(id: number): readonly number[] {
    return this.#nextHops[id]?.words ?? [];
  }

  linkLocal(id: number): readonly number[] | null {
    return this.#nextHops[id]?.linkLocal ?? null;
  }

  resolution(id: number): Resolution {
    return this.#nextHops[id]?.resolution ?? unreachable("no longer in use");
  }

  hops(id: number): readonly ResolvedHop[] {
    return this.resolution(id).hops;
  }

  /** How it resolves, in words. */
  explain(id: number): string {
    return this.resolution(id).text;
  }

  /** Called after a burst of kernel events with the ids that resolve differently than before. */
  onChange(listener: (ids: readonly number[]) => void): void {
    this.#listeners.push(listener);
  }

  // ---- what the kernel tells -------------------------------------------------------------------------------------

  link(link: ViewedLink): void {
    this.#links.set(link.ifindex, link);
  }

  linkGone(link: ViewedLink): void {
    this.#links.delete(link.ifindex);
  }

  route(route: ViewedRoute): void {
    this.#routes.set(route);
  }

  routeGone(route: ViewedRoute): void {
    this.#routes.delete(route);
  }

  /** A burst of events is over. */
  synced(): void {
    const changed: number[] = [];
    for (let id = 1; id < this.#nextHops.length; id++) {
      const nextHop = this.#nextHops[id];
      if (nextHop === undefined) continue;
      const resolution = this.#resolve(nextHop.words, nextHop.scope);
      const before = nextHop.resolution;
      nextHop.resolution = resolution;
      if (sameWay(before, resolution)) continue;
      this.#store(id, resolution);
      changed.push(id);
    }
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed);
  }

  // ---- resolution ------------------------------------------------------------------------------------------------

  #resolve(words: readonly number[], scope: number): Resolution {
    const { loopback, resolve, viaDefault } = this.#options;
    const text = formatAddress(words);
    const unusable = unusableNextHop(words, loopback);
    if (unusable !== null) return unreachable(`${text} is ${unusable}: no next hop`);
    if (!resolve)
      return { reachable: true, metric: 0, hops: [], text: `${text} counts as reachable: nothing is resolved here` };
    if (isLinkLocal(words)) return this.#resolveLinkLocal(words, scope);
    if (words.length === 1 && words[0]! >>> 24 === 127) return this.#onLoopback(words);
    let reason = "no route of the kernel leads there";
    for (const route of this.#routes.matches(words)) {
      if (route.type === "local") return unreachable(`${text} is one of our own addresses`);
      const prefix = `${formatAddress(route.words)}/${route.length}`;
      if (route.length === 0 && !viaDefault) {
        reason = "only a default route leads there, and resolve-via-default is off";
        break;
      }
      if (route.type !== "unicast") return unreachable(`${text} falls on the ${route.type} route ${prefix}`);
      const hops = this.#hopsOf(route, words);
      if (hops.length > 0)
        return { reachable: true, metric: route.metric, hops, text: this.#describe(text, prefix, route, hops) };
      reason = `the way over ${prefix} is down`;
    }
    return unreachable(`${text} is unreachable: ${reason}`);
  }

  #resolveLinkLocal(words: readonly number[], scope: number): Resolution {
    const text = formatAddress(words);
    const link = this.#links.get(scope);
    if (link === undefined) return unreachable(`${text} is link-local, and its link is unknown`);
    if (!link.running) return unreachable(`${text} is on ${link.name}, which is down`);
    return {
      reachable: true,
      metric: 0,
      hops: [{ via: words, ifindex: scope, onlink: true, weight: 1 }],
      text: `${text} is on link ${link.name}`,
    };
  }

  /** The loopback's subnet has a local route and no other; all of it is this machine. */
  #onLoopback(words: readonly number[]): Resolution {
    return {
      reachable: true,
      metric: 0,
      hops: [{ via: words, ifindex: LOOPBACK_IFINDEX, onlink: true, weight: 1 }],
      text: `${formatAddress(words)} is on the loopback`,
    };
  }

  #hopsOf(route: ViewedRoute, words: readonly number[]): ResolvedHop[] {
    const { onLink, ignores } = this.#options;
    const hops: ResolvedHop[] = [];
    for (const hop of route.hops) {
      const link = this.#links.get(hop.ifindex);
      if (link === undefined || !link.running || hop.dead || ignores(link.name)) continue;
      hops.push(
        hop.via === null
          ? { via: words, ifindex: hop.ifindex, onlink: onLink !== false, weight: 1 }
          : { via: hop.via, ifindex: hop.ifindex, onlink: hop.onlink || onLink === true, weight: 1 },
      );
    }
    return hops;
  }

  #describe(text: string, prefix: string, { metric }: ViewedRoute, hops: readonly ResolvedHop[]): string {
    const ways = hops.map(({ via, ifindex }) => {
      const device = this.#links.get(ifindex)?.name ?? String(ifindex);
      return via === null || formatAddress(via) === text
        ? `connected on ${device}`
        : `via ${formatAddress(via)} dev ${device}`;
    });
    return `${text} is ${ways.join(" and ")} by the kernel's route ${prefix}, metric ${metric}`;
  }

  #store(id: number, { reachable, metric }: Resolution): void {
    this.reachable[id] = reachable ? 1 : 0;
    this.metric[id] = metric;
  }

  #grow(): void {
    const reachable = new Uint8Array(this.reachable.length * 2);
    reachable.set(this.reachable);
    this.reachable = reachable;
    const metric = new Uint32Array(reachable.length);
    metric.set(this.metric);
    this.metric = metric;
  }
}

function sameWay(a: Resolution, b: Resolution): boolean {
  if (a.reachable !== b.reachable || a.metric !== b.metric || a.hops.length !== b.hops.length) return false;
  return a.hops.every((hop, i) => {
    const other = b.hops[i]!;
    return hop.ifindex === other.ifindex && hop.onlink === other.onlink && String(hop.via) === String(other.via);
  });
}
