import fc from "fast-check";
import t from "tap";
import { ByteReader, ByteWriter } from "../../src/lib/bytes.ts";
import { asPathLength, checkAsPath, neighborAs } from "../../src/wire/attribute/as-path.ts";
import { decodeCanonical, encodeCanonical } from "../../src/wire/attribute/canonical.ts";
import { Canonicalizer } from "../../src/wire/attribute/canonicalizer.ts";
import { decodeAttributes } from "../../src/wire/attribute/decode.ts";
import { codecs } from "../../src/wire/attribute/table.ts";
import { type AsSegment, emptyAttributes, type PathAttributes } from "../../src/wire/attribute/types.ts";
import { codecContext } from "../../src/wire/context.ts";
import { attribute, hex, update } from "../../testbed/speaker/octets.ts";
import { attributesArbitrary } from "../support/wire/arbitrary.ts";
import { good, scan } from "../support/wire/messages.ts";

const canonical = (attributes: PathAttributes): string => {
  const out = new ByteWriter(1);
  encodeCanonical(attributes, out);
  return hex(out.copy());
};
const read = (text: string): PathAttributes => {
  const data = Uint8Array.from(Buffer.from(text, "hex"));
  return decodeCanonical(data, 0, data.length);
};
const sequence = (...asns: number[]): AsSegment => ({ type: 2, asns });
const set = (...asns: number[]): AsSegment => ({ type: 1, asns });

t.test("the canonical form is sorted by code, with unknown attributes in their place", async (t) => {
  const attributes: PathAttributes = {
    ...emptyAttributes,
    asPath: [sequence(65001)],
    med: 7,
    localPref: 100,
    largeCommunities: [[1, 2, 3]],
    onlyToCustomer: 65001,
    unknown: [
      { code: 20, flags: 0xe0, value: Uint8Array.of(1) },
      { code: 34, flags: 0xe0, value: new Uint8Array(0) },
      { code: 99, flags: 0xe0, value: Uint8Array.of(2) },
    ],
  };
  const parts = [good.origin, attribute(0x40, 2, "02010000fde9"), attribute(0x80, 4, "00000007"), good.localPref];
  parts.push(attribute(0xe0, 20, "01"), attribute(0xc0, 32, "000000010000000200000003"), attribute(0xe0, 34));
  parts.push(attribute(0xc0, 35, "0000fde9"), attribute(0xe0, 99, "02"));
  t.equal(canonical(attributes), parts.join(""));
  t.same(read(canonical(attributes)), attributes);
});

t.test("ORIGIN and AS_PATH are always there; the next hop never is: the store keeps it beside the set", async (t) => {
  const text = canonical({ ...emptyAttributes, nextHop: { words: [1], linkLocal: null } });
  t.equal(text, attribute(0x40, 1, "00") + attribute(0x40, 2, ""));
  t.same(read(text), emptyAttributes);
});

t.test(
  "communities have no order, so equal sets have equal bytes, and none is there twice (RFC 1997, 4360, 8092 §5)",
  async (t) => {
    const one = canonical({
      ...emptyAttributes,
      communities: [0xffffff01, 1, 3, 1],
      extendedCommunities: [
        [0x80000000, 1],
        [2, 9],
        [2, 8],
        [2, 9],
      ],
      largeCommunities: [
        [3, 0, 0],
        [1, 2, 4],
        [1, 2, 3],
        [3, 0, 0],
      ],
    });
    const other = canonical({
      ...emptyAttributes,
      communities: [1, 3, 0xffffff01],
      extendedCommunities: [
        [2, 8],
        [2, 9],
        [0x80000000, 1],
      ],
      largeCommunities: [
        [1, 2, 3],
        [1, 2, 4],
        [3, 0, 0],
      ],
    });
    t.equal(one, other);
  },
);

t.test("neighbors that are alike are one, too", async (t) => {
  const twice = { communities: [7, 7], extendedCommunities: [[2, 8] as const, [2, 8] as const] };
  const once = { communities: [7], extendedCommunities: [[2, 8] as const] };
  const large = [1, 2, 3] as const;
  t.equal(
    canonical({ ...emptyAttributes, ...twice, largeCommunities: [large, large] }),
    canonical({ ...emptyAttributes, ...once, largeCommunities: [large] }),
  );
});

