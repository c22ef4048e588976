import { formatAddress, formatPrefix, prefixContains } from "../lib/address.ts";
import { communityName, formatLargeCommunity, type LargeCommunity } from "../lib/communities.ts";
import { type ExtendedCommunity, formatExtendedCommunity, isLinkBandwidth } from "../lib/extended-communities.ts";
import { type Family, familyName } from "../lib/family.ts";
import { describeKernelMarks } from "../lib/kernel-marks.ts";
import { Regex } from "../lib/regex/automaton.ts";
import { asPathLength, formatAsPath } from "../wire/attribute/as-path.ts";
import { canonicalCommunities } from "../wire/attribute/communities.ts";
import { canonicalExtended } from "../wire/attribute/extended-communities.ts";
import { canonicalLarge } from "../wire/attribute/large-communities.ts";
import { DEFAULT_LOCAL_PREF } from "../wire/attribute/local-pref.ts";
import { originName } from "../wire/attribute/origin.ts";
import { type PathAttributes, SegmentType } from "../wire/attribute/types.ts";
import type {
  AsPathCondition,
  CommunityPattern,
  LargeCommunityPattern,
  Match,
  Modify,
  PolicySource,
  PrefixMatcher,
  Range,
  Term,
} from "./definition.ts";
import { compilePrefixRules } from "./prefix-matcher.ts";

/** A term with its conditions split by what they look at: the prefix, the attribute set, or the source. Null: no condition. */
export interface CompiledTerm {
  readonly term: Term;
  readonly families: readonly Family[] | null;
  readonly prefix: PrefixMatcher | null;
  readonly attributes: AttributeTest | null;
  readonly source: ((source: PolicySource) => boolean) | null;
  /** Of `neighbor-blocks`: what belongs to the source, or what doesn't. */
  readonly neighborBlocks: boolean | null;
}

type AttributeTest = (attributes: PathAttributes, nextHop: readonly number[]) => boolean;

function asPathTest({ contains, startsWith, originatedBy, length, regex }: AsPathCondition): AttributeTest {
  const expressions = regex?.map((pattern) => new Regex(pattern));
  return ({ asPath }) => {
    if (contains && !asPath.some((segment) => segment.asns.some((as) => contains.includes(as)))) return false;
    const first = asPath[0];
    if (startsWith && !(first?.type === SegmentType.Sequence && startsWith.includes(first.asns[0]!))) return false;
    const last = asPath.at(-1);
    if (originatedBy && !(last?.type === SegmentType.Sequence && originatedBy.includes(last.asns.at(-1)!)))
      return false;
    if (length && !within(length, asPathLength(asPath))) return false;
    if (!expressions) return true;
    const text = formatAsPath(asPath);
    return expressions.some((expression) => expression.matches(text));
  };
}

const within = (range: Range, value: number): boolean => value >= range.min && value <= range.max;

const fitsCommunity = (pattern: CommunityPattern, value: number): boolean =>
  (pattern[0] === null || pattern[0] === value >>> 16) && (pattern[1] === null || pattern[1] === (value & 0xffff));

const fitsLarge = (pattern: LargeCommunityPattern, value: readonly number[]): boolean =>
  pattern.every((part, i) => part === null || part === value[i]);

const sameExtended = (a: ExtendedCommunity, b: ExtendedCommunity): boolean => a[0] === b[0] && a[1] === b[1];

/** Each test stands for one key; inside it one of the listed is enough. */
function attributeTests(match: Match): AttributeTest[] {
  const tests: AttributeTest[] = [];
  const { communities, largeCommunities, extendedCommunities, asPath, nextHops, origins, localPref, med } = match;
  if (communities) tests.push((of) => of.communities.some((value) => communities.some((p) => fitsCommunity(p, value))));
  if (largeCommunities)
    tests.push((of) => of.largeCommunities.some((value) => largeCommunities.some((p) => fitsLarge(p, value))));
  if (extendedCommunities)
    tests.push((of) => of.extendedCommunities.some((value) => extendedCommunities.some((p) => sameExtended(p, value))));
  if (asPath) {
    const conditions = asPath.map(asPathTest);
    tests.push((attributes, nextHop) => conditions.some((test) => test(attributes, nextHop)));
  }
  if (nextHops) tests.push((_, nextHop) => nextHops.some((prefix) => prefixContains(prefix, nextHop)));
  if (origins) tests.push((of) => origins.includes(of.origin));
  if (localPref) tests.push((of) => within(localPref, of.localPref ?? DEFAULT_LOCAL_PREF));
  if (med) tests.push((of) => within(med, of.med ?? 0));
  return tests;
}

