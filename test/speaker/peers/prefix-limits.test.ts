import t from "tap";
import { attribute, ipv4, nlri4, u32, update } from "../../../testbed/speaker/octets.ts";
import { best, TestWorld } from "../harness.ts";
import { announce, blocks, bringUp, puppetAt, withdraw } from "../puppet.ts";

const RR = "10.9.0.250";

const reflector = (peers: string, more = "") => `
router: {as: 65001, router-id: ${RR}, address: ${RR}}
kernel: {fib: none}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true}
${peers}
${more}`;

const limited = (limit: string) =>
  reflector(
    `dynamic-neighbors: [{range: 10.9.1.0/24, peer-group: clients}]
neighbors:
  - {address: 10.9.0.1, peer-group: clients, passive: true, address-families: {ipv4-unicast: {maximum-prefix: ${limit}}}}
  - {address: 10.9.0.2, peer-group: clients, passive: true}`,
  );

t.test("maximum-prefix with restart: Cease 6/1 with AFI, SAFI and limit, then a rest (RFC 4486 §4)", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", RR, limited("{limit: 100, action: restart, restart-after: 30}"));
  const peer = puppetAt(world, "10.9.0.1");
  const other = puppetAt(world, "10.9.0.2");
  await bringUp(world, peer, RR);
  await bringUp(world, other, RR, 0x0a000008);
  other.send(announce(["192.168.7.0/24"], "10.9.0.2"));
  peer.send(announce(blocks(0, 100), "10.9.0.1"));
  await world.advance(1);
  t.equal(best(rr).length, 101, "at the limit nothing happens");

  peer.send(announce(blocks(100, 500), "10.9.0.1"), announce(blocks(600, 500), "10.9.0.1"));
  await world.advance(0.01);
  t.same(peer.lastNotification, { code: 6, subcode: 1, data: [0, 1, 1, 0, 0, 0, 100] });
  await world.advance(1);
  t.same(best(rr), ["192.168.7.0/24 10.9.0.2 10.9.0.2"], "all of its routes are gone, and nobody else's");
  t.equal(other.read.filter((name) => name.startsWith("NOTIFICATION")).length, 0);
  t.equal(rr.speaker.tables.rib.ipv4.prefixes.size, 1, "with what they were stored in");

  await world.advance(20);
  const closed = peer.read.length;
  await bringUp(world, peer, RR);
  t.same(peer.read.slice(closed), ["NOTIFICATION 6/5"], "who comes back too early is refused");
  await world.advance(10);
  await bringUp(world, peer, RR);
  t.equal(rr.view.summary().neighbors[0]!.state, "Established", "and welcome afterwards");

  peer.send(announce(blocks(0, 101), "10.9.0.1"));
  await world.advance(0.1);
  t.equal(rr.view.summary().neighbors[0]!.state, "Idle");
  rr.speaker.reset(rr.speaker.peers.get("10.9.0.1")!, null);
  await bringUp(world, peer, RR);
  t.equal(rr.view.summary().neighbors[0]!.state, "Established", "the operator's reset ends the rest");
});

t.test("a member of a range rests as well, and is forgotten when it does not come back", async (t) => {
  const world = new TestWorld();
  const limit = "{limit: 10, action: restart, restart-after: 30}";
  const rr = world.start(
    "rr",
    RR,
    reflector(`dynamic-neighbors:
  - {range: 10.9.1.0/24, peer-group: clients, address-families: {ipv4-unicast: {maximum-prefix: ${limit}}}}`),
  );
  const peer = puppetAt(world, "10.9.1.7");
  await bringUp(world, peer, RR);
  peer.send(announce(blocks(0, 11), "10.9.1.7"));
  await world.advance(1);
  t.same(peer.lastNotification?.subcode, 1);
  t.equal(rr.speaker.peers.size, 1);
  const before = peer.read.length;
  await bringUp(world, peer, RR);
  t.same(peer.read.slice(before), ["NOTIFICATION 6/5"]);
  await world.advance(30);
  t.equal(rr.speaker.peers.size, 0);
});