t.test("the hot way writes Extended Length where the table does, and drops what is there twice", async (t) => {
  const context = codecContext();
  const extended = [...Array(2)].map(() => "0002fde900000064").join("");
  for (const text of [
    attribute(0xf0, 99, "07".repeat(255)),
    attribute(0xe0, 99, "07".repeat(256)),
    attribute(0xc0, 16, extended),
  ]) {
    const data = update({ attributes: [good.origin, good.asPath, good.nextHop, text], nlri: "00" });
    const layout = scan(data, context);
    const hot = new Canonicalizer();
    const plain = canonical(decodeAttributes(data, layout, context, "ipv4-nlri").attributes!);
    if (hot.run(data, layout, context, "ipv4-nlri")) t.equal(hex(hot.bytes.subarray(0, hot.length)), plain);
    else t.equal(text.slice(2, 4), "10", "only lists that have to be put in order are left to the table");
  }
});

t.test("values of more than 255 octets get Extended Length, shorter ones never (RFC 4271 §4.3)", async (t) => {
  const of = (octets: number) =>
    canonical({ ...emptyAttributes, unknown: [{ code: 99, flags: 0xe0, value: new Uint8Array(octets).fill(7) }] });
  const head = canonical(emptyAttributes);
  t.equal(of(255), `${head}e063ff${"07".repeat(255)}`);
  t.equal(of(256), `${head}f0630100${"07".repeat(256)}`);
  t.same(
    read(of(256)).unknown,
    [{ code: 99, flags: 0xe0, value: new Uint8Array(256).fill(7) }],
    "and it isn't remembered",
  );
});

t.test("an attribute that can't be written is refused: its length has two octets", async (t) => {
  const communities = Array.from({ length: 16384 }, (_, i) => i);
  t.throws(() => canonical({ ...emptyAttributes, communities }), {
    name: "RangeError",
    message: /attribute 8 of 65536/,
  });
  t.equal(read(canonical({ ...emptyAttributes, communities: communities.slice(1) })).communities.length, 16383);
});

t.test("a segment of more than 255 ASes is written as several (RFC 4271 §4.3)", async (t) => {
  const long = Array.from({ length: 600 }, (_, i) => i + 1);
  const back = read(canonical({ ...emptyAttributes, asPath: [sequence(...long)] })).asPath;
  t.same(
    back.map(({ asns }) => asns.length),
    [255, 255, 90],
  );
  t.same(
    back.flatMap(({ asns }) => asns),
    long,
  );
});

t.test("each row reads what it writes, those that the canonical form leaves out, too", async (t) => {
  const examples: Record<string, unknown> = {
    nextHop: { words: [0x0a000001], linkLocal: null },
    as4Path: [sequence(4200000001, 1), set(2)],
    as4Aggregator: { as: 4200000001, address: 7 },
    aggregator: { as: 4200000001, address: 7 },
    originatorId: 7,
    atomicAggregate: true,
  };
  for (const [field, value] of Object.entries(examples)) {
    const codec = codecs.find((codec) => codec.field === field)!;
    const out = new ByteWriter();
    codec.encode(out, value as never);
    t.same(codec.decode(new ByteReader(out.copy()), codecContext()), value, codec.name);
  }
});

t.test("any set read back from its canonical bytes is the same set, and its bytes are the same again", async (t) => {
  fc.assert(
    fc.property(attributesArbitrary, (attributes) => {
      const text = canonical(attributes);
      const again = read(text);
      t.same(again, attributes);
      return canonical(again) === text;
    }),
    { seed: 7606, numRuns: 200 },
  );
});

t.test(
  "canonical bytes are accepted by the decoder that reads peers' UPDATEs: what goes out is checked, too",
  async (t) => {
    const context = codecContext({ maxReceive: 65535 });
    fc.assert(
      fc.property(attributesArbitrary, (attributes) => {
        const data = update({ attributes: [canonical(attributes), good.nextHop], nlri: "00" });
        const found = decodeAttributes(data, scan(data, context), context, "ipv4-nlri");
        t.same(found.faults, []);
        t.same(found.attributes, { ...attributes, nextHop: { words: [0x0a000001], linkLocal: null } });
      }),
      { seed: 4456, numRuns: 200 },
    );
  },
);

/** The path and aggregator that a two-octet peer's attributes come to (RFC 6793 §4.2.3). */
const merge = (asPath: string, as4Path: string, aggregator = "", as4Aggregator = "") => {
  const context = codecContext({ peerKind: "external", fourOctetAs: false, enforceFirstAs: false });
  const attributes = [good.origin, attribute(0x40, 2, asPath), good.nextHop];
  if (aggregator !== "") attributes.push(attribute(0xc0, 7, aggregator));
  if (as4Path !== "") attributes.push(attribute(0xc0, 17, as4Path));
  if (as4Aggregator !== "") attributes.push(attribute(0xc0, 18, as4Aggregator));
  const data = update({ attributes, nlri: "00" });
  const found = decodeAttributes(data, scan(data, context), context, "ipv4-nlri");
  return { asPath: found.attributes?.asPath, aggregator: found.attributes?.aggregator };
};
const trans = "5ba0";
const wide = "fa56ea01";

