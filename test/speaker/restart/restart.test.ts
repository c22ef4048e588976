import t from "tap";
import { best, type TestSpeaker, TestWorld } from "../harness.ts";

const reflector = `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true}
dynamic-neighbors:
  - {range: 10.0.0.0/24, peer-group: clients}`;

const node = (address: string, block: string) => `
router: {as: 65001, router-id: ${address}, address: ${address}}
kernel: {fib: none}
originate: [{prefix: ${block}}]
neighbors:
  - {address: 10.0.0.250, remote-as: internal, local-address: ${address}}`;

/** A reflector and two nodes that know each other's blocks. */
async function rack() {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector);
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  const b = world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
  await world.advance(20);
  return { world, rr, a, b };
}

/** Lets time pass in steps, and says how often the speaker lacked one of its two routes. */
async function watch(world: TestWorld, speaker: TestSpeaker, seconds: number): Promise<number> {
  let lacks = 0;
  for (let i = 0; i < seconds * 10; i++) {
    await world.advance(0.1);
    if (best(speaker).length !== 2) lacks++;
  }
  return lacks;
}

t.test("a reflector that restarts costs its clients no route (RFC 4724 §4)", async (t) => {
  const { world, rr, a, b } = await rack();
  await world.stop(rr);
  t.equal(await watch(world, a, 10), 0, "kept as stale");
  const again = world.start("rr", "10.0.0.250", reflector);
  await world.advance(1);
  t.ok(again.speaker.restart.returning, "it waits for those who had told it everything before");
  t.equal(await watch(world, a, 60), 0, "told anew before what is stale goes");
  t.same(best(b), ["172.17.8.0/24 10.0.0.250 10.0.0.1", "172.17.9.0/24 self null"]);
  t.notOk(again.speaker.restart.returning);
  await world.stop(again);
  t.equal(await watch(world, a, 5), 0, "and once more, after it had come back");
});

t.test("a node that doesn't come back while the reflector restarts is waited for only so long", async (t) => {
  const { world, rr, a, b } = await rack();
  await world.stop(rr);
  await world.stop(b);
  const again = world.start("rr", "10.0.0.250", reflector);
  await world.advance(30);
  t.ok(again.speaker.restart.returning);
  t.match(again.speaker.restart.waitingFor, [/10\.0\.0\.2/]);
  t.equal(best(a).length, 2, "b's route is still kept as stale by a");
  await world.advance(60);
  t.notOk(again.speaker.restart.returning, "at most for the selection deferral of 60 s");
  t.same(best(a), ["172.17.8.0/24 self null"]);
});

t.test("without a journal nothing is waited for", async (t) => {
  const { rr } = await rack();
  t.notOk(rr.speaker.restart.returning);
});

t.test("drain makes routes the last resort, withdraws them, and then ends sessions for good (RFC 8326)", async (t) => {
  const { world, a, b } = await rack();
  const drained = b.speaker.drain(10);
  await world.advance(5);
  const [row] = [...a.view.routes({ from: "10.0.0.250" })].flat();
  t.match(row?.paths[0], { localPref: 0, communities: ["65535:0"] });
  for (let i = 0; i < 30; i++) await world.advance(0.5);
  t.match(await drained, { complete: true, waitingFor: [] });
  t.same(best(a), ["172.17.8.0/24 self null"], "nobody keeps what has left for good");
});

t.test("a second restart before the first one is over waits for the same peers again (RFC 4724 §4.1)", async (t) => {
  const { world, rr, a, b } = await rack();
  await world.stop(rr);
  await world.stop(b);
  const first = world.start("rr", "10.0.0.250", reflector);
  await world.advance(10);
  t.match(first.speaker.restart.waitingFor, [/10\.0\.0\.2/], "a has told everything, b has not");
  await world.stop(first);
  const second = world.start("rr", "10.0.0.250", reflector);
  await world.advance(10);
  t.match(second.speaker.restart.waitingFor, [/10\.0\.0\.2/]);
  t.equal(best(a).length, 1, "as helper a had to delete what was stale from the first time (RFC 4724 §4.2)");
  world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.9.0/24"));
  await world.advance(30);
  t.equal(best(a).length, 2);
  t.notOk(second.speaker.restart.returning);
});

