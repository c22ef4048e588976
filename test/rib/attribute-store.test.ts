import t from "tap";
import { Hasher } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { AttributeFlag } from "../../src/rib/attribute-columns.ts";
import { AttributeStore, WITHDRAW } from "../../src/rib/attribute-store.ts";
import type { Reach } from "../../src/wire/attribute/decode.ts";
import { emptyAttributes } from "../../src/wire/attribute/types.ts";
import { codecContext } from "../../src/wire/context.ts";
import { scanUpdate } from "../../src/wire/message/update.ts";
import { type UpdateLayout, updateLayout } from "../../src/wire/message/update-layout.ts";
import { fixedNextHops } from "../../testbed/next-hops.ts";

/** Attribute number `code` as octets. */
const attribute = (flags: number, code: number, ...value: number[]): number[] =>
  value.length > 255 || (flags & 0x10) !== 0
    ? [flags | 0x10, code, value.length >> 8, value.length & 255, ...value]
    : [flags, code, value.length, ...value];
const word = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const words = (...values: number[]): number[] => values.flatMap(word);
const origin = attribute(0x40, 1, 0);
const path = (...asns: number[]) => attribute(0x40, 2, 2, asns.length, ...words(...asns));
const nextHop = attribute(0x40, 3, 10, 0, 0, 1);
const localPref = attribute(0x40, 5, ...word(100));

/** The body of an UPDATE with these attributes and the route 10.9.0.0/16 (not with MP_REACH_NLRI). */
function update(attributes: number[], nlri = [16, 10, 9]): { bytes: Uint8Array; layout: UpdateLayout } {
  const bytes = Uint8Array.from([0, 0, attributes.length >> 8, attributes.length & 255, ...attributes, ...nlri]);
  const layout = updateLayout();
  scanUpdate(bytes, 0, bytes.length, codecContext({ families: [true, true], maxReceive: 65535 }), layout);
  return { bytes, layout };
}

function newStore() {
  const nextHops = fixedNextHops();
  const store = new AttributeStore(nextHops, new Hasher(seededRandom(1)));
  const internal = store.context(codecContext());
  const resolve = (attributes: number[], context = internal, reach: Exclude<Reach, "none"> = "ipv4-nlri") => {
    const { bytes, layout } = update(attributes, reach === "mp-reach" ? [] : undefined);
    return store.resolve(context, bytes, layout, reach);
  };
  return { store, nextHops, internal, resolve };
}

/** MP_REACH_NLRI for 2001:db8::/32. */
const mpReach = (...hop: number[]) => attribute(0x80, 14, 0, 2, 1, hop.length, ...hop, 0, 32, 0x20, 1, 0xd, 0xb8);
const global = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const linkLocal = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

t.test("equal octets give the same set, and equal meaning in other octets does, too", (t) => {
  const { store, resolve } = newStore();
  const plain = [...origin, ...path(65002, 65003), ...nextHop, ...localPref];
  const id = resolve([...plain, ...attribute(0xc0, 8, ...words(7, 3))]);
  t.ok(id > 0);
  t.equal(resolve([...plain, ...attribute(0xc0, 8, ...words(7, 3))]), id);
  t.equal(resolve([...plain, ...attribute(0xc0, 8, ...words(3, 7))]), id, "communities are a set (RFC 1997)");
  t.equal(resolve([...plain, ...attribute(0xc0, 8, ...words(3, 7, 3))]), id);
  t.equal(resolve([...attribute(0xc0, 8, ...words(3, 7)), ...plain]), id, "any order (RFC 4271 §5)");
  t.equal(resolve([...plain, ...attribute(0xd0, 8, ...words(3, 7))]), id, "extended length isn't part of a value");
  t.equal(store.size, 1);
  t.not(resolve([...plain, ...attribute(0xc0, 8, ...words(3, 8))]), id);
  t.not(resolve([...origin, ...path(65002, 65003), ...attribute(0x40, 3, 10, 0, 0, 2), ...localPref]), id, "next hop");
  t.end();
});

