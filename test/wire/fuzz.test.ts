import fc from "fast-check";
import t from "tap";
import { ByteWriter } from "../../src/lib/bytes.ts";
import { Family } from "../../src/lib/family.ts";
import { attributeColumns } from "../../src/view/path-row.ts";
import { encodeCanonical } from "../../src/wire/attribute/canonical.ts";
import { Canonicalizer } from "../../src/wire/attribute/canonicalizer.ts";
import { type DecodedAttributes, decodeAttributes, type Reach } from "../../src/wire/attribute/decode.ts";
import { attributeTable } from "../../src/wire/attribute/table.ts";
import { formatCapability } from "../../src/wire/capability/table.ts";
import { type CodecContext, codecContext } from "../../src/wire/context.ts";
import { NotificationError } from "../../src/wire/errors.ts";
import { Framer, HEADER_LENGTH, MessageType } from "../../src/wire/framer.ts";
import { decodeNotification, describeNotification, encodeNotification } from "../../src/wire/message/notification.ts";
import { decodeOpen } from "../../src/wire/message/open.ts";
import { decodeRouteRefresh } from "../../src/wire/message/route-refresh.ts";
import { isEndOfRib, scanUpdate } from "../../src/wire/message/update.ts";
import { type UpdateLayout, updateLayout } from "../../src/wire/message/update-layout.ts";
import { walkNlri } from "../../src/wire/nlri/walk.ts";
import { attribute, bytes, hex, message, update } from "../../testbed/speaker/octets.ts";
import { attributesArbitrary } from "../support/wire/arbitrary.ts";
import { goldenContexts, goldens, goodSet } from "../support/wire/messages.ts";

/**
 * Whatever comes in, nothing but a NotificationError comes out, and nobody reads beyond the message. PEERAGE_FUZZ_RUNS makes it
 * longer, PEERAGE_FUZZ_SEED another one; a failure prints its seed and the smallest input.
 */
const settings = {
  seed: Number(process.env.PEERAGE_FUZZ_SEED ?? 7606),
  numRuns: Number(process.env.PEERAGE_FUZZ_RUNS ?? 400),
};

const contexts: readonly CodecContext[] = [
  ...Object.values(goldenContexts),
  codecContext({ dropAttributes: new Set([8, 99]), rejectAsSets: true, families: [false, true] }),
];

/** Ends a message: octets behind it are another message's, so that reading them would be seen as another verdict. */
const GUARD = 64;

/** What the daemon does with a message, all of it; throws only what isn't a NotificationError. */
function digest(type: number, data: Uint8Array, start: number, end: number, context: CodecContext): string {
  try {
    if (type === MessageType.Open) return decodeOpen(data, start, end).capabilities.map(formatCapability).join("\n");
    if (type === MessageType.Notification) return describeNotification(decodeNotification(data, start, end));
    if (type === MessageType.RouteRefresh) return JSON.stringify(decodeRouteRefresh(data, start, end, true));
    if (type !== MessageType.Update) return "";
    const layout = updateLayout();
    scanUpdate(data, start, end, context, layout);
    const found: string[] = [`end of rib ${isEndOfRib(layout)}`];
    const sink = {
      nlri4: (address: number, length: number, pathId: number) => found.push(`${address}/${length} ${pathId}`),
      nlri6: (...numbers: number[]) => found.push(numbers.join(" ")),
    };
    const walk = (family: Family | -1, from: number, to: number) => {
      if (family !== -1 && from >= 0) walkNlri(family, data, from, to, context.addPathReceive[family]!, sink);
    };
    walk(Family.Ipv4Unicast, layout.withdrawnStart, layout.withdrawnEnd);
    walk(Family.Ipv4Unicast, layout.nlriStart, layout.nlriEnd);
    walk(layout.reachFamily, layout.reachNlriStart, layout.reachNlriEnd);
    walk(layout.unreachFamily, layout.unreachNlriStart, layout.unreachNlriEnd);
    for (const reach of ["ipv4-nlri", "mp-reach"] as const) {
      if (reach === "mp-reach" && layout.reachFamily === -1) continue;
      const { attributes, faults } = decodeAttributes(data, layout, context, reach);
      checkHotWay(data, layout, context, reach, { attributes, faults });
      for (const fault of faults) found.push(`${fault.action} ${fault.name} ${fault.text}`);
      found.push(JSON.stringify(attributes));
      if (attributes !== null) found.push(JSON.stringify(attributeColumns(attributes, [], true)));
    }
    return found.join("\n");
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    return `${error.message} ${encodeNotification(error).length}`;
  }
}

const hot = new Canonicalizer();
const plain = new ByteWriter();
let hotRuns = 0;