function sourceTest({ neighbors, peerGroups, learnedFrom, interfaces }: Match): CompiledTerm["source"] {
  if (!neighbors && !peerGroups && !learnedFrom && !interfaces) return null;
  return (source) =>
    (!neighbors || neighbors.some((prefix) => prefixContains(prefix, source.address))) &&
    (!peerGroups || (source.peerGroup !== null && peerGroups.includes(source.peerGroup))) &&
    (!learnedFrom || learnedFrom.includes(source.learnedFrom)) &&
    (!interfaces || (source.interface !== null && interfaces.includes(source.interface)));
}

function prefixTest({ prefixRules, prefixLists }: Match): PrefixMatcher | null {
  if (!prefixRules && !prefixLists) return null;
  const tests = [
    ...(prefixLists ?? []).map(({ matches }) => matches),
    ...(prefixRules ? [compilePrefixRules(prefixRules)] : []),
  ];
  if (tests.length === 1) return tests[0]!;
  return (prefixes, id) => tests.some((test) => test(prefixes, id));
}

export function compileTerm(term: Term): CompiledTerm {
  const match = term.match ?? {};
  const tests = attributeTests(match);
  return {
    term,
    families: match.families ?? null,
    prefix: prefixTest(match),
    attributes: tests.length < 2 ? (tests[0] ?? null) : (of, nextHop) => tests.every((test) => test(of, nextHop)),
    source: sourceTest(match),
    neighborBlocks: match.neighborBlocks ?? null,
  };
}

const range = ({ min, max }: Range): string => (min === max ? String(min) : `${min}..${max}`);
const pattern = (parts: readonly (number | null)[]): string => parts.map((part) => part ?? "*").join(":");

function describeAsPath({ contains, startsWith, originatedBy, length, regex }: AsPathCondition): string {
  const parts: string[] = [];
  if (contains) parts.push(`contains ${contains.join(" or ")}`);
  if (startsWith) parts.push(`starts with ${startsWith.join(" or ")}`);
  if (originatedBy) parts.push(`originated by ${originatedBy.join(" or ")}`);
  if (length) parts.push(`length ${range(length)}`);
  if (regex) parts.push(`like ${regex.map((pattern) => JSON.stringify(pattern)).join(" or ")}`);
  return parts.join(" and ");
}

/** What a term looks for, for people: "prefix 10.0.0.0/8 ge 24 le 26, community 65001:100". */
export function describeMatch(match: Match | null): string {
  const parts: string[] = [];
  const list = <T>(name: string, values: readonly T[] | undefined, format: (value: T) => string) => {
    if (values)
      parts.push(`${name} ${values.slice(0, 4).map(format).join(" or ")}${values.length > 4 ? " or ..." : ""}`);
  };
  const { prefixRules, prefixLists } = match ?? {};
  const rules = [...(prefixLists ?? []).flatMap(({ first }) => first), ...(prefixRules ?? [])];
  list("prefix", prefixRules || prefixLists ? rules : undefined, ({ prefix, ge, le }) =>
    ge === prefix.length && le === prefix.length ? formatPrefix(prefix) : `${formatPrefix(prefix)} ge ${ge} le ${le}`,
  );
  list("family", match?.families, familyName);
  list("community", match?.communities, pattern);
  list("large community", match?.largeCommunities, pattern);
  list("extended community", match?.extendedCommunities, formatExtendedCommunity);
  list("AS path", match?.asPath, describeAsPath);
  list("next hop", match?.nextHops, formatPrefix);
  list("origin", match?.origins, originName);
  if (match?.localPref) parts.push(`local-pref ${range(match.localPref)}`);
  if (match?.med) parts.push(`med ${range(match.med)}`);
  list("neighbor", match?.neighbors, formatPrefix);
  list("peer group", match?.peerGroups, (name) => name);
  list("learned from", match?.learnedFrom, (name) => name);
  list("interface", match?.interfaces, (name) => name);
  if (match?.neighborBlocks !== undefined)
    parts.push(match.neighborBlocks ? "a block of the neighbor" : "outside the neighbor's blocks");
  return parts.length === 0 ? "anything" : parts.join(", ");
}

function editCommunities(current: readonly number[], modify: Modify): readonly number[] {
  const { communities = current, removeCommunities: removed = [], addCommunities: added = [] } = modify;
  const kept = communities.filter((value) => !removed.some((gone) => fitsCommunity(gone, value)));
  return canonicalCommunities([...kept, ...added]);
}

function editLargeCommunities(current: readonly LargeCommunity[], modify: Modify): readonly LargeCommunity[] {
  const { largeCommunities = current, removeLargeCommunities: removed = [], addLargeCommunities: added = [] } = modify;
  const kept = largeCommunities.filter((value) => !removed.some((gone) => fitsLarge(gone, value)));
  return canonicalLarge([...kept, ...added]);
}

