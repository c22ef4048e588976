/**
 * What an update group costs without sockets: `node dist/bench/micro/export.js [ROUTES] [--ipv6]`.
 *
 * 100,000 routes from one client to 1, 10 and 100 others in memory: evaluate, compare, pack, encode once, hand out; then a
 * late joiner, ten late joiners, and 1,000 routes withdrawn and announced again. Attribute sets have 1 to 200 prefixes (40 %
 * one, mean 12), as in performance tests of reflectors. Members take everything at once and count octets.
 */
import { parseArgs } from "node:util";
import { ExportGroup } from "../../src/export/export-group.ts";
import type { MemberPort } from "../../src/export/export-ports.ts";
import type { GroupKey } from "../../src/export/group-key.ts";
import { Family } from "../../src/lib/family.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { Rib } from "../../src/rib/rib.ts";
import type { NextHopTable } from "../../src/rib/rib-ports.ts";
import { emptyAttributes } from "../../src/wire/attribute/types.ts";
import { orUsage, whole } from "../../testbed/command-line.ts";

const usage = "node dist/bench/micro/export.js [ROUTES] [--ipv6]";
const { ROUTES, FAMILY } = orUsage(usage, () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ipv6: { type: "boolean", default: false } },
  });
  return {
    ROUTES: whole("ROUTES", positionals[0] ?? "100000"),
    FAMILY: values.ipv6 ? Family.Ipv6Unicast : Family.Ipv4Unicast,
  };
});
const BUDGET = 40_000;

const nextHops: NextHopTable = {
  reachable: new Uint8Array(2).fill(1),
  metric: new Uint32Array(2),
  intern: () => 1,
  retain() {},
  release() {},
  use() {},
  unuse() {},
  words: () => (FAMILY === Family.Ipv4Unicast ? [0x0a000002] : [0x20010db8, 0, 0, 2]),
  linkLocal: () => null,
};

class Sink implements MemberPort {
  readonly source: number;
  bytes = 0;
  writes = 0;

  constructor(source: number) {
    this.source = source;
  }

  write(chunks: readonly Uint8Array[], taken: () => void): void {
    this.writes++;
    for (const chunk of chunks) this.bytes += chunk.length;
    taken();
  }
}

const key: GroupKey = {
  family: FAMILY,
  peerKind: "internal",
  prependAs: [],
  client: true,
  clusterId: 0x0a0000fa,
  fourOctetAs: true,
  addPath: 0,
  extendedNextHop: false,
  maxMessage: 4096,
  longLived: "yes",
  nextHop: "unchanged",
  self4: 0x0a000001,
  self6: [0x20010db8, 0, 0, 1],
  role: null,
  exportPolicy: "",
  advertisementIntervalSeconds: 0,
};

const random = seededRandom(42);
const below = (bound: number) => Math.floor(random.next() * bound);

/** 40 % of the sets have one prefix; with the others the mean is 12. */
const setSize = (): number =>
  random.next() < 0.4 ? 1 : Math.min(200, 2 + Math.floor(-Math.log(1 - random.next()) * 18));

const rib = new Rib({ random: seededRandom(1), nextHops, local: { as: 65001, routerId: 1 } });
const table = rib.tables[FAMILY]!;
const peer = (number: number) =>
  rib.sources.add({
    kind: "internal",
    client: true,
    remoteAs: 65001,
    routerId: number,
    address: [number],
    peer: "",
    name: "",
  });
const feeder = peer(1000);

function attributes(): number {
  const list = (most: number) => Array.from({ length: 1 + below(most) }, () => 65000 + below(500));
  return rib.attributes.intern(
    {
      ...emptyAttributes,
      asPath: [{ type: 2, asns: list(6) }],
      med: random.next() < 0.3 ? below(100) : null,
      localPref: 100,
      communities: random.next() < 0.7 ? [...new Set(list(8))].sort((a, b) => a - b) : [],
      largeCommunities: random.next() < 0.1 ? [[65001, below(1000), 1]] : [],
    },
    1,
  );
}

