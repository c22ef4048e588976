import { Column } from "../../lib/columns/column.ts";
import { Memo } from "../../lib/columns/memo.ts";
import { Community } from "../../lib/communities.ts";
import { AttributeFlag } from "../../rib/attribute-columns.ts";
import { withCommunity } from "../../wire/attribute/communities.ts";
import type { PathAttributes } from "../../wire/attribute/types.ts";
import {
  type AttributeSets,
  type ExportPolicyPort,
  type ManyPaths,
  type NextHops,
  PolicySet,
  type Routes,
  type Sources,
  type WithheldReason,
} from "../export-ports.ts";
import type { GroupKey } from "../group-key.ts";
import {
  addsOnlyToCustomer,
  blocksOnlyToCustomer,
  byCommunities,
  isFor,
  learnedFrom,
  MED_SET,
  marksStale,
  NEXT_HOP_SET,
  Outcome,
  reflects,
} from "../rules.ts";
import { AdjRibOut } from "./adj-rib-out.ts";
import { Encoder } from "./encoder.ts";
import { OutSets } from "./out-sets.ts";
import { Packer } from "./packer.ts";
import { except, only } from "./update-log.ts";

/** What it costs to look for the best few, path by path, beside a plain look. */
const RANKING = 2;
/** Paths of a prefix among which one is looked for by going through them. */
const FEW = 16;

export interface AdvertiserParts {
  readonly key: GroupKey;
  readonly routes: Routes;
  readonly sets: AttributeSets;
  readonly nextHops: NextHops;
  readonly sources: Sources;
  readonly policy: ExportPolicyPort;
}

/** What the advertiser asks its group. */
export interface Audience {
  /** Whether somebody might read the log who must forget a route that is now from this source. */
  mayHold(source: number): boolean;
  withheld(prefixId: number, reason: WithheldReason): void;
}

/**
 * Turns "prefix changed" into "say this": computes what the group is to be told of a prefix now, compares it with what it was
 * told last, and puts the difference into the packer.
 */
export class Advertiser {
  readonly key: GroupKey;
  readonly routes: Routes;
  readonly outSets: OutSets;
  readonly told: AdjRibOut;
  readonly encoder: Encoder;
  readonly packer: Packer;
  /** Prefixes that are withheld now, by reason. */
  readonly withheld: Record<WithheldReason, number> = { "too-big": 0, "no-next-hop": 0 };
  readonly #sets: AttributeSets;
  readonly #sources: Sources;
  readonly #audience: Audience;
  #policy: ExportPolicyPort;
  #usesPrefix: boolean;
  readonly #amends: boolean;
  readonly #amended = new Memo();
  /** By prefix: `Outcome` of a withheld one, else 0. */
  readonly #withheldAs = new Column(Uint8Array);
  // The last answer of `#resolve`, with a reference to its set: prefixes come in runs with the same attributes.
  #lastAttributes = 0;
  #lastSource = 0;
  #lastSet = 0;
  #outcome: number = Outcome.NoRoute;
  /** Policy was asked for it, and how often it was used since. */
  #judged = false;
  #repeats = 0;
  // ADD-PATH: what is wanted for a prefix, as parallel arrays.
  #ranked = new Int32Array(16);
  readonly #wantedPaths: number[] = [];
  /** Prefixes with very many paths, and what of these has been looked at. */
  readonly #seen = new Map<number, { readonly of: ManyPaths; readonly end: number }>();
  /** What the last `evaluate` cost beyond one prefix: routes looked at, where there were very many. */
  cost = 0;
  readonly #wantedSets: number[] = [];