t.test("maximum-prefix with discard or warn leaves the session up", async (t) => {
  for (const [limit, kept] of [
    ["{limit: 100, action: discard}", 100],
    ["{limit: 100, action: warn}", 300],
  ] as const) {
    const world = new TestWorld();
    const rr = world.start("rr", RR, limited(limit));
    const peer = puppetAt(world, "10.9.0.1");
    await bringUp(world, peer, RR);
    peer.send(announce(blocks(0, 300), "10.9.0.1"));
    await world.advance(1);
    t.equal(best(rr).length, kept, limit);
    t.equal(rr.view.summary().neighbors[0]!.state, "Established");
    peer.send(withdraw(blocks(0, 50)), announce(blocks(400, 10), "10.9.0.1"));
    await world.advance(1);
    t.equal(best(rr).length, kept - 40, "what is withdrawn makes room");
  }
});

t.test("received and accepted are counted apart, and the limit is of the one that is asked for", async (t) => {
  const policies = `
prefix-lists: {low: [{prefix: 10.0.0.0/16, ge: 24, le: 24}]}
policies:
  low: [{match: {prefix-list: low}, then: accept}, {then: reject}]
  all: [{then: accept}]`;
  const config = (limit: string, policy = "import-policy: [low]") =>
    reflector(
      `neighbors:
  - {address: 10.9.0.1, peer-group: clients, passive: true, ${policy}, address-families: {ipv4-unicast: {maximum-prefix: ${limit}}}}`,
      policies,
    );
  const run = async (limit: string) => {
    const world = new TestWorld();
    const rr = world.start("rr", RR, config(limit));
    const peer = puppetAt(world, "10.9.0.1");
    await bringUp(world, peer, RR);
    // 50 that policy accepts, 250 that it rejects.
    peer.send(announce(blocks(206, 300), "10.9.0.1"));
    await world.advance(1);
    return { world, rr, peer };
  };
  const accepted = await run("{limit: 100, action: restart, count: accepted}");
  const [row] = accepted.rr.view.summary().neighbors;
  t.match(row, { state: "Established", prefixes: { received: 300, accepted: 50 } });
  const received = await run("{limit: 100, action: restart, count: received}");
  t.equal(received.peer.lastNotification?.subcode, 1);
  const few = await run("{limit: 20, action: discard, count: accepted}");
  t.match(few.rr.view.summary().neighbors[0], { state: "Established", prefixes: { received: 300, accepted: 20 } });
  t.equal(best(few.rr).length, 20);

  // A policy that accepts more takes the session over its limit without a word from the peer.
  accepted.rr.reload(config("{limit: 100, action: restart, count: accepted}", "import-policy: [all]"));
  await accepted.world.advance(3);
  t.equal(accepted.peer.lastNotification?.subcode, 1);
});

t.test("a member of a range that says nothing is dropped after 60 seconds and forgotten", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", RR, limited("10"));
  const silent = puppetAt(world, "10.9.1.1").dial(RR);
  await world.advance(59);
  t.equal(rr.speaker.peers.halfOpen, 1);
  t.same(silent.closes, []);
  await world.advance(1.1);
  t.same(silent.lastNotification, { code: 4, subcode: 0, data: [] });
  await world.advance(1);
  t.equal(rr.speaker.peers.halfOpen, 0);
  t.equal(rr.speaker.peers.size, 2, "the listed ones");
});

t.test("too many in the middle of their handshake: the oldest makes room, whoever talks gets in", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", RR, `${limited("10")}\nlimits: {half-open: 50}`);
  const silent = Array.from({ length: 80 }, (_, i) => puppetAt(world, `10.9.1.${i + 1}`));
  for (const puppet of silent) puppet.dial(RR);
  await world.advance(1);
  t.equal(rr.speaker.peers.halfOpen, 50);
  t.equal(rr.speaker.peers.refused.halfOpen, 30);
  t.same(
    silent.map((puppet) => puppet.lastNotification?.subcode ?? 0),
    silent.map((_, i) => (i < 30 ? 8 : 0)),
    "Cease, Out of Resources (RFC 4486)",
  );
  const honest = puppetAt(world, "10.9.1.200");
  await bringUp(world, honest, RR);
  t.equal(rr.speaker.peers.get("10.9.1.200")?.session.state, "Established");
  t.equal(rr.speaker.peers.halfOpen, 49, "which is half-open no more");
  for (const puppet of silent) puppet.dial(RR);
  await world.advance(1);
  t.equal(rr.speaker.peers.get("10.9.1.200")?.session.state, "Established", "nor does it ever make room");
});