const announce = (i: number, set: number): void => {
  if (FAMILY === Family.Ipv4Unicast) table.announce4(feeder, ((20 << 24) + (i << 8)) >>> 0, 24, 0, set);
  else table.announce6(feeder, 0x20010db8, i, 0, 0, 64, 0, set);
};
const withdraw = (i: number): void => {
  if (FAMILY === Family.Ipv4Unicast) table.withdraw4(feeder, ((20 << 24) + (i << 8)) >>> 0, 24, 0);
  else table.withdraw6(feeder, 0x20010db8, i, 0, 0, 64, 0);
};

const setOf: number[] = [];
let sets = 0;
for (let i = 0; i < ROUTES; ) {
  const set = attributes();
  sets++;
  for (let left = setSize(); left > 0 && i < ROUTES; left--, i++) setOf.push(set);
}
for (let i = 0; i < ROUTES; i++) announce(i, setOf[i]!);
while (!rib.flush(1e6));

function newGroup(): ExportGroup {
  const { attributes: store, sources } = rib;
  return new ExportGroup({
    key,
    routes: table,
    sets: store,
    nextHops,
    sources,
    policy: { usesPrefix: false, evaluate: (set) => set },
    events: { wake() {} },
  });
}

function run(group: ExportGroup): number {
  const started = process.hrtime.bigint();
  while (!group.flush(BUDGET));
  return Number(process.hrtime.bigint() - started) / 1e6;
}

console.log(`${ROUTES} routes in ${sets} attribute sets, ${FAMILY === Family.Ipv4Unicast ? "IPv4" : "IPv6"}`);
const report = (what: string, ms: number, group: ExportGroup, sinks: Sink[], extra = ""): void => {
  const bytes = sinks.reduce((sum, sink) => sum + sink.bytes, 0);
  const writes = sinks.reduce((sum, sink) => sum + sink.writes, 0);
  console.log(
    `${what.padEnd(44)} ${ms.toFixed(1).padStart(8)} ms  ${((ms * 1e6) / ROUTES).toFixed(0).padStart(5)} ns/route  ` +
      `${(bytes / sinks.length / 1e6).toFixed(2)} MB each, ${writes} writes, ${group.advertiser.encoder.encodedSets} sets encoded${extra}`,
  );
};

for (const members of (process.env.MEMBERS ?? "1,1,10,100").split(",").map(Number)) {
  const group = newGroup();
  const sinks = Array.from({ length: members }, (_, i) => new Sink(peer(2000 + i)));
  for (const sink of sinks) group.join(sink);
  report(`new group, ${members} member(s)`, run(group), group, sinks);

  const late = [new Sink(peer(5000))];
  group.join(late[0]!);
  report("  one late joiner", run(group), group, late);
  const ten = Array.from({ length: 10 }, (_, i) => new Sink(peer(6000 + i)));
  for (const sink of ten) group.join(sink);
  report("  ten more, a moment later", run(group), group, ten);

  if (members > 1) {
    table.addConsumer(group);
    for (const sink of sinks) sink.bytes = sink.writes = 0;
    const times: number[] = [];
    for (let burst = 0; burst < 20; burst++) {
      const again = burst % 2 === 1;
      for (let i = 0; i < 1000; i++)
        if (again) announce(i, setOf[i]!);
        else withdraw(i);
      while (!rib.flush(1e6));
      times.push(run(group));
    }
    times.sort((a, b) => a - b);
    console.log(
      `  1,000 routes withdrawn or announced:         p50 ${times[10]!.toFixed(2)} ms, worst ${times[19]!.toFixed(2)} ms`,
    );
    table.removeConsumer(group);
  }
  for (const member of group.members) group.leave(member);
  while (!group.close(100_000));
}
