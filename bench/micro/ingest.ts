import { seededRandom } from "../../src/lib/random.ts";
import { Rib } from "../../src/rib/rib.ts";
import { codecContext } from "../../src/wire/context.ts";
import { scanUpdate } from "../../src/wire/message/update.ts";
import { updateLayout } from "../../src/wire/message/update-layout.ts";
import { walkNlri } from "../../src/wire/nlri/walk.ts";
import { fixedNextHops } from "../../testbed/next-hops.ts";

/**
 * What a million routes cost from the bytes of their UPDATEs to a decided RIB, step by step: about 83,000 attribute sets of
 * 1 to 200 routes each. `npx tsc -p tsconfig.json && node --expose-gc dist/bench/micro/ingest.js`
 */
const ROUTES = 1_000_000;
const random = seededRandom(11);
const below = (n: number) => Math.floor(random.next() * n);
const stream = new Uint8Array(40 << 20);
let end = 0;
const u8 = (...values: number[]) => {
  for (const value of values) stream[end++] = value;
};
const u32 = (...values: number[]) => {
  for (const value of values) u8(value >>> 24, value >>> 16, value >>> 8, value);
};

let sets = 0;
for (let route = 0; route < ROUTES; ) {
  const count = Math.min(ROUTES - route, random.next() < 0.4 ? 1 : 1 + below(random.next() < 0.9 ? 20 : 200));
  sets++;
  const start = end;
  end += 2;
  u8(0, 0);
  const attributes = end;
  end += 2;
  u8(0x40, 1, 1, 0);
  const path = 1 + below(6);
  u8(0x50, 2, 0, 2 + path * 4, 2, path);
  for (let i = 0; i < path; i++) u32(64512 + below(100_000));
  u8(0x40, 3, 4);
  u32(0x0a000001 + below(4));
  if (random.next() < 0.3) {
    u8(0x80, 4, 4);
    u32(below(1000));
  }
  u8(0x40, 5, 4);
  u32(100);
  if (random.next() < 0.7) {
    const communities = 1 + below(8);
    u8(0xc0, 8, communities * 4);
    for (let i = 0; i < communities; i++) u32(((65001 << 16) | below(65536)) >>> 0);
  }
  if (random.next() < 0.1) {
    u8(0xc0, 32, 12);
    u32(65001, below(1000), sets);
  }
  stream[attributes] = (end - attributes - 2) >>> 8;
  stream[attributes + 1] = end - attributes - 2;
  for (let i = 0; i < count; i++, route++) {
    // Distinct and scattered: the multiplier is odd, so that 2^20 numbers stay distinct.
    const scattered = (Math.imul(route, 0x9e3b1) & 0xfffff) + (16 << 16);
    u8(24, scattered >>> 16, scattered >>> 8, scattered);
  }
  stream[start] = (end - start - 2) >>> 8;
  stream[start + 1] = end - start - 2;
}
console.log(`${ROUTES} routes, ${sets} sets, ${(end / 1e6).toFixed(1)} MB`);

const collect = () => (globalThis as { gc?: () => void }).gc?.();
const context = codecContext({ maxReceive: 65535 });
const layout = updateLayout();
let worst = 0;

function pass(each: (start: number, end: number) => void, turn: () => void): { cpu: number; wall: number } {
  collect();
  worst = 0;
  const before = process.cpuUsage();
  const started = performance.now();
  let turnStart = started;
  let turnBytes = 0;
  for (let at = 0; at < end; ) {
    const next = at + 2 + ((stream[at]! << 8) | stream[at + 1]!);
    each(at + 2, next);
    turnBytes += next - at;
    at = next;
    if (turnBytes < 65_536 && at < end) continue;
    turn();
    turnBytes = 0;
    const now = performance.now();
    worst = Math.max(worst, now - turnStart);
    turnStart = now;
  }
  const used = process.cpuUsage(before);
  return { cpu: used.user + used.system, wall: performance.now() - started };
}

const newRib = () => {
  const rib = new Rib({ random, nextHops: fixedNextHops(), local: { as: 65001, routerId: 1 } });
  const address = [0x0a000002];
  const info = {
    kind: "internal",
    client: true,
    remoteAs: 65001,
    routerId: 9,
    address,
    peer: "10.0.0.2",
    name: "",
  } as const;
  return { rib, source: rib.sources.add(info), contextId: rib.attributes.context(context) };
};

for (let round = 0; round < 3; round++) {
  const say = (name: string, { cpu, wall }: { cpu: number; wall: number }) =>
    console.log(
      `${name.padEnd(36)} ${((cpu * 1000) / ROUTES).toFixed(0).padStart(5)} ns CPU a route, ${wall.toFixed(0).padStart(5)} ms wall, longest turn ${worst.toFixed(1)} ms, RSS ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
    );
  say(
    "scan",
    pass(
      (from, to) => scanUpdate(stream, from, to, context, layout),
      () => {},
    ),
  );
  const one = newRib();
  const scanResolve = (from: number, to: number) => {
    scanUpdate(stream, from, to, context, layout);
    one.rib.attributes.retain(one.rib.attributes.resolve(one.contextId, stream, layout, "ipv4-nlri"));
  };
  say(
    "scan, resolve (all new)",
    pass(scanResolve, () => {}),
  );
  say(
    "scan, resolve (all known)",
    pass(scanResolve, () => {}),
  );
  console.log(
    `  ${one.rib.attributes.size} sets, ${(one.rib.attributes.bytes / one.rib.attributes.size).toFixed(0)} octets each`,
  );
  const two = newRib();
  const { rib, source, contextId } = two;
  let attributes = 0;
  let told = 0;
  rib.ipv4.addConsumer({ changed: () => told++ });
  const sink = {
    nlri4: (address: number, length: number, pathId: number) =>
      rib.ipv4.announce4(source, address, length, pathId, attributes),
    nlri6: () => {},
  };
  const whole = (from: number, to: number) => {
    scanUpdate(stream, from, to, context, layout);
    attributes = rib.attributes.resolve(contextId, stream, layout, "ipv4-nlri");
    walkNlri(0, stream, layout.nlriStart, layout.nlriEnd, false, sink);
  };
  say(
    "scan, resolve, announce, decide",
    pass(whole, () => void rib.flush(1e9)),
  );
  say(
    "the same again",
    pass(whole, () => void rib.flush(1e9)),
  );
  console.log(`  told ${told}, RIB ${(rib.bytes / ROUTES).toFixed(1)} octets a route, sets included`);
}
