import t from "tap";
import type { KernelEvents } from "../../src/kernel/reader.ts";
import { formatAddress, parseAddress, parsePrefix } from "../../src/lib/address.ts";
import { seededRandom } from "../../src/lib/random.ts";
import type { ViewedHop, ViewedRoute } from "../../src/nexthop/kernel-view.ts";
import {
  LOOPBACK_SCOPE,
  NextHopTracker,
  type TrackerOptions,
  type TunnelPort,
} from "../../src/nexthop/next-hop-tracker.ts";
import type { Resolution } from "../../src/nexthop/resolution.ts";
import type { NextHopTable } from "../../src/rib/rib-ports.ts";

const options: TrackerOptions = {
  resolve: true,
  viaDefault: false,
  onLink: "auto",
  loopback: false,
  ignores: (name) => name.startsWith("cali"),
  tunnels: null,
};

const hop = (ifindex: number, via: string | null = null): ViewedHop => ({
  via: via === null ? null : parseAddress(via),
  ifindex,
  onlink: false,
  weight: 1,
  dead: false,
});

const route = (prefix: string, hops: ViewedHop[], given: Partial<ViewedRoute> = {}): ViewedRoute => ({
  ...parsePrefix(prefix),
  key: `${prefix} ${given.metric ?? 0} ${given.type ?? ""}`,
  table: 254,
  metric: 0,
  order: 0,
  type: "unicast",
  hops,
  ...given,
});

/** A host with eth0 (2) in 192.168.100.0/24, eth1 (3) in 10.0.0.0/24 and a default route. */
function host(given: Partial<TrackerOptions> = {}, later?: (work: () => void) => void): NextHopTracker {
  const tracker = new NextHopTracker({ ...options, ...given }, later);
  tracker.link({ ifindex: 2, name: "eth0", running: true });
  tracker.link({ ifindex: 3, name: "eth1", running: true });
  tracker.link({ ifindex: 4, name: "cali1", running: true });
  tracker.route(route("192.168.100.0/24", [hop(2)]));
  tracker.route(route("10.0.0.0/24", [hop(3)]));
  tracker.route(route("192.168.100.100/32", [hop(2)], { type: "local" }));
  tracker.route(route("0.0.0.0/0", [hop(2, "192.168.100.1")]));
  tracker.synced();
  return tracker;
}

const resolve = (tracker: NextHopTracker, address: string) =>
  tracker.resolution(tracker.intern(parseAddress(address), null));
const via = (tracker: NextHopTracker, address: string) =>
  resolve(tracker, address).hops.map((way) => `${way.via ? formatAddress(way.via) : "-"} ${way.ifindex} ${way.onlink}`);

t.test("a connected next hop is reached over its link, onlink", async (t) => {
  t.same(via(host(), "192.168.100.101"), ["192.168.100.101 2 true"]);
  t.same(via(host({ onLink: false }), "192.168.100.101"), ["192.168.100.101 2 false"]);
});

t.test("a next hop behind a gateway is reached by that gateway, at the metric of the kernel's route", async (t) => {
  const tracker = host();
  tracker.route(route("172.16.0.0/12", [hop(3, "10.0.0.9")], { metric: 50 }));
  tracker.route(route("172.16.0.0/16", [hop(2, "192.168.100.9"), hop(3, "10.0.0.8")], { metric: 70 }));
  tracker.synced();
  t.same(via(tracker, "172.17.0.1"), ["10.0.0.9 3 false"]);
  t.same(via(tracker, "172.16.0.1"), ["192.168.100.9 2 false", "10.0.0.8 3 false"], "the longest match, all its hops");
  t.equal(tracker.metric[tracker.intern(parseAddress("172.16.0.1"), null)], 70);
});

t.test("what is directly connected costs nothing, whatever the kernel's preference among its routes", async (t) => {
  const tracker = host();
  tracker.route(route("172.16.0.0/24", [hop(2)], { metric: 100 }));
  tracker.route(route("172.16.1.0/24", [hop(3)], { metric: 101 }));
  tracker.synced();
  for (const address of ["172.16.0.9", "172.16.1.9"]) {
    const id = tracker.intern(parseAddress(address), null);
    t.equal(tracker.metric[id], 0);
    t.match(tracker.explain(id), /is connected on eth\d \(kernel route 172.16.\d.0\/24, metric 10[01]\)/);
  }
});

