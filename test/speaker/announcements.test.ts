import t from "tap";
import type { Inventory } from "../../src/config/model.ts";
import { atOnce } from "../../src/lib/in-slices.ts";
import { Announcements } from "../../src/speaker/announcements.ts";
import { announcementsOf, prefixesOf } from "../../src/view/announce-request.ts";
import { ControlError } from "../../src/view/view-port.ts";
import { best, node, type TestSpeaker, TestWorld } from "./harness.ts";

const body = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function announce({ speaker }: TestSpeaker, routes: readonly object[], force = false): void {
  const request = atOnce(announcementsOf(body({ routes, force })));
  atOnce(speaker.announcing(request.announcements, request.force));
}

const withdraw = ({ speaker }: TestSpeaker, ...prefixes: string[]): void =>
  atOnce(speaker.withdrawing(atOnce(prefixesOf(body({ routes: prefixes.map((prefix) => ({ prefix })) })))));

const announced = ({ view }: TestSpeaker): string[] =>
  [...view.announced()].flat().map(({ prefix, by, active }) => `${prefix} ${by} ${active}`);

const reflector = `router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
dynamic-neighbors: [{range: 10.0.0.0/24, remote-as: internal, route-reflector-client: true}]`;

async function pair() {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector);
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  await world.advance(20);
  return { world, rr, a };
}

t.test("what is announced is told with all that was said, and taken back when it is withdrawn", async (t) => {
  const { world, rr, a } = await pair();
  announce(a, [
    {
      prefix: "192.0.2.1/32",
      communities: ["65001:7", "no-export"],
      med: 5,
      localPref: 300,
      largeCommunities: ["1:2:3"],
    },
    { prefix: "192.0.2.2/32", nextHop: "10.0.0.9" },
  ]);
  await world.advance(1);
  t.same(best(rr), [
    "172.17.8.0/24 10.0.0.1 10.0.0.1",
    "192.0.2.1/32 10.0.0.1 10.0.0.1",
    "192.0.2.2/32 10.0.0.1 10.0.0.9",
  ]);
  const row = [...rr.view.routes({})].flat().find(({ prefix }) => prefix === "192.0.2.1/32");
  t.match(row?.paths[0], {
    med: 5,
    localPref: 300,
    communities: ["65001:7", "65535:65281"],
    largeCommunities: ["1:2:3"],
  });
  t.same(announced(a), ["172.17.8.0/24 config true", "192.0.2.1/32 announce true", "192.0.2.2/32 announce true"]);
  withdraw(a, "192.0.2.1/32");
  await world.advance(1);
  t.same(best(rr), ["172.17.8.0/24 10.0.0.1 10.0.0.1", "192.0.2.2/32 10.0.0.1 10.0.0.9"]);
});

t.test("its time is over to the second, unless it was announced again meanwhile", async (t) => {
  const { world, rr, a } = await pair();
  announce(a, [
    { prefix: "192.0.2.1/32", for: 10 },
    { prefix: "192.0.2.2/32", for: 10 },
  ]);
  await world.advance(8.5);
  announce(a, [{ prefix: "192.0.2.2/32" }]);
  await world.advance(0.4);
  t.equal(best(rr).length, 3);
  await world.advance(2.2);
  t.same(best(rr), ["172.17.8.0/24 10.0.0.1 10.0.0.1", "192.0.2.2/32 10.0.0.1 10.0.0.1"]);
  await world.advance(60);
  t.equal(best(rr).length, 2);
});

t.test("it survives a reload; a prefix that the config takes over goes on as the config says", async (t) => {
  const { world, rr, a } = await pair();
  announce(a, [{ prefix: "192.0.2.1/32", med: 5 }]);
  a.reload(
    `${node("10.0.0.1", "172.17.8.0/24").replace("originate: [", "originate: [{prefix: 192.0.2.1/32, med: 9}, ")}`,
  );
  await world.advance(1);
  const med = () => [...rr.view.routes({})].flat().find(({ prefix }) => prefix === "192.0.2.1/32")?.paths[0]?.med;
  t.equal(med(), 9);
  t.same(
    announced(a).filter((row) => row.startsWith("192")),
    ["192.0.2.1/32 announce false", "192.0.2.1/32 config true"],
  );
  a.reload(node("10.0.0.1", "172.17.8.0/24"));
  await world.advance(1);
  t.equal(med(), 5);
});

