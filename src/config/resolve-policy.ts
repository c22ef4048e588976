import type { KernelMarks } from "../lib/kernel-marks.ts";
import { digestOfList, digestsOfPolicies } from "./digest.ts";
import type { Path } from "./errors.ts";
import type {
  AsPathMatch,
  NumberRange,
  PolicyConfig,
  PolicyMatch,
  PolicySet,
  PolicyTerm,
  PrefixListConfig,
  PrefixListEntry,
} from "./model.ts";
import { nearest } from "./nearest.ts";
import type { RawMatch, RawPrefixEntry, RawSet, RawTerm } from "./policy-schema.ts";
import { nameOf, type Problems, type Reading } from "./problems.ts";
import { isName } from "./scalars.ts";
import type { Source } from "./source.ts";

/** From YAML's words to the model: prefix lists and policies, with every name that they use looked up. */

export interface Names {
  readonly prefixLists: ReadonlySet<string>;
  /** Those that could be read. */
  readonly lists: Readonly<Record<string, PrefixListConfig>>;
  readonly peerGroups: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
}

/** Reports a name that nothing has, with the nearest that something has. */
export function checkName(
  kind: string,
  name: string,
  known: ReadonlySet<string>,
  path: Path,
  { source, problems }: Reading,
): boolean {
  if (known.has(name)) return true;
  // A lone value stands for a list of one: then there's no element to point at.
  const at = source.has(path) ? path : path.slice(0, -1);
  if (problems.full) {
    problems.another();
    return false;
  }
  const names = [...known];
  const near = nearest(name, names);
  const hint =
    near === undefined
      ? `there is no ${kind} at all`
      : near.close
        ? `did you mean "${near.word}"?`
        : `known: ${list(names)}`;
  problems.error(`Unknown ${kind} "${name}" in ${nameOf(source, at)}: ${hint}`, source.place(at), at);
  return false;
}

const list = (names: readonly string[]): string =>
  names.length > 6 ? `${names.slice(0, 6).join(", ")}, ...` : names.join(", ");

/** A name that is used as a key of the file. */
export function checkKey(source: Source, path: Path, problems: Problems): void {
  const key = String(path.at(-1));
  if (!isName(key))
    problems.error(
      `Cannot use ${JSON.stringify(key)} as a name in ${path[0]}: must be letters, digits, "-", "_" or "." (at most 63)`,
      source.keyPlace(path),
      path,
    );
}

export function resolvePrefixLists(
  raw: Readonly<Record<string, readonly RawPrefixEntry[]>>,
  source: Source,
  problems: Problems,
): Record<string, PrefixListConfig> {
  const lists: Record<string, PrefixListConfig> = Object.create(null);
  for (const [name, entries] of Object.entries(raw)) {
    const path = ["prefix-lists", name];
    checkKey(source, path, problems);
    const resolved = entries.flatMap((entry, i) => resolveEntry(entry, source, [...path, i], problems) ?? []);
    lists[name] = {
      name,
      entries: resolved,
      digest: digestOfList(resolved),
      place: source.keyPlace(path),
    };
  }
  return lists;
}

function resolveEntry(
  raw: RawPrefixEntry,
  source: Source,
  path: Path,
  problems: Problems,
): PrefixListEntry | undefined {
  if (!("prefix" in raw) || raw.prefix === undefined) {
    if (!("text" in raw)) {
      if (!source.has([...path, "prefix"])) problems.missing(source, [...path, "prefix"], "each entry needs one");
      return undefined;
    }
    return { prefix: raw.text, family: raw.family, ge: raw.length, le: raw.length };
  }
  const { prefix, ge, le } = raw;
  const bits = prefix.words.length * 32;
  const lowest = ge ?? prefix.length;
  const highest = le ?? (ge === undefined ? prefix.length : bits);
  if (ge !== undefined && (ge < prefix.length || ge > bits))
    problems.cannot(source, [...path, "ge"], `must be from ${prefix.length} to ${bits} for ${prefix.text}`);
  else if (le !== undefined && (le < lowest || le > bits))
    problems.cannot(source, [...path, "le"], `must be from ${lowest} to ${bits} for ${prefix.text}`);
  return { prefix: prefix.text, family: prefix.family, ge: lowest, le: highest };
}

