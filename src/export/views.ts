import { Family } from "../lib/family.ts";
import { decodeAttributes } from "../wire/attribute/decode.ts";
import type { PathAttributes } from "../wire/attribute/types.ts";
import { type CodecContext, codecContext } from "../wire/context.ts";
import { updateLayout } from "../wire/message/update-layout.ts";
import type { ExportGroup } from "./export-group.ts";
import type { PolicyAnswer } from "./export-ports.ts";
import type { Member } from "./members/member.ts";
import { LEARNED_MASK, Learned, Outcome, outcomeText } from "./rules.ts";
import type { Advertiser } from "./told/advertiser.ts";

/** One route of a member's Adj-RIB-Out. */
export interface AdvertisedRoute {
  readonly prefixId: number;
  /** On the wire; 0 without ADD-PATH. */
  readonly pathId: number;
  /** Source of the path. */
  readonly source: number;
  /** For `sentAttributes`; good until the group works again. */
  readonly set: number;
}

/** What a member has been told of a prefix: one route, or with ADD-PATH one for each path, in the order of their ids. */
export function advertised(group: ExportGroup, member: Member, prefixId: number): AdvertisedRoute[] {
  const { told, outSets } = group.advertiser;
  const routes: AdvertisedRoute[] = [];
  const add = (entry: number) => {
    const set = told.set(entry);
    if (set === 0) return;
    const source = outSets.source[set]!;
    if (source !== member.source)
      routes.push({ prefixId: told.prefix(entry), pathId: told.pathId(entry), source, set });
  };
  const { paths } = told;
  if (paths === null) {
    if (prefixId < told.end) add(prefixId);
  } else if (prefixId < paths.prefixEnd)
    for (let entry = paths.first(prefixId); entry !== 0; entry = paths.next(entry)) add(entry);
  return routes.sort((a, b) => a.pathId - b.pathId);
}

/** The attributes of a route as they are on the wire, next hop included, read back by our own decoder. */
export function sentAttributes(group: ExportGroup, set: number): PathAttributes {
  const { encoder } = group.advertiser;
  const bytes = encoder.sectionOf(set);
  const layout = updateLayout();
  layout.attributesStart = 0;
  layout.attributesEnd = bytes.length;
  const { attributes, faults } = decodeAttributes(bytes, layout, contextOf(group), "none");
  if (attributes === null) throw new Error(`what was sent can't be read back: ${faults.map((f) => f.text).join(", ")}`);
  const nextHop = encoder.nextHop(set);
  return { ...attributes, nextHop: nextHop === null ? null : { words: nextHop, linkLocal: null } };
}

/** How the peer would read what we send. */
const contextOf = ({ key }: ExportGroup): CodecContext =>
  codecContext({ peerKind: key.peerKind, fourOctetAs: key.fourOctetAs, enforceFirstAs: false });

/** Whether and how a route goes to a member, for people. */
export interface ExplainedRoute {
  readonly sent: boolean;
  /** Why not, or what was changed on the way. */
  readonly reason: string;
  /** What the export policy said, where it was asked. */
  readonly policy: string | null;
  /** As sent; null if it isn't. */
  readonly attributes: PathAttributes | null;
}

/** What becomes of a prefix on its way to a member: one answer per path with ADD-PATH, else one for the best path. */
export function explain(group: ExportGroup, member: Member, prefixId: number): ExplainedRoute[] {
  const { advertiser } = group;
  const paths = candidates(advertiser, prefixId);
  if (paths.length === 0) return [no(outcomeText[Outcome.NoRoute])];
  return paths.map((path) => explainPath(group, member, prefixId, path));
}

/** What may be sent of a prefix: null stands for the best path, with ADD-PATH they are told one by one. */
function candidates({ told, routes }: Advertiser, prefixId: number): (number | null)[] {
  if (told.paths === null) return [null];
  const paths = new Int32Array(256);
  const count = routes.bestAttributes(prefixId) === 0 ? 0 : routes.rank(prefixId, paths);
  return [...paths.subarray(0, count)];
}

