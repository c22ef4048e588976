import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { diffConfig } from "../../src/config/diff.ts";
import { parseConfig } from "../../src/config/load.ts";
import { best, node, TestWorld } from "./harness.ts";

const reflector = (neighbors: string, ranges: string, more = "") => `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true}
  others: {remote-as: internal}
neighbors: [${neighbors}]
dynamic-neighbors: [${ranges}]
${more}`;

const range = "{range: 10.0.0.0/24, peer-group: clients}";
const listed = "{address: 10.0.0.1, peer-group: others, passive: true}";

t.test(
  "a member of a range that a reload lists becomes that neighbor, and a member again when it is not listed any more",
  async (t) => {
    for (const left of [range, ""]) {
      const world = new TestWorld();
      const rr = world.start("rr", "10.0.0.250", reflector("", range));
      const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
      await world.advance(20);
      t.match(rr.view.summary().neighbors, [{ address: "10.0.0.1", dynamic: true, routeReflectorClient: true }]);
      rr.reload(reflector(listed, left));
      await world.advance(20);
      t.match(rr.view.summary().neighbors, [
        { address: "10.0.0.1", dynamic: false, routeReflectorClient: false, state: "Established" },
      ]);
      t.same(best(rr), ["172.17.8.0/24 10.0.0.1 10.0.0.1"]);
      rr.reload(reflector("", range));
      await world.advance(20);
      t.match(rr.view.summary().neighbors, [
        { address: "10.0.0.1", dynamic: true, routeReflectorClient: true, state: "Established" },
      ]);
      t.same(best(rr), ["172.17.8.0/24 10.0.0.1 10.0.0.1"]);
      t.equal(best(a).length, 1);
    }
  },
);

t.test("a member goes over to the longer range that a reload adds, and back when that is gone", async (t) => {
  const world = new TestWorld();
  const longer = "{range: 10.0.0.0/30, peer-group: others}";
  const rr = world.start("rr", "10.0.0.250", reflector("", range));
  world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  world.start("b", "10.0.0.9", node("10.0.0.9", "172.17.9.0/24"));
  await world.advance(20);
  rr.reload(reflector("", `${range}, ${longer}`));
  await world.advance(20);
  const roles = () =>
    rr.view
      .summary()
      .neighbors.map((row) => [row.address, row.routeReflectorClient, row.state])
      .sort();
  t.same(roles(), [
    ["10.0.0.1", false, "Established"],
    ["10.0.0.9", true, "Established"],
  ]);
  t.equal(rr.view.neighbors("10.0.0.9")[0]?.flaps, 0, "whom it does not concern notices nothing");
  rr.reload(reflector("", range));
  await world.advance(20);
  t.same(roles(), [
    ["10.0.0.1", true, "Established"],
    ["10.0.0.9", true, "Established"],
  ]);
});

t.test("all peers judge by today's policies after a reload, and those of before are kept by nobody", async (t) => {
  const world = new TestWorld();
  const local = (lines: string) =>
    reflector(
      "",
      "{range: 10.0.0.0/24, peer-group: clients, import-policy: [all]}",
      `${lines}policies: {all: [{then: accept}]}`,
    );
  const rr = world.start("rr", "10.0.0.250", local(""));
  for (const i of [1, 2, 3]) world.start(`n${i}`, `10.0.0.${i}`, node(`10.0.0.${i}`, `172.17.${i}.0/24`));
  await world.advance(20);
  const pipelines = () => new Set([...rr.speaker.peers].map((peer) => peer.pipeline)).size;
  const line = () => [...rr.view.received("10.0.0.1", {})!].flat()[0]?.paths[0]?.policy?.line;
  t.equal(pipelines(), 1);
  const before = line();
  for (const i of [1, 2, 3]) {
    rr.reload(local("# a line more\n".repeat(i)));
    rr.speaker.reset(rr.speaker.peers.get(`10.0.0.${i}`)!, null);
    await world.advance(20);
    t.equal(pipelines(), 1, `one for all after reload ${i} and a session that came back`);
  }
  t.equal(best(rr).length, 3);
  t.equal(line(), before! + 3, "and the line is that of today's file");
});