t.test("within one prefix the route of the lowest metric counts, and the next one when it goes", async (t) => {
  const tracker = host();
  const better = route("172.16.0.0/12", [hop(2, "192.168.100.9")], { metric: 10 });
  tracker.route(route("172.16.0.0/12", [hop(3, "10.0.0.9")], { metric: 50 }));
  tracker.route(better);
  tracker.synced();
  t.same(via(tracker, "172.16.0.1"), ["192.168.100.9 2 false"]);
  tracker.routeGone(better);
  tracker.synced();
  t.same(via(tracker, "172.16.0.1"), ["10.0.0.9 3 false"]);
});

t.test("a default route resolves only where it is allowed to", async (t) => {
  t.match(resolve(host(), "8.8.8.8"), { reachable: false, reason: "default-only" });
  t.same(via(host({ viaDefault: true }), "8.8.8.8"), ["192.168.100.1 2 false"]);
});

t.test("own, martian and meaningless addresses are no next hops", async (t) => {
  const tracker = host({ viaDefault: true });
  for (const address of [
    "192.168.100.100",
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.2",
    "224.0.0.5",
    "240.0.0.1",
    "::",
    "::1",
    "ff02::1",
  ])
    t.notOk(resolve(tracker, address).reachable, address);
  t.ok(resolve(host({ loopback: true }), "127.0.0.2").reachable, "unless sessions run on 127/8");
  t.ok(resolve(host({ resolve: false }), "8.8.8.8").reachable, "nothing is resolved in a pure reflector");
  t.notOk(resolve(host({ resolve: false }), "224.0.0.5").reachable, "but a martian stays one");
});

t.test("blackhole routes and ignored interfaces lead nowhere", async (t) => {
  const tracker = host();
  tracker.route(route("192.168.100.64/26", [], { type: "blackhole" }));
  tracker.route(route("10.9.0.0/24", [hop(4)]));
  tracker.synced();
  t.notOk(resolve(tracker, "192.168.100.65").reachable);
  t.notOk(resolve(tracker, "10.9.0.1").reachable);
});

t.test("a link that goes down takes its next hops along at once, and listeners hear of exactly those", async (t) => {
  const tracker = host();
  const heard: (readonly number[])[] = [];
  tracker.onChange((ids) => heard.push(ids));
  const first = tracker.intern(parseAddress("192.168.100.101"), null);
  const other = tracker.intern(parseAddress("10.0.0.7"), null);
  tracker.link({ ifindex: 2, name: "eth0", running: false });
  tracker.synced();
  t.same(heard, [[first]]);
  t.equal(tracker.reachable[first], 0);
  t.equal(tracker.reachable[other], 1);
  tracker.link({ ifindex: 2, name: "eth0", running: true });
  tracker.synced();
  t.same(heard, [[first], [first]]);
  tracker.synced();
  t.equal(heard.length, 2, "nothing changed, nothing said");
});

t.test("an IPv6 link-local next hop means a neighbor on the link of its session (RFC 2545 §3)", async (t) => {
  const tracker = host();
  const id = tracker.intern(parseAddress("fe80::1"), null, 3);
  t.same(tracker.hops(id), [{ via: parseAddress("fe80::1"), ifindex: 3, device: "eth1", onlink: true, weight: 1 }]);
  t.not(tracker.intern(parseAddress("fe80::1"), null, 2), id, "on another link it is somebody else");
  t.notOk(tracker.resolution(tracker.intern(parseAddress("fe80::1"), null, 0)).reachable);
});

t.test("next hops are counted: the last release frees the id, which rests before it means another", async (t) => {
  const tracker = host();
  const id = tracker.intern(parseAddress("10.0.0.7"), null);
  t.equal(tracker.intern(parseAddress("10.0.0.7"), null), id);
  tracker.retain(id);
  tracker.release(id);
  tracker.release(id);
  t.same(tracker.words(id), parseAddress("10.0.0.7"));
  tracker.release(id);
  t.same(tracker.words(id), []);
  t.equal(tracker.size, 0);
  t.equal(tracker.reachable[id], 0);
  t.throws(() => tracker.release(id), /more often/);
  const ids = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const next = tracker.intern([0x0a000000 + (i & 127)], null);
    if (i < 1000 && next === id) t.fail("used again too soon");
    ids.add(next);
    tracker.release(next);
  }
  t.ok(ids.size < 1100, "but ids are used again");
  for (let i = 0; i < 100; i++) tracker.intern([0x0a000000 + i], null);
  t.equal(tracker.reachable[tracker.intern([0x0a000063], null)], 1, "also after the columns have grown");
});

