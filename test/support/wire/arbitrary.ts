import fc from "fast-check";
import type { LargeCommunity } from "../../../src/lib/communities.ts";
import type { ExtendedCommunity } from "../../../src/lib/extended-communities.ts";
import type { AsSegment, PathAttributes } from "../../../src/wire/attribute/types.ts";

const word = fc.nat(0xffffffff);
const as = fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 0x10000, max: 0xffffffff }));
const segment: fc.Arbitrary<AsSegment> = fc.record({
  type: fc.constantFrom(1 as const, 2 as const, 2 as const, 2 as const),
  asns: fc.oneof(
    { weight: 9, arbitrary: fc.array(as, { minLength: 1, maxLength: 6 }) },
    fc.array(as, { minLength: 250, maxLength: 255 }),
  ),
});

const byWords = (a: readonly number[], b: readonly number[]): number => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
};
const sortedUnique = <T extends readonly number[]>(list: readonly T[]): T[] =>
  list.toSorted(byWords).filter((each, at, all) => at === 0 || byWords(each, all[at - 1]!) !== 0);

/** Codes that we don't implement. */
const unknownCode = fc.constantFrom(11, 13, 20, 24, 33, 40, 99, 128, 255);

/** Any route that may stand in the store: canonical lists, no next hop. */
export const attributesArbitrary: fc.Arbitrary<PathAttributes> = fc.record({
  origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
  asPath: fc.array(segment, { maxLength: 4 }),
  nextHop: fc.constant(null),
  med: fc.option(word),
  localPref: fc.option(word),
  atomicAggregate: fc.boolean(),
  aggregator: fc.option(fc.record({ as, address: word }), { freq: 3 }),
  communities: fc.uniqueArray(word, { maxLength: 70 }).map((list) => list.toSorted((a, b) => a - b)),
  originatorId: fc.option(word),
  clusterList: fc.array(word, { maxLength: 4 }),
  extendedCommunities: fc
    .array(fc.tuple(word, word), { maxLength: 5 })
    .map((list) => sortedUnique<ExtendedCommunity>(list)),
  largeCommunities: fc
    .array(fc.tuple(word, word, word), { maxLength: 5 })
    .map((list) => sortedUnique<LargeCommunity>(list)),
  onlyToCustomer: fc.option(word, { freq: 2 }),
  unknown: fc
    .uniqueArray(fc.record({ code: unknownCode, flags: fc.constant(0xe0), value: fc.uint8Array({ maxLength: 300 }) }), {
      selector: ({ code }) => code,
      maxLength: 3,
    })
    .map((list) => list.toSorted((a, b) => a.code - b.code)),
  partial: fc.constant([]),
});
