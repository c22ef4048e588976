import type { Random } from "../../src/lib/random.ts";

/** A whole number below `bound`. */
export const below = (random: Random, bound: number): number => Math.floor(random.next() * bound);

export const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

/**
 * Attributes of an internal route as nodes and gateways of a cluster send them: few values, so that the decision goes down to its last
 * steps and sets are shared; now and then an attribute that no daemon knows.
 */
export function randomAttributes(random: Random, nextHop: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x40, 1, 1, below(random, 3)])];
  const path = Array.from({ length: below(random, 4) }, () => 64_512 + below(random, 8));
  parts.push(
    path.length === 0 ? Buffer.from([0x40, 2, 0]) : Buffer.from([0x40, 2, 2 + 4 * path.length, 2, path.length]),
  );
  parts.push(words(path));
  parts.push(Buffer.from([0x40, 3, 4]), nextHop);
  if (below(random, 2) === 0) parts.push(Buffer.from([0x80, 4, 4]), words([below(random, 3)]));
  parts.push(Buffer.from([0x40, 5, 4]), words([100 + below(random, 2)]));
  // Each one once: twice the same says nothing new, and ours leaves it out where BIRD passes it on.
  const communities = [...new Set(Array.from({ length: below(random, 5) }, () => (65_001 << 16) + below(random, 200)))];
  if (communities.length > 0) parts.push(Buffer.from([0xc0, 8, 4 * communities.length]), words(communities));
  if (below(random, 4) === 0)
    parts.push(Buffer.from([0xc0, 32, 12]), words([65_001, below(random, 5), below(random, 50)]));
  if (below(random, 8) === 0) parts.push(Buffer.from([0xc0, 99, 4]), words([below(random, 1000)]));
  return Buffer.concat(parts);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i);
  return bytes;
}
