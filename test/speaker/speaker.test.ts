import t from "tap";
import { LiveMetrics } from "../../src/view/live-metrics.ts";
import type { RouteRow } from "../../src/view/model.ts";
import { best, node, question, TestWorld } from "./harness.ts";

const reflector = (more = "") => `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true}
dynamic-neighbors:
  - {range: 10.0.0.0/24, peer-group: clients}
${more}`;

t.test("a reflector tells each client of the others, with the next hop untouched (RFC 4456 §8, §10)", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector());
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  const b = world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
  await world.advance(20);
  t.same(
    rr.view.summary().neighbors.map(({ state }) => state),
    ["Established", "Established"],
  );
  t.same(best(rr), ["172.17.8.0/24 10.0.0.1 10.0.0.1", "172.17.9.0/24 10.0.0.2 10.0.0.2"]);
  t.same(best(a), ["172.17.8.0/24 self null", "172.17.9.0/24 10.0.0.250 10.0.0.2"]);
  t.same(best(b), ["172.17.8.0/24 10.0.0.250 10.0.0.1", "172.17.9.0/24 self null"]);
  const [row] = [...a.view.routes({ prefix: question("172.17.9.0/24") })].flat();
  t.match(row?.paths[0], { originatorId: "10.0.0.2", clusterList: ["10.0.0.250"], localPref: 100, asPath: [] });
  t.equal([...a.view.routes({ from: "10.0.0.250" })].flat().length, 1, "nobody is told its own route");
});

t.test(
  "the routes of a silent peer go at hold time (RFC 4271 §6.5), or with graceful restart after its restart time (RFC 8538 §4)",
  async (t) => {
    for (const [restart, goneAfter] of [
      ["false", 90],
      ["{restart-time: 120}", 210],
    ] as const) {
      const world = new TestWorld();
      const clients = `clients: {remote-as: internal, route-reflector-client: true, graceful-restart: ${restart}}`;
      const rr = world.start("rr", "10.0.0.250", reflector().replace(/clients: \{remote-as.*/, clients));
      const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
      const b = world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
      await world.advance(20);
      t.equal(best(a).length, 2);
      world.network.cut(rr.host, b.host);
      await world.advance(goneAfter - 30);
      t.equal(best(a).length, 2, "a keepalive may have come just before the cut");
      await world.advance(31);
      t.same(best(a), ["172.17.8.0/24 self null"], `gone after ${goneAfter} s`);
    }
  },
);

t.test("a reload sends the difference only, and leaves sessions up", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector());
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  const b = world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
  await world.advance(20);
  const updatesBefore = b.view.neighbors()[0]!.messages.received.update;
  a.reload(node("10.0.0.1", "172.17.10.0/24"));
  await world.advance(1);
  t.same(best(b), ["172.17.9.0/24 self null", "172.17.10.0/24 10.0.0.250 10.0.0.1"]);
  t.equal(rr.view.summary().neighbors[0]!.state, "Established");
  t.equal(b.view.neighbors()[0]!.messages.received.update - updatesBefore, 2, "one withdrawal, one announcement");
});

t.test("eBGP: own AS prepended, next hop self, and nothing without a policy (RFC 4271 §5.1, RFC 8212)", async (t) => {
  const world = new TestWorld();
  const side = (as: number, own: string, other: string, block: string, policy: boolean) => `
router: {as: ${as}, router-id: ${own}, address: ${own}}
kernel: {fib: none}
originate: [{prefix: ${block}}]
prefix-lists: {blocks: [{prefix: 172.16.0.0/12, ge: 12, le: 24}]}
policies: {all: [{match: {prefix-list: blocks}, then: accept}]}
neighbors:
  - {address: ${other}, remote-as: external, local-address: ${own}${policy ? ", import-policy: [all], export-policy: [all]" : ""}}`;
  const left = world.start("left", "10.1.0.1", side(65001, "10.1.0.1", "10.1.0.2", "172.17.8.0/24", true));
  const right = world.start("right", "10.1.0.2", side(4200000002, "10.1.0.2", "10.1.0.1", "172.17.9.0/24", true));
  await world.advance(20);
  t.same(best(left), ["172.17.8.0/24 self null", "172.17.9.0/24 10.1.0.2 10.1.0.2"]);
  const [row] = [...left.view.routes({ prefix: question("172.17.9.0/24") })].flat();
  t.same(row?.paths[0]?.asPath, [4200000002]);
  right.reload(side(4200000002, "10.1.0.2", "10.1.0.1", "172.17.9.0/24", false));
  await world.advance(5);
  t.same(best(left), ["172.17.8.0/24 self null"]);
  t.same(best(right), ["172.17.9.0/24 self null"]);
  t.match([...right.view.received("10.1.0.1", {})!].flat()[0]?.paths[0], {
    rejectedBy: "ebgp-without-policy",
    policy: { verdict: "reject" },
  });
});

