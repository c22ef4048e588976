import { inspect, isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import t from "tap";
import { ByteWriter } from "../../src/lib/bytes.ts";
import { Family } from "../../src/lib/family.ts";
import { MAX_RECORD } from "../../src/mrt/cutter.ts";
import { MrtEncoder } from "../../src/mrt/encode.ts";
import { maskedWords } from "../../src/mrt/fields.ts";
import { MrtReader } from "../../src/mrt/reader.ts";
import type { MrtFault, MrtItem } from "../../src/mrt/record.ts";
import { encodeCanonical } from "../../src/wire/attribute/canonical.ts";
import type { PathAttributes } from "../../src/wire/attribute/types.ts";
import { attribute, bytes, ipv4, keepalive, sequence, u8, u16, u32, update } from "../../testbed/speaker/octets.ts";
import { attributesArbitrary } from "../support/wire/arbitrary.ts";

/** Everything a reader finds in a file that comes in these chunks. */
function read(...chunks: Uint8Array[]): { items: MrtItem[]; faults: MrtFault[]; stopped: MrtFault | null } {
  const items: MrtItem[] = [];
  const faults: MrtFault[] = [];
  const reader = new MrtReader({ item: (item) => items.push(item), fault: (fault) => faults.push(fault) });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return { items, faults, stopped: reader.stopped };
}

/** A record from hex of what follows its header, as RFC 6396 §2 draws it. */
const record = (type: number, subtype: number, body: string, seconds = 1_300_475_700): string => {
  const text = body.replace(/\s+/g, "");
  return u32(seconds) + u16(type) + u16(subtype) + u32(text.length / 2) + text;
};

const plain = [
  attribute(0x40, 1, "00"),
  attribute(0x40, 2, sequence([64500, 64501], 2)),
  attribute(0x40, 3, ipv4("192.0.2.1")),
  attribute(0x80, 4, u32(7)),
].join("");

const word = fc.nat(0xffffffff);
const when = fc.integer({ min: 0, max: 0xffffffff });
const family = fc.constantFrom(Family.Ipv4Unicast, Family.Ipv6Unicast);
const addressOf = (family: Family) =>
  fc.array(word, { minLength: family === 0 ? 1 : 4, maxLength: family === 0 ? 1 : 4 });
const prefixOf = (family: Family) =>
  fc
    .tuple(addressOf(family), fc.integer({ min: 0, max: family === 0 ? 32 : 128 }))
    .map(([words, length]) => ({ words: maskedWords(words, length), length }));

const tableArbitrary = family.chain((family) =>
  fc.record({
    family: fc.constant(family),
    seconds: when,
    addPath: fc.boolean(),
    peers: fc.array(fc.record({ routerId: word, address: fc.oneof(addressOf(0), addressOf(1)), as: word }), {
      minLength: 1,
      maxLength: 4,
    }),
    prefix: prefixOf(family),
    paths: fc.array(
      fc.record({
        peer: fc.nat(3),
        at: when,
        pathId: word,
        attributes: attributesArbitrary,
        nextHop: addressOf(family),
        linkLocal: fc.option(fc.constant([0xfe800000, 0, 0, 1])),
      }),
      { maxLength: 3 },
    ),
  }),
);

t.test("a table that was written is read as it was (RFC 6396 §4.3, RFC 8050 §4)", async () => {
  const octets = new ByteWriter();
  fc.assert(
    fc.property(tableArbitrary, fc.integer({ min: 1, max: 50 }), (table, cut) => {
      const { family, seconds, addPath, peers, prefix } = table;
      const encoder = new MrtEncoder();
      encoder.peerIndex(seconds, 0x0a000001, "ours ü", peers);
      encoder.beginPrefix(seconds, family, prefix.words, prefix.length, addPath);
      for (const { peer, at, pathId, attributes, nextHop, linkLocal } of table.paths) {
        octets.clear();
        encodeCanonical(attributes, octets);
        const beside = family === Family.Ipv6Unicast && nextHop.some((part) => part !== 0) ? linkLocal : null;
        encoder.path(peer % peers.length, at, pathId, octets.bytes, 0, octets.length, nextHop, beside);
      }
      encoder.endPrefix();
      const file = encoder.out.copy();
      const chunks = [];
      for (let at = 0; at < file.length; at += cut) chunks.push(file.subarray(at, at + cut));
      const { items, faults, stopped } = read(...chunks);
      if (faults.length > 0 || stopped !== null) throw new Error(JSON.stringify([faults, stopped]));
      const [index, route] = items;
      if (index?.kind !== "peers" || route?.kind !== "route" || items.length !== 2) throw new Error("other records");
      if (index.viewName !== "ours ü" || index.peers.length !== peers.length) throw new Error("another index");
      for (const [i, { routerId, as }] of peers.entries())
        if (index.peers[i]!.routerId !== routerId || index.peers[i]!.as !== as) throw new Error("another peer");
      same({ ...route.prefix }, { family, ...prefix, pathId: null });
      same(
        route.paths.map(({ peer, originatedAt, pathId, attributes }) => ({
          as: peer.as,
          originatedAt,
          pathId,
          attributes,
        })),
        table.paths.map(({ peer, at, pathId, attributes, nextHop, linkLocal }) => ({
          as: peers[peer % peers.length]!.as,
          originatedAt: at,
          pathId: addPath ? pathId : null,
          attributes: {
            ...attributes,
            localPref: attributes.localPref ?? 100,
            nextHop: {
              words: nextHop,
              linkLocal: family === Family.Ipv6Unicast && nextHop.some((part) => part !== 0) ? linkLocal : null,
            },
          },
        })),
      );
    }),
    { numRuns: 300 },
  );
});

function same(found: unknown, wanted: unknown): void {
  // Cloned, as what was generated has no prototypes.
  if (!isDeepStrictEqual(structuredClone(found), structuredClone(wanted)))
    throw new Error(`found ${inspect(found)}\nwanted ${inspect(wanted)}`);
}

t.test("messages and state changes that were written are read as they were (RFC 6396 §4.4, RFC 8050 §3)", async (t) => {
  const session = { peerAs: 4_200_000_001, localAs: 65001, peer: [0xc0000201], local: [0xc0000202] };
  const encoder = new MrtEncoder();
  const announcement = (width: 2 | 4, nlri: string) =>
    update({
      attributes: [
        attribute(0x40, 1, "00"),
        attribute(0x40, 2, sequence([64500], width)),
        attribute(0x40, 3, ipv4("192.0.2.1")),
      ],
      nlri,
    });
  for (const sent of [false, true])
    for (const fourOctetAs of [true, false])
      for (const addPath of [true, false]) {
        const bytes = announcement(fourOctetAs ? 4 : 2, addPath ? `${u32(9)}18c63364` : "18c63364");
        encoder.message(1000, session, { fourOctetAs, addPath, sent }, bytes, 0, bytes.length);
      }
  encoder.message(1001, session, { fourOctetAs: true, addPath: false, sent: true }, keepalive, 0, keepalive.length);
  encoder.stateChange(1002, { ...session, peer: [1, 2, 3, 4], local: [5, 6, 7, 8] }, 6, 1);
  const { items, faults } = read(encoder.out.copy());
  t.same(faults, []);
  t.same(
    items.map((item) => {
      if (item.kind === "update") {
        const { prefixes, attributes } = item.announced[0]!;
        return [item.seconds, item.sent, item.peer.as, prefixes[0]!.pathId, attributes.asPath[0]!.asns[0]];
      }
      if (item.kind === "message") return [item.seconds, item.sent, item.name];
      return item.kind === "state"
        ? [item.seconds, item.before, item.after, item.peer.address, item.local?.address]
        : [];
    }),
    [
      [1000, false, 4_200_000_001, 9, 64500],
      [1000, false, 4_200_000_001, null, 64500],
      [1000, false, 23456, 9, 64500],
      [1000, false, 23456, null, 64500],
      [1000, true, 4_200_000_001, 9, 64500],
      [1000, true, 4_200_000_001, null, 64500],
      [1000, true, 23456, 9, 64500],
      [1000, true, 23456, null, 64500],
      [1001, true, "KEEPALIVE"],
      [1002, 6, 1, "0:1:0:2:0:3:0:4", "0:5:0:6:0:7:0:8"],
    ],
  );
});

t.test("TABLE_DUMP has two-octet AS numbers and one path a record (RFC 6396 §4.2)", async (t) => {
  const v4 = record(
    12,
    1,
    `0000 0001 ${ipv4("198.51.100.0")} 18 01 ${u32(1_300_000_000)} ${ipv4("192.0.2.9")} fbf4 ${u16(plain.length / 2)} ${plain}`,
  );
  const hop = `20010db8${"00".repeat(11)}01`;
  const six = attribute(0x40, 1, "00") + attribute(0x40, 2, sequence([64500], 2));
  const cutDown = attribute(0x80, 14, `10${hop}`);
  const whole = attribute(0x80, 14, `0002 01 10 ${hop} 00 30 20010db80001`);
  const v6 = (mp: string) =>
    record(
      12,
      2,
      `0000 0001 20010db80001${"00".repeat(10)} 30 01 ${u32(1)} ${hop} fbf4 ${u16((six + mp).length / 2)} ${six}${mp}`,
    );
  const { items, faults } = read(bytes(v4 + v6(cutDown) + v6(whole)));
  t.same(faults, []);
  t.match(items[0], {
    kind: "route",
    format: "TABLE_DUMP",
    prefix: { words: [0xc6336400], length: 24 },
    paths: [{ peer: { address: "192.0.2.9", as: 64500 }, originatedAt: 1_300_000_000, attributes: { med: 7 } }],
  });
  for (const item of items.slice(1))
    t.match(item, {
      prefix: { words: [0x20010db8, 0x00010000, 0, 0], length: 48 },
      paths: [{ attributes: { nextHop: { words: [0x20010db8, 0, 0, 1], linkLocal: null } } }],
    });
});

t.test("the types before BGP4MP are read (RFC 6396 appendix B)", async (t) => {
  const body = Buffer.from(update({ attributes: plain, nlri: "18c63364" }).subarray(19)).toString("hex");
  const ends = `fbf4 ${ipv4("192.0.2.9")} fde9 ${ipv4("192.0.2.1")}`;
  const entry = `0000 0000 ${u32(5)} 0001 01 04 ${ipv4("192.0.2.7")} 18c63364 ${u16(plain.length / 2)} ${plain}`;
  const { items, faults } = read(
    bytes(
      record(5, 1, `${ends} ${body}`) +
        record(5, 3, `fbf4 ${ipv4("192.0.2.9")} 0006 0001`) +
        record(5, 7, ends) +
        record(9, 3, `fbf4 ${"20010db8".padEnd(32, "0")} 0001 0002`) +
        record(16, 2, entry) +
        record(11, 0, "00"),
    ),
  );
  t.same(faults, []);
  t.match(items, [
    { kind: "update", peer: { address: "192.0.2.9", as: 64500 }, announced: [{ attributes: { med: 7 } }] },
    { kind: "state", before: 6, after: 1, local: null },
    { kind: "message", name: "KEEPALIVE" },
    { kind: "state", peer: { address: "2001:db8::" } },
    { kind: "route", format: "BGP4MP", paths: [{ originatedAt: 5, attributes: { nextHop: { words: [0xc0000207] } } }] },
    { kind: "other", what: "OSPFv2, subtype 0" },
  ]);
});

t.test("the extended timestamp has microseconds (RFC 6396 §3)", async (t) => {
  const { items } = read(
    bytes(record(17, 5, `${u32(250_000)} ${u32(64500)} ${u32(65001)} 0000 0001 0a000001 0a000002 0005 0006`)),
  );
  t.match(items, [{ kind: "state", microseconds: 250_000, peer: { as: 64500 }, before: 5, after: 6 }]);
});

t.test("a record that can't be read is told by its octet, and the next one is read", async (t) => {
  const good = record(16, 5, `${u32(64500)} ${u32(65001)} 0000 0001 0a000001 0a000002 0005 0006`);
  const size = good.length / 2;
  const bad = {
    "address family 3": record(16, 5, `${u32(64500)} ${u32(65001)} 0000 0003 0a000001 0a000002 0005 0006`),
    "ends too early": record(16, 5, `${u32(64500)} 00`),
    "without a PEER_INDEX_TABLE": record(13, 2, `${u32(0)} 00 0000`),
    "has no header": record(16, 4, `${u32(64500)} ${u32(65001)} 0000 0001 0a000001 0a000002 ffff`),
    "runs over the end": record(12, 1, `0000 0001 0a000000 08 01 ${u32(0)} 0a000001 fbf4 0003 400102`),
    "prefix of 33 bits": record(13, 1, `${u32(1)} 0000 0000`) + record(13, 2, `${u32(0)} 21 0a000000 0000`),
    "treat as withdrawn": record(
      16,
      4,
      `${u32(64500)} ${u32(65001)} 0000 0001 0a000001 0a000002 ${Buffer.from(update({ attributes: attribute(0x40, 1, "09"), nlri: "080a" })).toString("hex")}`,
    ),
  };
  for (const [text, octets] of Object.entries(bad)) {
    const { items, faults, stopped } = read(bytes(good + octets + good));
    t.equal(items.filter(({ kind }) => kind === "state").length, 2, `${text}: both others are read`);
    t.equal(faults.length, 1, text);
    t.match(faults[0]!.text, text);
    t.ok(faults[0]!.offset >= size && faults[0]!.offset < size + octets.length / 2, `at octet ${faults[0]!.offset}`);
    t.equal(stopped, null);
  }
});

t.test("where no record begins, reading ends with the place; so does a file that is cut", async (t) => {
  const good = record(16, 5, `${u32(64500)} ${u32(65001)} 0000 0001 0a000001 0a000002 0005 0006`);
  const huge = read(bytes(good + u32(0) + u16(13) + u16(2) + u32(MAX_RECORD)), bytes(good));
  t.equal(huge.items.length, 1, "what is before it is read, nothing behind it is guessed");
  t.match(huge.stopped, { offset: good.length / 2, text: /no MRT record begins here/ });
  t.match(read(Buffer.from("<!DOCTYPE html><html><body>")).stopped, { offset: 0, text: /no MRT record/ });
  t.match(read(bytes(good + good.slice(0, 20))).stopped, {
    offset: good.length / 2,
    text: /wanted 12 octets, found 10/,
  });
  t.match(read(bytes(good.slice(0, -2))).stopped, { offset: 0, text: /inside a record: wanted 36 octets, found 35/ });
  t.same(read(new Uint8Array(0)), { items: [], faults: [], stopped: null }, "an empty file is a file without records");
});

t.test("no damage makes a reader throw, and none makes it hold more than there is", async () => {
  const seed: PathAttributes[] = fc.sample(attributesArbitrary, { numRuns: 5, seed: 3 });
  const encoder = new MrtEncoder();
  encoder.peerIndex(1, 2, "", [
    { routerId: 1, address: [1], as: 1 },
    { routerId: 1, address: [1, 2, 3, 4], as: 1 },
  ]);
  const octets = new ByteWriter();
  for (const [i, attributes] of seed.entries()) {
    octets.clear();
    encodeCanonical(attributes, octets);
    encoder.beginPrefix(1, i % 2 === 0 ? 0 : 1, [0x0a000000, 0, 0, 0], 8, i > 2);
    encoder.path(i % 2, 1, 1, octets.bytes, 0, octets.length, i % 2 === 0 ? [1] : [1, 2, 3, 4], null);
    encoder.endPrefix();
  }
  const session = { peerAs: 1, localAs: 2, peer: [1], local: [2] };
  const message = update({ attributes: plain, nlri: "080a" });
  encoder.message(1, session, { fourOctetAs: false, addPath: false, sent: false }, message, 0, message.length);
  encoder.stateChange(1, session, 1, 6);
  const file = encoder.out.copy();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 400 }),
      fc.nat(file.length),
      (changes, cut, length) => {
        const damaged = file.slice(0, length);
        for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
        const chunks = [];
        for (let at = 0; at < damaged.length; at += cut) chunks.push(damaged.subarray(at, at + cut));
        read(...chunks);
      },
    ),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(5, 9, 12, 13, 16, 17),
      fc.nat(12),
      (body, type, subtype) => {
        read(
          bytes(record(13, 1, `${u32(1)} 0000 0001 00 ${u32(1)} ${u32(1)} ${u16(1)}`)),
          bytes(record(type, subtype, [...body].map(u8).join(""))),
        );
      },
    ),
    { numRuns: 2000 },
  );
});