t.test("own routes have next hop 0, which is always reachable and never counted", async (t) => {
  const tracker = host();
  t.equal(tracker.reachable[0], 1);
  t.equal(tracker.metric[0], 0);
  tracker.retain(0);
  tracker.release(0);
  tracker.release(0);
  t.ok(tracker.resolution(0).reachable);
  t.equal(tracker.explain(0), "an own route, which needs no next hop");
});

t.test("a route whose links are down is passed over for a shorter one, if there is one", async (t) => {
  const tracker = host();
  tracker.route(route("192.168.0.0/16", [hop(3, "10.0.0.9")], { metric: 5 }));
  tracker.route(route("172.16.0.0/12", [hop(3, "10.0.0.9"), hop(2, "192.168.100.9")]));
  tracker.route(route("172.20.0.0/16", [{ ...hop(2, "192.168.100.8"), dead: true }]));
  tracker.synced();
  t.same(via(tracker, "172.20.0.1"), ["10.0.0.9 3 false", "192.168.100.9 2 false"], "dead by the kernel's own word");
  tracker.link({ ifindex: 2, name: "eth0", running: false });
  tracker.synced();
  t.same(via(tracker, "192.168.100.101"), ["10.0.0.9 3 false"]);
  t.same(via(tracker, "172.16.0.1"), ["10.0.0.9 3 false"], "one leg of two is enough");
  tracker.linkGone({ ifindex: 3, name: "eth1", running: true });
  tracker.synced();
  t.match(resolve(tracker, "172.16.0.1"), { reachable: false, reason: "link-down" });
});

t.test("weights of the kernel's own multipath routes are kept", async (t) => {
  const tracker = host();
  tracker.route(route("172.16.0.0/16", [{ ...hop(2, "192.168.100.9"), weight: 3 }, hop(3, "10.0.0.8")]));
  tracker.synced();
  t.same(
    resolve(tracker, "172.16.0.1").hops.map(({ weight }) => weight),
    [3, 1],
  );
});

t.test("own addresses are no next hops, also where nothing is resolved", async (t) => {
  const tracker = host({ resolve: false });
  const heard: (readonly number[])[] = [];
  tracker.onChange((ids) => heard.push(ids));
  const id = tracker.intern(parseAddress("192.0.2.1"), null);
  const own = (text: string, ifindex = 2, tentative = false) => ({
    ifindex,
    words: parseAddress(text),
    length: 24,
    tentative,
  });
  for (const text of ["192.0.2.1", "2001:db8::1", "127.0.0.1"]) tracker.address(own(text));
  tracker.synced();
  t.same(heard, [[id]]);
  t.match(resolve(tracker, "192.0.2.1"), { reachable: false, reason: "own-address" });
  t.notOk(resolve(tracker, "2001:db8::1").reachable);
  t.ok(resolve(tracker, "192.0.2.2").reachable);
  t.ok(tracker.lookup(parseAddress("127.0.0.1"), LOOPBACK_SCOPE).reachable, "of every speaker of the machine");

  tracker.address(own("192.0.2.1", 3));
  tracker.addressGone(own("192.0.2.1", 2));
  t.notOk(resolve(tracker, "192.0.2.1").reachable, "as long as one link has it");
  tracker.addressGone(own("192.0.2.1", 3));
  tracker.synced();
  t.ok(resolve(tracker, "192.0.2.1").reachable);

  tracker.address(own("fe80::1", 2));
  t.equal(tracker.lookup(parseAddress("fe80::1"), 2).reason, "own-address");
  t.ok(tracker.lookup(parseAddress("fe80::1"), 3).reachable, "a neighbor on another link may have the same");
  tracker.address(own("2001:db8::2", 2, true));
  t.ok(resolve(tracker, "2001:db8::2").reachable, "another's, as far as we know, until detection says that it is ours");
});