t.test("explain says the whole way of a prefix", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector());
  world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
  await world.advance(20);
  const explanation = rr.view.explain(question("172.17.9.0/24"));
  t.match(explanation, {
    prefix: "172.17.9.0/24",
    decision: { best: "10.0.0.2" },
    nextHop: { address: "10.0.0.2", reachable: true },
  });
  t.same(
    explanation.advertised.map(({ address, sent }) => [address, sent]),
    [
      ["10.0.0.1", true],
      ["10.0.0.2", false],
    ],
  );
  t.same(rr.view.explain(question("10.99.0.0/16")).received, []);
});

t.test("what was received and what is advertised names the policy and its line, with ADD-PATH too", async (t) => {
  for (const addPath of ["", "add-path: {send: all, receive: true}, "]) {
    const world = new TestWorld();
    const rr = world.start(
      "rr",
      "10.0.0.250",
      `router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
originate: [{prefix: 10.1.0.0/24}, {prefix: 10.2.0.0/24}]
neighbors:
  - {address: 10.0.0.1, remote-as: internal, passive: true, ${addPath}import-policy: [in], export-policy: [first, out]}
  - {address: 10.0.0.2, remote-as: internal, passive: true, ${addPath}}
policies:
  in:
    - {match: {prefix: 172.17.8.0/24}, then: {set: {local-pref: 200}, accept: true}}
  first:
    - {match: {prefix: 10.1.0.0/24}, then: {set: {med: 5}}}
  out:
    - then: accept
`,
    );
    world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24").replace("remote-as", `${addPath}remote-as`));
    world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24").replace("remote-as", `${addPath}remote-as`));
    await world.advance(20);
    const said = (slices: Iterable<readonly RouteRow[]> | undefined) =>
      [...slices!]
        .flat()
        .flatMap(({ prefix, paths }) =>
          paths.map(({ med, policy }) => `${prefix} med ${med}: ${policy?.verdict} ${policy?.name} ${policy?.line}`),
        );
    t.same(said(rr.view.received("10.0.0.1", {})), ["172.17.8.0/24 med null: accept in 9"]);
    t.same(said(rr.view.received("10.0.0.2", {})), ["172.17.9.0/24 med null: accept default null"]);
    t.same(said(rr.view.advertised("10.0.0.1", {})).toSorted(), [
      "10.1.0.0/24 med 5: accept out 13",
      "10.2.0.0/24 med null: accept out 13",
    ]);
    t.same(said(rr.view.advertised("10.0.0.2", {})).toSorted(), [
      "10.1.0.0/24 med null: accept default null",
      "10.2.0.0/24 med null: accept default null",
    ]);
  }
});

t.test(
  "a peer that becomes a client by a reload is told, and others are told of it, without a session going down (RFC 4456 §6)",
  async (t) => {
    const world = new TestWorld();
    const config = (client: boolean) => `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
neighbors:
  - {address: 10.0.0.1, remote-as: internal, local-address: 10.0.0.250, route-reflector-client: ${client}}
  - {address: 10.0.0.2, remote-as: internal, local-address: 10.0.0.250}`;
    const rr = world.start("rr", "10.0.0.250", config(false));
    const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
    const b = world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
    await world.advance(20);
    t.same([best(a).length, best(b).length], [1, 1], "non-clients are not told of each other");
    rr.reload(config(true));
    await world.advance(1);
    t.same([best(a).length, best(b).length], [2, 2]);
    t.same(
      rr.view.summary().neighbors.map(({ state }) => state),
      ["Established", "Established"],
    );
    rr.reload(config(false));
    await world.advance(1);
    t.same([best(a).length, best(b).length], [1, 1], "and back");
    t.equal(rr.view.neighbors("10.0.0.1")[0]?.flaps, 0);
  },
);

