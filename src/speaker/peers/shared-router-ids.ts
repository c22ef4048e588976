import type { Peer } from "../peer.ts";

/** Pairs that the log was told of; beyond these nobody needs more examples. */
const MOST_SAID = 1000;

/**
 * Which neighbor has which BGP identifier. It must be unique within an AS (RFC 6286 §2.1), and behind a reflector it matters: each of
 * two nodes that share one takes the other's routes for its own that came back, and drops them (RFC 4456 §8). Neither hears the other's
 * OPEN, so only their common peer can tell. Sessions over IPv4 and IPv6 are told apart: one router has both.
 */
export class SharedRouterIds {
  readonly #holders = new Map<string, Peer>();
  readonly #said = new Set<string>();

  /** An internal session is Established: the other neighbor with its identifier, if there's one that nobody was told of yet. */
  came(peer: Peer): Peer | null {
    const key = keyOf(peer);
    const holder = this.#holders.get(key);
    if (holder === undefined || holder === peer || holder.live === null) {
      this.#holders.set(key, peer);
      return null;
    }
    const pair = [holder.address, peer.address].sort().join(" ");
    if (this.#said.has(pair) || this.#said.size >= MOST_SAID) return null;
    this.#said.add(pair);
    return holder;
  }

  left(peer: Peer): void {
    const key = keyOf(peer);
    if (this.#holders.get(key) === peer) this.#holders.delete(key);
  }
}

const keyOf = ({ address, remoteRouterId }: Peer): string => `${address.includes(":") ? 6 : 4} ${remoteRouterId}`;
