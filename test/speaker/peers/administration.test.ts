import t from "tap";
import type { AdminState } from "../../../src/speaker/peers/administration.ts";
import { best, node, TestWorld } from "../harness.ts";

const disabled = (text = ""): AdminState => ({ disabled: true, draining: false, text });
const enabled: AdminState = { disabled: false, draining: false, text: "" };
const draining: AdminState = { disabled: false, draining: true, text: "" };

const reflector = (more = "") => `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
kernel: {fib: none}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true}
dynamic-neighbors:
  - {range: 10.0.1.0/24, peer-group: clients}
neighbors:
  - {address: 10.0.0.1, peer-group: clients, local-address: 10.0.0.250${more}}
  - {address: 10.0.0.2, remote-as: internal, route-reflector-client: true, local-address: 10.0.0.250}
`;

/** A reflector with one client of a group, one of none and one out of a range of the group. */
async function world(more = "") {
  const all = new TestWorld();
  const rr = all.start("rr", "10.0.0.250", reflector(more));
  const a = all.start("a", "10.0.0.1", node("10.0.0.1", "172.17.1.0/24"));
  const b = all.start("b", "10.0.0.2", node("10.0.0.2", "172.17.2.0/24"));
  const c = all.start("c", "10.0.1.3", node("10.0.1.3", "172.17.3.0/24"));
  await all.advance(20);
  const row = (address: string) => rr.view.summary().neighbors.find((neighbor) => neighbor.address === address);
  return { all, rr, a, b, c, row };
}

t.test(
  "a neighbor that is disabled is told why, its routes go at once, and it stays away through reloads",
  async (t) => {
    const { all, rr, a, b, row } = await world();
    t.same(rr.speaker.administer({ address: "10.0.0.1" }, disabled("new cables")), ["10.0.0.1"]);
    await all.advance(1);
    t.match(row("10.0.0.1"), { state: "Idle", disabled: true, disabledText: "new cables", draining: false });
    t.match(row("10.0.0.1")?.stateReason, /it is disabled: new cables/);
    t.match(a.view.neighbors()[0]!.lastError, { direction: "received", text: /new cables/ }, "RFC 9003");
    t.same(
      best(b).map((text) => text.split(" ")[0]),
      ["172.17.2.0/24", "172.17.3.0/24"],
      "with graceful restart, too: it leaves for good",
    );
    await all.advance(120);
    rr.reload(reflector(", description: again"));
    await all.advance(120);
    t.match(row("10.0.0.1"), { state: "Idle", disabled: true, description: "again" }, "whoever dials");
    t.same(rr.speaker.administer({ address: "10.0.0.1" }, enabled), ["10.0.0.1"]);
    await all.advance(120);
    t.match(row("10.0.0.1"), { state: "Established", disabled: false, disabledText: "" });
    t.equal(best(b).length, 3);
  },
);

t.test("a group is disabled with those to come; what is said of one of it later counts", async (t) => {
  const { all, rr, row } = await world();
  t.same(rr.speaker.administer({ group: "clients" }, disabled())?.toSorted(), ["10.0.0.1", "10.0.1.3"]);
  await all.advance(60);
  t.equal(row("10.0.0.1")?.state, "Idle");
  t.equal(row("10.0.1.3"), undefined, "a member of a range is turned away at the door");
  t.equal(row("10.0.0.2")?.state, "Established");
  rr.speaker.administer({ address: "10.0.0.1" }, enabled);
  await all.advance(120);
  t.equal(row("10.0.0.1")?.state, "Established");
  t.equal(row("10.0.1.3"), undefined);
  t.same(rr.speaker.administer({ group: "clients" }, enabled), ["10.0.0.1"]);
  await all.advance(120);
  t.equal(row("10.0.1.3")?.state, "Established");
  t.equal(rr.speaker.administer({ group: "nobody" }, disabled()), null);
  t.equal(rr.speaker.administer({ address: "10.9.9.9" }, disabled()), null);
});

t.test("`shutdown: true` holds until it is enabled, or the config says otherwise", async (t) => {
  const { all, rr, row } = await world(", shutdown: true");
  t.match(row("10.0.0.1"), { state: "Idle", disabled: true, everEstablished: false });
  rr.reload(reflector());
  await all.advance(120);
  t.match(row("10.0.0.1"), { state: "Established", disabled: false });
  rr.reload(reflector(", shutdown: true"));
  await all.advance(1);
  t.match(row("10.0.0.1"), { state: "Idle", disabled: true });
  rr.speaker.administer({ address: "10.0.0.1" }, enabled);
  await all.advance(120);
  t.match(row("10.0.0.1"), { state: "Established", disabled: false });
});

t.test("a neighbor that is drained is told that all is the last resort, others are not (RFC 8326)", async (t) => {
  const { all, rr, a, b, row } = await world();
  rr.speaker.administer({ address: "10.0.0.1" }, draining);
  await all.advance(1);
  const heard = ({ view }: typeof a) =>
    [...view.routes({ from: "10.0.0.250" })].flat().flatMap(({ paths }) => paths.map((path) => path.localPref));
  t.same(heard(a), [0, 0]);
  t.same(heard(b), [100, 100]);
  t.match(row("10.0.0.1"), { state: "Established", draining: true });
  rr.speaker.administer({ address: "10.0.0.1" }, enabled);
  await all.advance(1);
  t.same(heard(a), [100, 100]);
  t.match(row("10.0.0.1"), { state: "Established", draining: false, everEstablished: true });
});
