import { addressFamily } from "../lib/address.ts";
import { Column } from "../lib/columns/column.ts";
import { Memo } from "../lib/columns/memo.ts";
import { atOnce } from "../lib/in-slices.ts";
import type { KernelMarks } from "../lib/kernel-marks.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";
import type { AttributeSets, NextHopIds } from "./attribute-sets.ts";
import type { PolicyDefinition, PolicySource, PrefixMatcher, TermOrigin } from "./definition.ts";
import { PolicyHits, type TermHits, Trails } from "./hits.ts";
import { compileWithin } from "./prefix-matcher.ts";
import { applyModify, type CompiledTerm, compileTerm, describeMatch, describeModify } from "./term.ts";

/** A term where it stands once all that is called stands in its place. */
interface Step extends CompiledTerm {
  readonly policy: string;
  /** Terms of the policy that it calls: passed over where it doesn't match. */
  readonly skip: number;
  readonly hits: TermHits;
  /** Today's: changes when the config is read again and means the same. */
  origin: TermOrigin;
}

/** Terms that are compiled in one go. */
const SLICE = 64;

/** Policies compiled, all that they call in the places where they do, in slices: one may have very many terms. */
export function* compilingSteps(
  definitions: readonly PolicyDefinition[],
  hits: PolicyHits,
): Generator<undefined, Step[]> {
  const steps: Step[] = [];
  for (const definition of definitions) yield* addSteps(steps, definition, hits);
  return steps;
}

function* addSteps(
  steps: Step[],
  { name, terms, origins }: PolicyDefinition,
  hits: PolicyHits,
): Generator<undefined, void> {
  for (const [i, term] of terms.entries()) {
    if (i % SLICE === SLICE - 1) yield;
    const step = {
      ...compileTerm(term),
      policy: name,
      skip: 0,
      hits: hits.of(name, i + 1, term.verdict),
      origin: origins[i]!,
    };
    const at = steps.push(step);
    if (term.call === undefined) continue;
    yield* addSteps(steps, term.call, hits);
    step.skip = steps.length - at;
  }
}

/** What a policy said, and why. */
export interface PolicyTrace {
  readonly verdict: "accept" | "reject";
  /** Of the deciding policy, or of the built-in rule. */
  readonly name: string;
  /** Line of the deciding term in the config; null when the end or a built-in rule decided. */
  readonly line: number | null;
  /** The deciding term or rule in words. */
  readonly reason: string;
  /** One sentence per term that matched, in order. */
  readonly steps: readonly string[];
  /** The resulting attribute set, 0 if rejected. */
  readonly result: number;
}

/** Up to this many terms, those that fit are remembered as the bits of one number. */
const TERMS_IN_A_MASK = 31;

/**
 * A list of policies, compiled once. Pure in (attribute set, source, prefix): the answer is an attribute set id, or 0 for a
 * rejected route. What depends on the set alone, or on the source alone, is remembered, so that a route costs a few array reads.
 */
export class Policy {
  readonly #sets: AttributeSets;
  readonly #nextHops: NextHopIds;
  readonly #terms: readonly Step[];
  readonly #lastName: string;
  /** Whether the prefix plays a part. */
  readonly usesPrefix: boolean;
  /** The attribute set alone decides. */
  readonly #setDecides: boolean;
  readonly #maskable: boolean;
  readonly #verdicts = new Memo();
  /** By set whose verdict is remembered: the terms that it has fitted. */
  readonly #trailOf = new Column(Uint32Array);
  readonly #trails = new Trails();
  readonly #fitted: number[] = [];
  /** The terms that the route judged last has fitted: for `count`. */
  trail = 0;
  readonly #attributeMasks = new Memo();
  readonly #sourceMasks = new WeakMap<PolicySource, number>();
  readonly #blocks = new WeakMap<PolicySource, PrefixMatcher>();
  /** By term; made with the first route that meets it. */
  readonly #modified: (Memo | undefined)[];