export function resolvePolicies(
  raw: Readonly<Record<string, readonly RawTerm[]>>,
  names: Names,
  source: Source,
  problems: Problems,
): Record<string, PolicyConfig> {
  const resolved: Record<string, PolicyTerm[]> = Object.create(null);
  for (const [name, terms] of Object.entries(raw)) {
    const path = ["policies", name];
    checkKey(source, path, problems);
    resolved[name] = terms.map((term, i) => resolveTerm(term, names, source, [...path, i], problems));
  }
  const digests = digestsOfPolicies(resolved, names.lists);
  const policies: Record<string, PolicyConfig> = Object.create(null);
  for (const [name, terms] of Object.entries(resolved))
    policies[name] = { name, terms, digest: digests.get(name)!, place: source.keyPlace(["policies", name]) };
  checkCalls(policies, source, problems);
  return policies;
}

/** What a policy may come to with all that it calls, terms of each call counted: calls that call twice grow beyond any bound. */
const MAX_TERMS = 10_000;
const MAX_DEPTH = 32;

/** Policies that call each other in a circle, or come to too many terms. */
function checkCalls(policies: Readonly<Record<string, PolicyConfig>>, source: Source, problems: Problems): void {
  const sizes = new Map<string, number>();
  const way: string[] = [];
  const sizeOf = (name: string): number => {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    let size = 0;
    if (way.length === MAX_DEPTH) {
      const path = source.keyPlace(["policies", name]);
      problems.error(`Cannot use policy "${name}": must not be called through more than ${MAX_DEPTH} others`, path, [
        "policies",
        name,
      ]);
      sizes.set(name, size);
      return size;
    }
    way.push(name);
    for (const [i, { call }] of policies[name]!.terms.entries()) {
      size++;
      if (call === null || !Object.hasOwn(policies, call)) continue;
      const path = ["policies", name, i, "call"];
      const from = way.indexOf(call);
      if (from < 0) size += sizeOf(call);
      else
        problems.cannot(source, path, `must not lead back to itself (${[...way.slice(from), call].join(" calls ")})`);
      if (size > MAX_TERMS) {
        problems.cannot(source, path, `must not make the policy longer than ${MAX_TERMS} terms with all that it calls`);
        size = 0;
        break;
      }
    }
    way.pop();
    sizes.set(name, size);
    return size;
  };
  for (const name of Object.keys(policies)) sizeOf(name);
}

function resolveTerm(raw: RawTerm, names: Names, source: Source, path: Path, problems: Problems): PolicyTerm {
  const then = [...path, "then"];
  let verdict: PolicyTerm["verdict"] = "next";
  let set: PolicySet | null = null;
  const call = raw.call ?? null;
  if (call !== null) checkName("policy", call, names.policies, [...path, "call"], { source, problems });
  if (source.has([...path, "call"])) {
    if (source.has(then)) problems.cannot(source, then, "must not stand beside call");
  } else if (raw.then === undefined) {
    if (!source.has(then))
      problems.missing(source, then, "must be accept, reject or {set: {...}}, unless there is call");
  } else if (typeof raw.then === "string") verdict = raw.then;
  else {
    if (raw.then.accept && raw.then.reject) problems.cannot(source, then, "must not both accept and reject");
    if (raw.then.reject && raw.then.set) problems.cannot(source, [...then, "set"], "must not stand beside reject");
    if (!raw.then.accept && !raw.then.reject && !raw.then.set && source.describe(then) !== "a list")
      problems.cannot(source, then, "must accept, reject or set something");
    verdict = raw.then.accept ? "accept" : raw.then.reject ? "reject" : "next";
    if (raw.then.set) set = resolveSet(raw.then.set);
  }
  return {
    place: source.place(path),
    match: resolveMatch(raw.match ?? {}, names, source, [...path, "match"], problems),
    set,
    verdict,
    call,
  };
}