t.test("one address has two half-open connections at most: the newest beside the first", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", RR, limited("10"));
  for (const address of ["10.9.0.1", "10.9.1.1"]) {
    const puppet = puppetAt(world, address);
    for (let i = 0; i < 20; i++) puppet.dial(RR);
    await world.advance(0.01);
    const open = [...rr.host.ends].filter((end) => end.remoteAddress === address && !end.over && !end.closing);
    t.equal(open.length, 2, address);
  }
});

t.test("strangers are closed in the same turn, counted, and logged now and then", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", RR, limited("10"));
  const stranger = puppetAt(world, "10.99.0.1");
  for (let i = 0; i < 1_000; i++) stranger.dial(RR);
  await world.advance(0.1);
  t.equal(rr.speaker.peers.refused.unknown, 1_000);
  t.equal(rr.host.ends.size, 0);
  t.equal(stranger.read.length, 0, "without a word");
  t.ok(rr.log.filter((line) => line.startsWith("refused-unknown")).length <= 1);
  await world.advance(30);
  stranger.dial(RR);
  await world.advance(0.1);
  t.match(
    rr.log.findLast((line) => line.startsWith("refused-unknown")),
    /before=999/,
  );
});

/** A machine whose memory is what the test says. */
class Memory {
  readonly available = 1000;
  octets = 0;
  heap = 0;
  collected = 0;
  /** What a collection gives back. */
  garbage = 0;
  used(): number {
    return this.octets;
  }
  heapShare(): number {
    return this.heap;
  }
  collect(): void {
    this.collected++;
    this.octets -= this.garbage;
    this.garbage = 0;
  }
}

/** Three clients, of which the second has by far the most routes; `more` is the limits section. */
async function threeClients(memory: Memory, more = "") {
  const world = new TestWorld();
  const rr = world.start("rr", RR, `${limited("100000")}\n${more}`, memory);
  const clients = ["10.9.1.1", "10.9.1.2", "10.9.1.3"].map((address) => puppetAt(world, address));
  for (const [i, client] of clients.entries()) {
    await bringUp(world, client, RR, 0x0a000001 + i);
    client.send(announce(blocks(2000 * i, i === 1 ? 900 : 20), "10.9.1.9"));
  }
  await world.advance(2);
  const session = (i: number) => rr.speaker.peers.get(`10.9.1.${i + 1}`)?.session;
  return { world, rr, clients, session };
}

t.test(
  "short of memory: new sessions are refused, then the heaviest isn't read, then it goes, then all is well",
  async (t) => {
    const memory = new Memory();
    const { world, rr, clients, session } = await threeClients(memory);
    t.equal(rr.speaker.memory.budget, 750, "auto: three quarters of what there is");
    const late = puppetAt(world, "10.9.1.50");
    const listed = puppetAt(world, "10.9.0.2");

    memory.octets = 640;
    await world.advance(1.1);
    for (const newcomer of [late, listed]) {
      await bringUp(world, newcomer, RR);
      t.same(newcomer.lastNotification, { code: 6, subcode: 8, data: [] }, "Cease, Out of Resources");
    }
    t.equal(rr.speaker.peers.refused.memory, 2);
    t.equal(rr.speaker.backPressure.paused, 0);

    memory.octets = 700;
    memory.garbage = 20;
    await world.advance(1.1);
    t.equal(memory.collected, 1, "garbage goes before anyone has to");
    t.equal(rr.speaker.backPressure.paused, 0);
    memory.octets = 700;
    await world.advance(1.1);
    t.ok(rr.speaker.backPressure.isHeld(session(1)!), "the one with the most routes");
    t.equal(rr.speaker.backPressure.paused, 1);
    const held = session(1)!.timers().holdMs;
    clients[1]!.send(announce(blocks(5000, 10), "10.9.1.9"));
    await world.advance(0.5);
    t.notOk(
      best(rr).some((row) => row.startsWith("10.19.136.0/24")),
      "what it sends waits",
    );
    t.equal(session(1)!.timers().holdMs, held, "its hold clock stands still");

    memory.octets = 750;
    await world.advance(1.1);
    t.same(clients[1]!.lastNotification?.subcode, 8);
    t.equal(best(rr).length, 40, "its routes are gone");
    t.equal(session(0)?.state, "Established");
    await world.advance(2);
    t.equal(session(0)?.state, "Established", "what was taken away has time to be gone before the next one pays");

    memory.octets = 300;
    await world.advance(2);
    t.equal(rr.speaker.backPressure.paused, 0);
    await bringUp(world, late, RR);
    t.equal(rr.speaker.peers.get("10.9.1.50")?.session.state, "Established", "newcomers are welcome again");
    await bringUp(world, clients[1]!, RR);
    t.equal(session(1)?.state, "Idle", "who was ended rests for a minute");
    await world.advance(60);
    await bringUp(world, clients[1]!, RR);
    t.equal(session(1)?.state, "Established");
  },
);