t.test("why a session doesn't come up is logged once, not at each attempt", async (t) => {
  const world = new TestWorld();
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  const told = () => a.log.filter((line) => line.startsWith("no-session"));
  await world.advance(60);
  t.equal(told().length, 1);
  t.match(told()[0], /^no-session no session with 10\.0\.0\.250 yet: \w/);
  const rr = world.start("rr", "10.0.0.250", reflector());
  await world.advance(20);
  t.equal(a.view.summary().neighbors[0]!.state, "Established");
  await world.stop(rr);
  await world.advance(60);
  t.equal(told().length, 2, "and again when it was up meanwhile");
});

t.test(
  "a member of a range that comes back has the flaps it had, and so has a neighbor that a reload made anew; sums never shrink",
  async (t) => {
    const world = new TestWorld();
    const hub = (more = "") => reflector(more).replace("client: true", "client: true, graceful-restart: false");
    const rr = world.start("rr", "10.0.0.250", hub());
    const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
    const metrics = new LiveMetrics(rr.speaker, "test");
    await world.advance(20);
    let opens = metrics.totals.received[1]!;
    const flaps = () => rr.view.neighbors("10.0.0.1").map((neighbor) => neighbor.flaps);
    t.same(flaps(), [0]);
    for (const times of [1, 2]) {
      const [neighbor] = a.speaker.peers;
      a.speaker.reset(neighbor!, null);
      await world.advance(0.1);
      t.equal(rr.speaker.peers.size, 0, "its session is gone, and it with it");
      t.equal(metrics.totals.flaps, times);
      t.equal(metrics.totals.received[1], opens);
      await world.advance(20);
      t.same(flaps(), [times]);
      t.equal([...metrics.peers()][0]?.flaps, times);
      t.equal(metrics.totals.flaps, times, "nothing is counted twice");
      t.equal(metrics.totals.received[1], ++opens);
    }
    const listed = (holdTime: number) =>
      reflector(
        `neighbors: [{address: 10.0.0.1, peer-group: clients, passive: true, timers: {hold-time: ${holdTime}}}]`,
      );
    for (const [holdTime, times] of [
      [60, 3],
      [30, 4],
    ] as const) {
      rr.reload(listed(holdTime));
      await world.advance(20);
      t.match(rr.view.neighbors("10.0.0.1"), [{ state: "Established", flaps: times }], `hold time ${holdTime}`);
    }
  },
);

t.test("a neighbor that is not up says why, also one that has only to be waited for", async (t) => {
  const world = new TestWorld();
  const a = world.start(
    "a",
    "10.0.0.1",
    `router: {as: 65001, router-id: 10.0.0.1, address: 10.0.0.1}
kernel: {fib: none}
neighbors:
  - {address: 10.0.0.8, remote-as: internal}
  - {address: 10.0.0.9, remote-as: internal, passive: true}
`,
  );
  world.network.host("10.0.0.8");
  await world.advance(20);
  t.match(a.view.summary().neighbors, [
    { address: "10.0.0.8", stateReason: "connection refused" },
    { address: "10.0.0.9", stateReason: "it has not connected, and we don't dial it", lastError: null },
  ]);
});

t.test("a member of a range has the time that DelayOpen takes (RFC 4271 §8.1.1)", async (t) => {
  const world = new TestWorld();
  const delayed = "timers: {delay-open: 3}";
  const one = world.start(
    "one",
    "10.0.0.250",
    `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
dynamic-neighbors: [{range: 10.0.0.0/24, remote-as: internal, ${delayed}}]`,
  );
  world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24").replace("internal", `internal, ${delayed}`));
  await world.advance(20);
  t.same(best(one), ["172.17.8.0/24 10.0.0.1 10.0.0.1"]);
});
