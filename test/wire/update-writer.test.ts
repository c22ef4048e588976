import fc from "fast-check";
import t from "tap";
import { formatPrefix, maskWord } from "../../src/lib/address.ts";
import { ByteWriter } from "../../src/lib/bytes.ts";
import { Family } from "../../src/lib/family.ts";
import { encodeCanonical } from "../../src/wire/attribute/canonical.ts";
import { decodeAttributes } from "../../src/wire/attribute/decode.ts";
import { type AsSegment, emptyAttributes, type NextHop, type PathAttributes } from "../../src/wire/attribute/types.ts";
import { codecContext } from "../../src/wire/context.ts";
import { HEADER_LENGTH } from "../../src/wire/framer.ts";
import { type AttributeTransform, plainTransform, writeAttributes } from "../../src/wire/message/attribute-writer.ts";
import { nlriSize, reachSize, UpdateWriter } from "../../src/wire/message/update-writer.ts";
import { attribute, hex } from "../../testbed/speaker/octets.ts";
import { attributesArbitrary } from "../support/wire/arbitrary.ts";
import { good, prefixes, scan } from "../support/wire/messages.ts";

interface Way {
  readonly transform?: Partial<AttributeTransform>;
  readonly nextHop?: number;
  readonly originatorId?: number;
}

/** The section that `attributes` become on this way out. */
function section(attributes: PathAttributes, { transform = {}, nextHop = -1, originatorId = 0 }: Way): Uint8Array {
  const canonical = new ByteWriter();
  canonical.u32(0xdeadbeef); // the set stands somewhere in a larger arena
  encodeCanonical(attributes, canonical);
  const end = canonical.length;
  canonical.u32(0xdeadbeef);
  const out = new ByteWriter(1);
  writeAttributes(canonical.bytes, 4, end, { ...plainTransform, ...transform }, nextHop, originatorId, out);
  return out.copy();
}

const sequence = (...asns: number[]): AsSegment => ({ type: 2, asns });
const text = (attributes: Partial<PathAttributes>, way: Way): string =>
  hex(section({ ...emptyAttributes, ...attributes }, way));

t.test("NEXT_HOP and LOCAL_PREF come in where they belong, the latter only where it misses", async (t) => {
  const asPath = attribute(0x40, 2, "02010000fde9");
  const set = { asPath: [sequence(65001)], med: 7 };
  const med = attribute(0x80, 4, "00000007");
  t.equal(text(set, {}), good.origin + asPath + med);
  t.equal(text(set, { nextHop: 0x0a000001 }), good.origin + asPath + good.nextHop + med);
  t.equal(
    text(set, { nextHop: 0x0a000001, transform: { localPref: 100 } }),
    good.origin + asPath + good.nextHop + med + good.localPref,
  );
  t.equal(
    text({ ...set, localPref: 200 }, { transform: { localPref: 100 } }),
    good.origin + asPath + med + attribute(0x40, 5, "000000c8"),
  );
  t.equal(text({ localPref: 7, med: 7 }, { transform: { drop: new Set([4, 5]) } }), good.origin + attribute(0x40, 2));
});

t.test(
  "reflecting adds ORIGINATOR_ID where it misses and prepends to CLUSTER_LIST, nothing else (RFC 4456 §8)",
  async (t) => {
    const head = good.origin + attribute(0x40, 2);
    const reflected: Way = { originatorId: 0x0a000005, transform: { clusterId: 0x0a0000fa } };
    t.equal(text({}, reflected), head + attribute(0x80, 9, "0a000005") + attribute(0x80, 10, "0a0000fa"));
    t.equal(
      text({ originatorId: 0x0a000009, clusterList: [1], communities: [7] }, reflected),
      `${head}${attribute(0xc0, 8, "00000007")}${attribute(0x80, 9, "0a000009")}${attribute(0x80, 10, "0a0000fa00000001")}`,
    );
    const long = Array.from({ length: 63 }, (_, i) => i);
    const grown = text({ originatorId: 1, clusterList: long }, reflected);
    t.match(grown, /900a01000a0000fa/, "64 cluster ids need Extended Length");
  },
);

