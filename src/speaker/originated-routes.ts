import type { OriginateConfig, WorkloadsConfig } from "../config/model.ts";
import { compareAddresses, type Prefix, parsePrefix } from "../lib/address.ts";
import { Family } from "../lib/family.ts";
import { atOnce } from "../lib/in-slices.ts";
import { prefixAt } from "../lib/prefix-words.ts";
import type { NextHopTracker } from "../nexthop/next-hop-tracker.ts";
import { LOCAL_SOURCE } from "../rib/source-table.ts";
import { emptyAttributes, type PathAttributes } from "../wire/attribute/types.ts";
import type { Tables } from "./tables.ts";

/** An own prefix, and what it is announced with. */
export interface OriginatedRoute {
  readonly prefix: Prefix;
  /** Also a blackhole in the kernel. */
  readonly blackhole: boolean;
  readonly attributes: PathAttributes;
  /** Sent as it stands; null: each peer gets our address on its session. */
  readonly nextHop: readonly number[] | null;
}

/** Next hop of own routes: each peer gets our address on its session instead. */
const NO_NEXT_HOP = 0;

/** Prefixes in one go. */
const SLICE = 64;

const byNumber = (a: number, b: number): number => a - b;

/** A configured prefix as an own route. */
export const originatedRouteOf = (config: OriginateConfig): OriginatedRoute => ({
  prefix: parsePrefix(config.prefix),
  blackhole: config.blackhole,
  attributes: {
    ...emptyAttributes,
    med: config.med,
    localPref: config.localPref,
    communities: [...new Set(config.communities)].sort(byNumber),
    largeCommunities: [...config.largeCommunities].sort(compareAddresses),
  },
  nextHop: null,
});

/** A workload's host route as an own route. */
export const workloadRoute = (prefix: Prefix, { communities, largeCommunities }: WorkloadsConfig): OriginatedRoute => ({
  prefix,
  blackhole: false,
  attributes: {
    ...emptyAttributes,
    communities: [...new Set(communities)].sort(byNumber),
    largeCommunities: [...largeCommunities].sort(compareAddresses),
  },
  nextHop: null,
});

/** A route that is announced at run time, as an own route. */
export const announcedRoute = ({
  prefix,
  blackhole,
  nextHop,
  med,
  localPref,
  communities,
  largeCommunities,
}: {
  readonly prefix: Prefix;
  readonly nextHop: readonly number[] | null;
} & Pick<
  OriginateConfig,
  "blackhole" | "med" | "localPref" | "communities" | "largeCommunities"
>): OriginatedRoute => ({
  prefix,
  blackhole,
  attributes: {
    ...emptyAttributes,
    med,
    localPref,
    communities: [...new Set(communities)].sort(byNumber),
    largeCommunities: [...largeCommunities].sort(compareAddresses),
  },
  nextHop,
});

/** The prefixes that we originate: a table change each, never a matter of sessions. */
export class OriginatedRoutes {
  readonly #tables: Tables;
  readonly #nextHops: Pick<NextHopTracker, "intern" | "release">;
  readonly #routes = new Map<string, OriginatedRoute>();

  constructor(tables: Tables, nextHops: Pick<NextHopTracker, "intern" | "release">) {
    this.#tables = tables;
    this.#nextHops = nextHops;
  }

  /** Exactly these from now on, of those under `owner`; what is the same already isn't touched. */
  replace(owner: Owner, routes: Iterable<OriginatedRoute>): void {
    atOnce(this.replacing(owner, routes));
  }

  /** The same in slices, for as many prefixes as a config may have. */
  *replacing(owner: Owner, routes: Iterable<OriginatedRoute>): Generator<undefined, void> {
    const wanted = new Set<string>();
    for (const route of routes) {
      const key = `${owner} ${keyOf(route.prefix)}`;
      wanted.add(key);
      const before = this.#routes.get(key);
      if (before === undefined || JSON.stringify(before) !== JSON.stringify(route)) this.add(owner, route);
      if (wanted.size % SLICE === 0) yield;
    }
    let looked = 0;
    for (const [key, { prefix }] of this.#routes) {
      if (key.startsWith(`${owner} `) && !wanted.has(key)) this.remove(owner, prefix);
      if (++looked % SLICE === 0) yield;
    }
  }

  add(owner: Owner, route: OriginatedRoute): void {
    this.#routes.set(`${owner} ${keyOf(route.prefix)}`, route);
    this.#settle(route.prefix);
  }

  remove(owner: Owner, prefix: Prefix): void {
    if (this.#routes.delete(`${owner} ${keyOf(prefix)}`)) this.#settle(prefix);
  }

  /** Who originates a prefix; the first says how. */
  ownersOf(prefix: Prefix): Owner[] {
    const key = keyOf(prefix);
    return owners.filter((owner) => this.#routes.has(`${owner} ${key}`));
  }

  /** All that is originated, each by each owner. */
  *all(): Generator<{ readonly owner: Owner; readonly route: OriginatedRoute }> {
    for (const [key, route] of this.#routes) yield { owner: key.slice(0, key.indexOf(" ")) as Owner, route };
  }

  /** Whether a prefix of ours is to be a blackhole in the kernel. */
  isBlackhole(family: Family, prefixId: number): boolean {
    const key = keyOf(prefixAt(this.#tables.byFamily[family]!.prefixes, prefixId));
    for (const owner of owners) if (this.#routes.get(`${owner} ${key}`)?.blackhole) return true;
    return false;
  }

  /** Of several owners of a prefix the first says how it is announced; without any it is withdrawn. */
  #settle(prefix: Prefix): void {
    const { words, length, family } = prefix;
    const key = keyOf(prefix);
    const table = this.#tables.byFamily[family]!;
    const owner = owners.find((each) => this.#routes.has(`${each} ${key}`));
    if (owner === undefined) {
      if (family === Family.Ipv4Unicast) table.withdraw4(LOCAL_SOURCE, words[0]!, length, 0);
      else table.withdraw6(LOCAL_SOURCE, words[0]!, words[1]!, words[2]!, words[3]!, length, 0);
      return;
    }
    const { attributes, nextHop } = this.#routes.get(`${owner} ${key}`)!;
    const hop = nextHop === null ? NO_NEXT_HOP : this.#nextHops.intern(nextHop, null, 0);
    const set = this.#tables.store.intern(attributes, hop);
    if (hop !== NO_NEXT_HOP) this.#nextHops.release(hop); // the set counts it for itself
    if (family === Family.Ipv4Unicast) table.announce4(LOCAL_SOURCE, words[0]!, length, 0, set);
    else table.announce6(LOCAL_SOURCE, words[0]!, words[1]!, words[2]!, words[3]!, length, 0, set);
    // Whether it is a blackhole may be all that changed, which the attribute set doesn't tell.
    const prefixId = table.prefixes.find(words, length);
    if (prefixId !== 0) table.markDirty(prefixId);
  }
}

/** Who may originate, the first one before the others: the config's list, workloads on this host, commands. */
const owners = ["config", "workload", "announce"] as const;
export type Owner = (typeof owners)[number];

const keyOf = ({ words, length }: Pick<Prefix, "words" | "length">): string => `${words.join(".")}/${length}`;