t.test("a stop before a peer that restarted too has told everything does not forget that peer", async (t) => {
  const world = new TestWorld();
  const b = `${node("10.0.0.2", "172.17.9.0/24")}\n  - {address: 10.0.0.3, remote-as: internal, local-address: 10.0.0.2}`;
  const c = node("10.0.0.3", "172.17.10.0/24").replaceAll("10.0.0.250", "10.0.0.2");
  const all = [
    world.start("rr", "10.0.0.250", reflector),
    world.start("b", "10.0.0.2", b),
    world.start("c", "10.0.0.3", c),
  ];
  await world.advance(20);
  for (const each of all) await world.stop(each);
  const first = world.start("rr", "10.0.0.250", reflector);
  world.start("b", "10.0.0.2", b);
  await world.advance(20);
  t.notOk(first.speaker.restart.returning, "who says that it restarts isn't waited for, and b waits for c");
  await world.stop(first);
  t.same(world.journal(first).peers["10.0.0.2"], ["ipv4-unicast"]);
});

t.test("a peer that is gone for good is not waited for after a later restart", async (t) => {
  const { world, rr, a, b } = await rack();
  await world.stop(b);
  await world.advance(200);
  t.same(best(a), ["172.17.8.0/24 self null"]);
  await world.stop(rr);
  const again = world.start("rr", "10.0.0.250", reflector);
  await world.advance(1);
  t.same(again.speaker.restart.waitingFor, ["10.0.0.1 ipv4-unicast"]);
  await world.advance(30);
  t.notOk(again.speaker.restart.returning);
});

t.test("peers are in the F bit's favour also when they come after selection has begun (RFC 4724 §4.1)", async (t) => {
  const { world, rr, a } = await rack();
  await world.stop(rr);
  world.network.cut(a.host, world.network.hostOf("10.0.0.250")!);
  const again = world.start("rr", "10.0.0.250", reflector);
  await world.advance(62);
  t.notOk(again.speaker.restart.returning, "the deferral is over");
  world.network.heal(a.host, again.host);
  t.equal(await watch(world, a, 40), 0, "what a kept as stale stays until it is told anew");
});

t.test(
  "a stop leaves the FIB as it is while sessions end, and empties it afterwards if nothing is to stay",
  async (t) => {
    const other = (address: string, block: string) => node(address, block).replace("10.0.0.250", "127.0.0.250");
    for (const [keep, left] of [
      [true, ["172.17.8.0/24", "172.17.9.0/24"]],
      [false, []],
    ] as const) {
      const world = new TestWorld();
      // Neither keeps anything of the other: what the session told goes with it.
      const rr = world.start(
        "rr",
        "127.0.0.250",
        `
router: {as: 65001, router-id: 127.0.0.250, address: 127.0.0.250}
kernel: {fib: memory, keep-on-exit: ${keep}}
dynamic-neighbors:
  - {range: 127.0.0.0/24, remote-as: internal, graceful-restart: false}`,
      );
      world.start("a", "127.0.0.1", other("127.0.0.1", "172.17.8.0/24"));
      world.start("b", "127.0.0.2", other("127.0.0.2", "172.17.9.0/24"));
      await world.advance(20);
      const { fib } = rr.speaker.kernel;
      t.equal(fib.counters.installed, 2);
      await world.stop(rr);
      t.same(best(rr), [], "the tables have forgotten");
      t.same(
        fib
          .list()
          .map(({ prefix }) => prefix)
          .sort(),
        left,
      );
      t.equal(fib.counters.operations.delete.ok, keep ? 0 : 2);
    }
  },
);
