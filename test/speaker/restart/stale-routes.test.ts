import t from "tap";
import { seededRandom } from "../../../src/lib/random.ts";
import { ceaseOf } from "../../../src/session/reason.ts";
import type { Capability } from "../../../src/wire/capability/types.ts";
import { CeaseError, hardReset } from "../../../src/wire/errors.ts";
import { HEADER_LENGTH, MessageType } from "../../../src/wire/framer.ts";
import { encodeHeader } from "../../../src/wire/message/header.ts";
import { encodeNotification } from "../../../src/wire/message/notification.ts";
import { encodeRouteRefresh, RefreshKind } from "../../../src/wire/message/route-refresh.ts";
import type { Puppet } from "../../session/harness.ts";
import { type TestSpeaker, TestWorld } from "../harness.ts";
import { announce, puppetAt, withdraw } from "../puppet.ts";

const RR = "10.9.0.250";
const PEER = "10.9.0.1";
const NO_LLGR = 0xffff0007;

const reflector = (more = "", settings = "{stale-path-time: 50}") => `
router: {as: 65001, router-id: ${RR}, address: ${RR}, address6: "fd09::250"}
kernel: {fib: none}
peer-groups:
  clients:
    remote-as: internal
    route-reflector-client: true
    address-families: {ipv4-unicast: {}, ipv6-unicast: {}}
    graceful-restart: ${settings}
${more}`;

const listed = `neighbors:
  - {address: ${PEER}, peer-group: clients, passive: true}
  - {address: 10.9.0.2, peer-group: clients, passive: true}`;

interface Terms {
  restartTime?: number;
  /** Families in the capability of RFC 4724, with their F bits. */
  families?: readonly { family: 0 | 1; forwarding: boolean }[];
  restarted?: boolean;
  notification?: boolean;
  longLived?: { seconds: number; forwarding?: boolean; families?: readonly (0 | 1)[] };
  /** No capability of RFC 4724 at all. */
  none?: boolean;
  /** Families of the session. */
  speaks?: readonly (0 | 1)[];
}

const wire = (family: 0 | 1) => ({ afi: family + 1, safi: 1, family });
const both = (forwarding: boolean) => ([0, 1] as const).map((family) => ({ family, forwarding }));

function capabilities(terms: Terms): Capability[] {
  const { restartTime = 20, families = both(true), longLived, speaks = [0, 1] } = terms;
  const list: Capability[] = speaks.map((family) => ({ kind: "multiprotocol", ...wire(family) }));
  list.push({ kind: "route-refresh" }, { kind: "enhanced-route-refresh" }, { kind: "four-octet-as", as: 65001 });
  if (!terms.none)
    list.push({
      kind: "graceful-restart",
      restarted: terms.restarted ?? false,
      notification: terms.notification ?? false,
      restartTimeSeconds: restartTime,
      families: families.map(({ family, forwarding }) => ({ ...wire(family), forwarding })),
    });
  if (longLived)
    list.push({
      kind: "long-lived-graceful-restart",
      families: (longLived.families ?? [0, 1]).map((family) => ({
        ...wire(family),
        forwarding: longLived.forwarding ?? true,
        staleTimeSeconds: longLived.seconds,
      })),
    });
  return list;
}

/** Handshake with these terms. */
async function connect(world: TestWorld, puppet: Puppet, terms: Terms = {}, routerId = 0x0a090001): Promise<void> {
  puppet.dial(RR);
  await world.advance(0.1);
  puppet.open({ routerId, capabilities: capabilities(terms) });
  await world.advance(0.1);
  puppet.keepalive();
  await world.advance(0.1);
}

/** fd0a:X::/32. */
function announce6(x: number): Uint8Array {
  const reach = [0, 2, 1, 16, 0xfd, 9, ...Array(13).fill(0), 1, 0, 32, 0xfd, 0x0a, 0, x];
  const attributes = [0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 5, 4, 0, 0, 0, 100, 0x80, 14, reach.length, ...reach];
  return update([0, 0, 0, attributes.length, ...attributes]);
}

const endOfRib4 = () => update([0, 0, 0, 0]);
const endOfRib6 = () => update([0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]);

