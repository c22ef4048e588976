import fc from "fast-check";
import t from "tap";
import {
  type ExtendedCommunity,
  formatExtendedCommunity,
  tryParseExtendedCommunity,
} from "../../src/lib/extended-communities.ts";

/** Octets and text, as the RFCs and the field have them; both ways. */
const pairs: readonly (readonly [ExtendedCommunity, string])[] = [
  // RFC 4360 §3.1, RFC 5668 §2, RFC 4360 §3.2
  [[0x0002fde9, 100], "rt:65001:100"],
  [[0x0002fde9, 0xffffffff], "rt:65001:4294967295"],
  [[0x0202fa56, 0xea010064], "rt:4200000001:100"],
  [[0x0102c000, 0x02010007], "rt:192.0.2.1:7"],
  [[0x01030a00, 0x00010007], "soo:10.0.0.1:7"],
  [[0x0003fde9, 0], "soo:65001:0"],
  // A gigabit a second: 125,000,000 octets as a float
  [[0x4004fde9, 0x4cee6b28], "lb:65001:125000000"],
  [[0x4004fde9, 0], "lb:65001:0"],
  // What is no route target of ours to write: not transitive, a small AS in four octets, not even an RT
  [[0x4002fde9, 100], "0x4002fde900000064"],
  [[0x02020000, 0xfde90064], "0x02020000fde90064"],
  [[0x43000000, 0x00000001], "0x4300000000000001"],
  [[0x8002fde9, 100], "0x8002fde900000064"],
  // Bandwidths that are no whole number of octets: half of one, -1, infinite, none at all
  [[0x4004fde9, 0x3f000000], "0x4004fde93f000000"],
  [[0x4004fde9, 0xbf800000], "0x4004fde9bf800000"],
  [[0x4004fde9, 0x7f800000], "0x4004fde97f800000"],
  [[0x4004fde9, 0x80000000], "0x4004fde980000000"],
  [[0x0004fde9, 0x4cee6b28], "0x0004fde94cee6b28"],
];

t.test(
  "extended communities are text and octets, both ways (RFC 4360 §3 to §5, RFC 5668, link bandwidth)",
  async (t) => {
    for (const [community, text] of pairs) {
      t.equal(formatExtendedCommunity(community), text);
      t.same(tryParseExtendedCommunity(text), community, text);
    }
  },
);

t.test("what is shown of any eight octets says exactly these", async (t) => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const kinds = fc.constantFrom(0x0002, 0x0003, 0x0102, 0x0103, 0x0202, 0x0203, 0x4004, 0x0004, 0x4002, 0x8003);
  const high = fc.oneof(
    word,
    fc.tuple(kinds, fc.integer({ min: 0, max: 0xffff })).map(([kind, rest]) => ((kind << 16) | rest) >>> 0),
  );
  fc.assert(
    fc.property(high, fc.oneof(word, fc.constant(0)), (a, b) =>
      t.same(tryParseExtendedCommunity(formatExtendedCommunity([a, b])), [a, b]),
    ),
  );
});

t.test("a site of origin is also read by its other name, and digits in either case", async (t) => {
  t.same(tryParseExtendedCommunity("ro:65001:7"), tryParseExtendedCommunity("soo:65001:7"));
  t.same(tryParseExtendedCommunity("0x4300ABCD00000001"), [0x4300abcd, 1]);
});

t.test("anything else is no extended community", async (t) => {
  for (const text of [
    "65001:100",
    "rt:65001",
    "rt:65001:4294967296",
    "rt:65536:65536",
    "rt:4294967296:1",
    "rt:10.0.0.1:65536",
    "rt:10.0.0:1",
    "rt:1.10:1",
    "rt:-1:1",
    "rt:65001:*",
    "lb:65536:1",
    "lb:10.0.0.1:1",
    "lb:65001:1.5",
    "0x43",
    "0x430000000000000g",
    "RT:65001:100",
    "",
  ])
    t.equal(tryParseExtendedCommunity(text), undefined, text);
});