t.test("an AS joins the first sequence while its count has room (RFC 4271 §5.1.2 b)", async (t) => {
  const prepend = (asPath: AsSegment[], ...asns: number[]) =>
    text({ asPath }, { transform: { prepend: asns } }).slice(8);
  t.equal(prepend([sequence(2)], 1), attribute(0x40, 2, "0202 00000001 00000002"));
  t.equal(prepend([], 1), attribute(0x40, 2, "0201 00000001"));
  t.equal(prepend([{ type: 1, asns: [2] }], 1, 1), attribute(0x40, 2, "0202 00000001 00000001 0101 00000002"));
  const full = Array.from({ length: 254 }, () => 9);
  t.equal(prepend([sequence(...full)], 1), attribute(0x50, 2, `02ff 00000001 ${"00000009".repeat(254)}`));
  t.equal(
    prepend([sequence(...full)], 1, 2),
    attribute(0x50, 2, `0202 00000001 00000002 02fe ${"00000009".repeat(254)}`),
  );
});

t.test("confederation segments don't leave their confederation (RFC 5065 §4)", async (t) => {
  const asPath: AsSegment[] = [{ type: 3, asns: [7, 8] }, sequence(2), { type: 4, asns: [9] }, sequence(3)];
  t.equal(
    text({ asPath }, { transform: { prepend: [1], stripConfederation: true } }).slice(8),
    attribute(0x40, 2, "0202 00000001 00000002 0201 00000003"),
  );
  t.equal(
    text({ asPath: asPath.slice(0, 1) }, { transform: { stripConfederation: true } }).slice(8),
    attribute(0x40, 2),
  );
});

t.test("extended communities that aren't transitive stay inside the AS (RFC 4360 §6)", async (t) => {
  const head = good.origin + attribute(0x40, 2);
  const way: Way = { transform: { nonTransitiveExtended: false } };
  const mixed: PathAttributes["extendedCommunities"] = [
    [0x00020001, 1],
    [0x43000000, 2],
  ];
  t.equal(text({ extendedCommunities: mixed }, way), head + attribute(0xc0, 16, "0002000100000001"));
  t.equal(text({ extendedCommunities: mixed.slice(1) }, way), head, "no attribute rather than an empty one");
  t.equal(text({ extendedCommunities: mixed }, {}), head + attribute(0xc0, 16, "00020001000000014300000000000002"));
});

t.test(
  "a two-octet peer gets AS_TRANS, and the AS4 attributes only where that loses something (RFC 6793 §4.2.2)",
  async (t) => {
    const old = (attributes: Partial<PathAttributes>, prepend: number[] = []) =>
      text(attributes, { transform: { fourOctetAs: false, prepend } }).slice(8);
    t.equal(old({ asPath: [sequence(1, 65535)] }), attribute(0x40, 2, "0202 0001 ffff"));
    t.equal(
      old({ asPath: [sequence(1, 65536)] }),
      attribute(0x40, 2, "0202 0001 5ba0") + attribute(0xc0, 17, "0202 00000001 00010000"),
    );
    t.equal(
      old({ asPath: [sequence(1)] }, [4200000001]),
      attribute(0x40, 2, "0202 5ba0 0001") + attribute(0xc0, 17, "0202 fa56ea01 00000001"),
      "our own AS counts, too",
    );
    t.equal(
      old({ asPath: [{ type: 3, asns: [65536] }, sequence(1)] }),
      attribute(0x40, 2, "0301 5ba0 0201 0001"),
      "a confederation's ASes are never in AS4_PATH",
    );
    t.equal(old({ aggregator: { as: 7, address: 1 } }), attribute(0x40, 2) + attribute(0xc0, 7, "0007 00000001"));
    t.equal(
      old({ aggregator: { as: 65536, address: 1 }, largeCommunities: [[1, 2, 3]] }),
      attribute(0x40, 2) +
        attribute(0xc0, 7, "5ba0 00000001") +
        attribute(0xc0, 18, "00010000 00000001") +
        attribute(0xc0, 32, "000000010000000200000003"),
    );
  },
);