function update(body: readonly number[]): Uint8Array {
  const bytes = encodeHeader(MessageType.Update, HEADER_LENGTH + body.length);
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}

/** Every path held: prefix, and what is special about it. */
function held({ view }: TestSpeaker): string[] {
  const rows: string[] = [];
  for (const slice of view.routes({}))
    for (const { prefix, paths } of slice)
      for (const { from, stale, communities } of paths)
        rows.push(
          `${prefix}${from === PEER ? "" : ` ${from}`}${stale ? " stale" : ""}${communities.includes("llgr-stale") || communities.includes("65535:6") ? " llgr" : ""}`,
        );
  return rows.sort();
}

/** A reflector, a peer that has told two IPv4 routes and one IPv6 route, and its End-of-RIBs. */
async function told(terms: Terms = {}, yaml = reflector(listed)) {
  const world = new TestWorld();
  const rr = world.start("rr", RR, yaml);
  const peer = puppetAt(world, PEER);
  await connect(world, peer, terms);
  peer.send(announce(["172.17.8.0/24", "172.17.9.0/24"], PEER), announce6(1), endOfRib4(), endOfRib6());
  await world.advance(1);
  const lose = async () => {
    peer.transport.destroy();
    await world.advance(0.1);
  };
  return { world, rr, peer, lose };
}

const all = ["172.17.8.0/24", "172.17.9.0/24", "fd0a:1::/32"];
const allStale = all.map((row) => `${row} stale`);
const allLongLived = all.map((row) => `${row} stale llgr`);

