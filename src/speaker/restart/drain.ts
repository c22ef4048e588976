import type { Clock } from "../../lib/clock.ts";
import { Community } from "../../lib/communities.ts";
import type { AttributeStore } from "../../rib/attribute-store.ts";
import type { StopOptions } from "../../session/peer-session.ts";
import { ceaseOf } from "../../session/reason.ts";
import { withCommunity } from "../../wire/attribute/communities.ts";
import { CeaseError, type CeaseSubcode, hardReset } from "../../wire/errors.ts";
import type { Peer } from "../peer.ts";

/** How often it is looked whether everything has been taken. */
const LOOK_MS = 50;
/** A peer that takes nothing for this long isn't waited for. */
const PATIENCE_SECONDS = 30;

export interface DrainOutcome {
  /** False: the time ran out before all peers had taken everything. */
  readonly complete: boolean;
  readonly waitingFor: readonly string[];
  readonly text: string;
}

/** What leaving needs of the speaker. */
export interface DrainParts {
  readonly clock: Clock;
  readonly store: AttributeStore;
  peers(): Iterable<Peer>;
  /** The last step of everything that is advertised, from now on; all of it is told anew. */
  finishWith(step: (set: number) => number): void;
}

/** The same route, to be used only as long as there is no other: RFC 8326 §4.1, for internal peers by LOCAL_PREF 0. */
export function lastResort(store: AttributeStore): (set: number) => number {
  return (set) => {
    const attributes = store.view(set);
    const communities = withCommunity(attributes.communities, Community.GracefulShutdown);
    return store.intern({ ...attributes, communities, localPref: 0 }, store.nextHop[set]!);
  };
}

/**
 * Leaves for good (RFC 8326): routes become the last resort, so that peers move to others while packets still get through;
 * then they are withdrawn; then sessions end, by a hard reset where a mere one would make the peer keep them (RFC 8538).
 */
export async function drain(parts: DrainParts, waitSeconds: number): Promise<DrainOutcome> {
  const { clock, store } = parts;
  const pause = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
  const behind = () => [...parts.peers()].filter(isBehind).map((peer) => peer.address);
  const untilTaken = async (): Promise<string[]> => {
    for (const end = clock.now() + PATIENCE_SECONDS * 1000; clock.now() < end; await pause(LOOK_MS))
      if (behind().length === 0) return [];
    return behind();
  };
  parts.finishWith(lastResort(store));
  await pause(LOOK_MS);
  const late = new Set(await untilTaken());
  await pause(waitSeconds * 1000);
  parts.finishWith(() => 0);
  await pause(LOOK_MS);
  for (const address of await untilTaken()) late.add(address);
  for (const peer of parts.peers()) peer.session.stop(forGood(peer, CeaseError.AdministrativeShutdown));
  const waitingFor = [...late];
  return {
    complete: waitingFor.length === 0,
    waitingFor,
    text:
      waitingFor.length === 0
        ? "all peers have taken the withdrawals"
        : `gave up waiting for ${waitingFor.join(", ")} after ${PATIENCE_SECONDS} seconds`,
  };
}

/** How to part so that the peer keeps nothing: with the N-bit a mere Cease would make it keep our routes (RFC 8538 §3.1). */
export const forGood = (peer: Peer, subcode: CeaseSubcode, text = ""): StopOptions =>
  peer.live?.agreed.gracefulRestart?.notification
    ? { notification: hardReset(ceaseOf(subcode, text)) }
    : { subcode, text };

/** How long a stop waits for sockets to take what is on its way, and how often it looks. */
const FLUSH_MS = 1000;
const FLUSH_LOOK_MS = 20;

/** Before a planned restart: what is on its way is sent. */
export async function sendRest(peers: Iterable<Peer>, clock: Clock): Promise<void> {
  for (const end = clock.now() + FLUSH_MS; clock.now() < end && [...peers].some(isBehind); )
    await new Promise<void>((resolve) => clock.setTimer(FLUSH_LOOK_MS, resolve));
}

/**
 * Then peers that keep our routes meanwhile lose the connection without a word (with the N-bit: by a Cease that keeps them, RFC 8538),
 * and the others are told.
 */
export function sayGoodbye(peers: Iterable<Peer>): void {
  for (const peer of peers) {
    const restart = peer.live?.agreed.gracefulRestart;
    const quiet = restart != null && !restart.notification && peer.settings.gracefulRestart?.restarter === true;
    peer.session.stop(quiet ? { quiet } : { subcode: CeaseError.AdministrativeShutdown });
  }
}

/** Whether something is on its way to a peer that its socket has not taken. */
const isBehind = (peer: Peer): boolean =>
  peer.live !== null &&
  (peer.session.backlog > 0 || peer.live.memberships.some((place) => place && !place.group.isCurrent(place.member)));