t.test("a blackhole that a reload asks for, or takes away, is one in the kernel at once", async (t) => {
  const world = new TestWorld();
  const config = (blackhole: boolean) => `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: memory}
originate: [{prefix: 172.17.8.0/24, blackhole: ${blackhole}}]`;
  const one = world.start("one", "10.0.0.250", config(false));
  await world.advance(1);
  const holes = () => [...one.view.fib()].flat().map(({ prefix, type }) => [prefix, type]);
  t.same(holes(), []);
  one.reload(config(true));
  await world.advance(1);
  t.same(holes(), [["172.17.8.0/24", "blackhole"]]);
  one.reload(config(false));
  await world.advance(1);
  t.same(holes(), []);
});

t.test("routes that are kept for a restarting peer are judged by the policy of a reload, too", async (t) => {
  const world = new TestWorld();
  const policy = (verdict: string) => `policies: {p: [{then: ${verdict}}]}`;
  const peer = "{address: 10.0.0.1, peer-group: others, import-policy: [p]}";
  const rr = world.start("rr", "10.0.0.250", reflector(peer, "", policy("accept")));
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  await world.advance(20);
  await world.stop(a);
  await world.advance(1);
  t.same(best(rr), ["172.17.8.0/24 10.0.0.1 10.0.0.1"], "kept as stale");
  rr.reload(reflector(peer, "", policy("reject")));
  await world.advance(1);
  t.same(best(rr), []);
});

t.test("a neighbor that a reload makes dial does so, and one that it makes passive waits", async (t) => {
  const world = new TestWorld();
  const peer = (passive: boolean) => reflector(`{address: 10.0.0.1, peer-group: others, passive: ${passive}}`, "");
  const rr = world.start("rr", "10.0.0.250", peer(true));
  world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24").replace("remote-as", "passive: true, remote-as"));
  await world.advance(20);
  t.same(best(rr), [], "both wait");
  rr.reload(peer(false));
  await world.advance(20);
  t.same(best(rr), ["172.17.8.0/24 10.0.0.1 10.0.0.1"]);
  rr.reload(peer(true));
  await world.advance(20);
  t.equal(rr.view.neighbors("10.0.0.1")[0]?.flaps, 0);
});

t.test("ECMP is as wide as a reload says, also for routes that are there", async (t) => {
  const world = new TestWorld();
  const config = (width: number, metric = 32) => `
router: {as: 65001, router-id: 127.0.0.250, address: 127.0.0.250}
kernel: {fib: memory, maximum-paths: ${width}, metric: ${metric}}
policies: {all: [{then: accept}]}
neighbors:
  - {address: 127.0.0.1, remote-as: 65002, local-address: 127.0.0.250, import-policy: [all]}
  - {address: 127.0.0.2, remote-as: 65002, local-address: 127.0.0.250, import-policy: [all]}`;
  const other = (address: string) => `
router: {as: 65002, router-id: ${address}, address: ${address}}
kernel: {fib: none}
originate: [{prefix: 172.17.8.0/24}]
policies: {all: [{then: accept}]}
neighbors:
  - {address: 127.0.0.250, remote-as: 65001, local-address: ${address}, export-policy: [all]}`;
  const one = world.start("one", "127.0.0.250", config(1));
  world.start("a", "127.0.0.1", other("127.0.0.1"));
  world.start("b", "127.0.0.2", other("127.0.0.2"));
  await world.advance(20);
  const ways = () => [...one.view.fib()].flat().map(({ nextHops }) => nextHops.map(({ via }) => via));
  t.same(ways(), [["127.0.0.1"]]);
  one.reload(config(2));
  await world.advance(1);
  t.same(ways(), [["127.0.0.1", "127.0.0.2"]]);
  one.reload(config(1));
  await world.advance(1);
  t.same(ways(), [["127.0.0.1"]]);
  one.reload(config(1, 50));
  t.equal(one.speaker.config.kernel.metric, 32, "what the kernel's side was opened with holds until the next start");
  t.match(
    diffConfig(one.speaker.config, parseConfig(config(1, 50), "one.yaml")).sections,
    [{ field: "kernel.metric", to: "50", effect: "start" }],
    "and is told again by the next reload",
  );
});

