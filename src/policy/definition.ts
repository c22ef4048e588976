/**
 * The policy room: what a policy says (this file), compiled to functions over interned attribute sets (`policy.ts`), and the
 * two places where it is asked: on the way in (`import-pipeline.ts`) and on the way out (`export-policy.ts`).
 *
 * A policy is a list of terms; the first term that matches and has a verdict ends it, one that only sets goes on with what
 * it has set, and the end rejects. Policies never see a route object: they map an attribute set id to another one, or to 0.
 */

import type { Prefix } from "../lib/address.ts";
import type { LargeCommunity } from "../lib/communities.ts";
import type { ExtendedCommunity } from "../lib/extended-communities.ts";
import type { Family } from "../lib/family.ts";
import type { KernelMarks } from "../lib/kernel-marks.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";
import type { Origin } from "../wire/attribute/types.ts";

/** One line of a prefix list: prefixes inside `prefix` whose length is within ge..le. */
export interface PrefixRule {
  readonly prefix: Prefix;
  readonly ge: number;
  readonly le: number;
}

/** A prefix list, compiled once for all terms that name it. */
export interface CompiledPrefixList {
  readonly matches: PrefixMatcher;
  /** The first of its rules, for people. */
  readonly first: readonly PrefixRule[];
}

/** A compiled prefix list as a question. */
export type PrefixMatcher = (prefixes: PrefixWords, id: number) => boolean;

/** All keys given must hold; inside one key one of the listed is enough. AS_SET members count for `contains`. */
export interface AsPathCondition {
  readonly contains?: readonly number[];
  readonly startsWith?: readonly number[];
  readonly originatedBy?: readonly number[];
  /** As the decision counts it (RFC 4271 §9.1.2.2 a). */
  readonly length?: Range;
  /** POSIX extended expressions on the path as text (`formatAsPath`); one of them is enough. */
  readonly regex?: readonly string[];
}

/** Halves or thirds of a community; null stands for any. */
export type CommunityPattern = readonly [number | null, number | null];
export type LargeCommunityPattern = readonly [number | null, number | null, number | null];

/** Both ends belong to it. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export type LearnedFrom = "own" | "internal" | "external" | "client";

/** All keys given must hold; inside one key one of the listed is enough. */
export interface Match {
  readonly prefixRules?: readonly PrefixRule[];
  /** The same by lists that many terms share; inside all of them together one rule is enough. */
  readonly prefixLists?: readonly CompiledPrefixList[];
  readonly families?: readonly Family[];
  readonly communities?: readonly CommunityPattern[];
  readonly largeCommunities?: readonly LargeCommunityPattern[];
  readonly extendedCommunities?: readonly ExtendedCommunity[];
  readonly asPath?: readonly AsPathCondition[];
  readonly nextHops?: readonly Prefix[];
  readonly origins?: readonly Origin[];
  readonly localPref?: Range;
  readonly med?: Range;
  /** The next five look at the peer that the route was learned from, on the way in and on the way out. */
  readonly neighbors?: readonly Prefix[];
  readonly peerGroups?: readonly string[];
  readonly learnedFrom?: readonly LearnedFrom[];
  /** Names of interfaces: that which the peer's session runs over. */
  readonly interfaces?: readonly string[];
  /** Whether the prefix lies in a block that the inventory gives to that peer. */
  readonly neighborBlocks?: boolean;
}

/** Of communities all are replaced first, then some removed, then some added. */
export interface Modify {
  readonly localPref?: number;
  /** Added to what there is (or to the default), within what the attribute can hold. */
  readonly localPrefChange?: number;
  /** Null removes it. */
  readonly med?: number | null;
  readonly medChange?: number;
  readonly origin?: Origin;
  readonly nextHop?: readonly number[];
  /** Our own address by family: the one of the kind that the route's next hop has now. Null: we have none, nothing changes. */
  readonly nextHopSelf?: readonly (readonly number[] | null)[];
  readonly communities?: readonly number[];
  readonly removeCommunities?: readonly CommunityPattern[];
  readonly addCommunities?: readonly number[];
  readonly largeCommunities?: readonly LargeCommunity[];
  readonly removeLargeCommunities?: readonly LargeCommunityPattern[];
  readonly addLargeCommunities?: readonly LargeCommunity[];
  readonly extendedCommunities?: readonly ExtendedCommunity[];
  readonly removeExtendedCommunities?: readonly ExtendedCommunity[];
  readonly addExtendedCommunities?: readonly ExtendedCommunity[];
  /** In the place of any that is there (draft-ietf-idr-link-bandwidth). */
  readonly linkBandwidth?: ExtendedCommunity;
  /** Of the kernel route, which others never hear of: for the way in. */
  readonly kernel?: KernelMarks;
  readonly prepend?: { readonly as: number; readonly count: number };
}

export interface Term {
  readonly match: Match | null;
  readonly set: Modify | null;
  /** Null: goes on with the next term. */
  readonly verdict: "accept" | "reject" | null;
  /** Goes through this policy first: what it accepts or rejects is so, its end goes on here. Then there's neither verdict nor `set`. */
  readonly call?: PolicyDefinition;
}

/** What a term was made of: knows where that stands in the config. */
export interface TermOrigin {
  readonly place: { readonly file: string; readonly line: number; readonly column: number };
}

export interface PolicyDefinition {
  readonly name: string;
  readonly terms: readonly Term[];
  /** One for each term. */
  readonly origins: readonly TermOrigin[];
}

/** The peer that a route was learned from, as far as terms look at it. One object per source, as long as that lives. */
export interface PolicySource {
  /** Empty for our own routes. */
  readonly address: readonly number[];
  readonly peerGroup: string | null;
  readonly learnedFrom: LearnedFrom;
  /** That which the session runs or ran over; null: unknown. */
  readonly interface: string | null;
  readonly blocks: readonly Prefix[];
}