t.test("127.0.0.0/8 is a next hop for those whose session runs there, and for nobody else", async (t) => {
  const tracker = host();
  const words = parseAddress("127.1.0.9");
  t.ok(tracker.resolution(tracker.intern(words, null, LOOPBACK_SCOPE)).reachable);
  t.notOk(tracker.resolution(tracker.intern(words, null)).reachable);
  t.match(tracker.lookup(words, LOOPBACK_SCOPE), { reason: "this-machine", hops: [{ device: "lo", via: words }] });
  t.notOk(tracker.lookup(parseAddress("224.0.0.1"), LOOPBACK_SCOPE).reachable);
});

t.test("other options, after a reload, have everything resolved anew", async (t) => {
  const tracker = host();
  const heard: (readonly number[])[] = [];
  tracker.onChange((ids) => heard.push(ids));
  const far = tracker.intern(parseAddress("8.8.8.8"), null);
  tracker.intern(parseAddress("192.168.100.101"), null);
  tracker.setOptions({ ...options, viaDefault: true });
  t.same(heard, [[far]]);
  t.equal(tracker.reachable[far], 1);
});

t.test("each outcome has its sentence", async (t) => {
  const tracker = host();
  tracker.route(route("172.16.0.0/16", [hop(2, "192.168.100.9"), hop(3, "10.0.0.8")], { metric: 70 }));
  tracker.route(route("172.18.0.0/16", [], { type: "unreachable" }));
  tracker.route(route("2001:db8::/64", [hop(3)]));
  tracker.link({ ifindex: 5, name: "eth2", running: false });
  tracker.route(route("172.19.0.0/16", [hop(5)]));
  tracker.synced();
  const say = (address: string, scope = 0) => tracker.explain(tracker.intern(parseAddress(address), null, scope));
  t.equal(say("192.168.100.7"), "192.168.100.7 is connected on eth0 (kernel route 192.168.100.0/24, metric 0)");
  t.equal(say("2001:db8::7"), "2001:db8::7 is connected on eth1 (kernel route 2001:db8::/64, metric 0)");
  t.equal(
    say("172.16.0.1"),
    "172.16.0.1 is reached through gateway 192.168.100.9 on eth0 and 10.0.0.8 on eth1 (kernel route 172.16.0.0/16, metric 70)",
  );
  t.equal(say("192.168.100.100"), "192.168.100.100 can't be a next hop: it is one of our own addresses");
  t.equal(say("224.0.0.5"), "224.0.0.5 can't be a next hop: it is a multicast address");
  t.equal(say("8.8.8.8"), "8.8.8.8 is unreachable: only a default route leads there, and resolve-via-default is off");
  t.equal(say("2001:db9::1"), "2001:db9::1 is unreachable: no route of the kernel leads there");
  t.equal(say("172.18.0.1"), "172.18.0.1 is unreachable: the kernel's unreachable route 172.18.0.0/16 is in the way");
  t.equal(say("172.19.0.1"), "172.19.0.1 is unreachable: the link of the kernel route 172.19.0.0/16 is down");
  t.equal(say("fe80::1", 3), "fe80::1 is connected on eth1");
  t.equal(say("fe80::1", 5), "fe80::1 is unreachable: the link of its session is down");
  t.equal(say("fe80::1"), "fe80::1 is unreachable: it is link-local, and the link of its session is unknown");
});

