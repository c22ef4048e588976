import type { PeerMetrics } from "../view/metrics-port.ts";

interface Totals {
  flaps: number;
  /** By message type; index 0 is not used. */
  readonly received: number[];
  readonly sent: number[];
}

const TYPES = 6;
const none = (): Totals => ({
  flaps: 0,
  received: new Array<number>(TYPES).fill(0),
  sent: new Array<number>(TYPES).fill(0),
});

/**
 * Sums over all peers that only grow: what a peer had counted when it was last seen stays in them after it is gone (a
 * member of a range that left, a neighbor that was removed), and one that comes back anew counts on.
 */
export class SessionTotals {
  readonly #gone = none();
  #seen = new Map<string, Totals>();

  update(peers: Iterable<PeerMetrics>): Totals {
    const now = new Map<string, Totals>();
    const sum = copyOf(this.#gone);
    for (const { peer, flaps, received, sent } of peers) {
      const counts = { flaps, received: [...received], sent: [...sent] };
      const before = this.#seen.get(peer);
      // Smaller than before: another session under the same address.
      if (
        before &&
        before.received[KEEPALIVE]! + before.sent[KEEPALIVE]! > (received[KEEPALIVE] ?? 0) + (sent[KEEPALIVE] ?? 0)
      ) {
        add(this.#gone, before);
        add(sum, before);
      }
      now.set(peer, counts);
      add(sum, counts);
    }
    for (const [peer, counts] of this.#seen)
      if (!now.has(peer)) {
        add(this.#gone, counts);
        add(sum, counts);
      }
    this.#seen = now;
    return sum;
  }
}

const KEEPALIVE = 4;

function add(to: Totals, counts: Totals): void {
  to.flaps += counts.flaps;
  for (let i = 1; i < TYPES; i++) {
    to.received[i]! += counts.received[i] ?? 0;
    to.sent[i]! += counts.sent[i] ?? 0;
  }
}

const copyOf = ({ flaps, received, sent }: Totals): Totals => ({ flaps, received: [...received], sent: [...sent] });
