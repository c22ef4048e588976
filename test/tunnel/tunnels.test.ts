import t from "tap";
import type { DevicePort } from "../../src/kernel/device-port.ts";
import type {
  KernelAddress,
  KernelEvents,
  KernelLink,
  KernelNeighbour,
  KernelReader,
  KernelRoute,
} from "../../src/kernel/reader.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../../src/lib/address.ts";
import { silentLog } from "../../src/lib/log.ts";
import {
  chooseTunnel,
  countsAsSubnet,
  hardwareAddressText,
  namePattern,
  type TunnelRule,
  tunnelOverhead,
  vtepHardwareAddress,
} from "../../src/tunnel/choose.ts";
import { Tunnels } from "../../src/tunnel/tunnels.ts";
import { Workloads } from "../../src/tunnel/workloads.ts";

const rule = (over: Partial<TunnelRule> = {}): TunnelRule => ({
  kind: "vxlan",
  device: "vxlan0",
  mtu: "auto",
  when: "cross-subnet",
  vni: 1,
  port: 4789,
  ...over,
});
const address = (text: string, ifindex = 2, scope = 0): KernelAddress => {
  const [words, length] = [parseAddress(text.split("/")[0]!), Number(text.split("/")[1])];
  return { ifindex, family: words.length === 1 ? 0 : 1, words, length, peer: null, scope, tentative: false };
};
const link = (ifindex: number, name: string, over: Partial<KernelLink> = {}): KernelLink => ({
  ifindex,
  name,
  up: true,
  running: true,
  mtu: 1500,
  loopback: false,
  pointToPoint: false,
  kind: "",
  hardwareAddress: "",
  ...over,
});

/** A reader whose kernel is made up here. */
class FakeReader implements KernelReader {
  readonly links = new Map<number, KernelLink>();
  entries: KernelNeighbour[] = [];
  readonly #listeners = new Set<KernelEvents>();

  subscribe(events: KernelEvents): () => void {
    this.#listeners.add(events);
    for (const each of this.links.values()) events.link?.(each);
    events.synced?.();
    return () => void this.#listeners.delete(events);
  }

  neighbours(ifindex: number, done: (entries: readonly KernelNeighbour[]) => void): void {
    done(this.entries.filter((entry) => entry.ifindex === ifindex));
  }

  linkByName(name: string): KernelLink | undefined {
    return [...this.links.values()].find((each) => each.name === name);
  }

  tell(what: (to: KernelEvents) => void): void {
    for (const listener of this.#listeners) {
      what(listener);
      listener.synced?.();
    }
  }

  link(value: KernelLink): void {
    this.links.set(value.ifindex, value);
    this.tell((to) => to.link?.(value));
  }

  unlink(value: KernelLink): void {
    this.links.delete(value.ifindex);
    this.tell((to) => to.linkGone?.(value));
  }
}

t.test("which next hop gets which tunnel: never, always, cross-subnet, by family, the first that fits", async (t) => {
  const own = parseAddress("192.168.100.1");
  const subnets = [address("192.168.100.1/24"), address("10.9.9.1/32")];
  const name = (rules: TunnelRule[], nextHop: string) =>
    chooseTunnel(rules, parseAddress(nextHop), own, subnets)?.device ?? null;
  t.equal(name([rule()], "192.168.100.2"), null, "a neighbour on the own subnet");
  t.equal(name([rule()], "192.168.101.2"), "vxlan0");
  t.equal(name([rule({ when: "always" })], "192.168.100.2"), "vxlan0");
  t.equal(name([rule({ when: "never" })], "192.168.101.2"), null);
  t.equal(name([rule({ when: "never" }), rule({ device: "b" }), rule({ device: "c" })], "192.168.101.2"), "b");
  t.equal(name([rule()], "fd00::2"), null, "the outer header is of the node's family");
  t.equal(name([], "192.168.101.2"), null);
  const six = parseAddress("fd00::1");
  t.equal(chooseTunnel([rule({ kind: "ipip" }), rule()], parseAddress("fd01::2"), six, [])?.kind, "vxlan");
});

t.test(
  "the node's subnets are those of real links: not the loopback's, not link-local, not of ignored interfaces",
  async (t) => {
    const ignored = namePattern(["cali*", "kube-ipvs*"]);
    t.ok(countsAsSubnet(address("10.0.0.1/24"), link(2, "eth0"), ignored));
    t.notOk(countsAsSubnet(address("10.0.0.1/24"), link(2, "cali12"), ignored));
    t.notOk(countsAsSubnet(address("10.0.0.1/24"), link(1, "lo", { loopback: true }), ignored));
    t.notOk(countsAsSubnet(address("169.254.1.1/16", 2, 253), link(2, "eth0"), ignored));
    t.notOk(countsAsSubnet(address("10.0.0.1/24"), undefined, ignored));
  },
);