/** The hot way may say no, but where it says yes the table must have nothing to add. */
function checkHotWay(
  data: Uint8Array,
  layout: UpdateLayout,
  context: CodecContext,
  reach: Reach,
  { attributes, faults }: DecodedAttributes,
): void {
  if (!hot.run(data, layout, context, reach)) return;
  hotRuns++;
  plain.clear();
  if (attributes !== null) encodeCanonical(attributes, plain);
  const [one, other] = [hex(hot.bytes.subarray(0, hot.length)), hex(plain.copy())];
  if (attributes === null || faults.length > 0 || one !== other)
    throw new Error(`the hot way: ${one}, the table: ${other} with ${faults.length} faults`);
  if (reach === "ipv4-nlri" && hot.nextHop !== attributes.nextHop?.words[0]) throw new Error("another next hop");
}

/** Digests the message alone and with two different surroundings: all must say the same. */
function judge(type: number, body: Uint8Array, context: CodecContext): string {
  const around = (fill: number) => {
    const data = new Uint8Array(GUARD + body.length + GUARD).fill(fill);
    data.set(message(type, "").subarray(0, HEADER_LENGTH), GUARD - HEADER_LENGTH);
    data.set(body, GUARD);
    return digest(type, data, GUARD, GUARD + body.length, context);
  };
  const [zeros, ones] = [around(0), around(0xff)];
  if (zeros !== ones) throw new Error(`what stands behind the message was read:\n${zeros}\n${ones}`);
  return zeros;
}

/** Runs a property and counts its verdicts by their first words, since a fuzzer that reaches nothing finds nothing. */
function verdicts(run: (count: (verdict: string) => void) => void): Set<string> {
  const seen = new Set<string>();
  run((verdict) => {
    for (const line of verdict.split("\n"))
      seen.add(
        line
          .replace(/[:"{[].*/s, "")
          .split(" ")
          .slice(0, 6)
          .join(" "),
      );
  });
  return seen;
}

const anyContext = fc.constantFrom(...contexts);
const anyType = fc.constantFrom(1, 2, 3, 4, 5);

t.test("random octets as the body of any message", async (t) => {
  const seen = verdicts((count) => {
    fc.assert(
      fc.property(anyType, fc.uint8Array({ maxLength: 300 }), anyContext, (type, body, context) => {
        count(judge(type, body, context));
      }),
      settings,
    );
  });
  t.ok(seen.size >= 10, `${seen.size} kinds of verdict`);
});

t.test("random octets as an attribute section, and as the value of each attribute", async (t) => {
  const seen = verdicts((count) => {
    const value = fc.uint8Array({ maxLength: 80 }).map((octets) => Buffer.from(octets).toString("hex"));
    fc.assert(
      fc.property(value, anyContext, (section, context) => {
        count(judge(2, update({ attributes: section, nlri: "080a" }).subarray(HEADER_LENGTH), context));
      }),
      settings,
    );
    const code = fc.oneof(fc.constantFrom(...attributeTable.map(({ code }) => code)), fc.nat(255));
    const flags = fc.constantFrom(0x40, 0x80, 0xc0, 0xd0, 0xe0, 0x00);
    const any = fc.record({ code, flags, value }).map((each) => attribute(each.flags, each.code, each.value));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 6 }), anyContext, (attributes, context) => {
        count(
          judge(2, update({ attributes: [...goodSet, ...attributes], nlri: "080a" }).subarray(HEADER_LENGTH), context),
        );
      }),
      settings,
    );
  });
  t.ok(seen.size >= 40, `${seen.size} kinds of verdict`);
});

t.test(
  "sections in which all is well take the hot way to the same canonical bytes, most real ones among them",
  async (t) => {
    const arbitrary = fc.tuple(attributesArbitrary, fc.boolean(), fc.boolean(), fc.nat(20), anyContext);
    const before = hotRuns;
    fc.assert(
      fc.property(arbitrary, ([attributes, extended, reversed, rotation, context]) => {
        const section = new ByteWriter();
        encodeCanonical({ ...attributes, nextHop: null }, section);
        const all = split(section.copy()).map(([flags, code, value]) => {
          // What the other side is free to do: Extended Length, any order, communities in any order and twice.
          const words = value.match(/.{8}/g) ?? [];
          const turned = code === 8 && reversed ? [...words.toReversed(), words[0]].join("") : value;
          return attribute(flags | (extended ? 0x10 : 0), code, turned);
        });
        all.push(attribute(0x40, 3, "0a000001"));
        const turn = rotation % all.length;
        const rotated = [...all.slice(turn), ...all.slice(0, turn)];
        judge(2, update({ attributes: rotated, nlri: "080a" }).subarray(HEADER_LENGTH), context);
      }),
      settings,
    );
    t.ok(hotRuns - before > settings.numRuns / 2, `${hotRuns - before} of ${2 * settings.numRuns} went the hot way`);
    const real = goldens.filter(({ type, peer }) => type === "UPDATE" && peer !== "old");
    const reachable = real.filter(({ bytes }) => bytes.length > 40);
    const start = hotRuns;
    for (const golden of reachable) judge(2, golden.bytes.subarray(HEADER_LENGTH), goldenContexts[golden.peer]);
    t.ok(
      (hotRuns - start) / 2 > 0.9 * reachable.length,
      `${(hotRuns - start) / 2} of ${reachable.length} real UPDATEs`,
    );
  },
);

