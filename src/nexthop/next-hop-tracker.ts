/**
 * Next-hop tracking: which next hops of BGP routes can be reached, how, and at what metric (RFC 4271 §5.1.3, §9.1.2).
 *
 * Next hops are interned, of either family whatever the route's (RFC 8950 §3): a small counted id each, with the two columns that the decision reads. What the kernel knows comes
 * in as events (links and the routes of others, never ours: a BGP route must not be resolved by another one of ours). After
 * each burst of events the next hops that it may concern are resolved anew, and whoever listens hears which ids came out
 * differently. A next hop is resolved by the longest match among routes that can carry packets now: a route whose links
 * are down is passed over, and so is one that leads to an ignored interface.
 */
import { isLinkLocal, maskWord } from "../lib/address.ts";
import { Growth, resized } from "../lib/columns/growth.ts";
import type { KernelMarks } from "../lib/kernel-marks.ts";
import type { ViewedAddress, ViewedHop, ViewedLink, ViewedRoute } from "./kernel-view.ts";
import { OwnAddresses } from "./own-addresses.ts";
import { describeResolution, type Resolution, type ResolvedHop, sameWay, wayless } from "./resolution.ts";
import { ResolvingRoutes } from "./resolving-routes.ts";
import { unusableNextHop } from "./unusable-next-hop.ts";

export interface TrackerOptions {
  /** False: nothing is known of the kernel, every next hop counts as reachable at metric 0 (a pure reflector). */
  readonly resolve: boolean;
  /** Whether a default route may resolve a next hop. */
  readonly viaDefault: boolean;
  /** Whether routes straight to a neighbor are marked onlink; "auto" does so for connected next hops. */
  readonly onLink: "auto" | boolean;
  /** Sessions run on 127.0.0.0/8, so next hops may lie there: all of them. See also LOOPBACK_SCOPE. */
  readonly loopback: boolean;
  /** Interfaces through which nothing resolves: workloads' links, for example. */
  ignores(interfaceName: string): boolean;
  /** Tunnels of this node; null: there are none. */
  readonly tunnels: TunnelPort | null;
}

/** Who knows which next hops are reached through a tunnel. */
export interface TunnelPort {
  /** Null: without one. Otherwise the hop that leads into it, or why it can't be used now. */
  reach(
    words: readonly number[],
    entries: "keep" | "drop" | "leave",
  ): { readonly hop: { readonly ifindex: number; readonly onlink: boolean } } | { readonly trouble: string } | null;
  /** The next hop is used no more: as `reach` with "drop". */
  forget(words: readonly number[]): void;
}

/** Scope of a session that itself runs on 127.0.0.0/8: its next hops may lie there, those of other sessions not. */
export const LOOPBACK_SCOPE = -1;

interface NextHop {
  readonly key: number | string;
  readonly words: readonly number[];
  readonly linkLocal: readonly number[] | null;
  readonly scope: number;
  readonly marks: KernelMarks | null;
  /** Who knows the id. */
  users: number;
  /** Whose routes go there: only then a tunnel has entries for it. */
  routed: number;
  resolution: Resolution;
}

/** Next hops that may resolve otherwise than before, and how far they were looked at. */
interface Pass {
  readonly areas: readonly Area[] | "all";
  /** Interfaces whose link-local next hops are meant, too. */
  readonly scopes: ReadonlySet<number>;
  next: number;
}

/** A part of the address space. */
interface Area {
  readonly words: readonly number[];
  readonly length: number;
}

/** More changed routes than this in one burst, and everything is looked at instead of what they cover. */
const MOST_AREAS = 64;
/** Freed ids that rest before the first is used again, for those who still remember one when its routes are already gone. */
const RESTING = 1024;
/** Columns start with room for this many. */
const FIRST = 16;
/** Next hops resolved at once, and looked at at once; the rest follows in later turns. */
const RESOLVED_AT_ONCE = 2048;
const SEEN_AT_ONCE = 65_536;
/** More passes than this that wait, and one over everything takes their place. */
const MOST_PASSES = 8;
const LOOPBACK_IFINDEX = 1;
const ownRoute = wayless(true, "own-route");
const notResolved = wayless(true, "not-resolved");
/** Where packets go nowhere it doesn't matter how they would get there. */
const blackhole = wayless(true, "blackhole");