function resolveMatch(raw: RawMatch, names: Names, source: Source, path: Path, problems: Problems): PolicyMatch {
  for (const [i, name] of (raw["prefix-list"] ?? []).entries())
    checkName("prefix list", name, names.prefixLists, [...path, "prefix-list", i], { source, problems });
  for (const [i, name] of (raw["peer-group"] ?? []).entries())
    checkName("peer group", name, names.peerGroups, [...path, "peer-group", i], { source, problems });
  for (const key of Object.keys(raw))
    if (Array.isArray(raw[key as keyof RawMatch]) && (raw[key as keyof RawMatch] as unknown[]).length === 0)
      problems.cannot(source, [...path, key], "must have at least one element (none would match nothing)");
  const at = (key: string, i: number) => (source.has([...path, key, i]) ? [...path, key, i] : [...path, key]);
  return {
    prefixLists: raw["prefix-list"] ?? null,
    prefixes: raw.prefix?.flatMap((entry, i) => resolveEntry(entry, source, at("prefix", i), problems) ?? []) ?? null,
    families: raw.family ?? null,
    communities: raw.communities ?? null,
    largeCommunities: raw["large-communities"] ?? null,
    extendedCommunities: raw["extended-communities"] ?? null,
    asPaths: raw["as-path"]?.map((entry, i) => resolveAsPath(entry, source, at("as-path", i), problems)) ?? null,
    origins: raw.origin ?? null,
    med: range(raw.med),
    localPref: range(raw["local-pref"]),
    nextHops: raw["next-hop"] ?? null,
    neighbors: raw.neighbor ?? null,
    peerGroups: raw["peer-group"] ?? null,
    learnedFrom: raw["learned-from"] ?? null,
    interfaces: raw.interface ?? null,
    neighborBlocks: raw["neighbor-blocks"] ?? null,
  };
}

type RawAsPath = NonNullable<RawMatch["as-path"]>[number];

function resolveAsPath(raw: RawAsPath, source: Source, path: Path, problems: Problems): AsPathMatch {
  if (Object.keys(raw).length === 0 && source.describe(path) === "an empty mapping")
    problems.cannot(source, path, "must name contains, starts, originated-by, length or regex");
  return {
    contains: raw.contains ?? null,
    starts: raw.starts ?? null,
    originatedBy: raw["originated-by"] ?? null,
    length: range(raw.length),
    regex: raw.regex ?? null,
  };
}

const range = (raw: { ge?: number | undefined; le?: number | undefined } | undefined): NumberRange | null =>
  raw === undefined ? null : { ge: raw.ge ?? 0, le: raw.le ?? 0xffffffff };

function kernelMarks({ weight, kernel }: RawSet): KernelMarks | null {
  const { blackhole, install } = kernel ?? {};
  const marks: KernelMarks = {
    ...(weight !== undefined && { weight }),
    ...(blackhole !== undefined && { blackhole }),
    ...(install !== undefined && { install }),
  };
  return Object.keys(marks).length === 0 ? null : marks;
}

/** Policies that say something of kernel routes, or call one that does: with those there is nothing to be told to others. */
export function kernelPolicies(policies: Readonly<Record<string, PolicyConfig>>): ReadonlySet<string> {
  const found = new Set<string>();
  const callers = new Map<string, string[]>();
  for (const { name, terms } of Object.values(policies))
    for (const { set, call } of terms) {
      if (set !== null && set.kernel !== null) found.add(name);
      if (call !== null) callers.set(call, [...(callers.get(call) ?? []), name]);
    }
  for (const name of found) for (const caller of callers.get(name) ?? []) found.add(caller);
  return found;
}

function resolveSet(raw: RawSet): PolicySet {
  const prepend = raw.prepend;
  return {
    localPref: raw["local-pref"] ?? null,
    med: raw.med ?? null,
    origin: raw.origin ?? null,
    nextHop: raw["next-hop"] ?? null,
    communities: raw.communities ?? null,
    largeCommunities: raw["large-communities"] ?? null,
    extendedCommunities: raw["extended-communities"] ?? null,
    removeCommunities: raw["remove-communities"] ?? [],
    addCommunities: raw["add-communities"] ?? [],
    removeLargeCommunities: raw["remove-large-communities"] ?? [],
    addLargeCommunities: raw["add-large-communities"] ?? [],
    removeExtendedCommunities: raw["remove-extended-communities"] ?? [],
    addExtendedCommunities: raw["add-extended-communities"] ?? [],
    linkBandwidth: raw["link-bandwidth"] ?? null,
    kernel: kernelMarks(raw),
    prepend:
      prepend === undefined
        ? null
        : typeof prepend === "number"
          ? { as: null, count: prepend }
          : { as: prepend.as ?? null, count: prepend.count ?? 1 },
  };
}
