import { ByteWriter } from "../src/lib/bytes.ts";
import { Family } from "../src/lib/family.ts";
import { seededRandom } from "../src/lib/random.ts";
import { encodeCanonical } from "../src/wire/attribute/canonical.ts";
import { Canonicalizer } from "../src/wire/attribute/canonicalizer.ts";
import { decodeAttributes } from "../src/wire/attribute/decode.ts";
import { type AsSegment, emptyAttributes, type PathAttributes } from "../src/wire/attribute/types.ts";
import { codecContext } from "../src/wire/context.ts";
import { Framer, HEADER_LENGTH } from "../src/wire/framer.ts";
import { plainTransform, writeAttributes } from "../src/wire/message/attribute-writer.ts";
import { scanUpdate } from "../src/wire/message/update.ts";
import { updateLayout } from "../src/wire/message/update-layout.ts";
import { UpdateWriter } from "../src/wire/message/update-writer.ts";
import { walkNlri } from "../src/wire/nlri/walk.ts";

/**
 * The codec alone, on a table like those of docs/performance.md: `node dist/bench/wire.js`. Nanoseconds per route or per attribute
 * set, the best of several rounds, since the machine is shared; garbage is counted over all of them.
 */
const ROUTES = 1_000_000;
const SETS = 100_000;
const ROUNDS = 5;
const random = seededRandom(7);
const below = (limit: number): number => Math.floor(random.next() * limit);

function someAttributes(set: number): PathAttributes {
  const path: AsSegment = { type: 2, asns: Array.from({ length: 1 + below(6) }, () => 1 + below(400_000)) };
  return {
    ...emptyAttributes,
    asPath: [path],
    med: random.next() < 0.3 ? below(1000) : null,
    localPref: 100,
    communities:
      random.next() < 0.7 ? Array.from({ length: 1 + below(8) }, (_, i) => 0xfde90000 + i * 999 + below(900)) : [],
    largeCommunities: random.next() < 0.1 ? [[65001, 1, set]] : [],
  };
}

const canonical = new ByteWriter(16 << 20);
const starts: number[] = [];
for (let set = 0; set < SETS; set++) {
  starts.push(canonical.length);
  encodeCanonical(someAttributes(set), canonical);
}
starts.push(canonical.length);

const stream = new ByteWriter(64 << 20);
const section = new ByteWriter(4096);
function pack(): void {
  stream.clear();
  const writer = new UpdateWriter(stream, Family.Ipv4Unicast, false, 4096);
  for (let set = 0; set < SETS; set++) {
    section.clear();
    writeAttributes(canonical.bytes, starts[set]!, starts[set + 1]!, plainTransform, 0x0a000001, 0, section);
    writer.startReach(section.bytes, 0, section.length, null);
    for (let i = 0; i < ROUTES / SETS; i++) writer.add4((0x01000000 + ((set * 10 + i) << 8)) >>> 0, 24, 0);
    writer.finish();
  }
}

const context = codecContext();
const layout = updateLayout();
let prefixes = 0;
let checksum = 0;
const sink = {
  nlri4(address: number, length: number): void {
    prefixes++;
    checksum = (checksum + address + length) | 0;
  },
  nlri6(): void {},
};
const chunkSize = 65536;
function receive(each: (bytes: Uint8Array) => void): void {
  const framer = new Framer((_type, bytes, from, to) => {
    scanUpdate(bytes, from, to, context, layout);
    each(bytes);
  });
  for (let at = 0; at < stream.length; at += chunkSize)
    framer.push(stream.bytes.subarray(at, Math.min(at + chunkSize, stream.length)));
}

const walk = (bytes: Uint8Array): void =>
  walkNlri(Family.Ipv4Unicast, bytes, layout.nlriStart, layout.nlriEnd, false, sink);
const decode = (bytes: Uint8Array): void => {
  section.clear();
  encodeCanonical(decodeAttributes(bytes, layout, context, "ipv4-nlri").attributes!, section);
};

const canonicalizer = new Canonicalizer();
const hot = (bytes: Uint8Array): void => {
  if (!canonicalizer.run(bytes, layout, context, "ipv4-nlri")) throw new Error("not plain");
};

function measure(title: string, unit: string, count: number, run: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  const grown = Math.round((process.memoryUsage().heapUsed - before) / 1024);
  console.log(
    `${title.padEnd(52)} ${((best * 1e6) / count).toFixed(1).padStart(8)} ns per ${unit}   heap ${grown} KiB`,
  );
}

measure("write: attributes once per set, prefixes packed", "route", ROUTES, pack);
console.log(`stream of ${(stream.length / 1e6).toFixed(1)} MB, header ${HEADER_LENGTH}`);
measure("read: frame, scan, validate, walk", "route", ROUTES, () => receive(walk));
measure("read: frame and scan alone", "UPDATE", SETS, () => receive(() => {}));
measure("attributes: the hot way to canonical bytes", "set", SETS, () => receive(hot));
measure("attributes: decode by the table, encode canonically", "set", SETS, () => receive(decode));
if (prefixes !== ROUTES * ROUNDS) throw new Error(`walked ${prefixes} prefixes (${checksum})`);
