import type { Config, PolicyConfig, PolicyTerm } from "../../config/model.ts";
import { atOnce } from "../../lib/in-slices.ts";
import type { AttributeSets, NextHopIds } from "../../policy/attribute-sets.ts";
import type { CompiledPrefixList, PolicyDefinition, Term } from "../../policy/definition.ts";
import { PolicyHits } from "../../policy/hits.ts";
import { ImportPipeline, type ImportSettings } from "../../policy/import-pipeline.ts";
import { compilingSteps, Policy } from "../../policy/policy.ts";
import { compilingPrefixList } from "../../policy/prefix-matcher.ts";
import { type OwnSide, prefixRuleOf, termOf } from "./policy-definitions.ts";

/** Terms that are compiled in one go. */
const SLICE = 64;

/** A policy that somebody uses, and what it was made of. */
interface Kept {
  readonly policy: WeakRef<Policy>;
  readonly names: readonly string[];
  readonly meaning: string;
}

/**
 * Compiled policies and ways in, shared among all peers for whom they come out equal: what a policy remembers about an
 * attribute set then serves them all. Equal means equal text, in which a policy stands as its digest, so that a reload which changes
 * nothing here compiles nothing and compares a few letters. Kept is what somebody uses.
 */
export class PolicyCache {
  readonly #sets: AttributeSets;
  readonly #nextHops: NextHopIds;
  readonly #policies = new Map<string, Kept>();
  readonly #pipelines = new Map<string, WeakRef<ImportPipeline>>();
  /** By digest. */
  readonly #lists = new Map<string, CompiledPrefixList>();
  /** How often each term has fitted a route. */
  readonly hits = new PolicyHits();
  readonly #prepared = new Set<Policy>();
  readonly #texts = new WeakMap<ImportPipeline, string>();
  readonly #asksForOwnAddress = new WeakMap<PolicyConfig, boolean>();

  constructor(sets: AttributeSets, nextHops: NextHopIds) {
    this.#sets = sets;
    this.#nextHops = nextHops;
  }