export class NextHopTracker {
  /** 1 where a route with this next hop may be used, by id. Grows: read anew after `intern`. */
  reachable = new Uint8Array(FIRST);
  /** IGP metric by id. Grows: read anew after `intern`. */
  metric = new Uint32Array(FIRST);
  readonly #growth = new Growth(2, FIRST);
  #options: TrackerOptions;
  readonly #ids = new Map<number | string, number>();
  readonly #nextHops: (NextHop | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #links = new Map<number, ViewedLink>();
  readonly #routes = new ResolvingRoutes();
  readonly #own = new OwnAddresses();
  readonly #listeners: ((ids: readonly number[]) => void)[] = [];
  /** What has changed since the last `synced`. */
  #areas: Area[] | "all" = [];
  readonly #scopes = new Set<number>();
  /** What is under way, the first first. */
  #passes: Pass[] = [];
  #underWay = false;
  /** Interfaces that lead into tunnels. */
  readonly #tunnelDevices = new Set<number>();
  /** How many ids of an address are routed to: it may come with several link-local ones and marks. */
  readonly #routed = new Map<number | string, number>();
  readonly #later: (work: () => void) => void;

  /** @param later has the work done in another turn: there may be very many next hops. */
  constructor(options: TrackerOptions, later: (work: () => void) => void = (work) => work()) {
    this.#options = options;
    this.#later = later;
    const own = { key: "", words: [], linkLocal: null, scope: 0, marks: null, users: 1, routed: 0 };
    this.#nextHops.push({ ...own, resolution: ownRoute });
    this.reachable[0] = 1;
  }

  // ---- the table of next hops ------------------------------------------------------------------------------------

  /**
   * The id of a next hop, counted once more. `linkLocal`: the second address of a 32-octet one (RFC 2545 §3). `scope`:
   * interface index of a link-local address, LOOPBACK_SCOPE for one on 127.0.0.0/8, else 0.
   */
  intern(words: readonly number[], linkLocal: readonly number[] | null, scope = 0): number {
    const plain = words.length === 1 && linkLocal === null && scope === 0;
    const key = plain ? words[0]! : `${words.join(".")}/${linkLocal === null ? "" : linkLocal.join(".")}/${scope}`;
    const known = this.#ids.get(key);
    if (known !== undefined) {
      this.#nextHops[known]!.users++;
      return known;
    }
    return this.#add(key, [...words], linkLocal && [...linkLocal], scope, null);
  }

  /** The id of this next hop with these marks over those that it has, counted once more. Own routes have none. */
  marked(id: number, marks: KernelMarks): number {
    if (id === 0) return 0;
    const { words, linkLocal, scope, marks: before } = this.#nextHops[id]!;
    const { weight, blackhole, install } = { ...before, ...marks };
    const key = `${words.join(".")}/${linkLocal === null ? "" : linkLocal.join(".")}/${scope}/${weight}/${blackhole}/${install}`;
    const known = this.#ids.get(key);
    if (known === undefined) return this.#add(key, words, linkLocal, scope, { ...before, ...marks });
    this.#nextHops[known]!.users++;
    return known;
  }