/** What the other side must understand: the same transform, on values instead of bytes. */
function expected(attributes: PathAttributes, transform: AttributeTransform, originatorId: number): PathAttributes {
  const kept = transform.drop.has(5) ? { ...attributes, localPref: null } : attributes;
  const result = {
    ...kept,
    localPref: kept.localPref ?? transform.localPref,
    med: transform.drop.has(4) ? null : kept.med,
    // RFC 4360 §2: bit 0x40 of the type is clear in those that may leave the AS.
    extendedCommunities: kept.extendedCommunities.filter(
      ([high]) => transform.nonTransitiveExtended || (high & 0x40000000) === 0,
    ),
  };
  if (transform.drop.has(9)) Object.assign(result, { originatorId: null, clusterList: [] });
  if (originatorId !== 0)
    Object.assign(result, {
      originatorId: result.originatorId ?? originatorId,
      clusterList: [transform.clusterId, ...result.clusterList],
    });
  if (transform.prepend.length > 0) {
    const [first, ...rest] = result.asPath;
    const joins = first?.type === 2 && first.asns.length + transform.prepend.length <= 255;
    const asPath = joins
      ? [sequence(...transform.prepend, ...first.asns), ...rest]
      : [sequence(...transform.prepend), ...result.asPath];
    Object.assign(result, { asPath });
  }
  return result;
}

const flat = (path: readonly AsSegment[]) => path.flatMap(({ type, asns }) => asns.map((as) => `${type} ${as}`));

t.test("for any set and any way out, the peer's decoder finds no fault and exactly what was meant", async (t) => {
  const ways = fc.record({
    internal: fc.boolean(),
    fourOctetAs: fc.boolean(),
    reflected: fc.boolean(),
    prepend: fc.array(fc.constantFrom(65002, 4200000001), { minLength: 1, maxLength: 3 }),
  });
  fc.assert(
    fc.property(attributesArbitrary, ways, (attributes, { internal, fourOctetAs, reflected, prepend }) => {
      const transform: AttributeTransform = internal
        ? { ...plainTransform, fourOctetAs, localPref: 100, clusterId: 0x0a0000fa }
        : {
            ...plainTransform,
            fourOctetAs,
            prepend,
            drop: new Set([4, 5, 9, 10]),
            nonTransitiveExtended: false,
            stripConfederation: true,
          };
      const originatorId = internal && reflected ? 0x0a000005 : 0;
      const bytes = section(attributes, { transform, nextHop: 0x0a000001, originatorId });
      const context = codecContext({
        peerKind: internal ? "internal" : "external",
        remoteAs: internal ? 65001 : prepend[0]!,
        fourOctetAs,
        maxReceive: 65535,
      });
      const out = new ByteWriter();
      const writer = new UpdateWriter(out, Family.Ipv4Unicast, false, 65535);
      writer.startReach(bytes, 0, bytes.length, null);
      writer.add4(0x0a000000, 8, 0);
      writer.finish();
      const found = decodeAttributes(out.bytes, scan(out.copy(), context), context, "ipv4-nlri");
      t.same(found.faults, []);
      const wanted = expected(attributes, transform, originatorId);
      t.same(flat(found.attributes!.asPath), flat(wanted.asPath));
      t.same({ ...found.attributes, asPath: [], nextHop: null }, { ...wanted, asPath: [] });
    }),
    { seed: 6793, numRuns: 300 },
  );
});

const nextHop6: NextHop = { words: [0x20010db8, 0, 0, 1], linkLocal: null };
const linkLocal: NextHop = { ...nextHop6, linkLocal: [0xfe800000, 0, 0, 2] };
const attributes = Uint8Array.from(Buffer.from(good.origin + good.asPath + good.nextHop, "hex"));
const attributes6 = attributes.subarray(0, attributes.length - 7);

t.test("IPv4 with an IPv4 next hop takes the fields of RFC 4271, and finish fills in the lengths", async (t) => {
  const out = new ByteWriter(1);
  const writer = new UpdateWriter(out, Family.Ipv4Unicast, false, 4096);
  writer.startReach(attributes, 0, attributes.length, null);
  t.ok(writer.isOpen);
  t.ok(writer.add4(0xc6336400, 24, 0));
  t.ok(writer.add4(0, 0, 0));
  t.equal(writer.finish(), 23 + attributes.length + 4 + 1);
  t.notOk(writer.isOpen);
  writer.startUnreach();
  for (const length of [0, 7, 8, 16, 25, 32]) writer.add4(0xffffffff, length, 0);
  t.equal(writer.finish(), 23 + 1 + 2 + 2 + 3 + 5 + 5);
  const [first, second] = messages(out.copy());
  const one = scan(first!);
  t.same(prefixes(0, first!, one.nlriStart, one.nlriEnd), ["198.51.100.0/24", "0.0.0.0/0"]);
  const two = scan(second!);
  t.same(prefixes(0, second!, two.withdrawnStart, two.withdrawnEnd), [
    "0.0.0.0/0",
    "254.0.0.0/7",
    "255.0.0.0/8",
    "255.255.0.0/16",
    "255.255.255.128/25",
    "255.255.255.255/32",
  ]);
});