t.test("random events leave what a slow model says, and listeners hear of each difference once (seeded)", async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const below = (n: number) => Math.floor(random.next() * n);
    const tracker = new NextHopTracker({ ...options, viaDefault: seed % 2 === 0 });
    const links = new Map<number, boolean>();
    const routes = new Map<string, ViewedRoute>();
    const known = new Map<number, string>();
    tracker.onChange((ids) => {
      for (const id of ids) known.set(id, way(tracker.resolution(id)));
    });
    const addresses = Array.from({ length: 60 }, () => (0x0a000000 + below(64) * 4 + below(2)) >>> 0);
    for (const address of addresses) {
      const id = tracker.intern([address], null);
      known.set(id, way(tracker.resolution(id)));
    }
    const slow = (address: number): string => {
      const fitting = [...routes.values()]
        .filter(({ words, length }) => length === 0 || (words[0]! ^ address) >>> (32 - length) === 0)
        .sort((a, b) => b.length - a.length || a.metric - b.metric);
      for (const { length, type, hops, metric } of fitting) {
        if (type === "local" || (length === 0 && seed % 2 !== 0)) return "no";
        if (type !== "unicast") return "no";
        const alive = hops.filter(({ ifindex, dead }) => ifindex !== 9 && !dead && links.get(ifindex) === true);
        if (alive.length > 0)
          return `${hops.every(({ via }) => via === null) ? 0 : metric}: ${alive.map(({ via, ifindex }) => `${via ?? address} ${ifindex}`).join()}`;
      }
      return "no";
    };
    for (let step = 0; step < 300; step++) {
      for (let burst = below(3); burst >= 0; burst--) {
        const ifindex = 2 + below(3);
        const what = random.next();
        if (what < 0.2) {
          const running = random.next() < 0.7;
          links.set(ifindex, running);
          tracker.link({ ifindex, name: `eth${ifindex}`, running });
        } else if (what < 0.25) {
          links.delete(ifindex);
          tracker.linkGone({ ifindex, name: `eth${ifindex}`, running: true });
        } else {
          const length = [0, 24, 26, 28, 30, 32][below(6)]!;
          const words = [length === 0 ? 0 : (0x0a000000 + ((below(256) >> (32 - length)) << (32 - length))) >>> 0];
          const metric = below(3);
          const type = ["unicast", "unicast", "unicast", "unicast", "local", "blackhole"][below(6)]!;
          const hops = [ifindex, 2 + below(3)].slice(below(2)).map((index, i) => ({
            ...hop(index),
            via: random.next() < 0.5 ? null : [0x0b000000 + i],
            dead: random.next() < 0.1,
          }));
          const key = `${words[0]}/${length} ${metric}`;
          const before = routes.get(key);
          if (before !== undefined && random.next() < 0.5) {
            routes.delete(key);
            tracker.routeGone(before);
          } else {
            const added: ViewedRoute = { key, family: 0, words, length, table: 254, metric, order: 0, type, hops };
            routes.set(key, added);
            tracker.route(added);
          }
        }
      }
      tracker.synced();
      for (const address of addresses) {
        const id = tracker.intern([address], null);
        const [fast, model] = [way(tracker.resolution(id)), slow(address)];
        if (fast !== model) t.fail(`seed ${seed}, step ${step}: ${formatAddress([address])}: ${fast}, not ${model}`);
        if (known.get(id) !== fast) t.fail(`seed ${seed}, step ${step}: nobody was told of ${fast}`);
        if (tracker.reachable[id] !== (fast === "no" ? 0 : 1)) t.fail(`seed ${seed}, step ${step}: column`);
        tracker.release(id);
      }
    }
  }
  t.pass("20 seeds");
});

/** A resolution as short text. */
function way({ reachable, metric, hops }: Resolution): string {
  return reachable ? `${metric}: ${hops.map(({ via, ifindex }) => `${via} ${ifindex}`).join()}` : "no";
}

t.test("the tracker fits the ports of its neighbors: what the RIB asks for, what the FIB's reader tells", async (t) => {
  const table: NextHopTable = host();
  const listener: KernelEvents = host();
  t.ok(table.reachable.length > 0 && listener.synced !== undefined);
});

t.test(
  "a next hop behind a tunnel is reached through it, if its underlay is there, by a default route too",
  async (t) => {
    const forgotten: string[] = [];
    let trouble: string | null = null;
    const tunnels: TunnelPort = {
      reach: (words) => {
        if (words[0]! >>> 24 !== 172) return null;
        return trouble === null ? { hop: { ifindex: 3, onlink: true } } : { trouble };
      },
      forget: (words) => void forgotten.push(formatAddress(words)),
    };
    const tracker = host({ tunnels });
    const id = tracker.intern(parseAddress("172.16.0.1"), null);
    t.match(tracker.hops(id), [{ via: parseAddress("172.16.0.1"), ifindex: 3, onlink: true }]);
    t.match(tracker.explain(id), /through the tunnel eth1/);
    t.same(via(tracker, "192.168.100.101"), ["192.168.100.101 2 true"], "others are reached directly");
    trouble = "Tunnel eth1: no device";
    tracker.again();
    t.equal(tracker.reachable[id], 0);
    t.match(tracker.explain(id), /no device/);
    tracker.use(id);
    tracker.use(id);
    tracker.unuse(id);
    t.same(forgotten, [], "a route still goes there");
    tracker.unuse(id);
    t.same(forgotten, ["172.16.0.1"], "with the last route, however long the id is known");
    tracker.release(id);
    t.equal(forgotten.length, 1);
  },
);

