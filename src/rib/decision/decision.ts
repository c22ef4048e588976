import { compareAddresses } from "../../lib/address.ts";
import { resized } from "../../lib/columns/growth.ts";
import { PAGE_BITS, PAGE_MASK } from "../../lib/columns/record-pages.ts";
import { AttributeFlag } from "../attribute-columns.ts";
import type { AttributeStore } from "../attribute-store.ts";
import { CHAIN_END, PATH_EFFECTIVE, PATH_NEXT, PATH_ORIGIN, PATH_STRIDE, type PathTable } from "../path-table.ts";
import type { NextHopTable } from "../rib-ports.ts";
import { SourceKind, type SourceTable } from "../source-table.ts";
import { type Candidate, type Judgement, judge } from "./ladder.ts";
import { type DecisionOptions, defaultDecision } from "./options.ts";

export interface DecisionParts {
  readonly attributes: AttributeStore;
  readonly sources: SourceTable;
  readonly nextHops: NextHopTable;
  readonly paths: PathTable;
}

export interface PathCandidate extends Candidate {
  readonly path: number;
}

/** So many paths are picked out of many one by one; more are sorted. */
const FEW = 16;

/**
 * The choice among the paths of one prefix: RFC 4271 §9.1.2 with the tie-breakers of RFC 4456 §9. `ladder.ts` has the
 * steps one by one, in words; this is the same without an allocation.
 *
 * The steps before MED and those after it are each a total order, so candidates are compared pair by pair. MED is none (it
 * compares within a neighbor AS only), so it is a pass of its own over those that are equal until then.
 */
export class Decision {
  readonly options: DecisionOptions;
  readonly #attributes: AttributeStore;
  readonly #sources: SourceTable;
  readonly #nextHops: NextHopTable;
  readonly #paths: PathTable;
  /** Candidates that are still in, `#count` of them, and beside each its attribute set. */
  #tied = new Int32Array(16);
  #sets = new Int32Array(16);
  #count = 0;
  /** Whether the first of them is an own route: then all are. */
  #ownFirst = false;
  /** Lowest MED by neighbor AS, for the MED step. */
  readonly #lowestMed = new Map<number, number>();
  /** Paths that the last `choose` looked at: what it cost. */
  looked = 0;

  constructor(parts: DecisionParts, options: DecisionOptions = defaultDecision) {
    this.options = options;
    this.#attributes = parts.attributes;
    this.#sources = parts.sources;
    this.#nextHops = parts.nextHops;
    this.#paths = parts.paths;
  }

  /** Whether a path takes part: accepted by the import policy, with a reachable next hop. */
  usable(path: number): boolean {
    const set = this.#paths.effective(path);
    return set !== 0 && this.#nextHops.reachable[this.#attributes.nextHop[set]!] === 1;
  }

