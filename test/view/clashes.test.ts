import t from "tap";
import type { Clash } from "../../src/view/model.ts";
import { node, type TestSpeaker, TestWorld } from "../speaker/harness.ts";

const reflector = `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
dynamic-neighbors:
  - {range: 10.0.0.0/24, remote-as: internal, route-reflector-client: true}
`;

const withId = (address: string, block: string, routerId: string) =>
  node(address, block).replace(`router-id: ${address}`, `router-id: ${routerId}`);

const clashes = ({ view }: TestSpeaker): Clash[] => [...view.clashes()].flat();
const twins = ({ log }: TestSpeaker) => log.filter((line) => line.startsWith("shared-router-id"));

t.test(
  "two clients with one router-id lose each other's routes (RFC 4456 §8): the reflector warns once, each client finds it",
  async (t) => {
    const world = new TestWorld();
    const rr = world.start("rr", "10.0.0.250", reflector);
    const a = world.start("a", "10.0.0.1", withId("10.0.0.1", "172.17.8.0/24", "10.0.0.9"));
    const b = world.start("b", "10.0.0.2", withId("10.0.0.2", "172.17.9.0/24", "10.0.0.9"));
    await world.advance(20);
    t.equal(twins(rr).length, 1);
    t.match(twins(rr)[0], /10\.0\.0\.[12] and 10\.0\.0\.[12] have the same router-id 10\.0\.0\.9: if they are two/);
    const lost = (prefix: string): Clash[] => [
      { kind: "own-originator", from: "10.0.0.250", originator: "10.0.0.9", count: 1, prefixes: [prefix] },
    ];
    t.same(clashes(a), lost("172.17.9.0/24"));
    t.same(clashes(b), lost("172.17.8.0/24"));
    t.same(
      rr.view.summary().neighbors.map(({ remoteRouterId }) => remoteRouterId),
      ["10.0.0.9", "10.0.0.9"],
    );
    for (const peer of [...rr.speaker.peers]) peer.session.reset();
    await world.advance(60);
    t.equal(clashes(a).length, 1, "they are back");
    t.equal(twins(rr).length, 1, "and the log isn't told again");
  },
);

t.test("routers with router-ids and prefixes of their own have no clash, nor has one that came back", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector);
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
  await world.advance(20);
  for (const peer of [...rr.speaker.peers]) peer.session.reset();
  await world.advance(60);
  t.same([...clashes(rr), ...clashes(a)], []);
  t.same(twins(rr), []);
});

t.test(
  "a prefix of ours that another node announces, too, is found by who hears it, and by the reflector",
  async (t) => {
    const world = new TestWorld();
    const rr = world.start("rr", "10.0.0.250", reflector);
    const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
    const b = world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.8.0/24"));
    await world.advance(20);
    const prefixes = ["172.17.8.0/24"];
    t.same(clashes(b), [{ kind: "own-prefix", from: "10.0.0.250", originator: "10.0.0.1", count: 1, prefixes }]);
    t.same(clashes(a), [], "the reflector chose a's path and has nothing else to tell it");
    const [both, ...more] = clashes(rr);
    t.same(more, []);
    t.match(both, { kind: "two-clients", count: 1, prefixes });
    t.same([both?.from, both?.originator].sort(), ["10.0.0.1", "10.0.0.2"]);
  },
);
