import { IdQueue } from "../lib/columns/id-queue.ts";
import { PAGE_BITS, PAGE_MASK } from "../lib/columns/record-pages.ts";
import type { Family } from "../lib/family.ts";
import type { Hasher } from "../lib/hash.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { Decision, type PathCandidate } from "./decision/decision.ts";
import type { Judgement } from "./decision/ladder.ts";
import { type DecisionOptions, defaultDecision } from "./decision/options.ts";
import { isMartian4, isMartian6 } from "./martian-prefix.ts";
import {
  CHAIN_END,
  PATH_EFFECTIVE,
  PATH_NEXT,
  PATH_ORIGIN,
  PATH_RECEIVED,
  PATH_STRIDE,
  PathTable,
} from "./path-table.ts";
import { PrefixOrder } from "./prefix-order.ts";
import { DIRTY, HAS_BEST, PrefixTable, TOUCHED } from "./prefix-table.ts";
import { acceptAll, type Consumer, type ImportPort, type NextHopTable } from "./rib-ports.ts";
import { nextEpoch, SourceCounts } from "./source-counts.ts";
import type { SourceTable } from "./source-table.ts";
import { TableWalk } from "./table-walk.ts";
import { WIDE, type WideChain } from "./wide-chains.ts";

export interface RouteTableParts {
  readonly hasher: Hasher;
  readonly attributes: AttributeStore;
  readonly sources: SourceTable;
  readonly nextHops: NextHopTable;
}

const noCounts: Readonly<SourceCounts> = Object.freeze(new SourceCounts());

/**
 * Adj-RIB-In and Loc-RIB of one family (RFC 4271 §3.2): the paths of every prefix, told apart by source and path id (RFC 7911 §3),
 * and which of them is the best.
 *
 * `announce` and `withdraw` change paths and put the prefix into a queue; `flush` decides and tells the consumers. However
 * often a prefix changes in between, it is decided once. The best path stands first in the chain of its prefix, so that
 * "which is it" costs a bit and no word; whether it differs from what consumers were told is known from that bit and from
 * another one, set when the best path itself is changed or removed.
 */
export class RouteTable {
  readonly family: Family;
  readonly prefixes: PrefixTable;
  /** For whoever reads the table from front to end. */
  readonly order: PrefixOrder;
  readonly paths = new PathTable();
  /** The way in; set by the owner before the first path comes. */
  importPort: ImportPort = acceptAll;
  /** Changes of a best path, ever: FRR's table version. */
  version = 0;
  /** Prefixes with a best path. */
  bestCount = 0;
  /** While true nothing is decided: selection is deferred after a restart (RFC 4724 §4.1). */
  deferred = false;
  readonly #attributes: AttributeStore;
  readonly #parts: RouteTableParts;
  #decision: Decision;
  readonly #dirty = new IdQueue();
  readonly #consumers: Consumer[] = [];
  readonly #pathConsumers: Consumer[] = [];
  /** By source id. */
  readonly #counts: (SourceCounts | undefined)[] = [];
  readonly #walk: TableWalk;