t.test("the columns say what decision and export ask of a set", (t) => {
  const { store, nextHops, resolve } = newStore();
  const id = resolve([
    ...attribute(0x40, 1, 2),
    ...attribute(0x40, 2, 2, 2, ...words(65002, 65003), 1, 3, ...words(1, 2, 3)),
    ...nextHop,
    ...attribute(0x80, 4, ...word(50)),
    ...attribute(0x40, 5, ...word(4_000_000_000)),
    ...attribute(0xc0, 8, ...words(0xffffff01, 0xffff0006, 65001 * 65536)),
    ...attribute(0x80, 9, ...word(0x01020304)),
    ...attribute(0x80, 10, ...words(1, 2, 3)),
    ...attribute(0xc0, 99, 1, 2, 3),
  ]);
  t.equal(store.origin[id], 2);
  t.equal(store.asPathLength[id], 3, "an AS_SET counts 1 (RFC 4271 §9.1.2.2 a)");
  t.equal(store.neighborAs[id], 65002);
  t.equal(store.med[id], 50);
  t.equal(store.localPref[id], 4_000_000_000);
  t.equal(store.originatorId[id], 0x01020304);
  t.equal(store.clusterListLength[id], 3);
  t.same(nextHops.words(store.nextHop[id]!), [0x0a000001]);
  const { HAS_MED, HAS_LOCAL_PREF, NO_EXPORT, LLGR_STALE, HAS_AS_SET, HAS_UNKNOWN } = AttributeFlag;
  const { HAS_COMMUNITIES, HAS_ORIGINATOR_ID, HAS_CLUSTER_LIST } = AttributeFlag;
  t.equal(
    store.flags[id],
    HAS_MED |
      HAS_LOCAL_PREF |
      NO_EXPORT |
      LLGR_STALE |
      HAS_AS_SET |
      HAS_UNKNOWN |
      HAS_COMMUNITIES |
      HAS_ORIGINATOR_ID |
      HAS_CLUSTER_LIST,
  );
  const bare = resolve([...origin, ...attribute(0x40, 2), ...nextHop]);
  t.equal(store.localPref[bare], 100, "without LOCAL_PREF the default counts");
  t.equal(store.neighborAs[bare], 0);
  t.equal(store.flags[bare], 0);
  const view = store.view(id);
  t.same(view.asPath, [
    { type: 2, asns: [65002, 65003] },
    { type: 1, asns: [1, 2, 3] },
  ]);
  t.same(view.nextHop, { words: [0x0a000001], linkLocal: null });
  const set = resolve([...origin, ...attribute(0x40, 2, 1, 1, ...word(5)), ...nextHop]);
  t.equal(store.neighborAs[set], 0, "a path that starts with a set has no neighbor AS");
  t.end();
});

t.test("what octets mean depends on the context: equal contexts share, others don't", (t) => {
  const { store, internal, resolve } = newStore();
  t.equal(
    store.context(codecContext({ remoteAs: 65001, maxSend: 65535 })),
    internal,
    "message sizes change no attribute",
  );
  const external = store.context(codecContext({ peerKind: "external", remoteAs: 65002 }));
  const other = store.context(codecContext({ peerKind: "external", remoteAs: 65003 }));
  t.equal(new Set([internal, external, other]).size, 3);
  const octets = [...origin, ...path(65002), ...nextHop, ...attribute(0x40, 5, ...word(200))];
  t.equal(store.localPref[resolve(octets)], 200);
  t.equal(
    store.localPref[resolve(octets, external)],
    100,
    "LOCAL_PREF of an external peer is dropped (RFC 4271 §5.1.5)",
  );
  t.equal(resolve(octets, other), WITHDRAW, "the first AS isn't the peer's (RFC 7606 §7.2)");
  t.equal(store.lastFaults().length > 0, true);
  const old = store.context(codecContext({ fourOctetAs: false }));
  const narrow = [...origin, ...attribute(0x40, 2, 2, 1, 0xfd, 0xea), ...nextHop, ...attribute(0x40, 5, ...word(200))];
  t.equal(resolve(narrow, old), resolve(octets), "a two-octet AS is the same AS");
  const dropping = store.context(codecContext({ dropAttributes: new Set([8]) }));
  const marked = [...octets, ...attribute(0xc0, 8, ...word(1))];
  t.equal(resolve(marked, dropping), resolve(octets), "drop-attributes");
  t.not(resolve(marked), resolve(octets));
  t.end();
});

