import type { FibHop } from "../kernel/records.ts";

/** What the kernel takes as the weight of a hop. */
const HEAVIEST = 256;

/**
 * The hops of several next hops, each with its share of the packets. A next hop that is reached by several hops divides its share among
 * them as the kernel's own route does; what two of them have in common adds up. The kernel knows whole numbers up to 256 only: shares
 * that are none come as near as these allow, and none is lost.
 */
export function sharedHops(hopsOf: readonly (readonly FibHop[])[], shares: readonly number[]): FibHop[] {
  const hops: { hop: FibHop; share: number }[] = [];
  for (const [i, ways] of hopsOf.entries()) {
    const whole = ways.reduce((sum, { weight }) => sum + weight, 0);
    for (const hop of ways) {
      const share = (shares[i]! * hop.weight) / whole;
      const same = hops.find(
        ({ hop: other }) => other.ifindex === hop.ifindex && String(other.via) === String(hop.via),
      );
      if (same === undefined) hops.push({ hop, share });
      else same.share += share;
    }
  }
  const most = Math.max(0, ...hops.map(({ share }) => share));
  const asTheyAre = most <= HEAVIEST && hops.every(({ share }) => Number.isInteger(share));
  const scale = asTheyAre ? 1 : HEAVIEST / most;
  return hops.map(({ hop, share }) => ({ ...hop, weight: Math.max(1, Math.round(share * scale)) }));
}
