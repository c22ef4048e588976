import { Family } from "../lib/family.ts";
import { AttributeFlag } from "../rib/attribute-columns.ts";
import type { SourceFacts } from "./export-ports.ts";
import type { GroupKey } from "./group-key.ts";

/** What became of a route on its way to a group. */
export const Outcome = {
  NoRoute: 0,
  Sent: 1,
  /** RFC 4456 §6, RFC 4271 §9.2: what an internal peer said is not for other internal peers. */
  NonClient: 2,
  /** RFC 1997. */
  NoAdvertise: 3,
  NoExport: 4,
  /** RFC 9494 §4.3. */
  Stale: 5,
  Policy: 6,
  /** RFC 9234 §5. */
  OnlyToCustomer: 7,
  NoNextHop: 8,
  TooBig: 9,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Where a route was learned, as far as its bytes depend on it: bits 0-1 of a set's traits. */
export const Learned = { Own: 0, Internal: 1, External: 2 } as const;
export const LEARNED_MASK = 3;
/** Traits: the policy set these, so the mechanical rules leave them alone. */
export const MED_SET = 4;
export const NEXT_HOP_SET = 8;

export const learnedFrom = (facts: SourceFacts): number =>
  facts.kind === "local" ? Learned.Own : facts.kind === "internal" ? Learned.Internal : Learned.External;

/** Whether a route is reflected: it comes from an internal peer and goes to one (RFC 4456 §6). */
export const reflects = (key: GroupKey, facts: SourceFacts): boolean =>
  key.peerKind === "internal" && facts.kind === "internal";

/** Own and external routes are for everybody; a client's, too; a non-client's are for external peers and clients. */
export const isFor = (key: GroupKey, facts: SourceFacts): boolean =>
  key.peerKind === "external" || facts.kind !== "internal" || facts.client || key.client;

const { NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED, LLGR_STALE } = AttributeFlag;

/** What the well-known communities of a route that was chosen say, before any policy is asked. */
export function byCommunities(key: GroupKey, flags: number): Outcome {
  if ((flags & NO_ADVERTISE) !== 0) return Outcome.NoAdvertise;
  if (key.peerKind === "external" && (flags & (NO_EXPORT | NO_EXPORT_SUBCONFED)) !== 0) return Outcome.NoExport;
  if ((flags & LLGR_STALE) !== 0 && withholdsStale(key)) return Outcome.Stale;
  return Outcome.Sent;
}

const withholdsStale = (key: GroupKey): boolean =>
  key.longLived === "withhold" || (key.longLived === "no-export" && key.peerKind === "external");

/** RFC 9494 §4.6: an internal peer that does not know LLGR_STALE gets such a route with NO_EXPORT and LOCAL_PREF 0. */
export const marksStale = (key: GroupKey, flags: number): boolean =>
  key.longLived === "no-export" && key.peerKind === "internal" && (flags & LLGR_STALE) !== 0;

/** RFC 9234 §5: a route with OTC goes down only, to customers and to clients of a route server. */
const goesDown = (key: GroupKey): boolean => key.role === "provider" || key.role === "rs-server";
export const blocksOnlyToCustomer = (key: GroupKey): boolean =>
  key.peerKind === "external" && key.role !== null && !goesDown(key);
/** RFC 9234 §5: towards customers, peers and clients of a route server, OTC is added where it is missing. */
export const addsOnlyToCustomer = (key: GroupKey): boolean =>
  key.peerKind === "external" && (goesDown(key) || key.role === "peer");

/** Our own address as the next hop of this family; null if the session has none that it could carry. */
export function ownNextHop(key: GroupKey): readonly number[] | null {
  if (key.family === Family.Ipv6Unicast) return key.self6;
  if (key.self4 !== null) return [key.self4];
  return key.extendedNextHop ? key.self6 : null; // RFC 8950
}

/** Whether the rule puts our own address there. Own routes carry it unless they have one of their own; a reflector changes none unless forced to. */
export function takesOwnNextHop(key: GroupKey, traits: number): boolean {
  if ((traits & NEXT_HOP_SET) !== 0) return false;
  const learned = traits & LEARNED_MASK;
  if (learned === Learned.Own) return false; // without one there's nothing else to send
  if (key.nextHop === "unchanged") return false;
  return key.peerKind === "external" || learned === Learned.External || key.nextHop === "force-self";
}

/** Whether a next hop of this many words can be sent with this family's prefixes (RFC 4760, RFC 8950). */
export const carries = (key: GroupKey, words: number): boolean =>
  words === 4 ? key.family === Family.Ipv6Unicast || key.extendedNextHop : key.family === Family.Ipv4Unicast;

/** For people; those that need figures are completed by whoever knows them. */
export const outcomeText: Readonly<Record<Outcome, string>> = {
  [Outcome.NoRoute]: "there is no best path",
  [Outcome.Sent]: "sent",
  [Outcome.NonClient]: "learned from an internal peer that is no client, and this peer is none either (RFC 4456 §6)",
  [Outcome.NoAdvertise]: "it carries NO_ADVERTISE (RFC 1997)",
  [Outcome.NoExport]: "it carries NO_EXPORT and the peer is external (RFC 1997)",
  [Outcome.Stale]: "it is stale (LLGR_STALE) and the peer does not know long-lived graceful restart (RFC 9494 §4.3)",
  [Outcome.Policy]: "rejected by the export policy",
  [Outcome.OnlyToCustomer]: "it carries OTC and may only go to customers (RFC 9234 §5)",
  [Outcome.NoNextHop]: "there is no next hop that this session can carry for it",
  [Outcome.TooBig]: "with the attributes that we add it is larger than the peer's largest message",
};
