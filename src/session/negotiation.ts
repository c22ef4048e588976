import { AS_TRANS } from "../lib/as-numbers.ts";
import { afiOf, Family, families, familyName, SAFI_UNICAST } from "../lib/family.ts";
import { Role } from "../wire/capability/role.ts";
import type { Capability, CapabilityKind, WireFamily } from "../wire/capability/types.ts";
import { type CodecContext, MAX_EXTENDED_MESSAGE, MAX_MESSAGE } from "../wire/context.ts";
import {
  badBgpIdentifier,
  badPeerAs,
  roleMismatch,
  unacceptableHoldTime,
  unsupportedCapability,
} from "../wire/errors.ts";
import type { OpenMessage } from "../wire/message/open.ts";
import type { Agreed, PeerGracefulRestart } from "./agreed.ts";
import type { SessionProfile } from "./settings.ts";

/**
 * From two OPENs to what both sides agreed on (RFC 4271 §6.2, RFC 5492). Three steps, all pure: what we offer, whether this is the
 * peer that we expect, and what follows from both. What we offer is an argument of the last step, since a retry after
 * NOTIFICATION 2/4 or 2/7 offers nothing at all.
 */

// Thousands of sessions agree on the same few lists: they share them.
const flagPairs: readonly (readonly boolean[])[] = [0, 1, 2, 3].map((bits: number) =>
  Object.freeze(families.map((family) => (bits & (1 << family)) !== 0)),
);
const familyLists: readonly (readonly Family[])[] = [0, 1, 2, 3].map((bits) =>
  Object.freeze(families.filter((family) => (bits & (1 << family)) !== 0)),
);
const bitsOf = (holds: (family: Family) => boolean): number =>
  families.reduce<number>((bits, family) => (holds(family) ? bits | (1 << family) : bits), 0);
/** By family: whether it holds. */
const flags = (holds: (family: Family) => boolean): readonly boolean[] => flagPairs[bitsOf(holds)]!;

/** Families with their F bits: nothing, kept, or kept with forwarding state, for each of both families. */
const forwardingLists: readonly PeerGracefulRestart["families"][] = Array.from({ length: 9 }, (_, code) =>
  Object.freeze(
    families.flatMap((family) => {
      const digit = Math.floor(code / 3 ** family) % 3;
      return digit === 0 ? [] : [Object.freeze({ family, forwarding: digit === 2 })];
    }),
  ),
);
const noLongLived: Agreed["longLived"] = Object.freeze([]);

/** R and F bits at the time of the OPEN (RFC 4724 §3). */
export interface RestartState {
  readonly restarting: boolean;
  forwarding(family: Family): boolean;
}

const wire = (family: Family): WireFamily => ({ afi: afiOf(family), safi: SAFI_UNICAST, family });

/** The capabilities of our OPEN: exactly what the profile switches on, by ascending code. */
export function offered(profile: SessionProfile, restart: RestartState | null): Capability[] {
  const { offer } = profile;
  const capabilities: Capability[] = offer.families.map((family) => ({ kind: "multiprotocol", ...wire(family) }));
  if (offer.routeRefresh) capabilities.push({ kind: "route-refresh" });
  if (offer.extendedNextHop && offer.families.includes(0))
    capabilities.push({ kind: "extended-next-hop", entries: [{ ...wire(0), nextHopAfi: 2 }] });
  if (offer.extendedMessages) capabilities.push({ kind: "extended-message" });
  if (offer.role !== null) capabilities.push({ kind: "role", role: offer.role });
  if (offer.gracefulRestart !== null)
    capabilities.push({
      kind: "graceful-restart",
      restarted: restart?.restarting ?? false,
      notification: offer.gracefulRestart.notification,
      restartTimeSeconds: Math.min(4095, offer.gracefulRestart.restartTimeSeconds),
      // A time of 0: we keep others' routes, but ask nobody to keep ours.
      families:
        offer.gracefulRestart.restartTimeSeconds === 0
          ? []
          : offer.families.map((family) => ({ ...wire(family), forwarding: restart?.forwarding(family) ?? false })),
    });
  if (offer.fourOctetAs) capabilities.push({ kind: "four-octet-as", as: profile.localAs });
  const addPath = offer.families
    .map((family) => ({ family, mode: offer.addPath[family] }))
    .filter(({ mode }) => mode !== undefined && (mode.send || mode.receive));
  if (addPath.length > 0)
    capabilities.push({
      kind: "add-path",
      families: addPath.map(({ family, mode }) => ({ ...wire(family), send: mode!.send, receive: mode!.receive })),
    });
  if (offer.enhancedRouteRefresh) capabilities.push({ kind: "enhanced-route-refresh" });
  // RFC 9494 §3.1: never without the capability of RFC 4724.
  if (offer.longLivedStaleSeconds > 0 && offer.gracefulRestart !== null)
    capabilities.push({
      kind: "long-lived-graceful-restart",
      families: (offer.longLivedRestarter ? offer.families : []).map((family) => ({
        ...wire(family),
        forwarding: restart?.forwarding(family) ?? false,
        staleTimeSeconds: Math.min(0xffffff, offer.longLivedStaleSeconds),
      })),
    });
  if (offer.hostName !== null) capabilities.push({ kind: "fqdn", ...offer.hostName });
  return capabilities;
}