/** What the export policy said of a route that was sent; null if the route has changed since, so that nobody knows any more. */
export function sentBy({ advertiser }: ExportGroup, { prefixId, source, set }: AdvertisedRoute): PolicyAnswer | null {
  try {
    for (const path of candidates(advertiser, prefixId)) {
      const judged = advertiser.judge(prefixId, path);
      if (judged.outcome === Outcome.Sent && judged.set === set && judged.source === source)
        return advertiser.policy.explain?.(judged.attributes, prefixId, source) ?? null;
    }
    return null;
  } finally {
    advertiser.forget();
  }
}

function explainPath(group: ExportGroup, member: Member, prefixId: number, path: number | null): ExplainedRoute {
  const { advertiser, key } = group;
  const { told, encoder } = advertiser;
  const { outcome, set, attributes, source } = advertiser.judge(prefixId, path);
  try {
    if (outcome === Outcome.NoRoute) return no(outcomeText[outcome]);
    if (source === member.source) return no("it was learned from this peer");
    if (outcome === Outcome.Policy) {
      const said = advertiser.policy.explain?.(attributes, prefixId, source);
      return no(said === undefined ? outcomeText[outcome] : `${outcomeText[outcome]}: ${policyText(said)}`);
    }
    if (outcome === Outcome.TooBig)
      return no(`${outcomeText[outcome]}: ${encoder.sizeOf(set)} octets, it takes ${key.maxMessage}`);
    if (outcome === Outcome.NoNextHop) return no(noNextHop(group, set));
    if (outcome !== Outcome.Sent) return no(outcomeText[outcome]);
    const entry = told.paths === null ? prefixId : told.paths.find(prefixId, path!);
    const now = told.set(entry);
    if (now === 0 && told.paths !== null) return no(`better paths fill the ${key.addPath} that the peer is sent`);
    if (now !== set) return no("it is about to be sent");
    const late = member.state === "following" ? "" : `; the peer is being brought up to date (${member.state})`;
    const said = advertiser.policy.explain?.(attributes, prefixId, source);
    const policy = said === undefined ? null : policyText(said);
    return { sent: true, reason: changesOf(advertiser, set) + late, policy, attributes: sentAttributes(group, set) };
  } finally {
    advertiser.forget();
  }
}

const policyText = ({ name, reason }: PolicyAnswer): string => (name === null ? reason : `policy ${name}: ${reason}`);

const no = (reason: string): ExplainedRoute => ({ sent: false, reason, policy: null, attributes: null });

function noNextHop({ key, advertiser }: ExportGroup, set: number): string {
  const kind = key.family === Family.Ipv4Unicast ? "IPv4" : "IPv6";
  const { encoder } = advertiser;
  if (encoder.takesOwnNextHop(set))
    return `we have no ${kind} address to be its next hop: set router.${key.family === Family.Ipv4Unicast ? "address" : "address6"}`;
  return encoder.isOfOneLink(set)
    ? "its next hop is link-local, and means nothing on another link (RFC 2545 §3)"
    : `its next hop is of the other family, and the session can't carry that${key.family === Family.Ipv4Unicast ? " (RFC 8950)" : ""}`;
}

/** What our rules change on the way out. */
function changesOf({ key, outSets, encoder }: Advertiser, set: number): string {
  const traits = outSets.traits[set]!;
  const changes: string[] = [];
  if (outSets.originator[set] !== 0) changes.push("reflected");
  if (key.peerKind === "external") changes.push(`AS ${key.prependAs.join(" ")} prepended`);
  if (encoder.takesOwnNextHop(set))
    changes.push((traits & LEARNED_MASK) === Learned.Own ? "an own route" : "next hop self");
  return changes.length === 0 ? "as it is" : changes.join(", ");
}