  /** The best path of the chain that starts at `first`; 0 if none is usable. */
  choose(first: number): number {
    const page = this.#paths.records.pages[first >>> PAGE_BITS]!;
    const at = (first & PAGE_MASK) * PATH_STRIDE;
    if (page[at + PATH_NEXT]! >= CHAIN_END) {
      // One candidate: most prefixes have no more.
      this.looked = 1;
      const set = page[at + PATH_EFFECTIVE]!;
      return set !== 0 && this.#nextHops.reachable[this.#attributes.nextHop[set]!] === 1 ? first : 0;
    }
    if (!this.options.deterministicMed) return this.#chooseInOrder(first);
    const best = this.#keepEarlyWinners(first);
    if (this.#count <= 1) return best;
    this.#keepLowestMed();
    return this.#lateWinner();
  }

  /**
   * The paths that share the traffic of a prefix: those equal to the best up to and with the IGP metric, with different
   * next hops, the best first and the others in the order of the remaining steps. Fills `out` with at most `max`.
   */
  multipath(first: number, max: number, out: Int32Array): number {
    const best = this.choose(first);
    if (best === 0 || max < 1) return 0;
    out[0] = best;
    if (max === 1) return 1;
    this.#keepEarlyWinners(first);
    this.#keepLowestMed();
    let count = 1;
    for (let i = 0; i < this.#count; i++) {
      const path = this.#tied[i]!;
      if (path !== best && this.#sharesWith(best, path)) count = this.#insertByHop(path, out, count, max);
    }
    return count;
  }

  /** Puts a path among the best so far (`out`, from the second on), where each next hop has one place; returns how many there are. */
  #insertByHop(path: number, out: Int32Array, count: number, max: number): number {
    const nextHop = this.#nextHopOf(path);
    // Most of very many paths go no further than this.
    if (count === max && this.#compareLate(path, out[count - 1]!) > 0) return count;
    let at = 0;
    while (at < count && this.#nextHopOf(out[at]!) !== nextHop) at++;
    if (at === 0 || (at < count && this.#compareLate(path, out[at]!) > 0)) return count;
    const now = at < count ? count : Math.min(max, count + 1);
    if (at === count) at = now - 1;
    for (; at > 1 && this.#compareLate(path, out[at - 1]!) < 0; at--) out[at] = out[at - 1]!;
    out[at] = path;
    return now;
  }

  /**
   * Usable paths, the best first, each the best of those that are left: for ADD-PATH. Fills `out` with at most `max`, returns how many.
   */
  rank(first: number, out: Int32Array, max = out.length): number {
    let total = 0;
    for (let path = first; path !== 0; path = this.#paths.next(path))
      if (this.usable(path)) {
        if (total === this.#tied.length) this.#widen();
        this.#tied[total++] = path;
      }
    const usable = this.#tied.subarray(0, total);
    const count = Math.min(total, max);
    const few = count <= FEW && total > 4 * count;
    if (this.#medsDiffer(usable)) {
      if (few) return this.#selectByMed(usable, out, count);
      this.#rankByMed(usable);
    } else if (few) return this.#selectBest(usable, out, count);
    else if (total > 1) usable.sort((a, b) => this.#compareTiers(a, b) || this.#compareLate(a, b));
    for (let i = 0; i < count; i++) out[i] = usable[i]!;
    return count;
  }

  /**
   * The best few of many where MEDs differ. No more of them can come from one neighbor AS, whose paths come in the order of its queue: so
   * the first few of each are all that has to be ranked.
   */
  #selectByMed(paths: Int32Array, out: Int32Array, count: number): number {
    const { med, neighborAs } = this.#attributes;
    const queues = new Map<number, number[]>();
    for (const path of paths) {
      const set = this.#paths.effective(path);
      const as = this.options.alwaysCompareMed ? 0 : neighborAs[set]!;
      let queue = queues.get(as);
      if (queue === undefined) {
        queue = [];
        queues.set(as, queue);
      }
      const before = (other: number): boolean =>
        (this.#compareTiers(path, other) ||
          med[set]! - med[this.#paths.effective(other)]! ||
          this.#compareLate(path, other)) < 0;
      if (queue.length === count) {
        if (!before(queue[count - 1]!)) continue;
      } else queue.push(path);
      let at = queue.length - 1;
      for (; at > 0 && before(queue[at - 1]!); at--) queue[at] = queue[at - 1]!;
      queue[at] = path;
    }
    const candidates = Int32Array.from([...queues.values()].flat());
    this.#rankByMed(candidates);
    for (let i = 0; i < count; i++) out[i] = candidates[i]!;
    return count;
  }

  /** The best few of many, without sorting them all. */
  #selectBest(paths: Int32Array, out: Int32Array, count: number): number {
    const compare = (a: number, b: number) => this.#compareTiers(a, b) || this.#compareLate(a, b);
    let filled = 0;
    for (const path of paths) {
      if (filled === count && compare(path, out[count - 1]!) > 0) continue;
      if (filled < count) filled++;
      let at = filled - 1;
      for (; at > 0 && compare(path, out[at - 1]!) < 0; at--) out[at] = out[at - 1]!;
      out[at] = path;
    }
    return filled;
  }

  /**
   * The better of `best` and those of `changed` that still belong here (`belongs`), if comparing two and two says so: all have this MED.
   * 0: it doesn't.
   */
  better(best: number, changed: readonly number[], belongs: (path: number) => boolean, med: number): number {
    this.looked = changed.length + 1;
    let winner = best;
    if (!this.usable(best)) return 0;
    for (const path of changed) {
      if (!belongs(path) || !this.usable(path)) continue;
      if (this.#attributes.med[this.#paths.effective(path)] !== med) return 0;
      if (path !== winner && (this.#compareTiers(path, winner) || this.#compareLate(path, winner)) < 0) winner = path;
    }
    return winner;
  }

  /** MED of all usable paths of a chain; -1 if they differ or there are none. */
  commonMed(first: number): number {
    let common = -1;
    for (let path = first; path !== 0; path = this.#paths.next(path)) {
      if (!this.usable(path)) continue;
      const med = this.#attributes.med[this.#paths.effective(path)]!;
      if (common < 0) common = med;
      else if (common !== med) return -1;
    }
    return common;
  }

  #medsDiffer(paths: Int32Array): boolean {
    const { med } = this.#attributes;
    for (let i = 1; i < paths.length; i++)
      if (med[this.#paths.effective(paths[i]!)] !== med[this.#paths.effective(paths[0]!)]) return true;
    return false;
  }

  #compareTiers(a: number, b: number): number {
    return this.#compareEarly(this.#paths.effective(a), this.#isOwn(a), this.#paths.effective(b), this.#isOwn(b));
  }

  /**
   * MED counts within a neighbor AS alone, which is no order that sorting could follow: whoever has the higher one waits until all of
   * its AS with a lower one are taken, however good it is in later steps. So each AS is a queue, by MED and then by the later steps, and
   * the best head of all queues is next; which is to say, a path comes when the worst of those before it in its queue has come.
   */
  #rankByMed(paths: Int32Array): void {
    const { med, neighborAs } = this.#attributes;
    const always = this.options.alwaysCompareMed;
    const setOf = (path: number) => this.#paths.effective(path);
    const asOf = (path: number) => (always ? 0 : neighborAs[setOf(path)]!);
    paths.sort(
      (a, b) =>
        this.#compareTiers(a, b) || asOf(a) - asOf(b) || med[setOf(a)]! - med[setOf(b)]! || this.#compareLate(a, b),
    );
    const queued = [...paths];
    const worst = [...paths];
    for (let i = 1; i < worst.length; i++) {
      const [path, before] = [queued[i]!, queued[i - 1]!];
      const sameQueue = asOf(path) === asOf(before) && this.#compareTiers(path, before) === 0;
      if (sameQueue && this.#compareLate(worst[i - 1]!, path) > 0) worst[i] = worst[i - 1]!;
    }
    const places = queued.map((_, i) => i);
    places.sort(
      (a, b) =>
        this.#compareTiers(queued[a]!, queued[b]!) ||
        (worst[a] === worst[b] ? 0 : this.#compareLate(worst[a]!, worst[b]!)) ||
        a - b,
    );
    for (const [i, place] of places.entries()) paths[i] = queued[place]!;
  }

  /** A path with its numbers spelled out, for `judge` and views. */
  candidate(path: number): PathCandidate {
    const { flags, localPref, asPathLength, origin, med, neighborAs, originatorId, clusterListLength } =
      this.#attributes;
    const source = this.#paths.source(path);
    const { kind, address, routerId } = this.#sources.info(source)!;
    const effective = this.#paths.effective(path);
    const set = effective === 0 ? this.#paths.received(path) : effective;
    return {
      path,
      state: effective === 0 ? "rejected" : this.usable(path) ? "usable" : "unreachable",
      longLivedStale: (flags[set]! & AttributeFlag.LLGR_STALE) !== 0,
      own: kind === "local",
      localPref: localPref[set]!,
      asPathLength: asPathLength[set]!,
      origin: origin[set]!,
      med: med[set]!,
      neighborAs: neighborAs[set]!,
      external: kind === "external",
      metric: this.#nextHops.metric[this.#attributes.nextHop[set]!]!,
      routerId: originatorId[set] || routerId,
      clusterListLength: clusterListLength[set]!,
      address,
      source,
      pathId: this.#paths.pathId(path),
    };
  }

  /**
   * All paths of a chain, the best first, each with the step at which it lost. With `deterministicMed: false` the order of
   * the paths plays a part that no ladder shows: then each loser is held against the best one alone.
   */
  explain(first: number): Judgement<PathCandidate>[] {
    const candidates: PathCandidate[] = [];
    for (let path = first; path !== 0; path = this.#paths.next(path)) candidates.push(this.candidate(path));
    const judged = judge(candidates, this.options);
    const best = this.choose(first);
    if (best === 0 || judged[0]!.candidate.path === best) return judged;
    const winner = candidates.find(({ path }) => path === best)!;
    const chosen = { candidate: winner, lostAt: null, text: "best: in the order in which the paths stand" };
    const others = candidates.filter((candidate) => candidate !== winner);
    return [chosen, ...others.map((candidate) => heldAgainst(candidate, winner, this.options))];
  }

  /** Leaves in `#tied` the usable paths that nothing up to ORIGIN tells apart; returns one of them, or 0. */
  #keepEarlyWinners(first: number): number {
    const pages = this.#paths.records.pages;
    const nextHop = this.#attributes.nextHop;
    const reachable = this.#nextHops.reachable;
    let looked = 0;
    this.#count = 0;
    for (let path = first; path < CHAIN_END; ) {
      const page = pages[path >>> PAGE_BITS]!;
      const at = (path & PAGE_MASK) * PATH_STRIDE;
      const set = page[at + PATH_EFFECTIVE]!;
      if (set !== 0 && reachable[nextHop[set]!] === 1) this.#offer(path, set, page[at + PATH_ORIGIN]! & 0xffff);
      path = page[at + PATH_NEXT]!;
      looked++;
    }
    this.looked = looked;
    return this.#count === 0 ? 0 : this.#tied[0]!;
  }

  /** Takes one more candidate into `#tied` if the ones there are no better. */
  #offer(path: number, set: number, source: number): void {
    const own = this.#sources.kind[source] === SourceKind.Local;
    const order = this.#count === 0 ? -1 : this.#compareEarly(set, own, this.#sets[0]!, this.#ownFirst);
    if (order > 0) return;
    if (order < 0) {
      this.#count = 0;
      this.#ownFirst = own;
    } else if (this.#count === this.#tied.length) this.#widen();
    this.#sets[this.#count] = set;
    this.#tied[this.#count++] = path;
  }

  /** By attribute set and whether it is an own route: below 0 if `a` wins by a step before MED, above 0 if `b` does. */
  #compareEarly(a: number, ownA: boolean, b: number, ownB: boolean): number {
    if (a !== b) {
      const { flags } = this.#attributes;
      const stale = (flags[a]! & AttributeFlag.LLGR_STALE) - (flags[b]! & AttributeFlag.LLGR_STALE);
      if (stale !== 0) return stale;
    }
    if (ownA !== ownB) return ownA ? -1 : 1;
    if (a === b) return 0;
    const { localPref, asPathLength, origin } = this.#attributes;
    return localPref[b]! - localPref[a]! || asPathLength[a]! - asPathLength[b]! || origin[a]! - origin[b]!;
  }

  /** RFC 4271 §9.1.2.2 c over `#tied`: within a neighbor AS only the lowest MED stays. */
  #keepLowestMed(): void {
    const { med, neighborAs } = this.#attributes;
    const tied = this.#tied;
    const sets = this.#sets;
    const count = this.#count;
    const first = med[sets[0]!];
    let differ = false;
    for (let i = 1; i < count && !differ; i++) differ = med[sets[i]!] !== first;
    if (!differ) return;
    const always = this.options.alwaysCompareMed;
    const lowest = this.#lowestMed;
    lowest.clear();
    for (let i = 0; i < count; i++) {
      const set = sets[i]!;
      const group = always ? 0 : neighborAs[set]!;
      const known = lowest.get(group);
      if (known === undefined || med[set]! < known) lowest.set(group, med[set]!);
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const set = sets[i]!;
      if (med[set] !== lowest.get(always ? 0 : neighborAs[set]!)) continue;
      sets[kept] = set;
      tied[kept++] = tied[i]!;
    }
    this.#count = kept;
  }

  #lateWinner(): number {
    let best = this.#tied[0]!;
    for (let i = 1; i < this.#count; i++) if (this.#compareLate(this.#tied[i]!, best) < 0) best = this.#tied[i]!;
    return best;
  }

  /** Below 0 if `a` wins by a step behind MED, above 0 if `b` does. Never 0 for two paths. */
  #compareLate(a: number, b: number): number {
    const { nextHop, originatorId, clusterListLength } = this.#attributes;
    const { kind, routerId } = this.#sources;
    const metric = this.#nextHops.metric;
    const setA = this.#paths.effective(a);
    const setB = this.#paths.effective(b);
    const sourceA = this.#paths.source(a);
    const sourceB = this.#paths.source(b);
    return (
      kind[sourceB]! - kind[sourceA]! ||
      metric[nextHop[setA]!]! - metric[nextHop[setB]!]! ||
      (originatorId[setA] || routerId[sourceA]!) - (originatorId[setB] || routerId[sourceB]!) ||
      clusterListLength[setA]! - clusterListLength[setB]! ||
      this.#compareRest(a, sourceA, b, sourceB)
    );
  }

  #compareRest(a: number, sourceA: number, b: number, sourceB: number): number {
    if (sourceA === sourceB) return this.#paths.pathId(a) - this.#paths.pathId(b);
    const infoA = this.#sources.info(sourceA)!;
    const infoB = this.#sources.info(sourceB)!;
    // Two incarnations of one session, while the paths of the earlier one are being removed, differ by number alone.
    return compareAddresses(infoA.address, infoB.address) || sourceA - sourceB;
  }

  /** `deterministicMed: false`: each path against the best so far, MED compared if both came through one AS. */
  #chooseInOrder(first: number): number {
    const { med, neighborAs } = this.#attributes;
    const always = this.options.alwaysCompareMed;
    let best = 0;
    let looked = 0;
    for (let path = first; path !== 0; path = this.#paths.next(path)) {
      looked++;
      if (!this.usable(path)) continue;
      if (best === 0) best = path;
      else {
        const a = this.#paths.effective(path);
        const b = this.#paths.effective(best);
        const byMed = always || neighborAs[a] === neighborAs[b] ? med[a]! - med[b]! : 0;
        const early = this.#compareEarly(a, this.#isOwn(path), b, this.#isOwn(best));
        if ((early || byMed || this.#compareLate(path, best)) < 0) best = path;
      }
    }
    this.looked = looked;
    return best;
  }

  #sharesWith(best: number, path: number): boolean {
    const { neighborAs } = this.#attributes;
    const kind = this.#sources.kind;
    if (kind[this.#paths.source(best)] !== kind[this.#paths.source(path)]) return false;
    if (this.#nextHops.metric[this.#nextHopOf(best)] !== this.#nextHops.metric[this.#nextHopOf(path)]) return false;
    if (this.options.multipathAsPath === "length") return true;
    return neighborAs[this.#paths.effective(best)] === neighborAs[this.#paths.effective(path)];
  }

  #isOwn(path: number): boolean {
    return this.#sources.kind[this.#paths.source(path)] === SourceKind.Local;
  }

  #nextHopOf(path: number): number {
    return this.#attributes.nextHop[this.#paths.effective(path)]!;
  }

  #widen(): void {
    this.#tied = resized(this.#tied, this.#tied.length * 2);
    this.#sets = resized(this.#sets, this.#tied.length);
  }
}

function heldAgainst(loser: PathCandidate, winner: PathCandidate, options: DecisionOptions): Judgement<PathCandidate> {
  const judged = judge([loser, winner], options).find(({ candidate }) => candidate === loser)!;
  if (judged.lostAt !== null || loser.state !== "usable") return judged;
  return {
    candidate: loser,
    lostAt: "order",
    text: "lost to a path that lost to another (MED isn't deterministic here)",
  };
}
