import t from "tap";
import { formatAddress, parseAddress, parsePrefix } from "../../src/lib/address.ts";
import type { ViewedHop, ViewedRoute } from "../../src/nexthop/kernel-view.ts";
import { NextHopTracker, type TrackerOptions } from "../../src/nexthop/next-hop-tracker.ts";

const options: TrackerOptions = {
  resolve: true,
  viaDefault: false,
  onLink: "auto",
  loopback: false,
  ignores: (name) => name.startsWith("cali"),
};

const hop = (ifindex: number, via: string | null = null): ViewedHop => ({
  via: via === null ? null : parseAddress(via),
  ifindex,
  onlink: false,
  dead: false,
});

const route = (prefix: string, hops: ViewedHop[], given: Partial<ViewedRoute> = {}): ViewedRoute => ({
  ...parsePrefix(prefix),
  key: `${prefix} ${given.metric ?? 0} ${given.type ?? ""}`,
  metric: 0,
  type: "unicast",
  hops,
  ...given,
});

/** A host with eth0 (2) in 192.168.100.0/24, eth1 (3) in 10.0.0.0/24 and a default route. */
function host(given: Partial<TrackerOptions> = {}): NextHopTracker {
  const tracker = new NextHopTracker({ ...options, ...given });
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
  t.match(resolve(host(), "8.8.8.8"), { reachable: false, text: /resolve-via-default/ });
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
  t.same(tracker.hops(id), [{ via: parseAddress("fe80::1"), ifindex: 3, onlink: true, weight: 1 }]);
  t.not(tracker.intern(parseAddress("fe80::1"), null, 2), id, "on another link it is somebody else");
  t.notOk(tracker.resolution(tracker.intern(parseAddress("fe80::1"), null, 0)).reachable);
});

t.test("next hops are counted: the last release frees the id for another", async (t) => {
  const tracker = host();
  const id = tracker.intern(parseAddress("10.0.0.7"), null);
  t.equal(tracker.intern(parseAddress("10.0.0.7"), null), id);
  tracker.release(id);
  t.same(tracker.words(id), parseAddress("10.0.0.7"));
  tracker.release(id);
  t.same(tracker.words(id), []);
  t.equal(tracker.size, 0);
  t.equal(tracker.intern(parseAddress("10.0.0.8"), null), id);
  for (let i = 0; i < 100; i++) tracker.intern([0x0a000000 + i], null);
  t.equal(tracker.reachable[tracker.intern([0x0a000063], null)], 1, "also after the columns have grown");
});
