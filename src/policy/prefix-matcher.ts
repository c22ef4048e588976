import { maskWord, type Prefix } from "../lib/address.ts";
import { Family } from "../lib/family.ts";
import { atOnce } from "../lib/in-slices.ts";
import type { CompiledPrefixList, PrefixMatcher, PrefixRule } from "./definition.ts";

/** Rules that are compiled in one go. */
const SLICE = 256;
/** Rules of a list that a description names; one more tells that there are more. */
const MOST_NAMED = 5;

interface Bucket {
  readonly words: readonly [number, number, number, number];
  ranges: { ge: number; le: number }[];
}

/** All rules of one family whose prefixes have the same length. */
interface Level {
  readonly length: number;
  readonly masks: readonly [number, number, number, number];
  readonly buckets: Map<number, Bucket[]>;
}

const mix = (w0: number, w1: number, w2: number, w3: number): number =>
  (Math.imul(w0, 0x9e3779b1) ^ Math.imul(w1, 0x85ebca6b) ^ Math.imul(w2, 0xc2b2ae35) ^ Math.imul(w3, 0x27d4eb2f)) >>> 0;

const fourWords = (prefix: Prefix): [number, number, number, number] => [
  prefix.words[0] ?? 0,
  prefix.words[1] ?? 0,
  prefix.words[2] ?? 0,
  prefix.words[3] ?? 0,
];

/** One look-up per distinct length among the rules, however many rules there are. */
export const compilePrefixRules = (rules: Iterable<PrefixRule>): PrefixMatcher => atOnce(compiling(rules));

/** A list that many terms share, in slices: it may have a hundred thousand rules, which are asked for one by one. */
export function* compilingPrefixList(rules: Iterable<PrefixRule>): Generator<undefined, CompiledPrefixList> {
  const first: PrefixRule[] = [];
  const each = function* () {
    for (const rule of rules) {
      if (first.length < MOST_NAMED) first.push(rule);
      yield rule;
    }
  };
  return { matches: yield* compiling(each()), first };
}

function* compiling(rules: Iterable<PrefixRule>): Generator<undefined, PrefixMatcher> {
  const levels: Level[][] = [[], []];
  let count = 0;
  for (const rule of rules) {
    if (++count % SLICE === 0) yield;
    const list = levels[rule.prefix.family]!;
    let level = list.find((candidate) => candidate.length === rule.prefix.length);
    if (!level) {
      const bits = rule.prefix.length;
      level = {
        length: bits,
        masks: [maskWord(bits), maskWord(bits - 32), maskWord(bits - 64), maskWord(bits - 96)],
        buckets: new Map(),
      };
      list.push(level);
    }
    const words = fourWords(rule.prefix);
    const key = mix(...words);
    const chain = level.buckets.get(key) ?? [];
    let bucket = chain.find((candidate) => candidate.words.every((word, i) => word === words[i]));
    if (!bucket) {
      bucket = { words, ranges: [] };
      chain.push(bucket);
      level.buckets.set(key, chain);
    }
    bucket.ranges.push({ ge: rule.ge, le: rule.le });
  }
  return (prefixes, id) => {
    const { family } = prefixes;
    const length = prefixes.length(id);
    const wide = family === Family.Ipv6Unicast;
    const w0 = prefixes.word(id, 0);
    const w1 = wide ? prefixes.word(id, 1) : 0;
    const w2 = wide ? prefixes.word(id, 2) : 0;
    const w3 = wide ? prefixes.word(id, 3) : 0;
    for (const level of levels[family]!) {
      if (level.length > length) continue;
      const m0 = (w0 & level.masks[0]) >>> 0;
      const m1 = (w1 & level.masks[1]) >>> 0;
      const m2 = (w2 & level.masks[2]) >>> 0;
      const m3 = (w3 & level.masks[3]) >>> 0;
      const chain = level.buckets.get(mix(m0, m1, m2, m3));
      if (chain === undefined) continue;
      for (const bucket of chain) {
        const words = bucket.words;
        if (words[0] !== m0 || words[1] !== m1 || words[2] !== m2 || words[3] !== m3) continue;
        for (const range of bucket.ranges) if (length >= range.ge && length <= range.le) return true;
      }
    }
    return false;
  };
}

/** Matches everything inside one of the prefixes, the prefixes themselves too. */
export const compileWithin = (prefixes: readonly Prefix[]): PrefixMatcher =>
  compilePrefixRules(
    prefixes.map((prefix) => ({ prefix, ge: prefix.length, le: prefix.family === Family.Ipv4Unicast ? 32 : 128 })),
  );
