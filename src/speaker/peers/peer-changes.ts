import { isDeepStrictEqual } from "node:util";
import { type ConfigDiff, effectsOf, neighborKey } from "../../config/diff.ts";
import type { Config } from "../../config/model.ts";
import { identityOf, type Peer, type PeerIdentity } from "../peer.ts";
import type { Peers } from "./peers.ts";

/** What a new config does to one peer. */
export type PeerFate =
  | { readonly peer: Peer; readonly fate: "goes" }
  | { readonly peer: Peer; readonly fate: "restarts"; readonly identity: PeerIdentity }
  /** Stays up under another identity; with `refresh` it has to tell its routes again. */
  | { readonly peer: Peer; readonly fate: "changes"; readonly identity: PeerIdentity; readonly refresh: boolean };

/** What becomes of the peers that are there, and which ones are new; who isn't named notices nothing. */
export interface PeerChanges {
  readonly fates: readonly PeerFate[];
  readonly added: readonly PeerIdentity[];
}

/** Peers that are looked at in one go. */
const SLICE = 64;

/** In slices. @param peers who know the new ranges already */
export function* peerChanges(peers: Peers, config: Config, diff: ConfigDiff): Generator<undefined, PeerChanges> {
  const ofRouter = new Set(diff.router.map((change) => change.effect));
  const everyone = ofRouter.has("export") || ofRouter.has("import");
  const changeOf = new Map([...diff.neighbors, ...diff.ranges].map((change) => [change.key, change]));
  const wanted = new Map<string, PeerIdentity>();
  for (const [i, neighbor] of config.neighbors.entries()) {
    if (i % SLICE === SLICE - 1) yield;
    wanted.set(neighborKey(neighbor), identityOf(neighbor));
  }
  const fates: PeerFate[] = [];
  for (const [i, peer] of [...peers].entries()) {
    if (i % SLICE === SLICE - 1) yield;
    const before = peer.identity;
    const key = before.dynamic ? (peers.rangeOf(peer) ?? "") : peer.address;
    // Listed beats range and the longer range the shorter, also for a member that came before them.
    const range = before.dynamic ? peers.rangeFor(peer.address) : undefined;
    const identity = wanted.get(peer.address) ?? (range && peers.member(peer.address, range));
    wanted.delete(peer.address);
    if (identity === undefined) {
      fates.push({ peer, fate: "goes" });
      continue;
    }
    const moved = before.dynamic && (!identity.dynamic || range?.range !== key);
    const effects = moved ? effectsOf(before.settings, identity.settings, diff.policies) : changeOf.get(key)?.effects;
    if (effects?.has("restart") || ofRouter.has("restart")) fates.push({ peer, fate: "restarts", identity });
    else if (effects !== undefined || everyone || !isDeepStrictEqual(before.blocks, identity.blocks))
      fates.push({ peer, fate: "changes", identity, refresh: effects?.has("refresh") ?? false });
  }
  return { fates, added: [...wanted.values()] };
}