t.test("RFC 4724 §4.2, as helper", async (t) => {
  t.test("routes of a lost TCP connection stay for the peer's restart time, and not longer", async (t) => {
    const { world, rr, lose } = await told();
    t.same(held(rr), all);
    await lose();
    t.same(held(rr), allStale);
    await world.advance(19.7);
    t.same(held(rr), allStale);
    await world.advance(0.3);
    t.same(held(rr), []);
    t.equal(rr.speaker.tables.rib.ipv4.prefixes.size, 0);
  });
  t.test(
    "back with the F bit: routes stay until End-of-RIB of their family, then what was not told again goes",
    async (t) => {
      const { world, rr, peer, lose } = await told();
      await lose();
      await connect(world, peer, { restarted: true });
      t.same(held(rr), allStale);
      await world.advance(20);
      t.same(held(rr), allStale, "the restart time does not count any more");
      peer.send(announce(["172.17.9.0/24"], PEER), endOfRib4());
      await world.advance(0.1);
      t.same(held(rr), ["172.17.9.0/24", "fd0a:1::/32 stale"]);
      peer.send(endOfRib6());
      await world.advance(0.1);
      t.same(held(rr), ["172.17.9.0/24"]);
      await world.advance(400);
    },
  );
  t.test("back without the F bit of a family: its routes go at once", async (t) => {
    const { world, rr, peer, lose } = await told();
    await lose();
    await connect(world, peer, {
      families: [
        { family: 0, forwarding: false },
        { family: 1, forwarding: true },
      ],
    });
    t.same(held(rr), ["fd0a:1::/32 stale"]);
  });
  t.test("back without a family in the capability, in the session, or without the capability: the same", async (t) => {
    for (const terms of [
      { families: [{ family: 1, forwarding: true }] },
      { speaks: [1] },
      { none: true },
    ] satisfies Terms[]) {
      const { world, rr, peer, lose } = await told();
      await lose();
      await connect(world, peer, terms);
      t.same(held(rr), "none" in terms ? [] : ["fd0a:1::/32 stale"]);
    }
  });
  t.test("only families in the capability are kept", async (t) => {
    const { rr, lose } = await told({ families: [{ family: 1, forwarding: false }] });
    await lose();
    t.same(held(rr), ["fd0a:1::/32 stale"]);
  });
  t.test("a restart time of 0, and no capability: nothing is kept", async (t) => {
    for (const terms of [{ restartTime: 0 }, { none: true }]) {
      const { rr, lose } = await told(terms);
      await lose();
      t.same(held(rr), []);
    }
  });
  t.test("a second failure before End-of-RIB deletes what is still stale and keeps what was told again", async (t) => {
    const { world, rr, peer, lose } = await told();
    await lose();
    await connect(world, peer);
    peer.send(announce(["172.17.9.0/24"], PEER));
    await world.advance(0.1);
    await lose();
    t.same(held(rr), ["172.17.9.0/24 stale"]);
    await world.advance(19.8);
    t.same(held(rr), ["172.17.9.0/24 stale"], "with a restart time of its own");
    await world.advance(0.2);
    t.same(held(rr), []);
  });
  t.test("a peer that is back and never sends End-of-RIB has stale-path-time", async (t) => {
    const { world, rr, peer, lose } = await told();
    await lose();
    await connect(world, peer);
    peer.send(announce(["172.17.9.0/24"], PEER));
    for (let i = 0; i < 24; i++) {
      await world.advance(2);
      peer.keepalive();
    }
    t.same(held(rr), ["172.17.8.0/24 stale", "172.17.9.0/24", "fd0a:1::/32 stale"]);
    await world.advance(2);
    t.same(held(rr), ["172.17.9.0/24"]);
  });
  t.test("§5: a new connection replaces the old one at once, and routes stay", async (t) => {
    const { world, rr, peer } = await told();
    await world.advance(3); // a session as young as that could still be one half of a collision
    await connect(world, peer, { restarted: true });
    t.equal(rr.view.summary().neighbors.find((row) => row.address === PEER)?.state, "Established");
    t.same(held(rr), allStale);
    peer.send(announce(["172.17.8.0/24", "172.17.9.0/24"], PEER), announce6(1), endOfRib4(), endOfRib6());
    await world.advance(0.1);
    t.same(held(rr), all);
  });
  t.test("a peer that is removed from the config takes its stale routes with it", async (t) => {
    const { world, rr, lose } = await told();
    await lose();
    rr.reload(reflector("neighbors: [{address: 10.9.0.2, peer-group: clients, passive: true}]"));
    await world.advance(0.1);
    t.same(held(rr), []);
    await world.advance(100);
  });
  t.test("a member of a range lives as long as its stale routes", async (t) => {
    const range = reflector("dynamic-neighbors: [{range: 10.9.0.0/24, peer-group: clients}]");
    const { world, rr, peer, lose } = await told({}, range);
    await lose();
    t.same(held(rr), allStale);
    t.equal(rr.view.summary().neighbors.length, 1);
    await connect(world, peer);
    peer.send(endOfRib4());
    await world.advance(0.1);
    t.same(held(rr), ["fd0a:1::/32 stale"]);
    await lose();
    await world.advance(21);
    t.same(held(rr), []);
    t.equal(rr.view.summary().neighbors.length, 0);
  });
});

t.test("RFC 8538: a NOTIFICATION keeps routes only with the N bit of both, and a hard reset never", async (t) => {
  const plain = ceaseOf(CeaseError.AdministrativeReset, "");
  for (const [terms, error, kept] of [
    [{ notification: true }, plain, true],
    [{ notification: false }, plain, false],
    [{ notification: true }, hardReset(plain), false],
  ] as const) {
    const { world, rr, peer } = await told(terms);
    peer.send(encodeNotification(error));
    await world.advance(0.1);
    t.same(held(rr), kept ? allStale : []);
  }
  const silent = await told({ notification: true });
  await silent.world.advance(90);
  t.equal(silent.peer.lastNotification?.code, 4);
  t.same(held(silent.rr), allStale, "also when our hold timer expired");
});

t.test("our own F bit: not after a first start; set for a peer whose session is lost while we run on", async (t) => {
  const { world, peer, lose } = await told();
  await lose();
  await connect(world, peer);
  const flags = peer.opens.map((bytes) => {
    const text = Buffer.from(bytes).toString("hex");
    const at = text.indexOf("400a"); // capability 64 of 10 octets
    return {
      restart: text.slice(at + 4, at + 5),
      forwarding: [text.slice(at + 14, at + 16), text.slice(at + 22, at + 24)],
    };
  });
  t.same(flags, [
    { restart: "4", forwarding: ["00", "00"] },
    { restart: "4", forwarding: ["80", "80"] },
  ]);
});