  /** What the named policies say for this side, as text: equal text, equal verdicts. Null stands for no policy. */
  text(config: Config, names: readonly string[] | null, own: OwnSide): string {
    if (names === null) return "none";
    const addresses = names.some((name) => this.#usesOwnAddress(config, name)) ? own.addresses : [];
    return `${names.join(",")} as ${own.localAs} ${JSON.stringify(addresses)} ${meaningOf(config, names)}`;
  }

  policy(config: Config, names: readonly string[] | null, own: OwnSide): Policy | null {
    return names === null ? null : atOnce(this.#compiling(config, names, own));
  }

  /** The same in slices, for somebody who is about to ask: kept until `settled`, whoever uses it. */
  *preparing(config: Config, names: readonly string[], own: OwnSide): Generator<undefined, void> {
    this.#prepared.add(yield* this.#compiling(config, names, own));
  }

  /** All have taken on what they use. */
  settled(): void {
    this.#prepared.clear();
  }

  *#compiling(config: Config, names: readonly string[], own: OwnSide): Generator<undefined, Policy> {
    const text = this.text(config, names, own);
    const known = this.#policies.get(text)?.policy.deref();
    if (known !== undefined) return known;
    const definitions: PolicyDefinition[] = [];
    for (const name of names) definitions.push(yield* this.#defining(config, name, own));
    const steps = yield* compilingSteps(definitions, this.hits);
    const policy = new Policy(definitions, this.#sets, this.#nextHops, steps);
    this.#policies.set(text, { policy: new WeakRef(policy), names, meaning: meaningOf(config, names) });
    return policy;
  }

  /** The way in under these settings; the same object for equal ones. */
  pipeline(
    config: Config,
    wanted: Omit<ImportSettings, "policy">,
    names: readonly string[] | null,
    own: OwnSide,
  ): ImportPipeline {
    // Only a role asks for the AS: else a peer of a range that comes with another one each time would leave one behind each time.
    const settings = wanted.role === null ? { ...wanted, remoteAs: 0 } : wanted;
    const text = JSON.stringify([settings, this.text(config, names, own)]);
    const known = this.#pipelines.get(text)?.deref();
    if (known !== undefined) return known;
    const pipeline = new ImportPipeline({ ...settings, policy: this.policy(config, names, own) }, this.#sets);
    this.#pipelines.set(text, new WeakRef(pipeline));
    this.#texts.set(pipeline, text);
    return pipeline;
  }

  /** Whether two ways in come to the same verdicts, though one may be from before a reload. */
  equal(one: ImportPipeline | null, other: ImportPipeline | null): boolean {
    return one === other || (one !== null && other !== null && this.#texts.get(one) === this.#texts.get(other));
  }

  /** The config was read again: what means the same stays, and `explain` names today's lines of it; the rest is forgotten. */
  adopt(config: Config): void {
    for (const [text, { policy, names, meaning }] of this.#policies) {
      const kept = policy.deref();
      if (kept === undefined || meaningOf(config, names) !== meaning) this.#policies.delete(text);
      else kept.relocate(termsOf(config, names));
    }
    for (const [text, pipeline] of this.#pipelines) if (pipeline.deref() === undefined) this.#pipelines.delete(text);
    this.hits.keep(new Set(Object.keys(config.policies)));
    const digests = new Set(Object.values(config.prefixLists).map(({ digest }) => digest));
    for (const digest of this.#lists.keys()) if (!digests.has(digest)) this.#lists.delete(digest);
  }

  /** A policy in the policy room's words, with those that it calls. */
  *#defining(config: Config, name: string, own: OwnSide): Generator<undefined, PolicyDefinition> {
    // Nobody's any more: whoever still names it is about to go, and accepts nothing until then.
    const wanted = config.policies[name]?.terms ?? [];
    const terms: Term[] = [];
    for (const [i, each] of wanted.entries()) {
      if (i % SLICE === SLICE - 1) yield;
      for (const list of each.match.prefixLists ?? []) yield* this.#compilingList(config, list);
      const term = termOf(each, own, (list) => this.#list(config, list));
      terms.push(each.call === null ? term : { ...term, call: yield* this.#defining(config, each.call, own) });
    }
    return { name, terms, origins: wanted };
  }

  *#compilingList(config: Config, name: string): Generator<undefined, CompiledPrefixList> {
    const { entries, digest } = config.prefixLists[name] ?? { entries: [], digest: "" };
    const known = this.#lists.get(digest);
    if (known !== undefined) return known;
    const rules = function* () {
      for (const entry of entries) yield prefixRuleOf(entry);
    };
    const list = yield* compilingPrefixList(rules());
    this.#lists.set(digest, list);
    return list;
  }

  #list(config: Config, name: string): CompiledPrefixList {
    return atOnce(this.#compilingList(config, name));
  }

  #usesOwnAddress(config: Config, name: string): boolean {
    const policy = config.policies[name];
    if (policy === undefined) return false;
    let uses = this.#asksForOwnAddress.get(policy);
    if (uses === undefined) {
      uses = policy.terms.some(
        ({ set, call }) => set?.nextHop === "self" || (call !== null && this.#usesOwnAddress(config, call)),
      );
      this.#asksForOwnAddress.set(policy, uses);
    }
    return uses;
  }
}

/** The terms of policies in order, those of a policy that is called behind the term that calls it. */
function* termsOf(config: Config, names: readonly string[]): Generator<PolicyTerm> {
  for (const name of names)
    for (const term of config.policies[name]?.terms ?? []) {
      yield term;
      if (term.call !== null) yield* termsOf(config, [term.call]);
    }
}

const meaningOf = (config: Config, names: readonly string[]): string =>
  names.map((name) => config.policies[name]?.digest ?? "gone").join(" ");