t.test(
  "a peer that fills memory up to where it is no longer read doesn't keep everybody waiting for ever",
  async (t) => {
    const memory = new Memory();
    const { world, rr, session } = await threeClients(memory);
    memory.octets = 700;
    await world.advance(3);
    t.ok(rr.speaker.backPressure.isHeld(session(1)!), "the heaviest isn't read");
    await world.advance(6);
    t.equal(session(1)?.state, "Established", "which may be enough");
    await world.advance(4);
    t.equal(session(1)?.state, "Idle");
    memory.octets = 300;
    await world.advance(3);
    t.equal(rr.speaker.backPressure.paused, 0);
    t.same(
      [0, 2].map((i) => session(i)?.state),
      ["Established", "Established"],
    );
  },
);

t.test("memory that stays short takes one after the other, the heaviest first", async (t) => {
  const memory = new Memory();
  const { world, rr, session } = await threeClients(memory, "limits: {memory: 10MiB}");
  t.equal(rr.speaker.memory.budget, 10 * 2 ** 20);
  memory.octets = 11 * 2 ** 20;
  await world.advance(3);
  t.same(
    [0, 1, 2].map((i) => session(i)?.state),
    ["Established", "Idle", "Established"],
  );
  await world.advance(4);
  t.equal([0, 1, 2].filter((i) => session(i)?.state === "Established").length, 1);
  t.equal(rr.speaker.memory.ended, 2);
  t.ok(rr.log.some((line) => /^memory the session with 10.9.1.2 ends: it is the heaviest/.test(line)));
});

t.test("the engine's own heap counts as well, and `memory: none` looks at nothing", async (t) => {
  for (const [limits, wanted] of [
    ["", true],
    ["limits: {memory: none}", false],
  ] as const) {
    const memory = new Memory();
    const { world, rr } = await threeClients(memory, limits);
    memory.heap = 0.95;
    memory.octets = limits === "" ? 0 : 1e9;
    await world.advance(1.5);
    t.equal(rr.speaker.backPressure.paused > 0, wanted, limits);
  }
});

t.test("a peer beyond its own budget isn't read, then ends; the others are none the wiser", async (t) => {
  const { world, rr, clients, session } = await threeClients(new Memory(), "limits: {memory-per-peer: 1MiB}");
  t.equal(rr.speaker.memory.ended, 0);
  // Each with a set of its own, of 2 KB: 600 of them are more than a mebibyte.
  for (let i = 0; i < 600; i++) {
    const communities = Array.from({ length: 500 }, (_, j) => i * 1000 + j);
    clients[2]!.send(announce(blocks(10_000 + i, 1), "10.9.1.9", communities));
  }
  await world.advance(5);
  t.same(clients[2]!.lastNotification?.subcode, 8);
  t.same(
    [0, 1, 2].map((i) => session(i)?.state),
    ["Established", "Established", "Idle"],
  );
  t.equal(best(rr).length, 920, "the one with more routes takes less");
  t.match(
    rr.log.findLast((line) => line.includes("10.9.1.3 ends")),
    /it is beyond its own budget \(\d\.\d MiB of routes\)/,
  );
});