t.test(
  "a peer that is removed for good is told so by a hard reset where it would keep our routes (RFC 8538 §3.1)",
  async (t) => {
    for (const notification of [true, false]) {
      const { world, rr, peer } = await told({ notification });
      rr.reload(reflector("neighbors: [{address: 10.9.0.2, peer-group: clients, passive: true}]"));
      await world.advance(0.1);
      t.same(
        peer.lastNotification,
        notification ? { code: 6, subcode: 9, data: [6, 3] } : { code: 6, subcode: 3, data: [] },
      );
      t.same(held(rr), []);
    }
  },
);

t.test(
  "a session that a reload gives another local address ends by a hard reset: nobody comes back from the old one",
  async (t) => {
    for (const [local, subcode] of [
      [RR, 6],
      ["10.9.0.251", 9],
    ] as const) {
      const { world, rr, peer } = await told({ notification: true });
      const moved = `neighbors: [{address: ${PEER}, peer-group: clients, passive: true, local-address: ${local}}]`;
      rr.reload(reflector(moved));
      await world.advance(0.1);
      t.match(peer.lastNotification, { code: 6, subcode });
    }
  },
);

t.test("RFC 9494: long-lived graceful restart", async (t) => {
  const yaml = reflector(listed, "{stale-path-time: 50, long-lived: 100}");
  const llgr = { longLived: { seconds: 60 } };
  t.test("after the restart time routes stay for the stale time, marked; then they go", async (t) => {
    const { world, rr, lose } = await told(llgr, yaml);
    await lose();
    await world.advance(19.7);
    t.same(held(rr), allStale);
    await world.advance(0.3);
    t.same(held(rr), allLongLived);
    await world.advance(59.8);
    t.same(held(rr), allLongLived);
    await world.advance(0.3);
    t.same(held(rr), []);
    t.equal(rr.speaker.tables.rib.ipv4.prefixes.size, 0);
  });
  t.test("our own long-lived bounds the peer's; without it nothing is kept for long", async (t) => {
    const bounded = await told({ longLived: { seconds: 100_000 } }, yaml);
    await bounded.lose();
    await bounded.world.advance(119.8);
    t.same(held(bounded.rr), allLongLived);
    await bounded.world.advance(0.3);
    t.same(held(bounded.rr), []);
    const off = await told(llgr);
    await off.lose();
    await off.world.advance(20);
    t.same(held(off.rr), []);
  });
  t.test("a restart time of 0, or a family in this capability only: marked at once", async (t) => {
    for (const terms of [{ restartTime: 0 }, { families: [{ family: 1, forwarding: true }] }] satisfies Terms[]) {
      const { rr, lose } = await told({ ...llgr, ...terms }, yaml);
      await lose();
      t.same(held(rr), terms.restartTime === 0 ? allLongLived : [...allLongLived.slice(0, 2), allStale[2]]);
    }
  });
  t.test("a family in neither goes at once, one without long-lived goes after the restart time", async (t) => {
    const { world, rr, lose } = await told({ longLived: { seconds: 60, families: [1] } }, yaml);
    await lose();
    await world.advance(20);
    t.same(held(rr), ["fd0a:1::/32 stale llgr"]);
    await world.advance(60);
    t.same(held(rr), []);
  });
  t.test("routes with NO_LLGR are deleted", async (t) => {
    const { world, rr, peer, lose } = await told(llgr, yaml);
    peer.send(announce(["172.17.9.0/24"], PEER, [NO_LLGR]));
    await world.advance(0.1);
    await lose();
    await world.advance(20);
    t.same(held(rr), [allLongLived[0], allLongLived[2]]);
  });
  t.test("any other path is better than a long-lived stale one", async (t) => {
    const { world, rr, lose } = await told(llgr, yaml);
    const other = puppetAt(world, "10.9.0.2");
    await connect(world, other, {}, 0x0a090002);
    other.send(announce(["172.17.9.0/24"], "10.9.0.2"));
    await world.advance(0.1);
    const best = () =>
      [...rr.view.routes({})]
        .flat()
        .find((row) => row.prefix === "172.17.9.0/24")
        ?.paths.find((path) => path.best)?.from;
    t.equal(best(), PEER);
    await lose();
    for (let i = 0; i < 10; i++, other.keepalive()) await world.advance(2);
    t.equal(best(), "10.9.0.2");
  });
  t.test("back: the same routes again are fresh and without the mark, End-of-RIB sweeps the others", async (t) => {
    const { world, rr, peer, lose } = await told(llgr, yaml);
    await lose();
    await world.advance(30);
    await connect(world, peer, llgr);
    t.same(held(rr), allLongLived, "the mark stays until the route is told again");
    rr.reload(yaml.replace("stale-path-time: 50", "stale-path-time: 51"));
    peer.send(announce(["172.17.8.0/24"], PEER), announce6(1));
    await world.advance(0.1);
    t.same(held(rr), ["172.17.8.0/24", "172.17.9.0/24 stale llgr", "fd0a:1::/32"]);
    peer.send(endOfRib4(), endOfRib6());
    await world.advance(0.1);
    t.same(held(rr), ["172.17.8.0/24", "fd0a:1::/32"]);
  });
  t.test("back without its F bit in this capability: gone at once, whatever RFC 4724's says", async (t) => {
    const { world, rr, peer, lose } = await told(llgr, yaml);
    await lose();
    await world.advance(30);
    await connect(world, peer, { longLived: { seconds: 60, forwarding: false } });
    t.same(held(rr), []);
  });
  t.test("the stale time runs on while the peer is back without End-of-RIB, and when it goes again", async (t) => {
    const { world, rr, peer, lose } = await told(llgr, yaml);
    await lose();
    await world.advance(30); // 10 s of 60
    await connect(world, peer, llgr);
    peer.send(announce(["172.17.8.0/24"], PEER));
    await world.advance(10);
    await lose();
    t.same(held(rr), allLongLived, "what it told meanwhile joins the others");
    await world.advance(39);
    t.same(held(rr), allLongLived);
    await world.advance(2);
    t.same(held(rr), []);
  });
  t.test("after End-of-RIB a new failure begins with the restart time again", async (t) => {
    const { world, rr, peer, lose } = await told(llgr, yaml);
    await lose();
    await world.advance(30);
    await connect(world, peer, llgr);
    peer.send(announce(["172.17.8.0/24"], PEER), endOfRib4(), endOfRib6());
    await world.advance(0.1);
    await lose();
    t.same(held(rr), ["172.17.8.0/24 stale"]);
    await world.advance(20);
    t.same(held(rr), ["172.17.8.0/24 stale llgr"]);
    await world.advance(60);
    t.same(held(rr), []);
  });
  t.test("a hard reset ends it", async (t) => {
    const { world, rr, peer } = await told({ ...llgr, notification: true }, yaml);
    peer.send(encodeNotification(hardReset(ceaseOf(CeaseError.AdministrativeShutdown, ""))));
    await world.advance(0.1);
    t.same(held(rr), []);
  });
});