const first = <K extends CapabilityKind>(list: readonly Capability[], kind: K) =>
  list.find((capability): capability is Extract<Capability, { kind: K }> => capability.kind === kind);

const all = <K extends CapabilityKind>(list: readonly Capability[], kind: K) =>
  list.filter((capability): capability is Extract<Capability, { kind: K }> => capability.kind === kind);

/**
 * Whether an OPEN that is good in itself comes from the peer that we expect.
 * @throws NotificationError 2/2, 2/3, 2/6, 2/7 or 2/11.
 */
export function checkOpen(profile: SessionProfile, open: OpenMessage): void {
  const { localAs, remoteAs } = profile;
  const wanted = remoteAs === "internal" ? localAs : remoteAs;
  if (wanted === "external") {
    if (open.as === localAs) throw badPeerAs(`any AS but ${localAs}`, open.as);
  } else if (open.as !== wanted) throw badPeerAs(`AS ${wanted}`, open.as);
  // AS_TRANS is nobody's own (RFC 6793 §9): who sends it alone has an AS that it can't tell.
  if (open.as === AS_TRANS) throw badPeerAs("a real AS", open.as);
  const internal = open.as === localAs;
  if (internal && open.routerId === profile.routerId)
    throw badBgpIdentifier("an internal peer has our own identifier (RFC 6286)");
  if (open.holdTimeSeconds === 0 ? profile.minHoldTimeSeconds > 3 : open.holdTimeSeconds < profile.minHoldTimeSeconds)
    throw unacceptableHoldTime(open.holdTimeSeconds);
  if (!internal) checkRole(profile, open);
}

/** RFC 9234 §4.2: the roles that fit ours. */
const counterpart: Readonly<Record<Role, Role>> = {
  [Role.Provider]: Role.Customer,
  [Role.Customer]: Role.Provider,
  [Role.RouteServer]: Role.RouteServerClient,
  [Role.RouteServerClient]: Role.RouteServer,
  [Role.Peer]: Role.Peer,
};

function checkRole({ offer }: SessionProfile, open: OpenMessage): void {
  if (offer.role === null) return;
  const roles = all(open.capabilities, "role");
  if (roles.length === 0) {
    if (offer.roleStrict) throw roleMismatch("the peer names no role");
    return;
  }
  for (const { role } of roles) {
    if (role !== roles[0]!.role) throw roleMismatch("the peer names two roles");
    if (role !== counterpart[offer.role]) throw roleMismatch(`ours is ${offer.role}, the peer's is ${role}`);
  }
}

/** Families of an OPEN; without any MP capability it is IPv4 unicast alone (RFC 4760 §8, RFC 4271). */
function spokenFamilies(capabilities: readonly Capability[]): readonly Family[] {
  const multiprotocol = all(capabilities, "multiprotocol");
  if (multiprotocol.length === 0) return familyLists[1]!;
  return familyLists[bitsOf((family) => multiprotocol.some((capability) => capability.family === family))]!;
}