t.test("MP attributes are no part of a set, but their next hop is (RFC 4760 §3)", (t) => {
  const { store, nextHops, resolve } = newStore();
  const id = resolve([...mpReach(...global), ...origin, ...path(65002), ...localPref], undefined, "mp-reach");
  const late = resolve([...origin, ...path(65002), ...mpReach(...global), ...localPref], undefined, "mp-reach");
  const unreach = attribute(0x80, 15, 0, 2, 1, 32, 0x20, 1, 0xd, 0xb9);
  t.equal(late, id);
  const both = [...unreach, ...origin, ...mpReach(...global), ...path(65002), ...localPref];
  t.equal(resolve(both, undefined, "mp-reach"), id);
  const swapped = [...mpReach(...global), ...origin, ...path(65002), ...unreach, ...localPref];
  t.equal(resolve(swapped, undefined, "mp-reach"), id);
  t.equal(store.size, 1);
  t.equal(resolve([...mpReach(...global), ...origin, ...path(65002), ...localPref], undefined, "mp-reach"), id);
  t.equal(store.rawSize, 3, "one entry for each place of the MP attributes");
  t.same(nextHops.words(store.nextHop[id]!), [0x20010db8, 0, 0, 9]);
  const two = resolve(
    [...mpReach(...global, ...linkLocal), ...origin, ...path(65002), ...localPref],
    undefined,
    "mp-reach",
  );
  t.not(two, id);
  t.same(nextHops.linkLocal(store.nextHop[two]!), [0xfe800000, 0, 0, 7], "RFC 2545 §3");
  t.not(resolve([...origin, ...path(65002), ...nextHop, ...localPref]), id);
  t.end();
});

t.test("a link-local next hop means another one on another interface", (t) => {
  const { store, resolve } = newStore();
  const left = store.context(codecContext(), 3);
  const right = store.context(codecContext(), 4);
  const octets = [...mpReach(...linkLocal), ...origin, ...path(65002), ...localPref];
  t.not(resolve(octets, left, "mp-reach"), resolve(octets, right, "mp-reach"));
  const routable = [...mpReach(...global), ...origin, ...path(65002), ...localPref];
  t.equal(resolve(routable, left, "mp-reach"), resolve(routable, right, "mp-reach"));
  t.end();
});

t.test("a verdict is remembered with its faults, within a bound (RFC 7606 §2)", (t) => {
  const { store, resolve } = newStore();
  const faulty = (n: number) => [...attribute(0x40, 1, 9), ...path(n), ...nextHop];
  t.equal(resolve(faulty(1)), WITHDRAW);
  const [fault] = store.lastFaults();
  t.equal(fault?.name, "ORIGIN");
  t.equal(resolve(faulty(1)), WITHDRAW);
  t.same(store.lastFaults(), [fault]);
  t.ok(resolve([...origin, ...path(1), ...nextHop]) > 0);
  t.same(store.lastFaults(), []);
  t.equal(resolve([...origin, ...path(1)]), WITHDRAW, "NEXT_HOP is missing");
  for (let n = 2; n < 3000; n++) resolve(faulty(n));
  t.ok(store.rawSize < 300, `${store.rawSize} entries are kept`);
  const large = (n: number) => [...faulty(n), ...attribute(0xc0, 200, ...new Array<number>(60_000).fill(n & 255))];
  for (let n = 0; n < 50; n++) resolve(large(n));
  t.ok(store.bytes < 1_000_000, `${store.bytes} octets`);
  store.trim(Number.POSITIVE_INFINITY);
  store.sweep(Number.POSITIVE_INFINITY);
  t.end();
});