t.test("one address with other marks is another next hop, with the same way", async (t) => {
  const forgotten: string[] = [];
  const tunnels: TunnelPort = {
    reach: () => null,
    forget: (words) => void forgotten.push(formatAddress(words)),
  };
  const tracker = host({ tunnels });
  const plain = tracker.intern(parseAddress("10.0.0.9"), null);
  const heavy = tracker.marked(plain, { weight: 10 });
  t.not(heavy, plain);
  t.equal(tracker.marked(plain, { weight: 10 }), heavy);
  t.same(tracker.marks(heavy), { weight: 10 });
  t.equal(tracker.marks(plain), null);
  t.same(tracker.hops(heavy), tracker.hops(plain));
  const both = tracker.marked(heavy, { install: false });
  t.same(tracker.marks(both), { weight: 10, install: false });
  for (const id of [plain, heavy, both]) tracker.use(id);
  for (const id of [heavy, plain]) tracker.unuse(id);
  tracker.release(heavy);
  tracker.release(plain);
  t.same(forgotten, [], "the way is still in use");
  tracker.unuse(both);
  tracker.release(heavy);
  tracker.release(both);
  t.same(forgotten, ["10.0.0.9"], "once, with the last");
  const nowhere = tracker.intern(parseAddress("172.16.0.1"), null);
  t.equal(tracker.reachable[nowhere], 0);
  const thrown = tracker.marked(nowhere, { blackhole: true });
  t.equal(tracker.reachable[thrown], 1, "where packets go nowhere none is needed");
  t.match(tracker.explain(thrown), /policy throws its packets away/);
  t.equal(tracker.marked(0, { weight: 3 }), 0, "own routes have none");
});

t.test(
  "a tunnel keeps entries for what can be reached and is routed to, and by address, whoever else names it",
  async (t) => {
    const asked: string[] = [];
    const tunnels: TunnelPort = {
      reach: (words, entries) => {
        asked.push(`${entries} ${formatAddress(words)}`);
        return { hop: { ifindex: 3, onlink: true } };
      },
      forget: (words) => void asked.push(`forget ${formatAddress(words)}`),
    };
    const told = () => asked.splice(0);
    const tracker = host({ tunnels });
    const far = tracker.intern(parseAddress("2001:db8:9::1"), null);
    t.same(told(), ["leave 2001:db8:9::1"], "known is not routed to");
    tracker.use(far);
    t.same(told(), [], "nothing leads there");
    tracker.route(route("2001:db8:9::/64", [hop(2)]));
    tracker.synced();
    t.same(told(), ["keep 2001:db8:9::1"]);
    const twin = tracker.intern(parseAddress("2001:db8:9::1"), parseAddress("fe80::1"));
    tracker.use(twin);
    told();
    tracker.unuse(far);
    t.same(told(), [], "the other one still needs them");
    tracker.lookup(parseAddress("2001:db8:9::7"));
    t.same(told(), ["leave 2001:db8:9::7"], "a question changes nothing");
    tracker.unuse(twin);
    t.same(told(), ["forget 2001:db8:9::1"]);
  },
);

t.test("a link over which nothing leads costs nothing, and very many next hops are looked at in slices", async (t) => {
  const later: (() => void)[] = [];
  let asked = 0;
  const tunnels: TunnelPort = {
    reach: () => {
      asked++;
      return null;
    },
    forget: () => {},
  };
  const tracker = host({ tunnels }, (work) => void later.push(work));
  for (let i = 0; i < 9_900; i++) tracker.intern([(0xac100000 + i) >>> 0], null);
  for (let i = 1; i <= 100; i++) tracker.intern([(0x0a000000 + i) >>> 0], null);
  asked = 0;
  for (const running of [true, false]) tracker.link({ ifindex: 77, name: "cali77", running });
  tracker.linkGone({ ifindex: 77, name: "cali77", running: false });
  tracker.synced();
  t.equal(asked, 0);
  tracker.link({ ifindex: 3, name: "eth1", running: false });
  tracker.synced();
  t.equal(asked, 100, "of a link only those that it may lead to");
  asked = 0;
  let changed = 0;
  tracker.onChange((ids) => {
    changed += ids.length;
  });
  tracker.again();
  t.ok(asked < 3000, `a slice: ${asked}`);
  for (let work = later.shift(); work !== undefined; work = later.shift()) work();
  t.equal(asked, 10_000, "and all in the end");
  t.equal(changed, 0);
});