  #add(
    key: number | string,
    words: readonly number[],
    linkLocal: readonly number[] | null,
    scope: number,
    marks: KernelMarks | null,
  ): number {
    const id = this.#free.length > RESTING ? this.#free.shift()! : this.#nextHops.length;
    const resolution = this.#resolve(words, scope, marks, this.#isRouted(words) ? "keep" : "leave");
    this.#nextHops[id] = { key, words, linkLocal, scope, marks, users: 1, routed: 0, resolution };
    this.#ids.set(key, id);
    if (id >= this.#growth.next) this.#growth.reach(id, this.#growColumn);
    this.#store(id, resolution);
    return id;
  }

  retain(id: number): void {
    if (id !== 0) this.#nextHops[id]!.users++;
  }

  release(id: number): void {
    if (id === 0) return;
    const nextHop = this.#nextHops[id];
    if (nextHop === undefined) throw new Error(`next hop ${id} was released more often than retained`);
    if (--nextHop.users > 0) return;
    if (nextHop.routed > 0) this.#leave(nextHop);
    this.#ids.delete(nextHop.key);
    this.#nextHops[id] = undefined;
    this.reachable[id] = 0;
    this.#free.push(id);
  }

  /** What policy says of the kernel routes through it; null: nothing. */
  marks(id: number): KernelMarks | null {
    return this.#nextHops[id]?.marks ?? null;
  }

  /** Routes go there from now on, those that were counted before aside. */
  use(id: number): void {
    const nextHop = this.#nextHops[id];
    if (id === 0 || nextHop === undefined || nextHop.routed++ > 0) return;
    const { words, resolution } = nextHop;
    const key = addressKey(words);
    this.#routed.set(key, (this.#routed.get(key) ?? 0) + 1);
    if (resolution.reason === "tunnel" || resolution.reason === "tunnel-trouble")
      this.#options.tunnels?.reach(words, "keep");
  }

  /** One holder of routes less. */
  unuse(id: number): void {
    const nextHop = this.#nextHops[id];
    if (id === 0 || nextHop === undefined || nextHop.routed === 0 || --nextHop.routed > 0) return;
    this.#leave(nextHop);
  }

  /** No route goes by this id any more: the tunnel is needed as long as any does by its address. */
  #leave(nextHop: NextHop): void {
    nextHop.routed = 0;
    const key = addressKey(nextHop.words);
    const left = (this.#routed.get(key) ?? 1) - 1;
    if (left > 0) {
      this.#routed.set(key, left);
      return;
    }
    this.#routed.delete(key);
    this.#options.tunnels?.forget(nextHop.words);
  }

  #isRouted(words: readonly number[]): boolean {
    return this.#routed.has(addressKey(words));
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
    return this.#nextHops[id]?.resolution ?? wayless(false, "no-route");
  }

  hops(id: number): readonly ResolvedHop[] {
    return this.resolution(id).hops;
  }

  /** Whether its routes lead to this very machine. */
  isHere(id: number): boolean {
    return this.resolution(id).reason === "this-machine";
  }

  /** How it resolves, in words. */
  explain(id: number): string {
    return describeResolution(this.words(id), this.resolution(id));
  }

  /** How an address would resolve, whether or not anybody announced it. */
  lookup(words: readonly number[], scope = 0): Resolution {
    return this.#resolve(words, scope, null, "leave");
  }

  /** Called after a burst of kernel events, in parts where there are many, with the ids that resolve differently than before. */
  onChange(listener: (ids: readonly number[]) => void): void {
    this.#listeners.push(listener);
  }

  // ---- what the kernel and the speaker tell ------------------------------------------------------------------------

  link(link: ViewedLink): void {
    const before = this.#links.get(link.ifindex);
    this.#links.set(link.ifindex, link);
    if (!this.#options.resolve) return;
    if (before?.running !== link.running || before.name !== link.name) this.#linkChanged(link.ifindex);
  }

  linkGone(link: ViewedLink): void {
    this.#links.delete(link.ifindex);
    if (this.#options.resolve) this.#linkChanged(link.ifindex);
  }

  /** What leads over the link is looked at again. Links of pods come and go all the time, and nothing leads over them. */
  #linkChanged(ifindex: number): void {
    if (ifindex === LOOPBACK_IFINDEX || this.#tunnelDevices.has(ifindex)) this.#areas = "all";
    this.#scopes.add(ifindex);
    for (const route of this.#routes.through(ifindex)) {
      if (this.#areas === "all") return;
      this.#mark(route);
    }
  }

  address(address: ViewedAddress): void {
    this.#own.set(address);
    this.#mark({ words: address.words, length: 32 * address.words.length });
  }

  addressGone(address: ViewedAddress): void {
    this.#own.delete(address);
    this.#mark({ words: address.words, length: 32 * address.words.length });
  }

  route(route: ViewedRoute): void {
    this.#routes.set(route);
    this.#mark(route);
  }

  routeGone(route: ViewedRoute): void {
    this.#routes.delete(route);
    this.#mark(route);
  }

  /** After a reload. */
  setOptions(options: TrackerOptions): void {
    this.#options = options;
    this.again();
  }

  /** Everything is resolved anew: tunnels have changed. */
  again(): void {
    this.#areas = "all";
    this.synced();
  }

  /** A burst of events is over. */
  synced(): void {
    const areas = this.#areas;
    if (areas !== "all" && areas.length === 0 && this.#scopes.size === 0) return;
    const pass: Pass = { areas, scopes: new Set(this.#scopes), next: 1 };
    this.#areas = [];
    this.#scopes.clear();
    this.#passes.push(pass);
    if (areas === "all" || this.#passes.length > MOST_PASSES)
      this.#passes = [{ areas: "all", scopes: new Set(), next: 1 }]; // it does what the others would have
    if (!this.#underWay) this.#goOn();
  }

  /** A slice of what has to be looked at. */
  #goOn(): void {
    this.#underWay = true;
    const changed: number[] = [];
    let [resolved, seen] = [0, 0];
    while (this.#passes.length > 0 && resolved < RESOLVED_AT_ONCE && seen < SEEN_AT_ONCE) {
      const pass = this.#passes[0]!;
      if (pass.next >= this.#nextHops.length) {
        this.#passes.shift();
        continue;
      }
      const id = pass.next++;
      const nextHop = this.#nextHops[id];
      seen++;
      if (nextHop === undefined || !concerns(pass, nextHop)) continue;
      resolved++;
      const { words, scope, marks } = nextHop;
      const resolution = this.#resolve(words, scope, marks, this.#isRouted(words) ? "keep" : "drop");
      const before = nextHop.resolution;
      nextHop.resolution = resolution;
      if (sameWay(before, resolution)) continue;
      this.#store(id, resolution);
      changed.push(id);
    }
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed);
    if (this.#passes.length > 0) this.#later(() => this.#goOn());
    else this.#underWay = false;
  }

  #mark({ words, length }: Area): void {
    if (this.#areas === "all") return;
    if (this.#areas.length === MOST_AREAS) this.#areas = "all";
    else this.#areas.push({ words, length });
  }

  // ---- resolution ------------------------------------------------------------------------------------------------

  /** @param entries what is to become of what a tunnel has for it. */
  #resolve(
    words: readonly number[],
    scope: number,
    marks: KernelMarks | null,
    entries: "keep" | "drop" | "leave",
  ): Resolution {
    const { loopback, resolve } = this.#options;
    const martian = unusableNextHop(words, loopback || scope === LOOPBACK_SCOPE);
    if (martian !== null) return wayless(false, "martian", null, martian);
    if (this.#own.has(words, scope)) return wayless(false, "own-address");
    if (!resolve) return notResolved;
    if (marks?.blackhole === true) return blackhole;
    if (isLinkLocal(words)) return this.#onLinkOf(scope, words);
    if (words.length === 1 && words[0]! >>> 24 === 127) return this.#onLoopback(words);
    const { tunnels, viaDefault } = this.#options;
    if (tunnels === null) return this.#longestMatch(words, viaDefault);
    // The outer packet may take a default route: that is what hosts in other subnets are reached by.
    const underlay = this.#longestMatch(words, true);
    const tunnel = tunnels.reach(words, underlay.reachable || entries === "leave" ? entries : "drop");
    if (tunnel === null) return this.#longestMatch(words, viaDefault);
    return underlay.reachable ? this.#throughTunnel(words, underlay, tunnel) : underlay;
  }

  #throughTunnel(
    words: readonly number[],
    underlay: Resolution,
    tunnel: NonNullable<ReturnType<TunnelPort["reach"]>>,
  ): Resolution {
    if ("trouble" in tunnel) return wayless(false, "tunnel-trouble", underlay.route, tunnel.trouble);
    const { ifindex, onlink } = tunnel.hop;
    this.#tunnelDevices.add(ifindex);
    const device = this.#links.get(ifindex)?.name ?? String(ifindex);
    return { ...underlay, reason: "tunnel", hops: [{ via: words, ifindex, device, onlink, weight: 1 }] };
  }

  #longestMatch(words: readonly number[], viaDefault: boolean): Resolution {
    let refusal = wayless(false, "no-route");
    for (const route of this.#routes.matches(words)) {
      if (route.type === "local") return wayless(false, "own-address", route);
      if (route.length === 0 && !viaDefault)
        return refusal.reason === "no-route" ? wayless(false, "default-only") : refusal;
      if (route.type !== "unicast") return wayless(false, "not-unicast", route);
      const hops = this.#hopsOf(route, words);
      if (hops.length > 0) {
        const reason = route.hops.every(({ via }) => via !== null) ? "gateway" : "connected";
        const metric = route.hops.every(({ via }) => via === null) ? 0 : route.metric;
        return { reachable: true, metric, hops, reason, route, detail: null };
      }
      if (refusal.reason === "no-route" && route.hops.some((hop) => !this.#isIgnored(hop)))
        refusal = wayless(false, "link-down", route);
    }
    return refusal;
  }

  /** A link-local next hop is on the link of the session that told it. */
  #onLinkOf(scope: number, words: readonly number[]): Resolution {
    const link = this.#links.get(scope);
    if (link === undefined) return wayless(false, "no-link");
    return link.running ? onLink(words, scope, link.name) : wayless(false, "link-down");
  }

  /** The loopback's subnet has a local route and no other; all of it is this machine. */
  #onLoopback(words: readonly number[]): Resolution {
    const loopback = this.#links.get(LOOPBACK_IFINDEX)?.name ?? "lo";
    return { ...onLink(words, LOOPBACK_IFINDEX, loopback), reason: "this-machine" };
  }

  #hopsOf(route: ViewedRoute, words: readonly number[]): ResolvedHop[] {
    const { onLink: wanted } = this.#options;
    const hops: ResolvedHop[] = [];
    for (const hop of route.hops) {
      const link = this.#links.get(hop.ifindex);
      if (link === undefined || !link.running || hop.dead || this.#isIgnored(hop)) continue;
      const { via, ifindex, weight } = hop;
      const onlink = wanted === "auto" ? via === null || hop.onlink : wanted;
      hops.push({ via: via ?? words, ifindex, device: link.name, onlink, weight });
    }
    return hops;
  }

  #isIgnored({ ifindex }: ViewedHop): boolean {
    const link = this.#links.get(ifindex);
    return link !== undefined && this.#options.ignores(link.name);
  }

  #store(id: number, { reachable, metric }: Resolution): void {
    this.reachable[id] = reachable ? 1 : 0;
    this.metric[id] = metric;
  }

  readonly #growColumn = (column: number, length: number): void => {
    if (column === 0) this.reachable = resized(this.reachable, length);
    else this.metric = resized(this.metric, length);
  };
}

const onLink = (words: readonly number[], ifindex: number, device: string): Resolution => ({
  ...wayless(true, "connected"),
  hops: [{ via: words, ifindex, device, onlink: true, weight: 1 }],
});

const addressKey = (words: readonly number[]): number | string => (words.length === 1 ? words[0]! : words.join("."));

const holds = ({ words, length }: Area, address: readonly number[]): boolean =>
  words.length === address.length && words.every((word, i) => ((word ^ address[i]!) & maskWord(length - 32 * i)) === 0);

const concerns = ({ areas, scopes }: Pass, { words, scope }: NextHop): boolean =>
  areas === "all" || (scope > 0 && scopes.has(scope)) || areas.some((area) => holds(area, words));