/** Cuts a chunk by the lengths in the headers. */
function messages(chunk: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < chunk.length; ) {
    const length = (chunk[at + 16]! << 8) | chunk[at + 17]!;
    found.push(chunk.slice(at, at + length));
    at += length;
  }
  return found;
}

t.test(
  "IPv6 goes into MP attributes, which come first, and one message holds one of them (RFC 4760 §3, RFC 7606 §5.1)",
  async (t) => {
    const context = codecContext({ families: [true, true] });
    const out = new ByteWriter(1);
    const writer = new UpdateWriter(out, Family.Ipv6Unicast, false, 4096);
    for (const nextHop of [nextHop6, linkLocal]) {
      writer.startReach(attributes6, 0, attributes6.length, nextHop);
      writer.add6(0x20010db8, 0x00070000, 0, 0, 48, 0);
      writer.add6(0x20010db8, 1, 2, 3, 128, 0);
      writer.add6(0, 0, 0, 0, 0, 0);
      writer.finish();
    }
    writer.startUnreach();
    writer.add6(0x20010db8, 0x00070000, 0xff000000, 0, 72, 0);
    writer.finish();
    const [one, two, three] = messages(out.copy());
    for (const [data, nextHop] of [
      [one!, nextHop6],
      [two!, linkLocal],
    ] as const) {
      const layout = scan(data, context);
      t.equal(layout.reachAttributeStart, layout.attributesStart);
      t.same(prefixes(1, data, layout.reachNlriStart, layout.reachNlriEnd), [
        "2001:db8:7::/48",
        "2001:db8:0:1:0:2:0:3/128",
        "::/0",
      ]);
      const found = decodeAttributes(data, layout, context, "mp-reach");
      t.same(found.faults, []);
      t.same(found.attributes?.nextHop, nextHop);
    }
    const gone = scan(three!, context);
    t.same(prefixes(1, three!, gone.unreachNlriStart, gone.unreachNlriEnd), ["2001:db8:7:0:ff00::/72"]);
  },
);

t.test(
  "IPv4 with an IPv6 next hop goes into MP_REACH_NLRI, its withdrawals into the old field (RFC 8950 §4)",
  async (t) => {
    const context = codecContext({ extendedNextHop: true });
    const out = new ByteWriter();
    const writer = new UpdateWriter(out, Family.Ipv4Unicast, true, 4096);
    writer.startReach(attributes6, 0, attributes6.length, nextHop6);
    writer.add4(0x0a000000, 8, 7);
    writer.finish();
    const layout = scan(out.copy(), { ...context, addPathReceive: [true, true] });
    t.equal(layout.reachFamily, Family.Ipv4Unicast);
    t.same(prefixes(0, out.bytes, layout.reachNlriStart, layout.reachNlriEnd, true), ["10.0.0.0/8#7"]);
  },
);

t.test("with ADD-PATH every prefix has its path identifier in front (RFC 7911 §3)", async (t) => {
  const context = codecContext({ families: [true, true], addPathReceive: [true, true] });
  const out = new ByteWriter();
  const writer = new UpdateWriter(out, Family.Ipv6Unicast, true, 4096);
  writer.startUnreach();
  writer.add6(0x20010db8, 0, 0, 0, 32, 0xffffffff);
  writer.finish();
  const layout = scan(out.copy(), context);
  t.same(prefixes(1, out.bytes, layout.unreachNlriStart, layout.unreachNlriEnd, true), ["2001:db8::/32#4294967295"]);
});