t.test(
  "a neighbor has as many paths of one prefix as limits.paths-per-prefix says, hears of it by nothing, and is asked again when it is raised (RFC 7911)",
  async (t) => {
    const config = (limit: number) =>
      reflector(
        `neighbors:
  - {address: 10.9.0.1, peer-group: clients, passive: true, add-path: {receive: true}}
  - {address: 10.9.0.2, peer-group: clients, passive: true}`,
        `limits: {paths-per-prefix: ${limit}}`,
      );
    const world = new TestWorld();
    const rr = world.start("rr", RR, config(40));
    const peer = puppetAt(world, "10.9.0.1");
    const other = puppetAt(world, "10.9.0.2");
    await bringUp(world, other, RR, 0x0a000008);
    peer.dial(RR);
    await world.advance(0.1);
    peer.open({
      routerId: 0x0a000009,
      capabilities: [
        { kind: "multiprotocol", afi: 1, safi: 1, family: 0 },
        { kind: "route-refresh" },
        { kind: "four-octet-as", as: 65001 },
        { kind: "add-path", families: [{ afi: 1, safi: 1, family: 0, send: true, receive: false }] },
      ],
    });
    await world.advance(0.1);
    peer.keepalive();
    await world.advance(0.1);
    const attributes = [
      attribute(0x40, 1, "00"),
      attribute(0x40, 2),
      attribute(0x40, 3, ipv4("10.9.0.1")),
      attribute(0x40, 5, u32(100)),
    ];
    const tell = () => {
      for (let id = 1; id <= 100; id++) peer.send(update({ attributes, nlri: `${u32(id)}${nlri4("10.7.0.0/24")}` }));
    };
    tell();
    await world.advance(1);
    tell();
    await world.advance(1);
    const received = () => rr.speaker.tables.rib.ipv4.counts(rr.speaker.peers.get("10.9.0.1")!.source).received;
    const said = () => rr.log.filter((line) => line.startsWith("paths-per-prefix ")).length;
    const refreshes = () => peer.read.filter((name) => name.startsWith("ROUTE-REFRESH")).length;
    t.equal(received(), 40);
    t.equal(said(), 1, "said once");
    t.same(
      rr.view.summary().neighbors.map(({ state }) => state),
      ["Established", "Established"],
    );
    rr.reload(config(40).replace("limits:", "telemetry: {log: {level: info}}\nlimits:"));
    await world.advance(1);
    t.equal(refreshes(), 0, "a reload that changes nothing of it asks for nothing");
    rr.reload(config(60));
    await world.advance(1);
    t.equal(refreshes(), 1);
    tell();
    await world.advance(1);
    t.equal(received(), 60);
    t.equal(said(), 2, "the new limit is another piece of news");
    rr.reload(config(200));
    await world.advance(1);
    tell();
    await world.advance(1);
    t.equal(received(), 100);
    rr.reload(config(199));
    await world.advance(1);
    t.equal(refreshes(), 2, "nothing is missing any more");
  },
);

t.test(
  "a limit that a reload raises, removes or turns into another action ends the rest at once, as a fresh start would",
  async (t) => {
    for (const [after, comesBack] of [
      ["{limit: 200, action: restart, restart-after: 3000}", true],
      ["{limit: 100, action: discard}", true],
      ["{limit: 100, action: restart, count: accepted, restart-after: 3000}", true],
      ["{limit: 50, action: restart, restart-after: 3000}", false],
    ] as const) {
      const world = new TestWorld();
      const rr = world.start("rr", RR, limited("{limit: 100, action: restart, restart-after: 3000}"));
      const peer = puppetAt(world, "10.9.0.1");
      await bringUp(world, peer, RR);
      peer.send(announce(blocks(0, 150), "10.9.0.1"));
      await world.advance(1);
      t.equal(rr.view.summary().neighbors[0]!.state, "Idle");
      rr.reload(limited(after));
      await world.advance(0.1);
      await bringUp(world, peer, RR);
      t.equal(rr.view.summary().neighbors[0]!.state === "Established", comesBack, after);
    }
  },
);

t.test("a rest after Cease 6/8 ends when a reload gives peers more memory", async (t) => {
  const world = new TestWorld();
  const yaml = (limit: string) =>
    reflector(
      "neighbors: [{address: 10.9.0.1, peer-group: clients, passive: true}]",
      `limits: {memory: none, memory-per-peer: ${limit}}`,
    );
  const rr = world.start("rr", RR, yaml("1MiB"));
  const peer = puppetAt(world, "10.9.0.1");
  await bringUp(world, peer, RR);
  for (let i = 0; i < 120; i++) peer.send(announce(blocks(i * 500, 500), "10.9.0.1"));
  for (let i = 0; i < 8; i++) await world.advance(1);
  t.equal(rr.view.summary().neighbors[0]!.state, "Idle");
  rr.reload(yaml("64MiB"));
  await world.advance(0.1);
  await bringUp(world, peer, RR);
  t.equal(rr.view.summary().neighbors[0]!.state, "Established");
});