function editExtendedCommunities(current: readonly ExtendedCommunity[], modify: Modify): readonly ExtendedCommunity[] {
  const { extendedCommunities = current, linkBandwidth } = modify;
  const { removeExtendedCommunities: removed = [], addExtendedCommunities: added = [] } = modify;
  const kept = extendedCommunities.filter(
    (value) =>
      !removed.some((gone) => sameExtended(gone, value)) && (linkBandwidth === undefined || !isLinkBandwidth(value)),
  );
  return canonicalExtended([...kept, ...added, ...(linkBandwidth === undefined ? [] : [linkBandwidth])]);
}

/** Within what four octets hold. */
const changed = (value: number, by: number): number => Math.min(0xffffffff, Math.max(0, value + by));

/** Segments hold at most 255 AS numbers (RFC 4271 §4.3); a full first sequence gets a new one in front (§5.1.2). */
function prependAs(path: PathAttributes["asPath"], as: number, times: number): PathAttributes["asPath"] {
  let result = [...path];
  for (let i = 0; i < times; i++) {
    const first = result[0];
    result =
      first !== undefined && first.type === SegmentType.Sequence && first.asns.length < 255
        ? [{ ...first, asns: [as, ...first.asns] }, ...result.slice(1)]
        : [{ type: SegmentType.Sequence, asns: [as] }, ...result];
  }
  return result;
}

function localPrefAfter(before: number | null, { localPref, localPrefChange }: Modify): number | null {
  const value = localPref ?? before;
  return localPrefChange === undefined ? value : changed(value ?? DEFAULT_LOCAL_PREF, localPrefChange);
}

function medAfter(before: number | null, { med, medChange }: Modify): number | null {
  const value = med === undefined ? before : med;
  return medChange === undefined ? value : changed(value ?? 0, medChange);
}

/** The attributes after `modify`; the next hop is a matter of the caller, since it stands beside the set. */
export function applyModify(attributes: PathAttributes, modify: Modify): PathAttributes {
  return {
    ...attributes,
    origin: modify.origin ?? attributes.origin,
    localPref: localPrefAfter(attributes.localPref, modify),
    med: medAfter(attributes.med, modify),
    communities: editCommunities(attributes.communities, modify),
    largeCommunities: editLargeCommunities(attributes.largeCommunities, modify),
    extendedCommunities: editExtendedCommunities(attributes.extendedCommunities, modify),
    asPath: modify.prepend ? prependAs(attributes.asPath, modify.prepend.as, modify.prepend.count) : attributes.asPath,
  };
}

const signed = (change: number): string => (change < 0 ? String(change) : `+${change}`);

/** What a term sets, for people. */
export function describeModify(modify: Modify): string {
  const parts: string[] = [];
  const { localPref, med, origin, nextHop, prepend } = modify;
  if (localPref !== undefined) parts.push(`local-pref ${localPref}`);
  if (modify.localPrefChange !== undefined) parts.push(`local-pref ${signed(modify.localPrefChange)}`);
  if (med !== undefined) parts.push(med === null ? "no med" : `med ${med}`);
  if (modify.medChange !== undefined) parts.push(`med ${signed(modify.medChange)}`);
  if (origin !== undefined) parts.push(`origin ${originName(origin)}`);
  if (nextHop) parts.push(`next-hop ${formatAddress(nextHop)}`);
  if (modify.nextHopSelf) parts.push("next-hop self");
  const all = <T>(name: string, values: readonly T[] | undefined, format: (value: T) => string) => {
    if (values) parts.push(values.length === 0 ? `no ${name}` : `${name} ${values.map(format).join(" ")}`);
  };
  all("communities", modify.communities, communityName);
  all("large communities", modify.largeCommunities, formatLargeCommunity);
  all("extended communities", modify.extendedCommunities, formatExtendedCommunity);
  if (modify.removeCommunities?.length) parts.push(`remove ${modify.removeCommunities.map(pattern).join(" ")}`);
  if (modify.addCommunities?.length) parts.push(`add ${modify.addCommunities.map(communityName).join(" ")}`);
  if (modify.removeLargeCommunities?.length)
    parts.push(`remove ${modify.removeLargeCommunities.map(pattern).join(" ")}`);
  if (modify.addLargeCommunities?.length)
    parts.push(`add ${modify.addLargeCommunities.map(formatLargeCommunity).join(" ")}`);
  if (modify.removeExtendedCommunities?.length)
    parts.push(`remove ${modify.removeExtendedCommunities.map(formatExtendedCommunity).join(" ")}`);
  if (modify.addExtendedCommunities?.length)
    parts.push(`add ${modify.addExtendedCommunities.map(formatExtendedCommunity).join(" ")}`);
  if (modify.linkBandwidth) parts.push(`link-bandwidth ${formatExtendedCommunity(modify.linkBandwidth)}`);
  if (modify.kernel) parts.push(describeKernelMarks(modify.kernel));
  if (prepend) parts.push(`prepend ${prepend.as} x ${prepend.count}`);
  return parts.join(", ");
}
