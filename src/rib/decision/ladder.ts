import { compareAddresses, formatAddress, formatIpv4 } from "../../lib/address.ts";
import { originNames } from "../../wire/attribute/origin.ts";
import type { DecisionOptions } from "./options.ts";

/** A path as the decision sees it, with its numbers spelled out. */
export interface Candidate {
  /** "rejected": by the import policy. "unreachable": its next hop doesn't resolve. */
  readonly state: "usable" | "rejected" | "unreachable";
  /** Carries LLGR_STALE (RFC 9494). */
  readonly longLivedStale: boolean;
  /** Originated here. */
  readonly own: boolean;
  readonly localPref: number;
  readonly asPathLength: number;
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origin: number;
  readonly med: number;
  /** What MED is compared within: first AS of the path, 0 for our own AS. */
  readonly neighborAs: number;
  /** Learned over eBGP. */
  readonly external: boolean;
  readonly metric: number;
  /** ORIGINATOR_ID, or the peer's router id where there's none (RFC 4456 §9). */
  readonly routerId: number;
  readonly clusterListLength: number;
  /** Of the peer, as words. */
  readonly address: readonly number[];
  /** Number of the source: tells two incarnations of one session apart. */
  readonly source: number;
  readonly pathId: number;
}

/** One step: who stays in, and what to say of one who doesn't. */
export interface Step {
  /** As people name it: "LOCAL_PREF". */
  readonly name: string;
  /** Where two paths that are equal up to this step share the traffic, this one and later ones are not asked. */
  readonly behindMultipath: boolean;
  keep(candidates: readonly Candidate[], options: DecisionOptions): readonly Candidate[];
  why(loser: Candidate, winners: readonly Candidate[], options: DecisionOptions): string;
}

const lowest = (
  name: string,
  behindMultipath: boolean,
  value: (candidate: Candidate) => number,
  say: (loser: Candidate, winner: Candidate) => string,
): Step => ({
  name,
  behindMultipath,
  keep(candidates) {
    const best = candidates.reduce((least, candidate) => Math.min(least, value(candidate)), Number.POSITIVE_INFINITY);
    return candidates.filter((candidate) => value(candidate) === best);
  },
  why: (loser, winners) => say(loser, winners[0]!),
});

const octets = (address: readonly number[]) => (address.length === 0 ? "self" : formatAddress(address));

/**
 * The decision as one ladder, for people and tests: each step keeps the best of what the step before it left, and the first
 * that leaves one path has chosen. RFC 4271 §9.1.2 and §9.1.2.2, RFC 4456 §9, RFC 9494 §4.3. Never the age of a path.
 * `Decision` does the same in the hot path.
 */