  constructor(parts: AdvertiserParts, audience: Audience) {
    const { key, routes, sets } = parts;
    this.key = key;
    this.routes = routes;
    this.#sets = sets;
    this.#sources = parts.sources;
    this.#audience = audience;
    this.#policy = parts.policy;
    this.#usesPrefix = parts.policy.usesPrefix;
    this.outSets = new OutSets(
      (id) => sets.retain(id),
      (id) => sets.release(id),
      (set) => this.encoder.judge(set),
    );
    this.encoder = new Encoder(key, sets, parts.nextHops, this.outSets);
    this.told = new AdjRibOut(this.outSets, routes.prefixes, key.addPath > 0);
    this.packer = new Packer(this.encoder, this.outSets, routes.prefixes, key.addPath > 0);
    this.#amends = key.longLived === "no-export" || addsOnlyToCustomer(key);
  }

  get policy(): ExportPolicyPort {
    return this.#policy;
  }

  set policy(policy: ExportPolicyPort) {
    this.forget();
    this.#seen.clear();
    this.#policy = policy;
    this.#usesPrefix = policy.usesPrefix;
  }

  /** Lets go of the remembered answer; at the end of each round. */
  forget(): void {
    if (this.#repeats > 0) this.#policy.repeated?.(this.#repeats);
    this.#repeats = 0;
    this.#judged = false;
    if (this.#lastSet !== 0) this.outSets.release(this.#lastSet);
    this.#lastSet = this.#lastAttributes = 0;
  }

  /** Gives back what a large table has grown, as far as it isn't needed. */
  trim(): void {
    this.packer.trim();
    this.told.shrink();
    if (this.withheld["too-big"] + this.withheld["no-next-hop"] === 0) this.#withheldAs.clear();
  }

  /** Computes what the group is to be told of a prefix, and tells the difference. */
  evaluate(prefixId: number, epoch: number): void {
    const { routes } = this;
    const attributes = prefixId < routes.prefixes.limit ? routes.bestAttributes(prefixId) : 0;
    if (this.told.paths !== null) {
      this.#evaluatePaths(prefixId, attributes !== 0, epoch);
      return;
    }
    let now = 0;
    let outcome: number = Outcome.NoRoute;
    if (attributes !== 0) {
      now = this.#resolve(attributes, routes.bestSource(prefixId), prefixId);
      outcome = this.#outcome;
    }
    this.#note(prefixId, outcome);
    const { told } = this;
    const was = told.set(prefixId);
    if (now !== was) this.#tell(prefixId, prefixId, 0, was, now, epoch);
  }

  #tell(entry: number, prefixId: number, pathId: number, was: number, now: number, epoch: number): void {
    const { told, packer } = this;
    const { source } = this.outSets;
    if (now === 0) packer.withdraw(except(source[was]!), prefixId, pathId);
    else {
      packer.announce(now, prefixId, pathId);
      // Who announces it now was told another's before, and must forget that.
      if (was !== 0 && source[was] !== source[now] && this.#audience.mayHold(source[now]!))
        packer.withdraw(only(source[now]!), prefixId, pathId);
    }
    told.tell(entry, now, epoch);
  }

  /** RFC 7911: the best N of the paths that this group may hear. */
  #evaluatePaths(prefixId: number, any: boolean, epoch: number): void {
    const { told } = this;
    const many = this.routes.manyPaths(prefixId);
    this.cost = 0;
    if (many !== undefined && this.#evaluateNew(prefixId, many, epoch)) return;
    const paths = told.paths!;
    const count = any ? this.#want(prefixId) : 0;
    const wanted = count > FEW ? new Set(this.#wantedPaths.slice(0, count)) : null;
    for (let entry = paths.first(prefixId); entry !== 0; entry = paths.next(entry)) {
      const was = told.set(entry);
      const pathId = paths.pathId[entry]!;
      if (was === 0) continue;
      if (wanted === null ? !this.#isWanted(pathId, count) : !wanted.has(pathId))
        this.#tell(entry, prefixId, pathId, was, 0, epoch);
    }
    for (let i = 0; i < count; i++) {
      const pathId = this.#wantedPaths[i]!;
      const set = this.#wantedSets[i]!;
      const entry = told.entryOf(prefixId, pathId);
      const was = told.set(entry);
      if (was !== set) this.#tell(entry, prefixId, pathId, was, set, epoch);
      this.outSets.release(set);
    }
    if (wanted !== null) this.#wantedPaths.length = this.#wantedSets.length = 0;
    if (many !== undefined) {
      this.cost = many.size * (many.size > this.key.addPath ? RANKING : 1);
      this.#seen.set(prefixId, { of: many, end: many.end });
    } else if (this.#seen.size > 0) this.#seen.delete(prefixId);
  }

  /** Where all of very many paths may be sent, only the new ones are looked at. False: that won't do. */
  #evaluateNew(prefixId: number, many: ManyPaths, epoch: number): boolean {
    const seen = this.#seen.get(prefixId);
    if (seen?.of !== many || many.size > this.key.addPath || this.#withheldAs.get(prefixId) !== 0) return false;
    const changed = many.since(seen.end);
    if (changed === null) return false;
    const { told, routes } = this;
    for (const path of changed) {
      let set = 0;
      if (many.holds(path) && routes.isUsable(path)) {
        set = this.#resolve(routes.pathAttributes(path), routes.pathSource(path), prefixId);
        if (set === 0 && isWithheld(this.#outcome)) return false;
      }
      const known = told.paths!.find(prefixId, path);
      const was = known === 0 ? 0 : told.set(known);
      if (was === set) continue;
      this.#tell(known === 0 ? told.entryOf(prefixId, path) : known, prefixId, path, was, set, epoch);
    }
    this.cost = changed.length;
    this.#seen.set(prefixId, { of: many, end: many.end });
    return true;
  }

  #isWanted(pathId: number, count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#wantedPaths[i] === pathId) return true;
    return false;
  }

  /** Fills `#wantedPaths` and `#wantedSets`, with a reference to each set; returns how many. */
  #want(prefixId: number): number {
    const { routes, key } = this;
    let usable = routes.usablePaths(prefixId, this.#ranked);
    if (usable > this.#ranked.length) {
      this.#ranked = new Int32Array(usable * 2);
      usable = routes.usablePaths(prefixId, this.#ranked);
    }
    let count = 0;
    let withheldAs: number = Outcome.NoRoute;
    // Where all may be sent no order is needed. Else as many as are wanted are ranked, and more if some of these may not be sent.
    for (let ranked = 0, ask = key.addPath; ranked < usable && count < key.addPath; ask *= 4) {
      const from = ranked;
      ranked = usable <= key.addPath ? usable : routes.rank(prefixId, this.#ranked, Math.min(usable, ask));
      for (let i = from; i < ranked && count < key.addPath; i++) {
        const path = this.#ranked[i]!;
        const set = this.#resolve(routes.pathAttributes(path), routes.pathSource(path), prefixId);
        if (set !== 0) {
          this.outSets.retain(set);
          this.#wantedPaths[count] = path;
          this.#wantedSets[count++] = set;
        } else if (isWithheld(this.#outcome)) withheldAs = this.#outcome;
      }
    }
    this.#note(prefixId, withheldAs);
    return count;
  }

  /** The set to send for a path, 0 for none; `#outcome` says why. The set is borrowed: retain it to keep it. */
  #resolve(attributes: number, source: number, prefixId: number): number {
    if (attributes === this.#lastAttributes && source === this.#lastSource && !this.#usesPrefix) {
      if (this.#judged) this.#repeats++;
      return this.#outcome === Outcome.Sent ? this.#lastSet : 0;
    }
    this.forget();
    this.#outcome = this.#compute(attributes, source, prefixId);
    this.#lastAttributes = attributes;
    this.#lastSource = source;
    return this.#outcome === Outcome.Sent ? this.#lastSet : 0;
  }

  /** Leaves the set in `#lastSet`, if it came so far. */
  #compute(attributes: number, source: number, prefixId: number): number {
    const { key } = this;
    const facts = this.#sources.info(source);
    // A source that is gone: its last paths are being removed.
    if (facts === undefined) return Outcome.NoRoute;
    if (!isFor(key, facts)) return Outcome.NonClient;
    const flags = this.#sets.flags[attributes]!;
    const allowed = byCommunities(key, flags);
    if (allowed !== Outcome.Sent) return allowed;
    if ((flags & AttributeFlag.HAS_ONLY_TO_CUSTOMER) !== 0 && blocksOnlyToCustomer(key)) return Outcome.OnlyToCustomer;
    let out = this.#policy.evaluate(attributes, prefixId, source);
    this.#judged = true;
    if (out === 0) return Outcome.Policy;
    const modified = this.#policy.modified ?? this.#difference(attributes, out);
    if (this.#amends) out = this.#amend(out);
    let traits = learnedFrom(facts);
    if ((modified & PolicySet.NEXT_HOP) !== 0) traits |= NEXT_HOP_SET;
    if ((modified & PolicySet.MED) !== 0 && key.peerKind === "external") traits |= MED_SET;
    const originator = reflects(key, facts) ? facts.routerId : 0;
    this.#lastSet = this.outSets.acquire(out, source, originator, traits);
    return this.outSets.verdict[this.#lastSet]!;
  }

  #difference(before: number, after: number): number {
    if (before === after) return 0;
    const { nextHop, med, flags } = this.#sets;
    let changed = nextHop[before] === nextHop[after] ? 0 : PolicySet.NEXT_HOP;
    const had = flags[before]! & AttributeFlag.HAS_MED;
    if ((flags[after]! & AttributeFlag.HAS_MED) !== 0 && (had === 0 || med[before] !== med[after]))
      changed |= PolicySet.MED;
    return changed;
  }

  /** What the rules add that is too rare for a transform of bytes: another attribute set, remembered per set. */
  #amend(attributes: number): number {
    const known = this.#amended.get(this.#sets, attributes);
    if (known >= 0) return known;
    const flags = this.#sets.flags[attributes]!;
    let view: PathAttributes | null = null;
    if (marksStale(this.key, flags)) {
      view = this.#sets.view(attributes);
      const communities = withCommunity(view.communities, Community.NoExport);
      view = { ...view, communities, localPref: 0 };
    }
    if (addsOnlyToCustomer(this.key) && (flags & AttributeFlag.HAS_ONLY_TO_CUSTOMER) === 0)
      view = { ...(view ?? this.#sets.view(attributes)), onlyToCustomer: this.key.prependAs[0]! };
    const amended = view === null ? attributes : this.#sets.intern(view, this.#sets.nextHop[attributes]!);
    this.#amended.putSet(this.#sets, attributes, amended);
    return amended;
  }

  #note(prefixId: number, outcome: number): void {
    const now = isWithheld(outcome) ? outcome : 0;
    const was = this.#withheldAs.set(prefixId, now);
    if (now === was) return;
    if (was !== 0) this.withheld[withheldReason(was)]--;
    if (now === 0) return;
    const count = ++this.withheld[withheldReason(now)];
    // A session without a next hop withholds every route: that is one piece of news.
    if (now === Outcome.TooBig || count === 1) this.#audience.withheld(prefixId, withheldReason(now));
  }

  /** For people: what becomes of the best path (or of one path) of a prefix, as of now. */
  judge(prefixId: number, path: number | null): { outcome: Outcome; set: number; attributes: number; source: number } {
    const { routes } = this;
    const attributes = path === null ? routes.bestAttributes(prefixId) : routes.pathAttributes(path);
    if (attributes === 0) return { outcome: Outcome.NoRoute, set: 0, attributes: 0, source: 0 };
    const source = path === null ? routes.bestSource(prefixId) : routes.pathSource(path);
    this.forget();
    this.#resolve(attributes, source, prefixId);
    return { outcome: this.#outcome as Outcome, set: this.#lastSet, attributes, source };
  }
}

const isWithheld = (outcome: number): boolean => outcome === Outcome.TooBig || outcome === Outcome.NoNextHop;
const withheldReason = (outcome: number): WithheldReason => (outcome === Outcome.TooBig ? "too-big" : "no-next-hop");