t.test("AS4_PATH replaces the tail of AS_PATH; ASes that joined since stay in front (RFC 6793 §4.2.3)", async (t) => {
  t.same(merge(`0203 0064 00c8 ${trans}`, `0202 000000c8 ${wide}`).asPath, [sequence(100, 200, 4200000001)]);
  t.same(merge(`0201 ${trans}`, `0201 ${wide}`).asPath, [sequence(4200000001)]);
  t.same(merge(`0202 0064 ${trans}`, "").asPath, [sequence(100, 23456)], "without AS4_PATH nothing is known");
});

t.test("ASes that joined since may fill several segments", async (t) => {
  t.same(merge(`0201 0064 0201 00c8 0201 ${trans}`, `0201 ${wide}`).asPath, [sequence(100), sequence(200, 4200000001)]);
});

t.test("an AS4_PATH that is longer than AS_PATH is out of date and ignored", async (t) => {
  t.same(merge(`0201 ${trans}`, `0202 00000064 ${wide}`).asPath, [sequence(23456)]);
});

t.test("a set counts as one AS, and confederation segments as none, when the two are matched", async (t) => {
  t.same(merge(`0201 0064 0102 ${trans} 0001`, `0102 ${wide} 00000001`).asPath, [sequence(100), set(4200000001, 1)]);
  t.same(merge(`0102 0001 0002 0201 ${trans}`, `0201 ${wide}`).asPath, [set(1, 2), sequence(4200000001)]);
  t.same(merge(`0202 0001 0002 0102 0003 0004`, "0202 00000005 00000006").asPath, [sequence(1, 5, 6)]);
});

t.test("confederation segments leave AS4_PATH and the rest counts (RFC 6793 §6)", async (t) => {
  t.same(merge(`0202 0064 ${trans}`, `0301 00000007 0201 ${wide}`).asPath, [sequence(100, 4200000001)]);
  t.same(merge(`0202 0064 ${trans}`, `0301 00000007`).asPath, [sequence(100, 23456)]);
});

t.test("AS4_AGGREGATOR counts where AGGREGATOR says AS_TRANS; else both AS4 attributes are out of date", async (t) => {
  const path = `0202 0064 ${trans}`;
  const as4 = `0201 ${wide}`;
  t.same(merge(path, as4, `${trans} 0a000001`, `${wide} 0a000002`), {
    asPath: [sequence(100, 4200000001)],
    aggregator: { as: 4200000001, address: 0x0a000002 },
  });
  t.same(merge(path, as4, "0064 0a000001", `${wide} 0a000002`), {
    asPath: [sequence(100, 23456)],
    aggregator: { as: 100, address: 0x0a000001 },
  });
  t.same(merge(path, as4, "", `${wide} 0a000002`).aggregator, null, "without AGGREGATOR it is nobody's");
  t.same(merge(path, as4, `${trans} 0a000001`).aggregator, { as: 23456, address: 0x0a000001 });
});

t.test("path length and neighbor AS are those of the decision (RFC 4271 §9.1.2.2, RFC 5065 §5.3)", async (t) => {
  const confederation: AsSegment = { type: 3, asns: [7, 8] };
  t.equal(asPathLength([confederation, sequence(1, 2), set(3, 4, 5)]), 3);
  t.equal(neighborAs([confederation, sequence(1, 2)]), 1);
  t.equal(neighborAs([set(1, 2)]), 0);
  t.equal(neighborAs([]), 0);
});

t.test("an AS_PATH that a peer may not send is told with its kinds of segments", async (t) => {
  const path = [{ type: 3, asns: [7] }] as const;
  const context = codecContext({ peerKind: "external", remoteAs: 65001 });
  t.match(checkAsPath([sequence(65002, 1)], context)?.message, /must start with the peer's AS 65001, found "65002 1"/);
  t.match(checkAsPath([set(65001, 1)], context)?.message, /found "\{65001,1\}"/);
  t.match(checkAsPath(path, context)?.message, /confederation segments/);
});

t.test("attributes have the names of their RFCs", async (t) => {
  for (const { name } of codecs) t.match(name, /^[A-Z0-9_]+$/);
});