/** Flags without Extended Length, code and value of each attribute. */
function split(section: Uint8Array): [number, number, string][] {
  const found: [number, number, string][] = [];
  for (let at = 0; at < section.length; ) {
    const extended = (section[at]! & 0x10) !== 0;
    const from = at + (extended ? 4 : 3);
    const to = from + (extended ? (section[at + 2]! << 8) | section[at + 3]! : section[at + 2]!);
    found.push([section[at]! & ~0x10, section[at + 1]!, hex(section.subarray(from, to))]);
    at = to;
  }
  return found;
}

t.test("random octets as the value of each capability", async (t) => {
  const seen = verdicts((count) => {
    const value = fc.uint8Array({ maxLength: 20 }).map((octets) => Buffer.from(octets).toString("hex"));
    const octet = (number: number) => number.toString(16).padStart(2, "0");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(80), value), { maxLength: 5 }), (capabilities) => {
        const list = capabilities.map(([code, text]) => octet(code) + octet(text.length / 2) + text).join("");
        const body = bytes(`04 fde9 005a 0a000001 ${octet(list.length / 2 + 2)} 02 ${octet(list.length / 2)} ${list}`);
        count(judge(1, body, contexts[0]!));
      }),
      settings,
    );
  });
  t.ok(seen.size >= 10, `${seen.size} kinds of verdict`);
});

t.test("real messages with octets changed, cut out, put in and repeated", async (t) => {
  const seen = verdicts((count) => {
    const change = fc.record({
      kind: fc.constantFrom("set", "cut", "insert", "repeat"),
      at: fc.nat(400),
      count: fc.integer({ min: 1, max: 12 }),
      value: fc.constantFrom(0, 1, 2, 3, 4, 5, 14, 15, 16, 32, 64, 127, 128, 192, 224, 254, 255),
    });
    const mutate = (
      body: Uint8Array,
      { kind, at, count, value }: { kind: string; at: number; count: number; value: number },
    ) => {
      const place = body.length === 0 ? 0 : at % body.length;
      const [head, tail] = [body.subarray(0, place), body.subarray(place)];
      if (kind === "set") return Buffer.concat([head, Uint8Array.of(value), tail.subarray(1)]);
      if (kind === "cut") return Buffer.concat([head, tail.subarray(count)]);
      if (kind === "insert") return Buffer.concat([head, new Uint8Array(count).fill(value), tail]);
      return Buffer.concat([head, tail.subarray(0, count), tail]);
    };
    fc.assert(
      fc.property(fc.constantFrom(...goldens), fc.array(change, { minLength: 1, maxLength: 4 }), (golden, changes) => {
        let body: Uint8Array = golden.bytes.subarray(HEADER_LENGTH);
        for (const each of changes) body = mutate(body, each);
        count(judge(golden.bytes[18]!, body, goldenContexts[golden.peer]));
      }),
      { ...settings, numRuns: settings.numRuns * 5 },
    );
  });
  t.ok(seen.size >= 60, `${seen.size} kinds of verdict`);
});

t.test(
  "every truncation of every real message has a verdict, and an UPDATE never loses a part of itself in silence",
  async (t) => {
    for (const golden of goldens) {
      const body = golden.bytes.subarray(HEADER_LENGTH);
      const context = goldenContexts[golden.peer];
      const whole = judge(golden.bytes[18]!, body, context);
      for (let length = 0; length < body.length; length++) {
        const found = judge(golden.bytes[18]!, body.subarray(0, length), context);
        if (golden.type !== "UPDATE" && golden.type !== "OPEN") continue;
        if (found === whole) t.fail(`${golden.madeBy} ${golden.type} cut to ${length} octets means the same`);
      }
    }
    t.pass("none of them");
  },
);

t.test("random streams into the framer, in random chunks", async (t) => {
  const seen = verdicts((count) => {
    const piece = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...goldens).map((golden) => golden.bytes) },
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 10 }).map((tail) => Uint8Array.from([...new Array(16).fill(0xff), ...tail])),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(fc.nat(300), { maxLength: 6 }), (pieces, cuts) => {
        const stream = Buffer.concat(pieces);
        const run = (places: number[]) => {
          const found: string[] = [];
          const framer = new Framer((type, data, from, to) =>
            found.push(`${type} ${Buffer.from(data.subarray(from, to)).toString("hex")}`),
          );
          try {
            for (let i = 1; i < places.length; i++) framer.push(stream.subarray(places[i - 1], places[i]));
          } catch (error) {
            if (!(error instanceof NotificationError)) throw error;
            found.push(error.message);
          }
          return found.join("\n");
        };
        const places = [0, ...cuts.map((at) => Math.min(at, stream.length)).sort((a, b) => a - b), stream.length];
        const found = run([0, stream.length]);
        if (found !== run(places)) throw new Error("another cut, another stream");
        count(found);
      }),
      settings,
    );
  });
  t.ok(seen.size >= 4, `${seen.size} kinds of verdict`);
});
