import { compareAddresses, formatIpv4 } from "../lib/address.ts";
import { type Family, families, familyName } from "../lib/family.ts";
import type { PeerSession } from "../session/peer-session.ts";
import type { Peer } from "../speaker/peer.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import { bfdState } from "./bfd.ts";
import type {
  CapabilityText,
  LastError,
  MessageCounts,
  NeighborDetail,
  NeighborFamily,
  NeighborSummary,
} from "./model.ts";

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** By address: the order in which peers came, or came back, tells nobody anything. */
export const peersInOrder = (speaker: SpeakerState): Peer[] =>
  [...speaker.peers].sort((a, b) => compareAddresses(a.policySource.address, b.policySource.address));

/** Neighbors looked at in one slice. */
const SLICE = 64;

/** Something about each peer, by address; of those that go meanwhile nothing is said. */
export function* peerSlices<T>(speaker: SpeakerState, show: (peer: Peer) => T): Generator<T[]> {
  const peers = peersInOrder(speaker);
  for (let at = 0; at < peers.length; at += SLICE)
    yield peers
      .slice(at, at + SLICE)
      .filter((peer) => speaker.peers.get(peer.address) === peer)
      .map(show);
}

/** Routes that a peer is told in one family. */
export function advertisedTo(peer: Peer, family: Family): number {
  const place = peer.membership(family);
  return place === undefined ? 0 : place.group.advertisedTo(place.member);
}

/** Prefixes of a peer in one family. */
function familyCounts(speaker: SpeakerState, peer: Peer, family: Family) {
  const table = speaker.tables.byFamily[family]!;
  return {
    received: peer.source === 0 ? 0 : table.counts(peer.source).received,
    accepted: peer.source === 0 ? 0 : table.counts(peer.source).accepted,
    advertised: advertisedTo(peer, family),
  };
}

function errorView(error: PeerSession["lastError"]): LastError | null {
  if (error === null) return null;
  const { at, direction, code, subcode, text } = error;
  return {
    at: new Date(at).toISOString(),
    direction,
    code: code === 0 ? null : code,
    subcode: code === 0 ? null : subcode,
    text,
  };
}

/** One row of `summary`. */
export function neighborSummary(speaker: SpeakerState, peer: Peer): NeighborSummary {
  const { session, settings } = peer;
  const counts = families.map((family) => familyCounts(speaker, peer, family));
  const sum = (pick: (count: (typeof counts)[number]) => number) =>
    counts.reduce((total, count) => total + pick(count), 0);
  const memberships = peer.live?.memberships ?? [];
  return {
    address: peer.address,
    remoteAs: peer.remoteAs,
    remoteRouterId: peer.remoteRouterId === null ? null : formatIpv4(peer.remoteRouterId),
    state: session.state,
    uptimeSeconds: seconds(speaker.clock.now() - session.turnedAt),
    everEstablished: peer.everEstablished,
    dynamic: peer.identity.dynamic,
    routeReflectorClient: settings.routeReflectorClient,
    description: settings.description,
    messagesReceived: session.counters.received[0]!,
    messagesSent: session.counters.sent[0]!,
    tableVersion: speaker.tables.byFamily.reduce((total, table) => total + table.version, 0),
    inQueue: 0,
    outQueue: memberships.reduce((total, place) => total + (place ? place.group.queuedFor(place.member) : 0), 0),
    prefixes: {
      received: sum((count) => count.received),
      accepted: sum((count) => count.accepted),
      advertised: sum((count) => count.advertised),
    },
    lastError: errorView(session.lastError),
    lastDrop: errorView(session.lastDrop),
    stateReason: stateReason(peer),
    disabled: peer.admin.disabled,
    disabledText: peer.admin.text,
    draining: peer.admin.draining,
    bfd: bfdState(speaker.bfd?.state(peer.address) ?? null),
  };
}

/** Of somebody whom we don't dial nothing is known before it has come. */
function stateReason({ session, settings, admin }: Peer): string | null {
  if (session.state === "Established") return null;
  if (admin.disabled) return `it is disabled${admin.text === "" ? "" : `: ${admin.text}`}`;
  const known = session.lastDown?.text ?? session.lastError?.text;
  return known ?? (settings.passive ? "it has not connected, and we don't dial it" : null);
}