t.test("the MAC of a VTEP follows from its address by the documented rule (docs/kernel.md)", async (t) => {
  t.equal(hardwareAddressText(vtepHardwareAddress(parseAddress("192.168.200.101"))), "0e:50:c0:a8:c8:65");
  // 0a and the first five octets of what Python's hashlib.sha256 gives for the sixteen octets
  t.equal(hardwareAddressText(vtepHardwareAddress(parseAddress("fd00::1"))), "0a:68:46:5f:2b:de");
  t.equal(vtepHardwareAddress([1])[0]! & 3, 2, "locally administered, unicast");
});

t.test("what a tunnel adds to a packet", async (t) => {
  t.equal(tunnelOverhead("ipip", 1), 20);
  t.equal(tunnelOverhead("vxlan", 1), 50);
  t.equal(tunnelOverhead("vxlan", 4), 70);
});

t.test("name patterns: * for anything, everything else as it stands", async (t) => {
  const matches = namePattern(["cali*", "a.b"]);
  t.ok(matches("cali"));
  t.ok(matches("cali123"));
  t.notOk(matches("xcali1"));
  t.notOk(matches("aXb"));
  t.notOk(namePattern([])(""));
});

t.test("a VXLAN device is asked for once, its entries once, and again when the kernel lost them", async (t) => {
  const reader = new FakeReader();
  const asked: string[] = [];
  const devices: DevicePort = {
    vxlan: (device, answer) => {
      asked.push(`make ${device.name} mtu ${device.mtu} ${hardwareAddressText(device.hardwareAddress)}`);
      answer(null, 0);
    },
    linkSetting: (ifindex, mtu, remove) => asked.push(`${remove ? "remove" : "set"} ${ifindex} ${mtu}`),
    neighbour: (operation, remote) =>
      asked.push(`${operation === 3 ? "del" : "add"} ${remote.ifindex} ${remote.address}`),
    onWriter: () => () => {},
  };
  const own = parseAddress("10.0.0.1");
  const tunnels = new Tunnels({ rules: [rule()], address: own, ignoreInterfaces: [], reader, devices, log: silentLog });
  let changes = 0;
  tunnels.onChange(() => changes++);
  const far = parseAddress("10.1.0.2");
  t.match(tunnels.reach(far), { trouble: "Tunnel vxlan0: the node's address 10.0.0.1 is on no interface" });
  reader.link(link(2, "eth0", { mtu: 1400 }));
  reader.tell((to) => to.address?.(address("10.0.0.1/24")));
  t.same(asked.splice(0), ["make vxlan0 mtu 1350 0e:50:0a:00:00:01"]);
  reader.tell(() => {});
  t.same(asked, [], "not asked twice while its event is under way");
  const made = link(7, "vxlan0", {
    kind: "vxlan",
    mtu: 1350,
    hardwareAddress: "0e:50:0a:00:00:01",
    vxlan: { vni: 1, port: 4789, local: own },
  });
  reader.link(made);
  t.same(asked.splice(0), [`add 7 ${far}`]);
  t.same(tunnels.reach(far), { hop: { via: far, ifindex: 7, onlink: true, weight: 1 } });
  t.equal(tunnels.reach(parseAddress("10.0.0.9")), null);
  t.same(asked, []);

  // somebody deletes or changes one of the two entries of `far`
  const neighbour = {
    ifindex: 7,
    forwarding: false,
    address: far,
    hardwareAddress: "0e:50:0a:01:00:02",
    permanent: true,
  };
  const forwarding = { ...neighbour, forwarding: true };
  for (const entry of [neighbour, forwarding]) reader.tell((to) => to.neighbour?.(entry));
  t.same(asked.splice(0), [], "our own, as they are to be");
  const other = parseAddress("10.1.0.9");
  reader.tell((to) => to.neighbourGone?.({ ...neighbour, address: other }));
  reader.tell((to) => to.neighbour?.({ ...neighbour, ifindex: 9, hardwareAddress: "02:00:00:00:00:01" }));
  t.same(asked.splice(0), [], "of other addresses and links");
  for (const entry of [neighbour, forwarding]) {
    reader.tell((to) => to.neighbourGone?.(entry));
    t.same(asked.splice(0), [`add 7 ${far}`], "deleted");
  }
  for (const entry of [
    { ...neighbour, hardwareAddress: "02:00:00:00:00:01" },
    { ...neighbour, permanent: false },
    { ...forwarding, address: other },
  ]) {
    reader.tell((to) => to.neighbour?.(entry));
    t.same(asked.splice(0), [`add 7 ${far}`], "changed");
  }
  reader.tell((to) => to.lost?.());
  t.same(asked.splice(0), [`add 7 ${far}`], "nobody knows what happened meanwhile");

  // an earlier run left entries of 10.1.0.9; others are not ours
  reader.entries = [
    neighbour,
    forwarding,
    { ...neighbour, address: other, hardwareAddress: "0e:50:0a:01:00:09" },
    { ...forwarding, address: other, hardwareAddress: "0e:50:0a:01:00:09" },
    { ...neighbour, address: parseAddress("10.1.0.8"), hardwareAddress: "02:00:00:00:00:01" },
    { ...forwarding, address: null, hardwareAddress: "0e:50:0a:01:00:07" },
  ];
  tunnels.sweep();
  t.same(asked.splice(0), [`del 7 ${other}`]);

  reader.link({ ...made, up: false, running: false });
  t.same(asked.splice(0), ["set 7 1350"]);
  reader.link(made);
  t.same(asked.splice(0), [`add 7 ${far}`], "the kernel dropped the entries when it was down");
  reader.unlink(made);
  t.same(asked.splice(0), ["make vxlan0 mtu 1350 0e:50:0a:00:00:01"]);
  reader.link({ ...made, ifindex: 8 });
  t.same(asked.splice(0), [`add 8 ${far}`]);
  const before = changes;
  reader.tell((to) => to.address?.(address("10.1.0.1/24", 2)));
  t.equal(changes, before + 1, "another own subnet: the answers may differ");
  t.equal(tunnels.reach(far), null);
  t.same(asked.splice(0), [`del 8 ${far}`]);

  tunnels.reach(parseAddress("10.2.0.2"));
  t.match(asked.splice(0), [/^add 8/]);
  tunnels.freeze();
  tunnels.forget(parseAddress("10.2.0.2"));
  tunnels.sweep();
  t.same(asked, [], "routes that stay in the kernel need what is there");
  tunnels.close(false);
  t.same(asked, ["remove 8 0"]);
});

