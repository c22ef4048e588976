import type {
  AsPathMatch,
  NumberRange,
  PolicyMatch,
  PolicySet,
  PolicyTerm,
  PrefixListEntry,
} from "../../config/model.ts";
import { parseAddress, parsePrefix } from "../../lib/address.ts";
import { linkBandwidth } from "../../lib/extended-communities.ts";
import type {
  AsPathCondition,
  CompiledPrefixList,
  Match,
  Modify,
  PrefixRule,
  Range,
  Term,
} from "../../policy/definition.ts";
import { type OriginName, originNames } from "../../wire/attribute/origin.ts";
import type { Origin } from "../../wire/attribute/types.ts";

/** Our side of a session, as far as policies speak of it. */
export interface OwnSide {
  readonly localAs: number;
  /** Indexed by family. */
  readonly addresses: readonly (readonly number[] | null)[];
}

/** Prefix lists by name, compiled. */
export type PrefixLists = (name: string) => CompiledPrefixList;

/**
 * The door between the config's words and the policy room's. `prepend` without an AS puts our own in front, and
 * `next-hop: self` is our address on the session.
 */
export const termOf = (term: PolicyTerm, own: OwnSide, lists: PrefixLists): Term => ({
  match: matchOf(term.match, lists),
  set: term.set && modifyOf(term.set, own),
  verdict: term.verdict === "next" ? null : term.verdict,
});

const originCode = (name: OriginName): Origin => originNames.indexOf(name) as Origin;

const rangeOf = ({ ge, le }: NumberRange): Range => ({ min: ge, max: le });

const asPathOf = ({ contains, starts, originatedBy, length, regex }: AsPathMatch): AsPathCondition => ({
  ...(contains && { contains }),
  ...(starts && { startsWith: starts }),
  ...(originatedBy && { originatedBy }),
  ...(length && { length: rangeOf(length) }),
  ...(regex && { regex }),
});

export const prefixRuleOf = ({ prefix, ge, le }: PrefixListEntry): PrefixRule => ({
  prefix: parsePrefix(prefix),
  ge,
  le,
});

function matchOf(match: PolicyMatch, lists: PrefixLists): Match {
  return {
    ...(match.prefixLists && { prefixLists: match.prefixLists.map(lists) }),
    ...(match.prefixes && { prefixRules: match.prefixes.map(prefixRuleOf) }),
    ...(match.families && { families: match.families }),
    ...(match.communities && { communities: match.communities.map(({ high, low }) => [high, low] as const) }),
    ...(match.largeCommunities && { largeCommunities: match.largeCommunities }),
    ...(match.extendedCommunities && { extendedCommunities: match.extendedCommunities }),
    ...(match.asPaths && { asPath: match.asPaths.map(asPathOf) }),
    ...(match.nextHops && { nextHops: match.nextHops.map(parsePrefix) }),
    ...(match.origins && { origins: match.origins.map(originCode) }),
    ...(match.localPref && { localPref: rangeOf(match.localPref) }),
    ...(match.med && { med: rangeOf(match.med) }),
    ...(match.neighbors && { neighbors: match.neighbors.map(parsePrefix) }),
    ...(match.peerGroups && { peerGroups: match.peerGroups }),
    ...(match.learnedFrom && { learnedFrom: match.learnedFrom }),
    ...(match.interfaces && { interfaces: match.interfaces }),
    ...(match.neighborBlocks !== null && { neighborBlocks: match.neighborBlocks }),
  };
}

function modifyOf(set: PolicySet, own: OwnSide): Modify {
  const { prepend, localPref, med } = set;
  return {
    ...(localPref !== null && (typeof localPref === "number" ? { localPref } : { localPrefChange: localPref.change })),
    ...(med !== null && (typeof med === "object" ? { medChange: med.change } : { med: med === "none" ? null : med })),
    ...(set.origin !== null && { origin: originCode(set.origin) }),
    ...(set.nextHop === "self" && { nextHopSelf: own.addresses }),
    ...(set.nextHop !== null && set.nextHop !== "self" && { nextHop: parseAddress(set.nextHop) }),
    ...(set.communities && { communities: set.communities }),
    ...(set.largeCommunities && { largeCommunities: set.largeCommunities }),
    ...(set.extendedCommunities && { extendedCommunities: set.extendedCommunities }),
    removeCommunities: set.removeCommunities.map(({ high, low }) => [high, low] as const),
    ...(set.addCommunities.length > 0 && { addCommunities: set.addCommunities }),
    removeLargeCommunities: set.removeLargeCommunities,
    ...(set.addLargeCommunities.length > 0 && { addLargeCommunities: set.addLargeCommunities }),
    ...(set.removeExtendedCommunities.length > 0 && { removeExtendedCommunities: set.removeExtendedCommunities }),
    ...(set.addExtendedCommunities.length > 0 && { addExtendedCommunities: set.addExtendedCommunities }),
    ...(set.linkBandwidth !== null && { linkBandwidth: linkBandwidth(own.localAs, set.linkBandwidth) }),
    ...(set.kernel && { kernel: set.kernel }),
    ...(prepend && { prepend: { as: prepend.as ?? own.localAs, count: prepend.count } }),
  };
}
