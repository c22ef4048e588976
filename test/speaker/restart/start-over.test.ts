import t from "tap";
import { best, node, TestWorld } from "../harness.ts";

const reflector = `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
neighbors:
  - {address: 10.0.0.1, remote-as: internal, route-reflector-client: true, local-address: 10.0.0.250}
  - {address: 10.0.0.2, remote-as: internal, route-reflector-client: true, local-address: 10.0.0.250}
`;

t.test("a first start waits for nobody: neighbors that are down are warnings", async (t) => {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector);
  t.match(rr.view.readiness(), { ready: false, reasons: ["the daemon is still starting"] });
  await world.advance(1);
  t.match(rr.view.readiness(), { ready: true, reasons: [], pending: [] });
  t.match(rr.view.readiness().warnings, [/^neighbor 10\.0\.0\.1 is /, /^neighbor 10\.0\.0\.2 is /]);
});

t.test("after a restart it is ready when those who had told everything have, and were told: not before", async (t) => {
  const world = new TestWorld();
  let rr = world.start("rr", "10.0.0.250", reflector);
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.1.0/24"));
  const b = world.start("b", "10.0.0.2", node("10.0.0.2", "172.17.2.0/24"));
  await world.advance(20);
  t.equal(best(rr).length, 2);
  await world.stop(rr);
  rr = world.start("rr", "10.0.0.250", reflector);
  world.network.cut(rr.host, b.host);
  await world.advance(50);
  const { ready, reasons } = rr.view.readiness();
  t.equal(ready, false);
  t.match(reasons, [/^nothing is decided yet: we are back after a restart, until 10\.0\.0\.2 ipv4-unicast has told/]);
  world.network.heal(rr.host, b.host);
  await world.advance(12);
  t.match(rr.view.readiness(), { ready: true, reasons: [], warnings: [] });
  // It stays so, whatever comes.
  await world.stop(a);
  await world.advance(200);
  t.match(rr.view.readiness(), { ready: true });
});

t.test("a peer that never comes back holds a restart up for the selection deferral, and no longer", async (t) => {
  const world = new TestWorld();
  let rr = world.start("rr", "10.0.0.250", reflector);
  const a = world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.1.0/24"));
  await world.advance(20);
  await world.stop(rr);
  rr = world.start("rr", "10.0.0.250", reflector);
  world.network.cut(rr.host, a.host);
  await world.advance(59);
  t.match(rr.view.readiness(), { ready: false });
  await world.advance(2);
  t.match(rr.view.readiness(), { ready: true, reasons: [] });
});

t.test("nodes that come back at the same time don't wait for each other's time to run out", async (t) => {
  const world = new TestWorld();
  const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  const start = (own: string) =>
    world.start(
      own,
      own,
      `
router: {as: 65001, router-id: ${own}, address: ${own}}
kernel: {fib: none}
originate: [{prefix: 172.17.${own.split(".")[3]}.0/24}]
neighbors:
${addresses
  .filter((address) => address !== own)
  .map((address) => `  - {address: ${address}, remote-as: internal, local-address: ${own}}`)
  .join("\n")}
`,
    );
  const [a, b] = addresses.map(start);
  await world.advance(20);
  t.equal(best(a!).length, 3);
  await world.stop(a!);
  await world.stop(b!);
  const back = [start("10.0.0.1"), start("10.0.0.2")];
  for (let i = 0; i < 12; i++) await world.advance(1);
  for (const each of back) {
    t.match(each.view.readiness(), { ready: true, reasons: [], pending: [], warnings: [] });
    t.equal(best(each).length, 3);
  }
});