t.test("workloads: host routes on matching links, told once, outside the blocks, whatever comes first", async (t) => {
  const reader = new FakeReader();
  const told: string[] = [];
  const text = (prefix: { words: readonly number[]; length: number }) => formatPrefix(prefix.words, prefix.length);
  const workloads = new Workloads({
    reader,
    interfaces: ["cali*"],
    advertise: "when-outside-block",
    blocks: [parsePrefix("10.233.2.0/26")],
    appeared: (prefix) => told.push(`+${text(prefix)}`),
    vanished: (prefix) => told.push(`-${text(prefix)}`),
  });
  const route = (prefix: string, ifindex: number, over: Partial<KernelRoute> = {}): KernelRoute => ({
    ...parsePrefix(prefix),
    key: `${prefix} ${ifindex} ${over.metric ?? 0}`,
    table: 254,
    protocol: 3,
    metric: 0,
    order: 0,
    type: "unicast",
    scope: 253,
    hops: [{ via: null, ifindex, onlink: false, weight: 1, dead: false }],
    ...over,
  });
  const add = (value: KernelRoute) => reader.tell((to) => to.route?.(value));
  const del = (value: KernelRoute) => reader.tell((to) => to.routeGone?.(value));
  reader.link(link(5, "cali1"));
  reader.link(link(6, "eth9"));
  add(route("10.7.0.1/32", 5));
  add(route("10.233.2.9/32", 5)); // covered by its block
  add(route("10.7.0.0/24", 5)); // no host route
  add(route("10.7.0.2/32", 6)); // no workload's link
  add(route("10.7.0.3/32", 5, { hops: [{ via: [1], ifindex: 5, onlink: false, weight: 1, dead: false }] }));
  add(route("fd17::5/128", 5));
  t.same(told.splice(0), ["+10.7.0.1/32", "+fd17::5/128"]);
  add(route("10.7.0.1/32", 5, { metric: 9 })); // a second route to the same workload
  del(route("10.7.0.1/32", 5));
  t.same(told.splice(0), []);
  del(route("10.7.0.1/32", 5, { metric: 9 }));
  t.same(told.splice(0), ["-10.7.0.1/32"]);
  add(route("10.7.0.4/32", 8)); // its link is told later
  reader.link(link(8, "cali8"));
  t.same(told.splice(0), ["+10.7.0.4/32"]);
  reader.link(link(6, "cali6")); // renamed
  t.same(told.splice(0), ["+10.7.0.2/32"]);
  workloads.setBlocks([]);
  t.same(told.splice(0), ["+10.233.2.9/32"]);
  workloads.close();
  t.same(told.sort(), ["-10.233.2.9/32", "-10.7.0.2/32", "-10.7.0.4/32", "-fd17::5/128"]);
});