  constructor(family: Family, parts: RouteTableParts, options: DecisionOptions = defaultDecision) {
    this.family = family;
    this.#parts = parts;
    this.#attributes = parts.attributes;
    this.prefixes = new PrefixTable(family, parts.hasher);
    this.order = new PrefixOrder(this.prefixes);
    this.#decision = new Decision({ ...parts, paths: this.paths }, options);
    this.#walk = new TableWalk({
      paths: this.paths,
      received: (source) => this.counts(source).received,
      isSwept: (path) => this.#isSwept(path),
      remove: (path) => this.#remove(this.paths.prefix(path), path),
      reevaluate: (path) => this.#reevaluatePath(path),
      nextHop: (path) => this.#attributes.nextHop[this.paths.effective(path)]!,
      redecide: (path) => this.#redecide(this.paths.prefix(path)),
      touch: (path) => this.#touch(this.paths.prefix(path)),
    });
  }

  // ---- the way in ------------------------------------------------------------------------------------------------

  /** A path as received; replaces the one with the same source and path id (0 without ADD-PATH). */
  announce4(source: number, address: number, length: number, pathId: number, received: number): void {
    if (isMartian4(address, length)) this.#count(source).martians++;
    else this.#announce(source, this.prefixes.insert4(address, length), pathId, received);
  }

  announce6(
    source: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    pathId: number,
    received: number,
  ): void {
    if (isMartian6(w0, w1, w2, w3, length)) this.#count(source).martians++;
    else this.#announce(source, this.prefixes.insert6(w0, w1, w2, w3, length), pathId, received);
  }

  withdraw4(source: number, address: number, length: number, pathId: number): void {
    this.#withdraw(source, this.prefixes.find4(address, length), pathId);
  }

  withdraw6(source: number, w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void {
    this.#withdraw(source, this.prefixes.find6(w0, w1, w2, w3, length), pathId);
  }

  #announce(source: number, prefix: number, pathId: number, received: number): void {
    const counts = this.#count(source);
    if (prefix === 0) {
      counts.refused++;
      return;
    }
    const path = this.#find(prefix, source, pathId);
    if (path !== 0) {
      this.#replace(prefix, path, counts, received);
      return;
    }
    if (counts.received >= counts.limit) {
      counts.refused++;
      this.prefixes.freeIfUnused(prefix);
      return;
    }
    if (pathId !== 0 && this.#pathsOf(prefix, source) >= counts.pathLimit) {
      counts.crowded++;
      counts.crowdedAt = counts.pathLimit;
      return;
    }
    let effective = this.importPort.evaluate(this.family, prefix, source, received, false);
    if (effective !== 0 && counts.accepted >= counts.acceptLimit) {
      counts.refused++;
      effective = 0;
    }
    this.#attributes.retain(received);
    counts.received++;
    if (effective !== 0) {
      this.#attributes.retain(effective);
      counts.accepted++;
    }
    const added = this.paths.records.allocate();
    const page = this.paths.records.pages[added >>> PAGE_BITS]!;
    const at = (added & PAGE_MASK) * PATH_STRIDE;
    page[at + PATH_ORIGIN] = (counts.epoch << 16) | source;
    page[at + PATH_RECEIVED] = received;
    page[at + PATH_EFFECTIVE] = effective;
    if (pathId !== 0 || this.paths.hasPathIds) this.paths.setPathId(added, pathId);
    this.#link(prefix, added, page, at + PATH_NEXT);
    if (effective !== 0) this.#markDirty(prefix, 0);
  }

  #replace(prefix: number, path: number, counts: SourceCounts, received: number): void {
    const page = this.paths.records.pages[path >>> PAGE_BITS]!;
    const at = (path & PAGE_MASK) * PATH_STRIDE;
    const origin = page[at + PATH_ORIGIN]!;
    const wasStale = origin >>> 16 !== counts.epoch;
    if (wasStale) page[at + PATH_ORIGIN] = (counts.epoch << 16) | (origin & 0xffff);
    const before = page[at + PATH_RECEIVED]!;
    if (before === received) {
      // A stale path may have been used under another set, e.g. with LLGR_STALE.
      if (wasStale) this.#reevaluatePath(path, prefix);
      return;
    }
    this.#attributes.retain(received);
    page[at + PATH_RECEIVED] = received;
    this.#reevaluatePath(path, prefix);
    this.#attributes.release(before);
  }

  /** Asks the import policy about a path; has its prefix decided if the answer is another than it was. False: it is gone. */
  #reevaluatePath(path: number, prefix = this.paths.prefix(path)): boolean {
    const page = this.paths.records.pages[path >>> PAGE_BITS]!;
    const at = (path & PAGE_MASK) * PATH_STRIDE;
    const source = page[at + PATH_ORIGIN]! & 0xffff;
    const before = page[at + PATH_EFFECTIVE]!;
    const counts = this.#count(source);
    const stale = page[at + PATH_ORIGIN]! >>> 16 !== counts.epoch;
    let effective = this.importPort.evaluate(this.family, prefix, source, page[at + PATH_RECEIVED]!, stale);
    if (effective < 0) {
      this.#remove(prefix, path);
      return false;
    }
    if (effective !== 0 && before === 0 && counts.accepted >= counts.acceptLimit) {
      counts.refused++;
      effective = 0;
    }
    if (effective === before) return true;
    if (effective !== 0) {
      this.#attributes.retain(effective);
      counts.accepted++;
    }
    page[at + PATH_EFFECTIVE] = effective;
    if (before !== 0) {
      this.#attributes.release(before);
      counts.accepted--;
    }
    if (this.best(prefix) === path) this.#touchBest(prefix, effective !== 0);
    const wide = this.paths.wide.get(prefix);
    wide?.noted(path);
    this.#markDirty(prefix, 0);
    return true;
  }

  #withdraw(source: number, prefix: number, pathId: number): void {
    if (prefix === 0) return;
    const path = this.#find(prefix, source, pathId);
    if (path !== 0) this.#remove(prefix, path);
  }

  #remove(prefix: number, path: number): void {
    const { records } = this.paths;
    const page = records.pages[path >>> PAGE_BITS]!;
    const at = (path & PAGE_MASK) * PATH_STRIDE;
    const effective = page[at + PATH_EFFECTIVE]!;
    const counts = this.#count(page[at + PATH_ORIGIN]! & 0xffff);
    if (this.best(prefix) === path) this.#touchBest(prefix, false);
    this.#unlink(prefix, path, page[at + PATH_NEXT]!);
    const wide = this.paths.wide.get(prefix);
    if (wide !== undefined) this.paths.wide.removed(prefix, wide, path, this.firstPath(prefix));
    this.#attributes.release(page[at + PATH_RECEIVED]!);
    counts.received--;
    if (effective !== 0) {
      this.#attributes.release(effective);
      counts.accepted--;
    }
    this.paths.free(path);
    if (effective !== 0) this.#markDirty(prefix, 0);
    else this.prefixes.freeIfUnused(prefix);
  }

  /** The path of a source (and path id) for a prefix, or 0. */
  #find(prefix: number, source: number, pathId: number): number {
    const { prefixes, paths } = this;
    const head =
      prefixes.records.pages[prefix >>> PAGE_BITS]![(prefix & PAGE_MASK) * prefixes.stride + prefixes.headOffset]!;
    if (head === 0) return 0;
    const { pages } = paths.records;
    let left = WIDE;
    for (let path = head; path < CHAIN_END; ) {
      if (left-- === 0) return paths.wide.find(paths.wide.open(prefix, head), source, pathId);
      const page = pages[path >>> PAGE_BITS]!;
      const at = (path & PAGE_MASK) * PATH_STRIDE;
      const ours = (page[at + PATH_ORIGIN]! & 0xffff) === source;
      if (ours && (paths.hasPathIds ? paths.pathId(path) === pathId : pathId === 0)) return path;
      path = page[at + PATH_NEXT]!;
    }
    return 0;
  }

  /** How many paths a source has for a prefix. */
  #pathsOf(prefix: number, source: number): number {
    const { paths } = this;
    const wide = paths.wide.get(prefix);
    if (wide !== undefined) return wide.bySource.get(source) ?? 0;
    let count = 0;
    for (let path = this.firstPath(prefix); path !== 0; path = paths.next(path))
      if (paths.source(path) === source) count++;
    return count;
  }

  /** Puts a path second in the chain, or first where there's none; its `next` word is `records[link]`. */
  #link(prefix: number, path: number, records: Uint32Array, link: number): void {
    const { prefixes, paths } = this;
    const page = prefixes.records.pages[prefix >>> PAGE_BITS]!;
    const at = (prefix & PAGE_MASK) * prefixes.stride + prefixes.headOffset;
    const head = page[at]!;
    if (head === 0) {
      page[at] = path;
      records[link] = CHAIN_END + prefix;
      return;
    }
    const first = paths.records.pages[head >>> PAGE_BITS]!;
    const firstLink = (head & PAGE_MASK) * PATH_STRIDE + PATH_NEXT;
    records[link] = first[firstLink]!;
    first[firstLink] = path;
    const wide = paths.wide.get(prefix);
    if (wide !== undefined) paths.wide.added(prefix, wide, path, head);
  }

  #unlink(prefix: number, path: number, next: number): void {
    const { prefixes, paths } = this;
    const page = prefixes.records.pages[prefix >>> PAGE_BITS]!;
    const at = (prefix & PAGE_MASK) * prefixes.stride + prefixes.headOffset;
    const { pages } = paths.records;
    let before = page[at]!;
    if (before === path) {
      page[at] = next < CHAIN_END ? next : 0;
      before = 0;
    } else {
      if (paths.wide.get(prefix) !== undefined) before = paths.wide.before(path);
      for (;;) {
        const candidates = pages[before >>> PAGE_BITS]!;
        const link = (before & PAGE_MASK) * PATH_STRIDE + PATH_NEXT;
        if (candidates[link] === path) {
          candidates[link] = next;
          break;
        }
        before = candidates[link]!;
      }
    }
    if (next < CHAIN_END && paths.wide.get(prefix) !== undefined) paths.wide.setBefore(next, before);
  }

  #markDirty(prefix: number, flags: number): void {
    const { prefixes } = this;
    const page = prefixes.records.pages[prefix >>> PAGE_BITS]!;
    const at = (prefix & PAGE_MASK) * prefixes.stride + prefixes.metaOffset;
    const meta = page[at]!;
    if ((meta & DIRTY) === 0) this.#dirty.push(prefix);
    page[at] = meta | flags | DIRTY;
  }

  /** The best path itself changes: consumers are to hear of it. Unless it `stays` a candidate, there's none for now. */
  #touchBest(prefix: number, stays: boolean): void {
    const { prefixes } = this;
    const page = prefixes.records.pages[prefix >>> PAGE_BITS]!;
    const at = (prefix & PAGE_MASK) * prefixes.stride + prefixes.metaOffset;
    page[at] = (stays ? page[at]! : page[at]! & ~HAS_BEST) | TOUCHED;
    if (!stays) this.bestCount--;
  }

  /** What a prefix goes through has changed, whether or not the choice does. */
  #touch(prefix: number): void {
    this.paths.wide.get(prefix)?.distrust();
    this.#markDirty(prefix, TOUCHED);
  }

  // ---- the decision ----------------------------------------------------------------------------------------------

  /**
   * Decides prefixes that changed and tells the consumers, until about `budget` paths have been looked at. True when the
   * queue is empty, or the decision is deferred.
   */
  flush(budget: number): boolean {
    if (this.deferred) return true;
    for (let left = budget; left > 0; ) {
      const prefix = this.#dirty.shift();
      if (prefix === 0) return true;
      left -= this.#decide(prefix);
    }
    return this.#dirty.length === 0;
  }

  /** Prefixes that wait for their decision. */
  get pending(): number {
    return this.#dirty.length;
  }

  #decide(prefix: number): number {
    const { prefixes } = this;
    const records = prefixes.records;
    let page = records.pages[prefix >>> PAGE_BITS]!;
    const record = (prefix & PAGE_MASK) * prefixes.stride;
    const meta = page[record + prefixes.metaOffset]!;
    const head = page[record + prefixes.headOffset]!;
    const before = (meta & HAS_BEST) === 0 ? 0 : head;
    let looked = 1;
    let best = 0;
    if (head !== 0) {
      const wide = this.paths.wide.get(prefix);
      if (wide === undefined) best = this.#decision.choose(head);
      else best = this.#chooseWide(wide, head, before !== 0 && (meta & TOUCHED) === 0);
      looked = this.#decision.looked;
      if (best !== 0 && best !== head) this.#moveToFront(prefix, best);
    }
    page = records.pages[prefix >>> PAGE_BITS]!;
    page[record + prefixes.metaOffset] =
      best === 0 ? meta & ~(DIRTY | TOUCHED | HAS_BEST) : (meta & ~(DIRTY | TOUCHED)) | HAS_BEST;
    this.bestCount += (best === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
    // A consumer may give up the last pin of a prefix without paths while the next ones have yet to hear of it.
    if (head === 0) prefixes.retain(prefix);
    if (best !== before || (meta & TOUCHED) !== 0) {
      this.version++;
      for (const consumer of this.#consumers) consumer.changed(prefix);
    }
    for (const consumer of this.#pathConsumers) consumer.changed(prefix);
    if (head === 0) prefixes.release(prefix);
    return looked;
  }

  /** With very many paths: those that are new since the last decision against its outcome (`settled`: that stands), if that will do. */
  #chooseWide(chain: WideChain, head: number, settled: boolean): number {
    const changed = settled && chain.med >= 0 ? chain.since(chain.decided) : null;
    chain.decided = chain.end;
    const better = changed === null ? 0 : this.#decision.better(head, changed, (path) => chain.holds(path), chain.med);
    if (better !== 0) return better;
    const best = this.#decision.choose(head);
    chain.med = this.#decision.commonMed(head);
    return best;
  }

  #redecide(prefix: number): void {
    const wide = this.paths.wide.get(prefix);
    wide?.distrust();
    this.#markDirty(prefix, 0);
  }

  #moveToFront(prefix: number, path: number): void {
    const { prefixes } = this;
    const link = (path & PAGE_MASK) * PATH_STRIDE + PATH_NEXT;
    const page = this.paths.records.pages[path >>> PAGE_BITS]!;
    this.#unlink(prefix, path, page[link]!);
    const head = prefixes.records.pages[prefix >>> PAGE_BITS]!;
    const at = (prefix & PAGE_MASK) * prefixes.stride + prefixes.headOffset;
    page[link] = head[at]!;
    head[at] = path;
    if (this.paths.wide.get(prefix) !== undefined) this.paths.wide.linked(path, 0);
  }

  /**
   * Adds someone who hears of changed prefixes: of those whose best path changed, or with `everyPath` of those where any
   * accepted path did (ADD-PATH, multipath). Nothing is told of what is there already: see `prefixes.next`.
   */
  addConsumer(consumer: Consumer, everyPath = false): void {
    (everyPath ? this.#pathConsumers : this.#consumers).push(consumer);
  }

  removeConsumer(consumer: Consumer): void {
    for (const list of [this.#consumers, this.#pathConsumers]) {
      const at = list.indexOf(consumer);
      if (at >= 0) list.splice(at, 1);
    }
  }

  /** Changes the rules and has every prefix decided again, by `work`. */
  setDecision(options: DecisionOptions): void {
    this.#decision = new Decision({ ...this.#parts, paths: this.paths }, options);
    this.paths.wide.distrust();
    this.redecide();
  }

  /** Has every prefix decided again, by `work`: who hears of every path hears of all of them. */
  redecide(): void {
    this.#walk.redecide();
  }

  /** Has a prefix decided again, and consumers told in any case. */
  markDirty(prefixId: number): void {
    this.#touch(prefixId);
  }

  // ---- what there is ---------------------------------------------------------------------------------------------

  /** The first path of a prefix, the best one if there's a best; 0 if it has none. */
  firstPath(prefixId: number): number {
    const { prefixes } = this;
    return prefixes.records.pages[prefixId >>> PAGE_BITS]![
      (prefixId & PAGE_MASK) * prefixes.stride + prefixes.headOffset
    ]!;
  }

  nextPath(path: number): number {
    return this.paths.next(path);
  }

  /** The best path as of the last decision; 0 if there's none. */
  best(prefixId: number): number {
    const { prefixes } = this;
    const page = prefixes.records.pages[prefixId >>> PAGE_BITS]!;
    const at = (prefixId & PAGE_MASK) * prefixes.stride;
    return (page[at + prefixes.metaOffset]! & HAS_BEST) === 0 ? 0 : page[at + prefixes.headOffset]!;
  }

  /** Attribute set of the best path under the import policy; 0 if there's none. */
  bestAttributes(prefixId: number): number {
    const path = this.best(prefixId);
    return path === 0 ? 0 : this.paths.effective(path);
  }

  /** Source of the best path; 0 if there's none. */
  bestSource(prefixId: number): number {
    const path = this.best(prefixId);
    return path === 0 ? 0 : this.paths.source(path);
  }

  /** Paths that share the traffic of a prefix, at most `max`, the best first: see `Decision.multipath`. */
  multipath(prefixId: number, max: number, out: Int32Array): number {
    const best = this.best(prefixId);
    if (best === 0 || max > 1) return best === 0 ? 0 : this.#decision.multipath(best, max, out);
    out[0] = best;
    return max;
  }

  /** The best usable paths, the best first: fills `out` and returns how many, at most `max`. For ADD-PATH. */
  rank(prefixId: number, out: Int32Array, max = out.length): number {
    const first = this.firstPath(prefixId);
    return first === 0 ? 0 : this.#decision.rank(first, out, max);
  }

  /** All usable paths in no particular order, as far as `out` goes; returns how many there are. */
  usablePaths(prefixId: number, out: Int32Array): number {
    let count = 0;
    for (let path = this.firstPath(prefixId); path !== 0; path = this.paths.next(path)) {
      if (!this.#decision.usable(path)) continue;
      if (count < out.length) out[count] = path;
      count++;
    }
    return count;
  }

  /** All paths of a prefix, the best first, each with the step of the decision at which it lost, in words. */
  explain(prefixId: number): Judgement<PathCandidate>[] {
    const first = this.firstPath(prefixId);
    return first === 0 ? [] : this.#decision.explain(first);
  }

  /** Attribute set of a path under the import policy; 0 if it was rejected. */
  pathAttributes(path: number): number {
    return this.paths.effective(path);
  }

  /** Attribute set of a path as received. */
  pathReceived(path: number): number {
    return this.paths.received(path);
  }

  pathSource(path: number): number {
    return this.paths.source(path);
  }

  /** Path id as received; 0 if the peer sends none. */
  pathReceivedId(path: number): number {
    return this.paths.pathId(path);
  }

  /** Where a prefix has so many paths that who follows each of them should look at what is new alone. */
  manyPaths(prefixId: number): WideChain | undefined {
    return this.paths.wide.get(prefixId);
  }

  /** Whether a path could be chosen: accepted, with a reachable next hop. */
  isUsable(path: number): boolean {
    return this.#decision.usable(path);
  }

  /** Whether a path has not been announced again since `markStale`. */
  isStale(path: number): boolean {
    return this.paths.epoch(path) !== this.counts(this.paths.source(path)).epoch;
  }

  /** The next path of a source behind `path` (0 to begin), in no particular order of prefixes; 0 at the end. */
  nextPathOf(source: number, path: number): number {
    let next = this.paths.following(path);
    while (next !== 0 && this.paths.source(next) !== source) next = this.paths.following(next);
    return next;
  }

  prefixOf(path: number): number {
    return this.paths.prefix(path);
  }

  /** The longest prefix with a best path that holds an address or prefix; 0 if there's none. */
  lookup(words: ArrayLike<number>, length: number): number {
    return this.prefixes.longestMatch(words, length, (id) => this.best(id) !== 0);
  }

  /** Octets held. */
  get bytes(): number {
    return this.prefixes.bytes + this.paths.bytes;
  }

  // ---- sources ---------------------------------------------------------------------------------------------------

  /** Numbers about a source; read them, don't keep them past its purge. */
  counts(source: number): Readonly<SourceCounts> {
    return this.#counts[source] ?? noCounts;
  }

  #count(source: number): SourceCounts {
    const known = this.#counts[source];
    if (known !== undefined) return known;
    while (this.#counts.length <= source) this.#counts.push(undefined);
    const counts = new SourceCounts();
    this.#counts[source] = counts;
    return counts;
  }

  /**
   * How many paths a source may have: announcements of more are ignored and counted. With `accepted` the rest is kept as rejected
   * once so many have been accepted. What is there stays.
   */
  setLimit(source: number, limit: number, accepted = Number.POSITIVE_INFINITY): void {
    const counts = this.#count(source);
    counts.limit = limit;
    counts.acceptLimit = accepted;
  }

  /**
   * How many paths a source may have for one prefix (ADD-PATH): announcements of more are ignored and counted. What is there stays. True
   * if some were refused that would be taken in now.
   */
  setPathLimit(source: number, limit: number): boolean {
    const counts = this.#count(source);
    counts.pathLimit = limit;
    const room = counts.crowded > 0 && counts.crowdedAt < limit;
    if (room) counts.crowded = 0;
    return room;
  }

  /** All paths of a source are stale from now on, until announced again (RFC 4724 §4.2, RFC 7313 §4). Costs nothing. */
  markStale(source: number): void {
    nextEpoch(this.#count(source), source, this.paths);
  }

  #isSwept(path: number): boolean {
    return this.paths.epoch(path) < this.counts(this.paths.source(path)).sweptEpoch;
  }

  // ---- long walks, in slices -------------------------------------------------------------------------------------

  /** Removes all paths of a source that announces no more; `done` when the last is gone (and it may be reused). */
  purge(source: number, done: (() => void) | null = null): void {
    this.#walk.purge(source, () => {
      this.#counts[source] = undefined;
      done?.();
    });
  }

  /** Removes the paths of a source that are stale now; what a later `markStale` makes stale is left alone. */
  sweepStale(source: number, done: (() => void) | null = null): void {
    const counts = this.#count(source);
    counts.sweptEpoch = counts.epoch;
    this.#walk.sweepStale(source, done);
  }

  /** Asks the import policy again about every path of a source, or of all with source 0. */
  reevaluate(source: number, done: (() => void) | null = null): void {
    this.#walk.reevaluate(source, done);
  }

  /** Has every prefix with a path through one of these next hops decided again, and consumers told in any case. */
  nextHopsChanged(ids: Iterable<number>): void {
    this.#walk.nextHopsChanged(ids);
  }

  /** Goes on with the walks asked for above, looking at about `budget` paths; true when none is left. */
  work(budget: number): boolean {
    return this.#walk.work(budget);
  }
}