t.test("sets live as long as they are held, wait a while, and go with all that belongs to them", (t) => {
  const { store, nextHops, resolve } = newStore();
  const ids: number[] = [];
  for (let n = 0; n < 2000; n++) {
    const id = resolve([...origin, ...path(n + 1), ...attribute(0x40, 3, 10, 0, n >> 8, n & 255)]);
    store.retain(id);
    ids.push(id);
  }
  t.equal(store.size, 2000);
  t.equal(nextHops.held, 2000);
  t.ok(store.sweep(1e9));
  t.equal(store.size, 2000, "those that are held stay");
  const generation = store.generation[ids[5]!];
  for (const id of ids) store.release(id);
  t.equal(resolve([...origin, ...path(6), ...attribute(0x40, 3, 10, 0, 0, 5)]), ids[5], "not yet forgotten");
  t.notOk(store.sweep(10), "in slices");
  while (!store.sweep(100));
  t.ok(store.size <= 256, `${store.size} unused sets wait`);
  store.trim(1e9);
  t.equal(store.size, 0);
  t.equal(store.rawSize, 0);
  t.equal(nextHops.held, 0);
  t.not(store.generation[ids[5]!], generation, "the id has lost its meaning");
  t.throws(() => store.release(ids[5]!), /more often/);
  const again = resolve([...origin, ...path(77), ...nextHop]);
  t.ok(again > 0 && again <= 2000, "ids are used again");
  t.end();
});

t.test("a peer that sends ever new attribute sets doesn't make us grow", (t) => {
  const { store, nextHops, resolve } = newStore();
  let held: number[] = [];
  let steady = 0;
  for (let n = 1; n <= 20_000; n++) {
    const id = resolve([
      ...origin,
      ...path(n, n * 7),
      ...nextHop,
      ...attribute(0xc0, 8, ...words(...Array.from({ length: n % 9 }, (_, i) => n + i + 1), 5)),
    ]);
    store.retain(id);
    held.push(id);
    if (held.length === 1000) {
      for (const old of held.slice(0, 500)) store.release(old);
      held = held.slice(500);
      while (!store.sweep(64));
    }
    if (n === 8000) steady = store.bytes;
  }
  t.ok(store.bytes <= steady * 1.2, `${steady} octets after 8,000 sets, ${store.bytes} after 20,000`);
  t.ok(store.size < 2000);
  for (const id of held) store.release(id);
  store.trim(1e9);
  t.equal(store.size, 0);
  t.equal(nextHops.held, 0);
  t.end();
});

t.test("a peer that sends one set in ever new octets doesn't either", (t) => {
  const { store, resolve } = newStore();
  const ids = new Set<number>();
  for (let n = 0; n < 5000; n++) {
    // A non-transitive attribute that nobody knows is dropped (RFC 4271 §5): the meaning stays the same.
    const id = resolve([...origin, ...path(9), ...nextHop, ...attribute(0x80, 99, ...word(n))]);
    store.retain(id);
    ids.add(id);
  }
  t.equal(ids.size, 1);
  t.ok(store.rawSize <= 8, `${store.rawSize} entries`);
  t.equal(store.holders([...ids][0]!), 5000);
  t.end();
});

t.test("large sets that nobody holds don't fill the memory while they wait", (t) => {
  const { store, resolve } = newStore();
  for (let n = 0; n < 300; n++) {
    resolve([
      ...origin,
      ...path(n + 1),
      ...nextHop,
      ...attribute(0xc0, 200, ...new Array<number>(60_000).fill(n & 255)),
    ]);
    store.sweep(100);
  }
  t.ok(store.bytes < 16 << 20, `${store.bytes} octets`);
  t.end();
});

t.test("policy's own sets are interned with those of peers, and a set can change its next hop alone", (t) => {
  const { store, nextHops, resolve } = newStore();
  const received = resolve([...origin, ...path(65002), ...nextHop]);
  const same = store.intern(store.view(received), store.nextHop[received]!);
  t.equal(same, received);
  const preferred = store.intern({ ...store.view(received), localPref: 300 }, store.nextHop[received]!);
  t.not(preferred, received);
  t.equal(store.localPref[preferred], 300);
  const hop = nextHops.intern([99], null);
  const moved = store.withNextHop(preferred, hop);
  nextHops.release(hop);
  t.equal(store.localPref[moved], 300);
  t.equal(store.nextHop[moved], hop);
  t.same(store.view(moved).nextHop, { words: [99], linkLocal: null });
  store.trim(1e9);
  t.equal(nextHops.held, 0);
  const own = store.intern(emptyAttributes, 0);
  t.equal(store.view(own).nextHop, null, "own routes have no next hop yet");
  store.trim(1e9);
  t.end();
});

