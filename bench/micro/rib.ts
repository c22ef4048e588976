import { seededRandom } from "../../src/lib/random.ts";
import { Rib } from "../../src/rib/rib.ts";
import { emptyAttributes } from "../../src/wire/attribute/types.ts";
import { fixedNextHops } from "../../testbed/next-hops.ts";

/**
 * What the RIB costs: nanoseconds and octets per route, one million IPv4 routes and then some. Run with
 * `npx tsc -p tsconfig.json && node --expose-gc dist/bench/micro/rib.js`.
 */
const ROUTES = 1_000_000;
const SETS = 83_000;
const random = seededRandom(7);
const nextHops = fixedNextHops();
const rib = new Rib({ random, nextHops, local: { as: 65001, routerId: 1 } });
const table = rib.ipv4;

const collect = () => (globalThis as { gc?: () => void }).gc?.();
const held = () => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

function measure(name: string, count: number, run: () => void): void {
  const before = held();
  const cpu = process.cpuUsage();
  const start = performance.now();
  run();
  const wall = performance.now() - start;
  const used = process.cpuUsage(cpu);
  const after = held();
  const ns = ((used.user + used.system) * 1000) / count;
  const octets = (after - before) / count;
  const { rss } = process.memoryUsage();
  console.log(
    `${name.padEnd(44)} ${ns.toFixed(0).padStart(5)} ns CPU ${((wall * 1e6) / count).toFixed(0).padStart(5)} ns wall ${octets.toFixed(1).padStart(7)} B each   RSS ${(rss / 1e6).toFixed(0)} MB`,
  );
}

const prefixes = new Uint32Array(ROUTES);
const lengths = new Uint8Array(ROUTES);
const seen = new Set<number>();
for (let i = 0; i < ROUTES; ) {
  const length = random.next() < 0.6 ? 24 : 16 + Math.floor(random.next() * 8);
  const address = ((1 + Math.floor(random.next() * 222)) << 24) | Math.floor(random.next() * (1 << 24));
  const masked = (address & (-1 << (32 - length))) >>> 0;
  if (masked >>> 24 === 127 || seen.has(masked * 64 + length)) continue;
  seen.add(masked * 64 + length);
  prefixes[i] = masked;
  lengths[i++] = length;
}
seen.clear();

const sets: number[] = [];
measure("policy-made attribute sets", SETS, () => {
  const nextHop = nextHops.intern([0x0a000001], null);
  for (let i = 0; i < SETS; i++) {
    const asPath = [{ type: 2 as const, asns: [65001, 1000 + i, (i * 7) % 5000, 64512] }];
    const communities = [(65001 << 16) >>> 0, ((65001 << 16) | (i & 0xffff)) >>> 0].sort((a, b) => a - b);
    const id = rib.attributes.intern({ ...emptyAttributes, asPath, localPref: 100, communities }, nextHop);
    rib.attributes.retain(id);
    sets.push(id);
  }
});

const peers = Array.from({ length: 10 }, (_, i) =>
  rib.sources.add({
    kind: "internal",
    client: true,
    remoteAs: 65001,
    routerId: 100 + i,
    address: [0x0a000002 + i],
    peer: `10.0.0.${2 + i}`,
    name: "",
  }),
);

let worst = 0;
function slices(step: () => boolean): void {
  for (let done = false; !done; ) {
    const start = performance.now();
    done = step();
    worst = Math.max(worst, performance.now() - start);
  }
}

let changed = 0;
table.addConsumer({ changed: () => changed++ });
const feed = (source: number, from: number, to: number, shift: number) => {
  for (let base = from; base < to; base += 4096) {
    const start = performance.now();
    for (let i = base; i < Math.min(to, base + 4096); i++)
      table.announce4(source, prefixes[i]!, lengths[i]!, 0, sets[(((i / 12) | 0) % SETS) ^ shift]!);
    worst = Math.max(worst, performance.now() - start);
    slices(() => table.flush(4096));
  }
};

measure("insert 1M IPv4 routes, decide each", ROUTES, () => feed(peers[0]!, 0, ROUTES, 0));
console.log(`  longest slice of 4096: ${worst.toFixed(1)} ms, best paths ${table.bestCount}, told ${changed}`);
worst = 0;
measure("the same again (nothing changes)", ROUTES, () => feed(peers[0]!, 0, ROUTES, 0));
measure("replace each by another set, decide", ROUTES, () => feed(peers[0]!, 0, ROUTES, 1));
measure("a second peer with the same 1M", ROUTES, () => feed(peers[1]!, 0, ROUTES, 0));
measure("a third", ROUTES, () => feed(peers[2]!, 0, ROUTES, 0));
for (const peer of peers.slice(3)) measure("and one more", ROUTES / 10, () => feed(peer, 0, ROUTES / 10, 0));
measure("find (withdraw what isn't there)", ROUTES, () => {
  for (let i = 0; i < ROUTES; i++) table.withdraw4(999, prefixes[i]!, lengths[i]!, 0);
});
measure("walk all prefixes", ROUTES, () => {
  let sum = 0;
  for (let id = table.prefixes.next(0); id !== 0; id = table.prefixes.next(id)) sum += table.bestAttributes(id);
  if (sum === 0) console.log("?");
});
worst = 0;
for (const peer of peers) {
  measure("purge a peer, decide", Math.max(1, table.counts(peer).received), () => {
    rib.purge(peer);
    slices(() => table.work(4096) && table.flush(4096));
    slices(() => table.flush(4096));
  });
}
console.log(
  `  longest slice: ${worst.toFixed(1)} ms; prefixes ${table.prefixes.size}, paths ${table.paths.size}, octets ${table.bytes}`,
);
for (const id of sets) rib.attributes.release(id);
measure("free all attribute sets", SETS, () => {
  rib.attributes.trim(Number.POSITIVE_INFINITY);
});
console.log(`  sets ${rib.attributes.size}, octets of the store ${rib.attributes.bytes}`);
