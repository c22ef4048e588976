import { writeFileSync } from "node:fs";
import t from "tap";
import { LocalAddresses } from "../../src/kernel/local-addresses.ts";
import type { KernelAddress } from "../../src/kernel/reader.ts";
import { parseAddress, parsePrefix } from "../../src/lib/address.ts";
import { onePrefix } from "../../src/lib/prefix-words.ts";
import { Underlay } from "../../src/speaker/kernel/underlay.ts";
import { parse } from "../config/support.ts";
import { best, question, TestWorld } from "./harness.ts";
import { announce, bringUp, puppetAt } from "./puppet.ts";

const RR = "10.9.0.250";

t.test("from a member of a range only the blocks that the inventory gives to its address are accepted", async (t) => {
  const nodes = (block: string) => `nodes:
  - {name: rr, address: ${RR}, role: reflector}
  - {name: one, address: 10.9.1.1, blocks: [${block}]}
  - {name: two, address: 10.9.1.2, blocks: [10.233.2.0/24]}
`;
  const dir = t.testdir({ "nodes.yaml": nodes("10.233.1.0/24") });
  const config = `
router: {as: 65001, router-id: ${RR}, address: ${RR}}
kernel: {fib: none}
topology: {inventory: {file: ${dir}/nodes.yaml}}
policies: {own-blocks: [{match: {neighbor-blocks: true}, then: accept}, {then: reject}]}
dynamic-neighbors:
  - {range: 10.9.1.0/24, remote-as: internal, route-reflector-client: true, import-policy: [own-blocks]}`;
  const world = new TestWorld();
  const rr = world.start("rr", RR, config);
  const [one, stranger] = [puppetAt(world, "10.9.1.1"), puppetAt(world, "10.9.1.77")];
  await bringUp(world, one, RR, 0x0a000001);
  await bringUp(world, stranger, RR, 0x0a000002);
  const wanted = ["10.233.1.0/24", "10.233.1.7/32", "10.233.2.0/24", "10.233.2.9/32", "10.233.0.0/16", "0.0.0.0/0"];
  one.send(announce([...wanted, "10.233.3.0/24"], "10.9.1.1"));
  stranger.send(announce(wanted, "10.9.1.77"));
  await world.advance(1);
  t.same(best(rr), ["10.233.1.0/24 10.9.1.1 10.9.1.1", "10.233.1.7/32 10.9.1.1 10.9.1.1"], "its own, and parts of it");
  t.match(rr.view.explain(question("10.233.2.0/24")).received[0], { rejectedBy: "own-blocks" });

  writeFileSync(`${dir}/nodes.yaml`, nodes("10.233.3.0/24"));
  rr.reload(config);
  await world.advance(1);
  t.same(best(rr), ["10.233.3.0/24 10.9.1.1 10.9.1.1"], "the inventory is read again: what came in is judged anew");
  t.equal(rr.speaker.peers.get("10.9.1.1")?.session.flaps, 0);
});

t.test("a default route from a member of a range is refused, unless a policy of its own accepts it", async (t) => {
  for (const [policy, accepted] of [
    ["", 1],
    ["import-policy: [blocks]", 1],
    ["import-policy: [any]", 2],
  ] as const) {
    const world = new TestWorld();
    const rr = world.start(
      "rr",
      RR,
      `
router: {as: 65001, router-id: ${RR}, address: ${RR}}
kernel: {fib: none}
prefix-lists: {blocks: [{prefix: 10.0.0.0/8, ge: 24}]}
policies:
  blocks: [{match: {prefix-list: blocks}, then: accept}, {then: reject}]
  any: [{then: accept}]
dynamic-neighbors:
  - {range: 10.9.1.0/24, remote-as: internal, route-reflector-client: true, ${policy}}`,
    );
    const peer = puppetAt(world, "10.9.1.1");
    await bringUp(world, peer, RR);
    peer.send(announce(["0.0.0.0/0", "10.233.1.0/24"], "10.9.1.1"));
    await world.advance(1);
    t.equal(best(rr).length, accepted, policy);
  }
});

t.test("an own prefix stays the best, whatever a client announces for it", async (t) => {
  const world = new TestWorld();
  const rr = world.start(
    "rr",
    RR,
    `
router: {as: 65001, router-id: ${RR}, address: ${RR}}
kernel: {fib: none}
originate: [{prefix: 10.233.9.0/24}]
dynamic-neighbors: [{range: 10.9.1.0/24, remote-as: internal, route-reflector-client: true}]`,
  );
  const peer = puppetAt(world, "10.9.1.1");
  await bringUp(world, peer, RR);
  peer.send(announce(["10.233.9.0/24"], "10.9.1.1"));
  await world.advance(1);
  t.same(best(rr), ["10.233.9.0/24 self null"]);
});

t.test("the underlay is guarded: its subnets and their parts, not what lies beside them", (t) => {
  const local = new LocalAddresses(() => {});
  const link = (ifindex: number, loopback = false) =>
    local.link({ ifindex, name: `if${ifindex}`, up: true, running: true, loopback } as never);
  const address = (ifindex: number, text: string, scope = 0) => {
    const [host, length] = text.split("/") as [string, string];
    const words = parseAddress(host);
    const family = words.length === 1 ? 0 : 1;
    const entry: KernelAddress = {
      ifindex,
      family,
      words,
      length: Number(length),
      peer: null,
      scope,
      tentative: false,
      passing: false,
    };
    local.address(entry);
    return entry;
  };
  link(1, true);
  for (const ifindex of [2, 3, 4]) link(ifindex);
  address(1, "127.0.0.1/8", 254);
  address(2, "192.168.100.7/24");
  address(2, "fd00:1::7/64");
  address(2, "fe80::7/64", 253);
  address(3, "172.17.0.1/16"); // a bridge for containers: no session runs over it
  address(4, "10.0.0.7/8"); // an address plan rather than a link
  address(4, "10.244.0.0/32");
  const underlay = new Underlay(local);
  const config = parse(`
router: {as: 65001, router-id: 10.0.0.7, address: 192.168.100.7, address6: "fd00:1::7"}
neighbors: [{address: 10.0.0.9, remote-as: internal}, {address: 127.0.0.2, remote-as: internal}]`);
  t.ok(underlay.refresh(config));
  t.notOk(underlay.refresh(config), "nothing new");
  const holding = (text: string) => underlay.holding(onePrefix(parsePrefix(text)), 0);
  for (const inside of ["192.168.100.0/24", "192.168.100.128/25", "192.168.100.9/32"])
    t.equal(holding(inside), "192.168.100.0/24", inside);
  for (const inside of ["fd00:1::/64", "fd00:1::9/128"]) t.equal(holding(inside), "fd00:1::/64", inside);
  t.equal(holding("10.0.0.0/8"), "10.0.0.0/8");
  for (const outside of [
    ...["192.168.101.0/24", "192.168.0.0/16", "0.0.0.0/0", "172.17.9.0/24", "10.233.1.0/24", "127.0.0.0/8"],
    ...["fd00:2::/64", "fd00::/16", "::/0"],
  ])
    t.equal(holding(outside), null, outside);

  let changes = 0;
  local.onChange = () => changes++;
  local.addressGone(address(2, "192.168.100.7/24"));
  local.synced();
  local.synced();
  t.equal(changes, 1, "once for all that a burst tells");
  t.ok(underlay.refresh(config));
  t.equal(holding("192.168.100.9/32"), null, "with the address the subnet is gone");
  t.end();
});
