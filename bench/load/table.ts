import type { Random } from "../../src/lib/random.ts";
import { PrefixIndex } from "./prefix-index.ts";

/** What a made-up table looks like; each field has a default that performance figures are quoted with. */
export interface TableShape {
  readonly routes: number;
  readonly family: 4 | 6;
  readonly seed: number;
  /** "internet": as full tables are; "flat": every length of a wide range alike, an unfriendly mix. */
  readonly lengths: "internet" | "flat";
  /** Exactly so many prefixes share each attribute set; absent: as in the wild (see `sharing`). */
  readonly perSet?: number;
}

export interface AttributeSet {
  readonly origin: number;
  readonly asPath: readonly number[];
  readonly med: number | null;
  readonly localPref: number;
  readonly communities: readonly number[];
  /** Three words each. */
  readonly largeCommunities: readonly number[];
}

/** Prefixes by number, grouped by attribute set: set `s` has the prefixes `setStart[s]` up to `setStart[s + 1]`. */
export interface Table {
  readonly family: 4 | 6;
  readonly prefixes: PrefixIndex;
  readonly setStart: Int32Array;
}

/** Draws distinct prefixes and how many of them share each attribute set; the sets themselves come from `makeSets`. */
export function makeTable(shape: TableShape, random: Random): Table {
  const { routes, family } = shape;
  const prefixes = new PrefixIndex(routes);
  const drawLength = lengthSampler(shape, random);
  while (prefixes.count < routes) {
    const length = drawLength();
    if (family === 4) prefixes.add(ipv4(random, length), 0, length);
    else prefixes.add(...ipv6(random, length), length);
  }
  const starts: number[] = [];
  for (let at = 0; at < routes; at += shape.perSet ?? sharing(random)) starts.push(at);
  return { family, prefixes, setStart: Int32Array.from([...starts, routes]) };
}

/** How many prefixes share an attribute set: 1..200, 40 % alone, mean 12 (the rest a bounded Pareto with exponent 0.5074). */
function sharing(random: Random): number {
  if (random.next() < 0.4) return 1;
  const [low, high, alpha] = [2, 200.99, 0.50736];
  return Math.floor(low * (1 - random.next() * (1 - (low / high) ** alpha)) ** (-1 / alpha));
}

/** Attribute sets as seen in the wild: AS_PATH of 1-6, MED on 30 %, 1-8 communities on 70 %, large ones on 10 %. */
export function makeSets(count: number, random: Random, firstAs?: number): AttributeSet[] {
  const below = (n: number) => Math.floor(random.next() * n);
  const sets: AttributeSet[] = [];
  for (let i = 0; i < count; i++) {
    const asPath = Array.from({ length: 1 + below(6) }, () => 1000 + below(400_000));
    if (firstAs !== undefined) asPath[0] = firstAs;
    const communities =
      random.next() < 0.7 ? draws(1 + below(8), () => (1 + below(64_000)) * 65_536 + below(65_000)) : [];
    const large =
      random.next() < 0.1
        ? draws(1 + below(4), () => 1000 + below(400_000)).flatMap((as) => [as, below(1000), below(1000)])
        : [];
    sets.push({
      origin: random.next() < 0.9 ? 0 : 2,
      asPath,
      med: random.next() < 0.3 ? below(1000) : null,
      localPref: 100,
      communities,
      largeCommunities: large,
    });
  }
  return sets;
}

/** Distinct and in order, as most speakers send them whatever the order they came in. */
const draws = (count: number, draw: () => number): number[] =>
  [...new Set(Array.from({ length: count }, draw))].sort((a, b) => a - b);

function lengthSampler(shape: TableShape, random: Random): () => number {
  const weights = new Map<number, number>();
  if (shape.family === 6) {
    const rows = shape.lengths === "flat" ? [28, 64] : null;
    if (rows) for (let l = rows[0]!; l <= rows[1]!; l++) weights.set(l, 1);
    else
      for (const [l, w] of [
        [48, 46],
        [32, 14],
        [44, 9],
        [40, 9],
        [36, 6],
        [46, 5],
        [29, 4],
        [47, 4],
        [64, 3],
      ] as const)
        weights.set(l, w);
  } else if (shape.lengths === "flat") {
    for (let l = 16; l <= 32; l++) weights.set(l, Math.min(1, 2 ** (l - 18)));
  } else {
    // 60 % /24, 12 % /22, 10 % /23; the rest /12../21, each twice as often as the next shorter (there are only so many).
    weights.set(24, 60).set(22, 12).set(23, 10);
    for (let l = 12; l <= 21; l++) weights.set(l, (18 * 2 ** (l - 12)) / 1023);
  }
  const table = [...weights];
  const total = table.reduce((sum, [, weight]) => sum + weight, 0);
  return () => {
    let rest = random.next() * total;
    for (const [length, weight] of table) {
      rest -= weight;
      if (rest < 0) return length;
    }
    return table.at(-1)![0];
  };
}

/** Unicast space that every daemon takes: not 0/8, 10/8 (the bench's own), 127/8 or above 223/8. */
function ipv4(random: Random, length: number): number {
  for (;;) {
    const word = (random.next() * 0x100000000) >>> 0;
    const first = word >>> 24;
    if (first > 0 && first < 224 && first !== 10 && first !== 127)
      return length === 32 ? word : (word & (-1 << (32 - length))) >>> 0;
  }
}

/** Within 2000::/3. */
function ipv6(random: Random, length: number): [number, number] {
  const high = (0x20000000 | (random.next() * 0x20000000)) >>> 0;
  const low = (random.next() * 0x100000000) >>> 0;
  return length <= 32
    ? [length === 32 ? high : (high & (-1 << (32 - length))) >>> 0, 0]
    : [high, length === 64 ? low : (low & (-1 << (64 - length))) >>> 0];
}