t.test("when most sets have gone, columns get shorter, and no id and generation ever means two sets", (t) => {
  const { store } = newStore();
  const meant = new Map<string, number>();
  const low: number[] = [];
  for (let round = 1; round <= 3; round++) {
    const held: number[] = [];
    for (let n = 1; n <= 30_000; n++) {
      const id = store.intern({ ...emptyAttributes, med: n, localPref: round }, 0);
      const name = `${id} ${store.generation[id]}`;
      if (meant.has(name)) t.fail(`${name} was another set`);
      meant.set(name, n);
      store.retain(id);
      (n <= 20 ? low : held).push(id);
    }
    const full = store.bytes;
    for (const id of held) store.release(id);
    while (!store.sweep(1000));
    t.ok(store.bytes < full / 8, `${full} octets became ${store.bytes}`);
    t.ok(store.limit < 2000, `ids end at ${store.limit}`);
    low.forEach((id, i) => {
      if (store.med[id] !== (i % 20) + 1 || store.holders(id) !== 1) t.fail(`set ${id} has changed`);
    });
  }
  t.end();
});

t.test("columns grow one by one and lose nothing", (t) => {
  const { store } = newStore();
  for (let n = 1; n <= 40_000; n++) {
    const id = store.intern({ ...emptyAttributes, med: n, localPref: n * 2 }, 0);
    store.retain(id);
    if (id !== n || store.med[id] !== n) t.fail(`set ${n} became ${id}`);
  }
  for (let n = 1; n <= 40_000; n++)
    if (store.med[n] !== n || store.localPref[n] !== n * 2 || store.holders(n) !== 1 || store.end(n) <= store.start(n))
      t.fail(`set ${n} has changed`);
  t.equal(store.size, 40_000);
  t.end();
});

t.test("a set without anything to stumble over on the way in is told from others without being decoded", (t) => {
  const { store, resolve } = newStore();
  const plain = [...origin, ...path(65002, 65003), ...nextHop];
  const [originator, clusters] = [attribute(0x80, 9, ...word(7)), attribute(0x80, 10, ...words(8, 9))];
  const fine = (attributes: number[], asns = [65001], originatorId = 1, clusterId = 1) =>
    store.isUnremarkable(resolve(attributes), asns, originatorId, clusterId);
  t.ok(fine(plain));
  t.notOk(fine(plain, [65001, 65003]), "an own AS in AS_PATH");
  t.notOk(fine([...origin, ...attribute(0x40, 2, 2, 1, ...word(5), 1, 2, ...words(6, 65001)), ...nextHop]), "in a set");
  t.ok(fine([...plain, ...originator, ...clusters]));
  t.notOk(fine([...plain, ...originator, ...clusters], [65001], 7), "the own ORIGINATOR_ID");
  t.notOk(fine([...plain, ...originator, ...clusters], [65001], 1, 9), "the own CLUSTER_ID");
  t.notOk(fine([...plain, ...attribute(0xc0, 8, ...words(1, 0xffff0000))]), "GRACEFUL_SHUTDOWN (RFC 8326)");
  t.notOk(fine([...plain, ...attribute(0xc0, 8, ...words(1, 0xffff029a))]), "BLACKHOLE (RFC 7999)");
  t.notOk(fine([...plain, ...attribute(0xc0, 35, ...word(1))]), "OTC (RFC 9234)");
  const long = Array.from({ length: 100 }, (_, i) => i + 1);
  t.notOk(fine([...origin, ...path(...long), ...nextHop], [100]), "the last of many");
  t.ok(fine([...origin, ...path(...long), ...nextHop], [101]));
  t.end();
});

t.test(
  "what is set up outside for a next hop goes with the last route, though the set is kept in case it comes back",
  async (t) => {
    const { store, nextHops, resolve } = newStore();
    const id = resolve([...origin, ...path(1), ...nextHop, ...localPref]);
    t.equal(nextHops.used, 0, "nobody has such a route yet");
    store.retain(id);
    store.retain(id);
    store.release(id);
    t.equal(nextHops.used, 1);
    store.release(id);
    store.sweep(1000);
    t.same([nextHops.used, nextHops.held, store.size], [0, 1, 1]);
    store.retain(resolve([...origin, ...path(1), ...nextHop, ...localPref]));
    t.equal(nextHops.used, 1, "and is set up again");
  },
);