t.test("RFC 7313 §4: enhanced route refresh", async (t) => {
  const begin = () => encodeRouteRefresh(0, RefreshKind.Begin);
  const end = () => encodeRouteRefresh(0, RefreshKind.End);
  t.test("what is not told again between BoRR and EoRR is swept, in that family only", async (t) => {
    const { world, rr, peer } = await told();
    peer.send(begin(), announce(["172.17.9.0/24"], PEER));
    await world.advance(1);
    t.same(held(rr), ["172.17.8.0/24 stale", "172.17.9.0/24", "fd0a:1::/32"]);
    peer.send(end());
    await world.advance(0.1);
    t.same(held(rr), ["172.17.9.0/24", "fd0a:1::/32"]);
  });
  t.test("an EoRR that never comes is not waited for beyond stale-path-time", async (t) => {
    const { world, rr, peer } = await told();
    peer.send(begin(), announce(["172.17.9.0/24"], PEER));
    for (let i = 0; i < 49; i++, peer.keepalive()) await world.advance(1);
    t.same(held(rr), ["172.17.8.0/24 stale", "172.17.9.0/24", "fd0a:1::/32"]);
    await world.advance(2);
    t.same(held(rr), ["172.17.9.0/24", "fd0a:1::/32"]);
  });
  t.test("an EoRR without BoRR, and a BoRR before End-of-RIB, mean nothing", async (t) => {
    const { world, rr, peer, lose } = await told();
    peer.send(end());
    await world.advance(0.1);
    t.same(held(rr), all);
    await lose();
    await connect(world, peer);
    peer.send(announce(["172.17.8.0/24"], PEER), begin(), end());
    await world.advance(0.1);
    t.same(held(rr), ["172.17.8.0/24", "172.17.9.0/24 stale", "fd0a:1::/32 stale"]);
  });
  t.test("a session that is lost within a refresh keeps all of its routes as stale", async (t) => {
    const { world, rr, peer, lose } = await told();
    peer.send(begin(), announce(["172.17.9.0/24"], PEER));
    await world.advance(1);
    await lose();
    t.same(held(rr), allStale);
    await connect(world, peer);
    await world.advance(19);
    peer.send(end());
    await world.advance(0.1);
    t.same(held(rr), allStale, "the old BoRR is forgotten");
  });
});

