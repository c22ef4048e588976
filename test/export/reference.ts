import type { GroupKey } from "../../src/export/group-key.ts";
import { formatPrefix } from "../../src/lib/address.ts";
import { Family } from "../../src/lib/family.ts";
import { prefixAt } from "../../src/lib/prefix-words.ts";
import { AttributeFlag } from "../../src/rib/attribute-columns.ts";
import type { AsSegment, NextHop, PathAttributes } from "../../src/wire/attribute/types.ts";
import type { Router, Table } from "./support.ts";

/** What a policy says, in plain words: the attributes to send, or null. */
export type PlainPolicy = (
  attributes: PathAttributes,
  prefixLength: number,
) => { attributes: PathAttributes; setsMed: boolean; setsNextHop: boolean } | null;

/**
 * What one peer must hold, computed for it alone and without a shortcut: every prefix, every rule, on plain objects. It
 * shares no code with src/export.
 */
export function expectedTable(router: Router, key: GroupKey, peer: number, policy: PlainPolicy): Table {
  const table: Table = new Map();
  const routes = router.table(key.family);
  for (let prefix = routes.prefixes.next(0); prefix !== 0; prefix = routes.prefixes.next(prefix)) {
    const name = formatPrefix(prefixAt(routes.prefixes, prefix));
    const best = routes.best(prefix);
    if (best === 0) continue;
    if (key.addPath === 0) {
      const sent = sendable(router, key, policy, best, prefix);
      if (sent !== null && routes.pathSource(best) !== peer) table.set(name, sent);
      continue;
    }
    const ranked = new Int32Array(64);
    const count = routes.rank(prefix, ranked);
    let left = key.addPath;
    for (const path of ranked.subarray(0, count)) {
      const sent = left === 0 ? null : sendable(router, key, policy, path, prefix);
      if (sent === null) continue;
      left--;
      if (routes.pathSource(path) !== peer) table.set(`${name}#${path}`, sent);
    }
  }
  return table;
}

function sendable(
  router: Router,
  key: GroupKey,
  policy: PlainPolicy,
  path: number,
  prefix: number,
): PathAttributes | null {
  const routes = router.table(key.family);
  const { attributes: store, sources } = router.rib;
  const set = routes.pathAttributes(path);
  const info = sources.info(routes.pathSource(path))!;
  const flags = store.flags[set]!;
  const external = key.peerKind === "external";
  // Who hears what.
  if (!external && info.kind === "internal" && !info.client && !key.client) return null;
  if ((flags & AttributeFlag.NO_ADVERTISE) !== 0) return null;
  if (external && (flags & (AttributeFlag.NO_EXPORT | AttributeFlag.NO_EXPORT_SUBCONFED)) !== 0) return null;
  const received = store.view(set);
  const stale = (flags & AttributeFlag.LLGR_STALE) !== 0;
  if (stale && (key.longLived === "withhold" || (key.longLived === "no-export" && external))) return null;
  const downOnly = key.role === "customer" || key.role === "peer" || key.role === "rs-client";
  if (external && downOnly && received.onlyToCustomer !== null) return null;

  const said = policy(received, routes.prefixes.length(prefix));
  if (said === null) return null;
  let sent = said.attributes;
  if (stale && key.longLived === "no-export")
    sent = {
      ...sent,
      localPref: 0,
      communities: [...new Set([...sent.communities, 0xffffff01])].sort((a, b) => a - b),
    };

  const own = info.kind === "local";
  const self =
    !said.setsNextHop &&
    (own ||
      (external
        ? key.nextHop !== "unchanged"
        : key.nextHop === "force-self" || (key.nextHop === "self" && info.kind === "external")));
  const nextHop = self || sent.nextHop === null ? selfOf(key) : sent.nextHop;
  if (nextHop === null) return null;
  const fits =
    key.family === Family.Ipv6Unicast ? nextHop.words.length === 4 : nextHop.words.length === 1 || key.extendedNextHop;
  if (!fits) return null;
  if (!external) {
    const reflected = info.kind === "internal";
    return {
      ...sent,
      nextHop,
      localPref: sent.localPref ?? 100,
      originatorId: reflected ? (sent.originatorId ?? info.routerId) : sent.originatorId,
      clusterList: reflected ? [key.clusterId, ...sent.clusterList] : sent.clusterList,
    };
  }
  const adds = key.role === "provider" || key.role === "rs-server" || key.role === "peer";
  return {
    ...sent,
    nextHop,
    asPath: prepended(sent.asPath, key.prependAs),
    localPref: null,
    med: own || said.setsMed ? sent.med : null,
    originatorId: null,
    clusterList: [],
    extendedCommunities: sent.extendedCommunities.filter(([high]) => (high & 0x40000000) === 0),
    onlyToCustomer: sent.onlyToCustomer ?? (adds ? key.prependAs[0]! : null),
  };
}

function selfOf(key: GroupKey): NextHop | null {
  const words4 = key.self4 === null ? null : [key.self4];
  const words = key.family === Family.Ipv6Unicast ? key.self6 : (words4 ?? (key.extendedNextHop ? key.self6 : null));
  return words === null ? null : { words, linkLocal: null };
}

function prepended(path: readonly AsSegment[], ases: readonly number[]): readonly AsSegment[] {
  const [first, ...rest] = path;
  if (first !== undefined && first.type === 2 && first.asns.length + ases.length <= 255)
    return [{ type: 2, asns: [...ases, ...first.asns] }, ...rest];
  return [{ type: 2, asns: [...ases] }, ...path];
}

/** Tables as sorted text, for comparison and for a readable difference. */
export const lines = (table: Table): string[] => [...table].map(([name, attributes]) => line(name, attributes)).sort();

const line = (name: string, attributes: PathAttributes): string => {
  const { unknown, ...rest } = attributes;
  const octets = unknown.map(({ code, flags, value }) => [code, flags, ...value]);
  return `${name} ${JSON.stringify(Object.entries({ ...rest, unknown: octets }).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
};
