import type { Peer } from "../peer.ts";

/** What sessions have counted in all. */
export interface SessionTotals {
  /** Times that one went down. */
  flaps: number;
  /** By message type (1 OPEN .. 5 ROUTE-REFRESH); index 0 is the sum. */
  readonly received: number[];
  readonly sent: number[];
}

/** So many addresses that have left are remembered with their flaps; the one that left longest ago is forgotten first. */
const MAX_ADDRESSES = 10_000;

/**
 * What stays of peers that are no longer there: members of ranges that went away, neighbors that a reload removed or made anew.
 * Sums over all peers never shrink, and an address that comes back has the flaps that it had.
 */
export class GonePeers {
  readonly #totals: SessionTotals = { flaps: 0, received: [0, 0, 0, 0, 0, 0], sent: [0, 0, 0, 0, 0, 0] };
  readonly #flaps = new Map<string, number>();

  left(peer: Peer): void {
    addCounts(this.#totals, peer);
    if (peer.flaps === 0) return;
    this.#flaps.set(peer.address, peer.flaps);
    if (this.#flaps.size <= MAX_ADDRESSES) return;
    const [longestAgo] = this.#flaps.keys();
    this.#flaps.delete(longestAgo!);
  }

  /** Flaps of an address, which is a peer again from now on. */
  returned(address: string): number {
    const flaps = this.#flaps.get(address) ?? 0;
    this.#flaps.delete(address);
    return flaps;
  }

  /** Of all sessions that there ever were, with those of `present`. */
  totals(present: Iterable<Peer>): SessionTotals {
    const { flaps, received, sent } = this.#totals;
    const sum: SessionTotals = { flaps, received: [...received], sent: [...sent] };
    for (const peer of present) addCounts(sum, peer);
    return sum;
  }
}

function addCounts(to: SessionTotals, { session: { flaps, counters } }: Peer): void {
  to.flaps += flaps;
  for (const direction of ["received", "sent"] as const)
    for (const [type, count] of counters[direction].entries()) to[direction][type]! += count;
}
