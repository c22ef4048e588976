import t from "tap";
import { HEADER_LENGTH, MessageType } from "../../../src/wire/framer.ts";
import { encodeHeader } from "../../../src/wire/message/header.ts";
import { TestWorld } from "../harness.ts";
import { announce, bringUp, puppetAt } from "../puppet.ts";

const RR = "10.9.0.250";
const config = `
router: {as: 65001, router-id: ${RR}, address: ${RR}}
kernel: {fib: none}
dynamic-neighbors: [{range: 10.9.1.0/24, remote-as: internal}]`;

const refresh = encodeHeader(MessageType.RouteRefresh, HEADER_LENGTH + 4);
refresh.set([0, 1, 0, 1], HEADER_LENGTH);

t.test(
  "a peer that repeats itself a thousand times fills twenty lines of the log, then one in ten seconds",
  async (t) => {
    const world = new TestWorld();
    const { log } = world.start("rr", RR, config);
    const [loud, quiet] = [puppetAt(world, "10.9.1.1"), puppetAt(world, "10.9.1.2")];
    await bringUp(world, loud, RR, 0x0a000001);
    await bringUp(world, quiet, RR, 0x0a000002);
    const of = (address: string) => log.filter((line) => line.startsWith(`route-refresh ${address}`));
    for (let i = 0; i < 1000; i++) loud.send(refresh);
    await world.advance(1);
    t.equal(of("10.9.1.1").length, 20);

    quiet.send(refresh);
    await world.advance(1);
    t.equal(of("10.9.1.2").length, 1, "others are heard");

    await world.advance(10);
    loud.send(refresh);
    loud.send(refresh);
    await world.advance(1);
    t.equal(of("10.9.1.1").length, 21);
    t.match(of("10.9.1.1").at(-1), /before=980/, "it is said how many were kept back");

    const faulty = announce(["10.233.1.0/24"], "10.9.1.1");
    faulty[HEADER_LENGTH + 4 + 3] = 9; // ORIGIN
    for (let i = 0; i < 1000; i++) loud.send(faulty);
    await world.advance(1);
    t.equal(log.filter((line) => line.startsWith("update-fault 10.9.1.1")).length, 20, "each kind has its own budget");
  },
);

t.test("a member of a range that leaves and comes back has no new budget", async (t) => {
  const world = new TestWorld();
  const { log } = world.start("rr", RR, config);
  for (let i = 0; i < 30; i++) {
    const peer = puppetAt(world, "10.9.1.1");
    await bringUp(world, peer, RR, 0x0a000001);
    peer.transport.destroy();
    await world.advance(0.01);
  }
  t.equal(log.filter((line) => line.startsWith("established")).length, 20);
});