export const ladder: readonly Step[] = [
  lowest(
    "long-lived stale",
    false,
    ({ longLivedStale }) => (longLivedStale ? 1 : 0),
    () => "long-lived stale (LLGR_STALE), and there is a path that isn't",
  ),
  lowest(
    "own route",
    false,
    ({ own }) => (own ? 0 : 1),
    () => "learned from a peer, and the prefix is originated here",
  ),
  lowest(
    "LOCAL_PREF",
    false,
    ({ localPref }) => -localPref,
    (loser, winner) => `LOCAL_PREF ${loser.localPref} is lower than ${winner.localPref}`,
  ),
  lowest(
    "AS_PATH length",
    false,
    ({ asPathLength }) => asPathLength,
    (loser, winner) => `AS_PATH length ${loser.asPathLength} is more than ${winner.asPathLength}`,
  ),
  lowest(
    "ORIGIN",
    false,
    ({ origin }) => origin,
    (loser, winner) => `ORIGIN ${originNames[loser.origin]} is worse than ${originNames[winner.origin]}`,
  ),
  {
    name: "MED",
    behindMultipath: false,
    keep(candidates, options) {
      const group = ({ neighborAs }: Candidate) => (options.alwaysCompareMed ? 0 : neighborAs);
      const least = new Map<number, number>();
      for (const one of candidates) least.set(group(one), Math.min(one.med, least.get(group(one)) ?? one.med));
      return candidates.filter((one) => one.med === least.get(group(one)));
    },
    why(loser, winners, options) {
      const other = winners.find((winner) => comparesMed(loser, winner, options) && winner.med < loser.med)!;
      const within = options.alwaysCompareMed ? "" : ` of another path through ${asName(loser.neighborAs)}`;
      return `MED ${loser.med} is higher than ${other.med}${within}`;
    },
  },
  lowest(
    "eBGP over iBGP",
    false,
    ({ external }) => (external ? 0 : 1),
    () => "learned over iBGP, and there is a path learned over eBGP",
  ),
  lowest(
    "IGP metric",
    false,
    ({ metric }) => metric,
    (loser, winner) => `IGP metric ${loser.metric} of the next hop is higher than ${winner.metric}`,
  ),
  lowest(
    "router id",
    true,
    ({ routerId }) => routerId,
    (loser, winner) =>
      `ORIGINATOR_ID or router id ${formatIpv4(loser.routerId)} is higher than ${formatIpv4(winner.routerId)}`,
  ),
  lowest(
    "CLUSTER_LIST length",
    true,
    ({ clusterListLength }) => clusterListLength,
    (loser, winner) => `CLUSTER_LIST length ${loser.clusterListLength} is more than ${winner.clusterListLength}`,
  ),
  {
    name: "peer address",
    behindMultipath: true,
    keep(candidates) {
      const best = candidates.reduce((a, b) => (compareSenders(b, a) < 0 ? b : a));
      return candidates.filter((candidate) => compareSenders(candidate, best) === 0);
    },
    why: (loser, winners) =>
      compareAddresses(loser.address, winners[0]!.address) === 0
        ? "from a later session of the same peer"
        : `peer address ${octets(loser.address)} is higher than ${octets(winners[0]!.address)}`,
  },
  lowest(
    "path id",
    true,
    ({ pathId }) => pathId,
    (loser, winner) => `path id ${loser.pathId} is higher than ${winner.pathId}`,
  ),
];

const comparesMed = (a: Candidate, b: Candidate, options: DecisionOptions): boolean =>
  options.alwaysCompareMed || a.neighborAs === b.neighborAs;

const asName = (as: number): string => (as === 0 ? "our own AS" : `AS ${as}`);

const compareSenders = (a: Candidate, b: Candidate): number =>
  compareAddresses(a.address, b.address) || a.source - b.source;

/** What became of a candidate. */
export interface Judgement<C extends Candidate> {
  readonly candidate: C;
  /** Name of the step at which it lost; null for the best one and for those that took no part. */
  readonly lostAt: string | null;
  readonly text: string;
}

/** The candidates, the best first and then those that came furthest, each with the reason why it isn't the best. */
export function judge<C extends Candidate>(candidates: readonly C[], options: DecisionOptions): Judgement<C>[] {
  let judged: Judgement<C>[] = [];
  let left: readonly C[] = candidates.filter(({ state }) => state === "usable");
  let last: Step | null = null;
  for (const step of ladder) {
    if (left.length <= 1) break;
    const kept = step.keep(left, options) as readonly C[];
    const winners = new Set(kept);
    const lost = left.filter((candidate) => !winners.has(candidate));
    judged = [
      ...lost.map((candidate) => ({ candidate, lostAt: step.name, text: step.why(candidate, kept, options) })),
      ...judged,
    ];
    if (lost.length > 0) last = step;
    left = kept;
  }
  const [best] = left;
  if (best !== undefined)
    judged.unshift({
      candidate: best,
      lostAt: null,
      text: last === null ? "the only usable path" : `best: the last other path lost by ${last.name}`,
    });
  for (const candidate of candidates) {
    if (candidate.state === "rejected") judged.push({ candidate, lostAt: null, text: "rejected by the import policy" });
    if (candidate.state === "unreachable")
      judged.push({ candidate, lostAt: null, text: "the next hop is unreachable" });
  }
  return judged;
}