  /** @param steps compiled already */
  constructor(
    definitions: readonly PolicyDefinition[],
    sets: AttributeSets,
    nextHops: NextHopIds,
    steps: readonly Step[] = atOnce(compilingSteps(definitions, new PolicyHits())),
  ) {
    this.#sets = sets;
    this.#nextHops = nextHops;
    this.#terms = steps;
    this.#lastName = definitions.at(-1)?.name ?? "";
    this.usesPrefix = this.#terms.some((term) => term.prefix || term.families || term.neighborBlocks !== null);
    this.#setDecides = !this.usesPrefix && this.#terms.every((term) => !term.source);
    this.#maskable = this.#terms.length <= TERMS_IN_A_MASK;
    this.#modified = new Array(this.#terms.length);
  }

  /** The config was read again, and means the same: its terms may stand elsewhere. In order, what is called in its place. */
  relocate(origins: Iterable<TermOrigin>): void {
    let i = 0;
    for (const origin of origins) this.#terms[i++]!.origin = origin;
  }

  /** So many more routes were judged as the one with this trail. */
  count(trail: number, routes: number): void {
    if (!this.#maskable) for (const i of this.#trails.terms(trail)) this.#terms[i]!.hits.count += routes;
    else
      for (let left = trail; left !== 0; left &= left - 1)
        this.#terms[31 - Math.clz32(left & -left)]!.hits.count += routes;
  }

  /** The attribute set to use, or 0 if the route is rejected. */
  evaluate(set: number, source: PolicySource, prefixes: PrefixWords, id: number): number {
    if (!this.#setDecides) return this.#walk(set, source, prefixes, id);
    const known = this.#verdicts.get(this.#sets, set);
    if (known >= 0) {
      this.trail = this.#trailOf.get(set);
      this.count(this.trail, 1);
      return known;
    }
    const verdict = this.#walk(set, source, prefixes, id);
    // Without a trail it could not be counted again.
    if (this.trail === 0 && this.#fitted.length > 0) return verdict;
    this.#trailOf.set(set, this.trail);
    this.#verdicts.putSet(this.#sets, set, verdict);
    return verdict;
  }

  #walk(set: number, source: PolicySource, prefixes: PrefixWords, id: number): number {
    this.trail = 0;
    this.#fitted.length = 0;
    const verdict = this.#judge(set, source, prefixes, id);
    if (!this.#maskable) this.trail = this.#trails.of(this.#fitted);
    return verdict;
  }

  #judge(set: number, source: PolicySource, prefixes: PrefixWords, id: number): number {
    const fromSource = this.#maskable ? this.#sourceMask(source) : 0;
    let current = set;
    let mask = this.#maskable ? fromSource & this.#attributeMask(current) : 0;
    for (let i = 0; i < this.#terms.length; i++) {
      const compiled = this.#terms[i]!;
      if (
        (this.#maskable ? ((mask >>> i) & 1) === 0 : !this.#fits(compiled, current, source)) ||
        (compiled.families !== null && !compiled.families.includes(prefixes.family)) ||
        (compiled.prefix !== null && !compiled.prefix(prefixes, id)) ||
        (compiled.neighborBlocks !== null && this.#blocksOf(source)(prefixes, id) !== compiled.neighborBlocks)
      ) {
        i += compiled.skip;
        continue;
      }
      compiled.hits.count++;
      if (this.#maskable) this.trail |= 1 << i;
      else this.#fitted.push(i);
      const { verdict } = compiled.term;
      if (verdict === "reject") return 0;
      if (compiled.term.set !== null) {
        current = this.#modify(i, current);
        if (this.#maskable && verdict === null) mask = fromSource & this.#attributeMask(current);
      }
      if (verdict === "accept") return current;
    }
    return 0;
  }

  #fits(compiled: CompiledTerm, set: number, source: PolicySource): boolean {
    if (compiled.source !== null && !compiled.source(source)) return false;
    return compiled.attributes === null || compiled.attributes(this.#sets.view(set), this.#nextHopOf(set));
  }

  #nextHopOf(set: number): readonly number[] {
    const id = this.#sets.nextHop[set]!;
    return id === 0 ? [] : this.#nextHops.words(id);
  }

  /** Bit i: the source part of term i fits. */
  #sourceMask(source: PolicySource): number {
    let mask = this.#sourceMasks.get(source);
    if (mask === undefined) {
      mask = 0;
      for (let i = 0; i < this.#terms.length; i++) if (this.#terms[i]!.source?.(source) ?? true) mask |= 1 << i;
      this.#sourceMasks.set(source, mask);
    }
    return mask;
  }

  /** Bit i: the attribute part of term i fits. */
  #attributeMask(set: number): number {
    const known = this.#attributeMasks.get(this.#sets, set);
    if (known >= 0) return known;
    const attributes = this.#sets.view(set);
    const nextHop = this.#nextHopOf(set);
    let mask = 0;
    for (let i = 0; i < this.#terms.length; i++)
      if (this.#terms[i]!.attributes?.(attributes, nextHop) ?? true) mask |= 1 << i;
    this.#attributeMasks.put(this.#sets, set, mask);
    return mask;
  }

  #blocksOf(source: PolicySource): PrefixMatcher {
    let matcher = this.#blocks.get(source);
    if (matcher === undefined) {
      matcher = compileWithin(source.blocks);
      this.#blocks.set(source, matcher);
    }
    return matcher;
  }

  #modify(index: number, set: number): number {
    this.#modified[index] ??= new Memo();
    const memo = this.#modified[index]!;
    const known = memo.get(this.#sets, set);
    if (known >= 0) return known;
    const modify = this.#terms[index]!.term.set!;
    const attributes = applyModify(this.#sets.view(set), modify);
    const before = this.#nextHopOf(set);
    // An own route has none, and of which family its prefix is the set doesn't tell; it carries our address in any case.
    const self = before.length === 0 ? undefined : modify.nextHopSelf?.[addressFamily(before)];
    const newNextHop = modify.nextHop ?? self ?? null;
    const nextHop = this.#nextHopAfter(this.#sets.nextHop[set]!, newNextHop, modify.kernel ?? null);
    const modified = this.#sets.intern(attributes, nextHop);
    this.#nextHops.release(nextHop);
    memo.putSet(this.#sets, set, modified);
    return modified;
  }

  /** Counted. What was said of the kernel route before stays said. */
  #nextHopAfter(before: number, to: readonly number[] | null, marks: KernelMarks | null): number {
    const nextHops = this.#nextHops;
    const known = nextHops.marks(before);
    const all = to === null || known === null ? marks : { ...known, ...marks };
    if (to === null && all === null) {
      nextHops.retain(before);
      return before;
    }
    const plain = to === null ? before : nextHops.intern(to, null);
    if (all === null) return plain;
    const marked = nextHops.marked(plain, all);
    if (to !== null) nextHops.release(plain);
    return marked;
  }

  /** Evaluates once more, and says which terms matched and which decided. */
  explain(set: number, source: PolicySource, prefixes: PrefixWords, id: number): PolicyTrace {
    const steps: string[] = [];
    let current = set;
    for (let i = 0; i < this.#terms.length; i++) {
      const compiled = this.#terms[i]!;
      const { neighborBlocks, policy: name } = compiled;
      if (
        !this.#fits(compiled, current, source) ||
        (compiled.families !== null && !compiled.families.includes(prefixes.family)) ||
        (compiled.prefix !== null && !compiled.prefix(prefixes, id)) ||
        (neighborBlocks !== null && this.#blocksOf(source)(prefixes, id) !== neighborBlocks)
      ) {
        i += compiled.skip;
        continue;
      }
      const { set: modify, verdict, match, call } = compiled.term;
      const { file, line, column } = compiled.origin.place;
      const does = [modify ? `set ${describeModify(modify)}` : "", call ? `call ${call.name}` : (verdict ?? "go on")]
        .filter((text) => text)
        .join(", ");
      const reason = `match ${describeMatch(match)}: ${does} (${file}:${line}:${column})`;
      steps.push(`policy ${name}, ${reason}`);
      if (verdict === "reject") return { verdict, name, line, reason, steps, result: 0 };
      if (modify !== null) current = this.#modify(i, current);
      if (verdict === "accept") return { verdict, name, line, reason, steps, result: current };
    }
    const reason = "no term accepted it, and the end rejects";
    return { verdict: "reject", name: this.#lastName, line: null, reason, steps, result: 0 };
  }
}