/** What follows from both OPENs. @throws NotificationError 2/7 if no family is spoken by both. */
export function negotiate(
  profile: SessionProfile,
  sent: readonly Capability[],
  open: OpenMessage,
  ends: { readonly localAddress: string; readonly remoteAddress: string },
): Agreed {
  const received = open.capabilities;
  const both = (kind: CapabilityKind): boolean =>
    first(sent, kind) !== undefined && first(received, kind) !== undefined;
  const theirs = spokenFamilies(received);
  const ours = spokenFamilies(sent);
  const agreedFamilies = familyLists[bitsOf((family) => ours.includes(family) && theirs.includes(family))]!;
  if (agreedFamilies.length === 0) throw noCommonFamily(profile, theirs);

  const holdTimeSeconds = Math.min(profile.holdTimeSeconds, open.holdTimeSeconds);
  const role = first(received, "role")?.role;
  return {
    codec: codecOf(profile, sent, open, agreedFamilies, both),
    families: agreedFamilies,
    holdTimeSeconds,
    keepaliveSeconds: holdTimeSeconds === 0 ? 0 : Math.min(profile.keepaliveSeconds, holdTimeSeconds / 3),
    remoteAs: open.as,
    remoteRouterId: open.routerId,
    localAddress: ends.localAddress,
    remoteAddress: ends.remoteAddress,
    // RFC 2918 §4.
    routeRefresh: both("route-refresh"),
    enhancedRouteRefresh: both("enhanced-route-refresh"),
    gracefulRestart: both("graceful-restart") ? gracefulRestartOf(sent, received, agreedFamilies) : null,
    longLived:
      both("graceful-restart") && both("long-lived-graceful-restart")
        ? longLivedOf(received, agreedFamilies)
        : noLongLived,
    remoteRole: role !== undefined && role <= 4 ? (role as Role) : null,
  };
}

function codecOf(
  profile: SessionProfile,
  sent: readonly Capability[],
  open: OpenMessage,
  agreedFamilies: readonly Family[],
  both: (kind: CapabilityKind) => boolean,
): CodecContext {
  // RFC 7911 §4: one side's "send" meets the other's "receive".
  const addPath = (who: readonly Capability[], family: Family, mode: "send" | "receive"): boolean =>
    first(who, "add-path")?.families.some((entry) => entry.family === family && entry[mode]) ?? false;
  const ipv6NextHop = (who: readonly Capability[]): boolean =>
    first(who, "extended-next-hop")?.entries.some(
      (entry) => entry.family === Family.Ipv4Unicast && entry.nextHopAfi === 2,
    ) ?? false;
  const agreed = (family: Family) => agreedFamilies.includes(family);
  // RFC 8654 §3.
  const maxLength = both("extended-message") ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE;
  return {
    peerKind: open.as === profile.localAs ? "internal" : "external",
    fourOctetAs: both("four-octet-as"),
    addPathReceive: flags(
      (family) => agreed(family) && addPath(sent, family, "receive") && addPath(open.capabilities, family, "send"),
    ),
    addPathSend: flags(
      (family) => agreed(family) && addPath(sent, family, "send") && addPath(open.capabilities, family, "receive"),
    ),
    families: flags(agreed),
    extendedNextHop: agreed(0) && ipv6NextHop(sent) && ipv6NextHop(open.capabilities),
    maxReceive: maxLength,
    maxSend: maxLength,
    dropAttributes: profile.dropAttributes,
    localAs: profile.localAs,
    remoteAs: open.as,
    enforceFirstAs: profile.enforceFirstAs,
  };
}

function gracefulRestartOf(
  sent: readonly Capability[],
  received: readonly Capability[],
  agreedFamilies: readonly Family[],
): PeerGracefulRestart {
  // RFC 4724 §3: of several, the last counts.
  const theirs = all(received, "graceful-restart").at(-1)!;
  const code = agreedFamilies.reduce<number>((sum, family) => {
    const entry = theirs.families.find((candidate) => candidate.family === family);
    return sum + (entry === undefined ? 0 : entry.forwarding ? 2 : 1) * 3 ** family;
  }, 0);
  return {
    restartTimeSeconds: theirs.restartTimeSeconds,
    restarting: theirs.restarted,
    // RFC 8538 §2: the N bit counts when both sent it.
    notification: theirs.notification && (first(sent, "graceful-restart")?.notification ?? false),
    families: forwardingLists[code]!,
  };
}

function longLivedOf(received: readonly Capability[], agreedFamilies: readonly Family[]): Agreed["longLived"] {
  const theirs = all(received, "long-lived-graceful-restart").at(-1)!;
  return agreedFamilies.flatMap((family) => {
    const entry = theirs.families.find((candidate) => candidate.family === family);
    return entry === undefined ? [] : [{ family, forwarding: entry.forwarding, staleSeconds: entry.staleTimeSeconds }];
  });
}

/** RFC 5492 §5: the data are the capabilities that we miss, as they would stand in an OPEN. */
function noCommonFamily(profile: SessionProfile, theirs: readonly Family[]) {
  const missing = profile.offer.families.flatMap((family) => [1, 4, 0, afiOf(family), 0, SAFI_UNICAST]);
  const names = (list: readonly Family[]) => list.map(familyName).join(", ") || "nothing that is spoken here";
  return unsupportedCapability(
    Uint8Array.from(missing),
    `no family in common: ours are ${names(profile.offer.families)}, the peer's ${names(theirs)}`,
  );
}