t.test("prefixes of every length are read as they were written", async (t) => {
  const words = [0x9abcdef1, 0x23456789, 0xfedcba98, 0x76543210];
  const masked = (length: number) => words.map((word, i) => (word & maskWord(length - 32 * i)) >>> 0);
  for (const [family, bits] of [
    [Family.Ipv4Unicast, 32],
    [Family.Ipv6Unicast, 128],
  ] as const)
    for (const addPath of [false, true]) {
      const out = new ByteWriter(1);
      const writer = new UpdateWriter(out, family, addPath, 65535);
      writer.startUnreach();
      const wanted: string[] = [];
      for (let length = 0; length <= bits; length++) {
        const [w0, w1, w2, w3] = masked(length) as [number, number, number, number];
        if (family === Family.Ipv4Unicast) writer.add4(w0, length, length);
        else writer.add6(w0, w1, w2, w3, length, length);
        wanted.push(
          formatPrefix({ words: masked(length).slice(0, bits / 32), length }) + (addPath ? `#${length}` : ""),
        );
      }
      writer.finish();
      const layout = scan(out.copy(), codecContext({ families: [true, true], addPathReceive: [addPath, addPath] }));
      const [from, to] =
        family === Family.Ipv4Unicast
          ? [layout.withdrawnStart, layout.withdrawnEnd]
          : [layout.unreachNlriStart, layout.unreachNlriEnd];
      t.same(prefixes(family, out.bytes, from, to, addPath), wanted);
    }
});

t.test("a message is filled to the last octet that the peer takes, and never beyond", async (t) => {
  for (const maximum of [4096, 65535])
    for (const [family, addPath, mp] of [
      [Family.Ipv4Unicast, false, null],
      [Family.Ipv4Unicast, true, null],
      [Family.Ipv4Unicast, true, nextHop6],
      [Family.Ipv6Unicast, false, nextHop6],
      [Family.Ipv6Unicast, true, linkLocal],
    ] as const)
      for (const withdraw of [false, true]) {
        const out = new ByteWriter();
        const writer = new UpdateWriter(out, family, addPath, maximum);
        if (withdraw) writer.startUnreach();
        else writer.startReach(attributes, 0, attributes.length, mp);
        const bits = family === Family.Ipv4Unicast ? 24 : 48;
        let count = 0;
        while (
          family === Family.Ipv4Unicast
            ? writer.add4(count << 8, bits, count)
            : writer.add6(count, 0, 0, 0, bits, count)
        )
          count++;
        const length = writer.finish();
        t.ok(length <= maximum, `${length} octets of ${maximum}`);
        t.ok(length + nlriSize(bits, addPath) > maximum, "no prefix more would have fitted");
        if (!withdraw) t.equal(length, reachSize(attributes.length, mp, count * nlriSize(bits, addPath)));
        const context = codecContext({
          families: [true, true],
          addPathReceive: [addPath, addPath],
          extendedNextHop: true,
        });
        const layout = scan(out.copy(), context);
        const [from, to] = withdraw
          ? family === 0
            ? [layout.withdrawnStart, layout.withdrawnEnd]
            : [layout.unreachNlriStart, layout.unreachNlriEnd]
          : mp === null
            ? [layout.nlriStart, layout.nlriEnd]
            : [layout.reachNlriStart, layout.reachNlriEnd];
        t.equal(prefixes(family, out.bytes, from, to, addPath).length, count);
      }
});

t.test("attributes that leave no room for a prefix are known before they are sent (RFC 8654 §4)", async (t) => {
  const large = new Uint8Array(4096 - 23 - 4);
  const writer = new UpdateWriter(new ByteWriter(), Family.Ipv4Unicast, false, 4096);
  writer.startReach(large, 0, large.length, null);
  t.notOk(writer.add4(0, 32, 0));
  t.ok(writer.add4(0, 24, 0));
  t.equal(writer.finish(), 4096);
  t.equal(reachSize(large.length, null, nlriSize(32, false)), 4097);
  t.equal(reachSize(large.length, nextHop6, nlriSize(32, false)), 4097 + 4 + 5 + 16);
});

t.test("a message without prefixes is taken back, and the chunk stands as before", async (t) => {
  const out = new ByteWriter();
  out.u32(7);
  for (const family of [Family.Ipv4Unicast, Family.Ipv6Unicast]) {
    const writer = new UpdateWriter(out, family, false, 4096);
    writer.startUnreach();
    t.equal(writer.finish(), 0);
    writer.startReach(attributes, 0, attributes.length, family === Family.Ipv4Unicast ? null : nextHop6);
    t.equal(writer.finish(), 0);
  }
  t.equal(hex(out.copy()), "00000007");
  t.equal(HEADER_LENGTH, 19);
});