t.test(
  "random refreshes and restarts, hundreds of them: held and stale is what the RFCs say (RFC 4724 §4.2, RFC 7313 §4)",
  async (t) => {
    const prefixes = Array.from({ length: 9 }, (_, i) => `172.17.${i}.0/24`);
    const borr = encodeRouteRefresh(0, RefreshKind.Begin);
    const eorr = encodeRouteRefresh(0, RefreshKind.End);
    for (let seed = 1; seed <= 2; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => Math.floor(random.next() * n);
      const world = new TestWorld();
      const rr = world.start("rr", RR, reflector(listed, "{stale-path-time: 4000}"));
      const peer = puppetAt(world, PEER);
      const terms: Terms = { restartTime: 4000, speaks: [0], families: [{ family: 0, forwarding: true }] };
      await connect(world, peer, terms);
      peer.send(endOfRib4());
      const model = new Map<string, boolean>();
      const stale = () => {
        for (const prefix of model.keys()) model.set(prefix, true);
      };
      const sweep = () => {
        for (const [prefix, old] of model) if (old) model.delete(prefix);
      };
      let [refreshing, waiting, generations] = [false, false, 0];
      let tellAll = true;
      for (let step = 0; step < 2500; step++) {
        // Then only the first five now and then: the others get old.
        if (tellAll && !waiting) peer.send(announce(prefixes, PEER));
        if (tellAll && !waiting) for (const prefix of prefixes) model.set(prefix, false);
        tellAll = false;
        const what = random.next();
        const prefix = prefixes[below(5)]!;
        if (what < 0.3) {
          peer.send(announce([prefix], PEER));
          model.set(prefix, false);
        } else if (what < 0.33) {
          peer.send(withdraw([prefix]));
          model.delete(prefix);
        } else if (what < 0.88) {
          peer.send(borr);
          if (!waiting) {
            stale();
            refreshing = true;
            generations++;
          }
        } else if (what < 0.881) {
          peer.send(eorr);
          if (refreshing) sweep();
          refreshing = false;
          tellAll = true;
        } else if (what < 0.93) {
          peer.send(endOfRib4());
          if (waiting) sweep();
          tellAll = waiting;
          waiting = false;
        } else if (what < 0.9305) {
          peer.transport.destroy();
          await world.advance(0.1);
          // A second failure while routes are stale from the first: those go.
          if (waiting) sweep();
          stale();
          generations++;
          [refreshing, waiting] = [false, true];
          await connect(world, peer, terms);
        } else peer.keepalive();
        await world.advance(0.1);
        const expected = [...model].map(([text, old]) => `${text}${old ? " stale" : ""}`).sort();
        if (JSON.stringify(held(rr)) !== JSON.stringify(expected)) {
          t.same(held(rr), expected, `seed ${seed}, step ${step}, after ${generations} generations`);
          return;
        }
      }
      t.ok(generations > 300, `${generations} generations`);
    }
  },
);