const messageCounts = (counts: readonly number[]): MessageCounts => ({
  open: counts[1]!,
  update: counts[2]!,
  notification: counts[3]!,
  keepalive: counts[4]!,
  routeRefresh: counts[5]!,
});

function familyDetail(speaker: SpeakerState, peer: Peer, family: Family): NeighborFamily {
  const maximum = peer.settings.families[family]?.maximumPrefix ?? null;
  const member = peer.membership(family)?.member;
  return {
    family: familyName(family),
    ...familyCounts(speaker, peer, family),
    endOfRibSent: member?.state === "following",
    endOfRibReceived: peer.live?.endOfRibReceived[family] ?? false,
    addPathSend: peer.live?.codec.addPathSend[family] ?? false,
    addPathReceive: peer.live?.codec.addPathReceive[family] ?? false,
    maximumPrefix: maximum && { limit: maximum.limit, action: maximum.action },
  };
}

/** The hold timer runs since then; null without one. */
const sinceLastMessage = (holdTimeSeconds: number, leftMs: number | null): number | null =>
  leftMs === null ? null : Math.max(0, seconds(holdTimeSeconds * 1000 - leftMs));

/** Counted by a walk: asked for by people, and only of a peer that is away. */
function staleRoutes(speaker: SpeakerState, { source }: Peer): number {
  let count = 0;
  for (const table of speaker.tables.byFamily)
    for (let path = table.nextPathOf(source, 0); path !== 0; path = table.nextPathOf(source, path))
      if (table.isStale(path)) count++;
  return count;
}

/** Everything about one neighbor. */
export function neighborDetail(speaker: SpeakerState, peer: Peer): NeighborDetail {
  const { session, settings, live } = peer;
  const { timers } = settings;
  const capabilities = session.capabilities();
  const words = (list: readonly CapabilityText[] | undefined): CapabilityText[] => [...(list ?? [])];
  const { ends } = session;
  const restart = live?.agreed.gracefulRestart;
  return {
    ...neighborSummary(speaker, peer),
    localAs: settings.localAs,
    kind: settings.kind,
    peerGroup: settings.peerGroup,
    hostName: capabilities?.peerHostName ?? null,
    localAddress: ends?.localAddress ?? settings.localAddress,
    localPort: ends?.localPort ?? null,
    remotePort: ends?.remotePort ?? null,
    passive: settings.passive || peer.identity.dynamic,
    flaps: peer.flaps,
    timers: {
      holdTimeSeconds: live?.agreed.holdTimeSeconds ?? timers.holdTimeSeconds,
      keepaliveSeconds: live?.agreed.keepaliveSeconds ?? timers.keepaliveSeconds,
      connectRetrySeconds: timers.connectRetrySeconds,
      advertisementIntervalSeconds: timers.advertisementIntervalSeconds,
      configuredHoldTimeSeconds: timers.holdTimeSeconds,
      sinceLastMessageSeconds:
        live === null ? null : sinceLastMessage(live.agreed.holdTimeSeconds, session.timers().holdMs),
    },
    capabilities: {
      sent: words(capabilities?.sent),
      received: words(capabilities?.received),
      used: words(capabilities?.used),
    },
    families: families
      .filter((family) => settings.families[family])
      .map((family) => familyDetail(speaker, peer, family)),
    messages: { received: messageCounts(session.counters.received), sent: messageCounts(session.counters.sent) },
    gracefulRestart:
      restart || peer.restarting
        ? {
            restartTimeSeconds: restart?.restartTimeSeconds ?? null,
            staleRoutes: peer.restarting ? staleRoutes(speaker, peer) : 0,
          }
        : null,
    importPolicy: settings.importPolicy === null ? null : [...settings.importPolicy],
    exportPolicy: settings.exportPolicy === null ? null : [...settings.exportPolicy],
    nextHop: settings.nextHop,
  };
}