t.test("what was dropped or refused on receipt is asked for again when a reload wants it (RFC 2918)", async (t) => {
  const world = new TestWorld();
  const peer = (more: string) => reflector(`{address: 10.0.0.1, peer-group: others, passive: true${more}}`, "");
  const limit = (limit: number) =>
    `, address-families: {ipv4-unicast: {maximum-prefix: {limit: ${limit}, action: discard}}}`;
  const rr = world.start("rr", "10.0.0.250", peer(`, drop-attributes: [8]${limit(1)}`));
  const blocks = "{prefix: 172.17.1.0/24, communities: ['65001:1']}, {prefix: 172.17.2.0/24}, {prefix: 172.17.3.0/24}";
  world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24").replace("{prefix: 172.17.8.0/24}", blocks));
  await world.advance(20);
  const paths = () =>
    [...rr.view.routes({})]
      .flat()
      .flatMap(({ prefix, paths }) => paths.map(({ communities }) => [prefix, ...communities]));
  t.same(paths(), [["172.17.1.0/24"]]);
  rr.reload(peer(limit(1)));
  await world.advance(1);
  t.same(paths(), [["172.17.1.0/24", "65001:1"]]);
  rr.reload(peer(`, drop-attributes: [8]${limit(2)}`));
  await world.advance(1);
  t.same(paths(), [["172.17.1.0/24"], ["172.17.2.0/24"]]);
  rr.reload(peer(""));
  await world.advance(1);
  t.same(paths(), [["172.17.1.0/24", "65001:1"], ["172.17.2.0/24"], ["172.17.3.0/24"]]);
  t.equal(rr.view.neighbors("10.0.0.1")[0]?.flaps, 0);
});

const hub = (first: string, second: string, client: boolean, policies: string) => `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
originate: [{prefix: 172.17.0.0/24}]
policies: {${policies}}
neighbors:
  - {address: 10.0.0.3, remote-as: internal, passive: true, route-reflector-client: ${client}}
  - {address: 10.0.0.1, remote-as: internal, passive: true, export-policy: [${first}]}
  - {address: 10.0.0.2, remote-as: internal, passive: true, export-policy: [${second}]}`;

t.test("a reload that renames a policy may make a client of a neighbor, too", async (t) => {
  const world = new TestWorld();
  const one = world.start("hub", "10.0.0.250", hub("old", "old", false, "old: [{then: accept}]"));
  const peer = world.start("n1", "10.0.0.1", node("10.0.0.1", "172.17.1.0/24"));
  world.start("n3", "10.0.0.3", node("10.0.0.3", "172.17.3.0/24"));
  await world.advance(20);
  one.reload(hub("new", "new", true, "new: [{then: accept}]"));
  await world.advance(1);
  t.equal(best(peer).length, 3);
});

t.test(
  "a member of a range that the inventory has no longer is gone at once, and isn't let in until it is listed again",
  async (t) => {
    const folder = t.testdir();
    const file = join(folder, "nodes.yaml");
    const list = (...names: string[]) =>
      writeFileSync(file, `nodes:\n${names.map((name) => `  - {name: n${name}, address: 10.0.0.${name}}\n`).join("")}`);
    list("250", "1", "2");
    const config = reflector("", range, `topology: {mode: none, inventory: {file: ${file}}}\n`);
    const world = new TestWorld();
    const rr = world.start("rr", "10.0.0.250", config);
    const one = world.start("one", "10.0.0.1", node("10.0.0.1", "10.1.0.0/24"));
    const two = world.start("two", "10.0.0.2", node("10.0.0.2", "10.2.0.0/24"));
    const three = world.start("three", "10.0.0.3", node("10.0.0.3", "10.3.0.0/24"));
    await world.advance(10);
    const known = () => best(two).map((row) => row.split(" ")[0]);
    t.same(known(), ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"]);

    one.host.crash();
    one.speaker.abandon();
    await world.advance(100);
    t.same(known(), ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"], "it may come back: its routes are kept");
    list("250", "2");
    rr.reload(config);
    await world.advance(0.1);
    t.same(known(), ["10.2.0.0/24", "10.3.0.0/24"], "who was never listed stays");
    t.ok(three.speaker.peers.get("10.0.0.250")?.live);

    const back = world.start("back", "10.0.0.1", node("10.0.0.1", "10.1.0.0/24"));
    await world.advance(30);
    t.same(known(), ["10.2.0.0/24", "10.3.0.0/24"]);
    t.ok(rr.log.some((line) => /10\.0\.0\.1 is no node of the inventory any more/.test(line)));
    list("250", "1", "2");
    rr.reload(config);
    await world.advance(30);
    t.same(known(), ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"]);
    t.ok(back.speaker.peers.get("10.0.0.250")?.live);
  },
);
