import t from "tap";
import { seededRandom } from "../../src/lib/random.ts";
import type { Transport, TransportReceiver } from "../../src/session/transport.ts";
import { type NetworkOptions, type SimulatedHost, SimulatedNetwork } from "../../testbed/simulated-network.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

class Ear implements TransportReceiver {
  text = "";
  chunks = 0;
  readonly reasons: string[] = [];
  received(chunk: Uint8Array): void {
    this.chunks++;
    this.text += new TextDecoder().decode(chunk);
  }
  closed(reason: string): void {
    this.reasons.push(reason);
  }
}

function connected(options: NetworkOptions = {}) {
  const net = new SimulatedNetwork(options);
  const [a, b] = [net.host("192.0.2.1"), net.host("192.0.2.2", "2001:db8::2")];
  let far!: Transport;
  let near!: Transport;
  void b.listen({ addresses: ["0.0.0.0"], port: 179, accepted: (transport) => (far = transport) });
  a.connect(
    { remoteAddress: "192.0.2.2", remotePort: 179 },
    { connected: (transport) => (near = transport), failed: t.fail },
  );
  net.clock.advance(1_000);
  const [nearEar, farEar] = [new Ear(), new Ear()];
  near.attach(nearEar);
  far.attach(farEar);
  return { net, a, b, near, far, nearEar, farEar };
}

const dialResult = (net: SimulatedNetwork, from: SimulatedHost, remoteAddress: string, remotePort = 179) => {
  const heard: string[] = [];
  from.connect(
    { remoteAddress, remotePort },
    {
      connected: () => heard.push(`up ${net.clock.now()}`),
      failed: (reason) => heard.push(`${reason} ${net.clock.now()}`),
    },
  );
  return heard;
};

t.test("a connection takes a round trip, a byte half of one", (t) => {
  const { net, near, farEar, a } = connected({ delayMs: 10 });
  const from = net.clock.now();
  const heard = dialResult(net, a, "192.0.2.2");
  near.write([bytes("hello "), bytes("world")]);
  net.clock.advance(9);
  t.equal(farEar.text, "");
  net.clock.advance(1);
  t.equal(farEar.text, "hello world");
  net.clock.advance(10);
  t.same(heard, [`up ${from + 20}`]);
  t.end();
});

t.test("the same seed cuts a stream at the same places, and never changes it", (t) => {
  const cuts = (seed: number) => {
    const { net, near, farEar } = connected({ split: true, random: seededRandom(seed) });
    near.write([bytes("x".repeat(500)), bytes("y".repeat(500))]);
    net.clock.advance(100);
    t.equal(farEar.text, "x".repeat(500) + "y".repeat(500));
    return farEar.chunks;
  };
  t.equal(cuts(1), cuts(1));
  t.ok(cuts(2) > 10);
  t.end();
});

t.test("a link that gets faster overtakes nothing", (t) => {
  const { net, a, b, near, farEar } = connected({ delayMs: 50 });
  near.write([bytes("first ")]);
  net.delay(a, b, 1);
  near.write([bytes("second")]);
  net.clock.advance(60);
  t.equal(farEar.text, "first second");
  t.end();
});

t.test("a cut is silent, and what was lost comes when it heals", (t) => {
  const { net, a, b, near, farEar } = connected();
  near.write([bytes("on its way ")]);
  net.cut(a, b);
  near.write([bytes("and lost")]);
  net.clock.advance(100_000);
  t.same([farEar.text, farEar.reasons], ["", []]);
  net.heal(a, b);
  net.clock.advance(10);
  t.equal(farEar.text, "on its way and lost");
  t.end();
});

t.test("nobody listens, nobody is there, nothing comes back: each dial that fails says why", (t) => {
  const { net, a, b } = connected({ delayMs: 5 });
  const from = net.clock.now();
  const refused = dialResult(net, a, "192.0.2.2", 180);
  const nowhere = dialResult(net, a, "198.51.100.1");
  const wrongFamily = dialResult(net, a, "2001:db8::2");
  net.clock.advance(100);
  t.same(
    [refused, nowhere, wrongFamily],
    [[`connection refused ${from + 10}`], [`no route to host ${from}`], [`no route to host ${from}`]],
  );
  b.refusing = true;
  const down = dialResult(net, a, "192.0.2.2");
  net.clock.advance(100);
  t.match(down[0], "connection refused");
  net.cut(a, b);
  const silent = dialResult(net, a, "192.0.2.2");
  net.clock.advance(200_000);
  t.match(silent[0], "connection timed out");
  t.end();
});

t.test("an end is read to its last byte; a reset loses what was not read", (t) => {
  const polite = connected();
  polite.far.pause();
  polite.near.write([bytes("goodbye")]);
  polite.near.end();
  polite.net.clock.advance(100);
  polite.far.resume();
  polite.net.clock.advance(100);
  t.same([polite.farEar.text, polite.farEar.reasons], ["goodbye", ["connection closed by peer"]]);
  polite.far.end();
  polite.net.clock.advance(100);
  t.same([polite.a.ends.size, polite.b.ends.size], [0, 0]);

  const rude = connected();
  rude.far.pause();
  rude.near.write([bytes("goodbye")]);
  rude.net.clock.advance(100);
  rude.near.destroy();
  rude.net.clock.advance(100);
  t.same([rude.farEar.text, rude.farEar.reasons], ["", ["connection reset by peer"]]);
  t.same([rude.nearEar.reasons], [[]], "who destroyed it hears nothing");
  t.end();
});

t.test("a peer that does not read fills its window, and then the writer waits", (t) => {
  const { net, near, far } = connected({ window: 100 });
  far.pause();
  let taken = 0;
  near.write([new Uint8Array(100)], () => taken++);
  near.write([new Uint8Array(60), new Uint8Array(60)], () => taken++);
  net.clock.advance(10_000);
  t.same([taken, near.backlog()], [1, 120]);
  far.resume();
  net.clock.advance(10);
  t.same([taken, near.backlog()], [2, 0]);
  t.end();
});

t.test("a crashed host has forgotten, and says so to who still talks to it", (t) => {
  const { net, b, near, nearEar } = connected();
  b.crash();
  net.clock.advance(10_000);
  t.same(nearEar.reasons, []);
  near.write([bytes("are you there?")]);
  net.clock.advance(10);
  t.same(nearEar.reasons, ["connection reset by peer"]);
  t.end();
});

t.test("after a stall timers run before the network, as in Node, and what was deferred after both", (t) => {
  const { net, near, far } = connected();
  const order: string[] = [];
  far.attach({ received: () => order.push("network"), closed() {} });
  near.write([bytes("x")]);
  net.clock.setTimer(20, () => {
    order.push("timer");
    net.clock.defer(() => order.push("deferred"));
  });
  net.clock.stall(100);
  net.clock.advance(0);
  t.same(order, ["timer", "network", "deferred"]);
  t.end();
});

t.test("cancelled timers do not pile up", (t) => {
  const { clock } = new SimulatedNetwork();
  for (let i = 0; i < 10_000; i++) clock.setTimer(1_000_000 + i, t.fail).cancel();
  t.equal(clock.waiting, 0);
  t.notOk(clock.step());
  t.end();
});