t.test(
  "refused is what config originates, what comes twice, what was never announced, and what is too much",
  async (t) => {
    const { world, rr, a } = await pair();
    t.throws(() => announce(a, [{ prefix: "192.0.2.1/32" }, { prefix: "172.17.8.0/24" }]), {
      message: "172.17.8.0/24: is originated already, by the config",
    });
    t.throws(() => announce(a, [{ prefix: "192.0.2.1/32" }, { prefix: "192.0.2.1/32" }]), {
      message: /stands there twice/,
    });
    t.throws(() => withdraw(a, "172.17.8.0/24"), { message: /was not announced by command: it comes from the config/ });
    t.throws(() => withdraw(a, "192.0.2.1/32"), { message: /is not announced/ });
    await world.advance(1);
    t.equal(best(rr).length, 1, "and nothing of such a request is taken");
    a.reload(`${node("10.0.0.1", "172.17.8.0/24")}\nlimits: {announced: 1}`);
    announce(a, [{ prefix: "192.0.2.1/32" }]);
    announce(a, [{ prefix: "192.0.2.1/32", med: 1 }]);
    t.throws(() => announce(a, [{ prefix: "192.0.2.2/32" }]), {
      message: /2 routes would be announced, and limits.announced is 1/,
    });
  },
);

t.test(
  "what lies in a block that the inventory gives to another node is refused by its name, unless forced",
  async (t) => {
    const { world, a } = await pair();
    const nodes = [
      { name: "a", blocks: ["172.17.8.0/24"] },
      { name: "b", blocks: ["172.17.9.0/24", "2001:db8:9::/48"] },
    ];
    const announcements = new Announcements({
      routes: a.speaker.originatedRoutes,
      clock: world.clock,
      limit: () => 10,
      inventory: () => ({ self: nodes[0], nodes }) as unknown as Inventory,
    });
    const one = (prefix: string, force = false) =>
      atOnce(announcements.announce(atOnce(announcementsOf(body({ routes: [{ prefix }] }))).announcements, force));
    for (const prefix of ["172.17.9.0/24", "172.17.9.7/32", "2001:db8:9:1::/64"])
      t.throws(() => one(prefix), {
        message: `${prefix}: belongs to b by the inventory; --force takes it all the same`,
      });
    for (const prefix of ["172.17.8.7/32", "172.17.0.0/16", "172.17.10.0/24", "2001:db8:a::/48"]) one(prefix);
    one("172.17.9.7/32", true);
    t.equal(announcements.size, 5);
  },
);

t.test("a request of any other form is refused with a line for each fault", async (t) => {
  const refused = (value: unknown) => {
    const bytes = value instanceof Uint8Array ? value : body(value as object);
    try {
      atOnce(announcementsOf(bytes));
      return "taken";
    } catch (error) {
      t.ok(error instanceof ControlError && error.kind === "bad-request");
      return (error as Error).message;
    }
  };
  t.equal(refused(Uint8Array.of(0xff)), "The body of the request is no JSON");
  for (const value of [null, [], {}, { routes: [] }, { routes: {} }, { routes: [{ prefix: "10.0.0.0/8" }], force: 1 }])
    t.match(refused(value), "The request needs");
  const wrong: [object | null | number, RegExp][] = [
    [null, /a route: must be a mapping/],
    [7, /a route: must be a mapping/],
    [{}, /must have a prefix/],
    [{ prefix: "10.0.0.1" }, /must have a prefix/],
    [{ prefix: "10.0.0.1/8" }, /bits set behind its length/],
    [{ prefix: "10.0.0.0/8", nextHop: "x" }, /nextHop must be an address/],
    [{ prefix: "10.0.0.0/8", communities: ["1:70000"] }, /none of communities/],
    [{ prefix: "10.0.0.0/8", communities: "1:1" }, /must be a list/],
    [{ prefix: "10.0.0.0/8", largeCommunities: ["1:2"] }, /none of largeCommunities/],
    [{ prefix: "10.0.0.0/8", med: -1 }, /med must be a number/],
    [{ prefix: "10.0.0.0/8", for: 0 }, /for must be a number from 1/],
    [{ prefix: "10.0.0.0/8", blackhole: "yes" }, /blackhole must be true or false/],
    [{ prefix: "10.0.0.0/8", constructor: 1 }, /unknown key/],
  ];
  for (const [route, sentence] of wrong) t.match(refused({ routes: [{ prefix: "10.1.0.0/16" }, route] }), sentence);
  t.equal(refused({ routes: Array.from({ length: 30 }, () => ({})) }).split("\n").length, 21);
});
