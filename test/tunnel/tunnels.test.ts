import t from "tap";
import type { DeviceAnswer, DevicePort } from "../../src/kernel/device-port.ts";
import type {
  KernelAddress,
  KernelEvents,
  KernelLink,
  KernelNeighbour,
  KernelReader,
  KernelRoute,
} from "../../src/kernel/reader.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../../src/lib/address.ts";
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
import { deviceMark } from "../../src/tunnel/own-device.ts";
import { type TunnelSettings, Tunnels } from "../../src/tunnel/tunnels.ts";
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
  return {
    ifindex,
    family: words.length === 1 ? 0 : 1,
    words,
    length,
    peer: null,
    scope,
    tentative: false,
    passing: false,
  };
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
  alias: "",
  ...over,
});

const mark = deviceMark({ table: 254, protocol: 186, metric: 32 });

/** What is asked for, in words; `refuse`: what begins with that, after its device, fails. */
function recorder() {
  const asked: string[] = [];
  let refused = { what: "", trouble: "", errno: 0 };
  const ask = (text: string, answer: DeviceAnswer = () => {}) => {
    asked.push(text);
    const fails = refused.errno !== 0 && text.includes(refused.what);
    answer(fails ? refused.trouble : null, fails ? refused.errno : 0);
  };
  const devices: DevicePort = {
    vxlan: ({ name, ifindex, vni, port, mtu, hardwareAddress }, answer) =>
      ask(
        [
          `make ${name}`,
          ...(ifindex === 0 ? [] : [`as ${ifindex}`]),
          ...(vni === 1 ? [] : [`vni ${vni}`]),
          ...(port === 4789 ? [] : [`port ${port}`]),
          `mtu ${mtu} ${hardwareAddressText(hardwareAddress)}`,
        ].join(" "),
        answer,
      ),
    vxlanChange: ({ ifindex, local, hardwareAddress, alias }, answer) =>
      ask(
        [
          `change ${ifindex}`,
          ...(local === null ? [] : [`local ${formatAddress(local)}`]),
          ...(hardwareAddress === null ? [] : [hardwareAddressText(hardwareAddress)]),
          ...(alias !== mark || (local === null && hardwareAddress === null) ? [`alias ${alias}`] : []),
        ].join(" "),
        answer,
      ),
    linkSetting: (ifindex, mtu, remove, answer) => ask(`${remove ? "remove" : "set"} ${ifindex} ${mtu}`, answer),
    neighbour: (operation, remote) => ask(`${operation === 3 ? "del" : "add"} ${remote.ifindex} ${remote.address}`),
    onWriter: () => () => {},
  };
  const refuse = (what: string, trouble: string, errno: number) => {
    refused = { what, trouble, errno };
  };
  return { asked, devices, refuse };
}

/** A reader whose kernel is made up here. */
class FakeReader implements KernelReader {
  readonly links = new Map<number, KernelLink>();
  addresses: KernelAddress[] = [];
  entries: KernelNeighbour[] = [];
  readonly #listeners = new Set<KernelEvents>();

  subscribe(events: KernelEvents): () => void {
    this.#listeners.add(events);
    for (const each of this.links.values()) events.link?.(each);
    for (const each of this.addresses) events.address?.(each);
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
  const { asked, devices, refuse } = recorder();
  const own = parseAddress("10.0.0.1");
  const tunnels = new Tunnels({
    rules: [rule()],
    address: own,
    ignoreInterfaces: [],
    mark,
    reader,
    devices,
    written: (done) => done(),
    log: silentLog,
  });
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
    alias: mark,
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

  const down = { ...made, up: false, running: false };
  const standing = changes;
  reader.link(down);
  t.same(asked.splice(0), ["set 7 1350", `add 7 ${far}`], "with the entries, which the kernel dropped with it");
  t.same(tunnels.reach(far), { hop: { via: far, ifindex: 7, onlink: true, weight: 1 } }, "as good as up");
  reader.link(made);
  t.same(asked.splice(0), []);
  reader.link(down);
  asked.length = 0;
  t.equal(changes, standing, "nobody hears of it");
  reader.unlink(made); // the end of one that is being set up
  t.same(
    asked.splice(0),
    ["make vxlan0 as 7 mtu 1350 0e:50:0a:00:00:01", `add 7 ${far}`],
    "under its number, with its entries",
  );
  t.same(tunnels.reach(far), { hop: { via: far, ifindex: 7, onlink: true, weight: 1 } }, "nothing has happened");
  reader.link(down);
  t.same(asked, [], "the kernel tells of it before it is up");
  reader.link(made);
  t.same(asked, []);
  t.equal(changes, standing);

  refuse("set 7", "Operation not permitted", 1);
  reader.link(down);
  t.same(tunnels.reach(far), { trouble: "Tunnel vxlan0: is down and cannot be set up: Operation not permitted" });
  t.equal(changes, standing + 1, "told once");
  asked.length = 0;
  reader.tell(() => {});
  t.same(asked, [], "not asked again before its link event");
  refuse("", "", 0);
  reader.link(made);
  t.same(asked.splice(0), [`add 7 ${far}`]);
  t.same(tunnels.reach(far), { hop: { via: far, ifindex: 7, onlink: true, weight: 1 } });

  const before = changes;
  reader.tell((to) => to.address?.(address("10.1.0.1/24", 2)));
  t.equal(changes, before + 1, "another own subnet: the answers may differ");
  t.equal(tunnels.reach(far), null);
  t.same(asked.splice(0), [`del 7 ${far}`]);

  tunnels.reach(parseAddress("10.2.0.2"));
  t.match(asked.splice(0), [/^add 7/]);
  tunnels.freeze();
  tunnels.forget(parseAddress("10.2.0.2"));
  tunnels.sweep();
  t.same(asked, [], "routes that stay in the kernel need what is there");
  tunnels.close(false);
  t.same(asked, ["remove 7 0"]);
});

/** Tunnels with eth0 (10.0.0.1 and 10.0.0.2), an own device vxlan0 (7) and a next hop that needs it. */
function running(
  over: Partial<KernelLink> = {},
  options: { settings?: TunnelSettings; before?: KernelNeighbour[] } = {},
) {
  const reader = new FakeReader();
  const { asked, devices, refuse } = recorder();
  const reports: string[] = [];
  reader.links.set(2, link(2, "eth0"));
  reader.addresses = [address("10.0.0.1/24"), address("10.0.0.2/24")];
  reader.entries = options.before ?? [];
  const found = ownDevice("10.0.0.1", over);
  reader.links.set(7, found);
  let whenWritten: (() => void)[] = [];
  const tunnels = new Tunnels({
    ...(options.settings ?? settings("10.0.0.1")),
    mark,
    reader,
    devices,
    written: (done) => whenWritten.push(done),
    log: { event: (level, _name, message) => void reports.push(`${level} ${message}`) },
  });
  let changes = 0;
  tunnels.onChange(() => changes++);
  const written = () => {
    for (const done of whenWritten.splice(0)) done();
  };
  whenWritten = [];
  return { reader, asked, refuse, reports, tunnels, found, written, changes: () => changes };
}
const settings = (own: string, ...rules: TunnelRule[]): TunnelSettings => ({
  rules: rules.length > 0 ? rules : [rule()],
  address: parseAddress(own),
  ignoreInterfaces: [],
});
/** One that Peerage has made for this address; what is told when `over` is something else. */
const ownDevice = (local: string, over: Partial<KernelLink> = {}): KernelLink =>
  link(7, "vxlan0", {
    kind: "vxlan",
    mtu: 1450,
    hardwareAddress: hardwareAddressText(vtepHardwareAddress(parseAddress(local))),
    alias: mark,
    vxlan: { vni: 1, port: 4789, local: parseAddress(local) },
    ...over,
  });
const far = parseAddress("10.1.0.2");
const through7 = { hop: { via: far, ifindex: 7, onlink: true, weight: 1 } };

t.test("another address by reload: local address and MAC are changed in place, the entries follow", async (t) => {
  const { reader, asked, tunnels, changes } = running();
  t.same(tunnels.reach(far), through7);
  t.same(asked.splice(0), [`add 7 ${far}`]);
  tunnels.adopt(settings("10.0.0.2"));
  tunnels.sweep();
  const before = changes();
  t.same(asked.splice(0), [`change 7 local 10.0.0.2 0e:50:0a:00:00:02`, `add 7 ${far}`]);
  t.same(tunnels.reach(far), through7, "routes stay where they are");
  reader.link(ownDevice("10.0.0.2"));
  t.same(asked, []);
  t.equal(changes(), before);
  t.same(tunnels.states(), [{ device: "vxlan0", kind: "vxlan", usable: true, problem: null }]);
});

t.test("an address that is on no interface yet: the device is left as it is, and everybody is told", async (t) => {
  const { reader, asked, tunnels, reports } = running();
  tunnels.adopt(settings("10.0.0.9"));
  t.same(asked, []);
  const text =
    /has local address 10\.0\.0\.1, not 10\.0\.0\.9, MAC .* still: the node's address 10\.0\.0\.9 is on no interface/;
  t.match(tunnels.states(), [{ usable: false, problem: text }]);
  t.match(reports, [text]);
  t.match(tunnels.reach(far), { trouble: text });
  reader.tell((to) => to.address?.(address("10.0.0.9/24")));
  t.same(asked.splice(0), ["change 7 local 10.0.0.9 0e:50:0a:00:00:09", `add 7 ${far}`]);
  t.same(tunnels.reach(far), through7);
});

t.test("another VNI, port or family: the device is removed and made anew under its number, at once", async (t) => {
  for (const [wanted, own, made] of [
    [rule({ vni: 2 }), "10.0.0.1", "vni 2"],
    [rule({ port: 8472 }), "10.0.0.1", "port 8472"],
    [rule({ vni: 2 }), "10.0.0.2", "vni 2"],
  ] as const) {
    const { reader, asked, tunnels, changes, found } = running();
    tunnels.reach(far);
    asked.splice(0);
    tunnels.adopt(settings(own, wanted));
    const before = changes();
    const mac = hardwareAddressText(vtepHardwareAddress(parseAddress(own)));
    t.same(asked.splice(0), ["remove 7 0", `make vxlan0 as 7 ${made} mtu 1450 ${mac}`, `add 7 ${far}`]);
    reader.link({ ...found, up: false, running: false }); // on its way out
    reader.unlink(found);
    t.same(tunnels.reach(far), through7, "whoever asks meanwhile is told nothing of it");
    const { vni, port } = wanted;
    const next = ownDevice(own, { alias: "", vxlan: { vni, port, local: parseAddress(own) } });
    reader.link({ ...next, up: false, running: false });
    t.same(asked, [], "it is not up yet");
    reader.link(next);
    t.same(asked.splice(0), [`change 7 alias ${mark}`], "marked as ours");
    reader.link({ ...next, alias: mark });
    t.same(asked, []);
    t.equal(changes(), before);
  }
});

t.test("a number that somebody else took meanwhile: the device gets another one", async (t) => {
  const { reader, asked, tunnels, refuse, found } = running();
  tunnels.reach(far);
  asked.splice(0);
  refuse("as 7", "Device or resource busy", 16);
  tunnels.adopt(settings("10.0.0.1", rule({ vni: 2 })));
  t.same(asked.splice(0), [
    "remove 7 0",
    "make vxlan0 as 7 vni 2 mtu 1450 0e:50:0a:00:00:01",
    "make vxlan0 vni 2 mtu 1450 0e:50:0a:00:00:01",
  ]);
  reader.unlink(found);
  t.match(tunnels.reach(far), { trouble: /is being made/ });
  reader.link({
    ...ownDevice("10.0.0.1", { vxlan: { vni: 2, port: 4789, local: parseAddress("10.0.0.1") } }),
    ifindex: 9,
  });
  t.same(tunnels.reach(far), { hop: { ...through7.hop, ifindex: 9 } });
  t.same(asked.splice(0), [`add 9 ${far}`]);
});

t.test("a restart takes its leftover over, marked or told by its MAC, and keeps the entries of that run", async (t) => {
  const left = { ifindex: 7, forwarding: false, address: parseAddress("10.1.0.9"), permanent: true };
  const before = [
    { ...left, hardwareAddress: "0e:50:0a:01:00:09" },
    { ...left, hardwareAddress: "02:00:00:00:00:01" },
  ];
  for (const alias of [mark, "", "somebody's note"]) {
    const { asked, tunnels } = running({ alias }, { settings: settings("10.0.0.2"), before });
    const text = alias === "somebody's note" ? ` alias ${alias}` : "";
    t.same(asked.splice(0), [`change 7 local 10.0.0.2 0e:50:0a:00:00:02${text}`, `add 7 ${left.address}`]);
    t.same(tunnels.reach(far), through7);
  }
  const { asked } = running({}, { settings: settings("10.0.0.1", rule({ vni: 3 })) });
  t.same(asked, ["remove 7 0", "make vxlan0 as 7 vni 3 mtu 1450 0e:50:0a:00:00:01"]);
});

t.test("a device of the name that isn't ours is never touched, and named", async (t) => {
  const local = parseAddress("10.0.0.1");
  for (const [over, text] of [
    [{ alias: "", hardwareAddress: "02:00:00:00:00:01" }, /MAC 02:00:00:00:00:01, not 0e:50:0a:00:00:01/],
    [{ alias: "", hardwareAddress: "02:00:00:00:00:01", vxlan: { vni: 77, port: 4789, local } }, /VNI 77, not 1/],
    [{ alias: "", vxlan: { vni: 1, port: 4789, local: null } }, /local address none, not 10\.0\.0\.1/],
  ] as const) {
    const { asked, tunnels, reports, found, reader } = running(over);
    t.match(tunnels.states(), [{ usable: false, problem: text }]);
    t.match(reports, [/^warn Tunnel vxlan0 exists with other settings and is left alone/]);
    t.match(tunnels.reach(far), { trouble: text });
    tunnels.adopt(settings("10.0.0.2", rule({ vni: 5 })));
    tunnels.sweep();
    tunnels.close(false);
    reader.link({ ...found, up: false });
    t.same(asked, []);
  }
  const other = running();
  other.reader.links.set(7, link(7, "vxlan0", { kind: "bridge" }));
  other.reader.tell(() => {});
  t.match(other.tunnels.states(), [{ usable: false, problem: /it is a bridge device/ }]);
});

t.test("local address and MAC that somebody changes by hand are put right in place", async (t) => {
  const { reader, asked, tunnels, found, changes } = running();
  tunnels.reach(far);
  asked.splice(0);
  const before = changes();
  tunnels.sweep();
  reader.link({ ...found, hardwareAddress: "02:00:00:00:00:01" });
  t.same(asked.splice(0), ["change 7 0e:50:0a:00:00:01", `add 7 ${far}`]);
  reader.link(found);
  reader.link({ ...found, vxlan: { vni: 1, port: 4789, local: parseAddress("10.0.0.2") } });
  t.same(asked.splice(0), ["change 7 local 10.0.0.1"]);
  reader.link(found);
  t.equal(changes(), before);
  t.match(tunnels.states(), [{ problem: null }]);
});

t.test("what the kernel can't change in place is made anew; what it refuses is told until it is right", async (t) => {
  const { reader, asked, tunnels, refuse, found } = running();
  tunnels.sweep();
  refuse("change", "Operation not supported", 95);
  tunnels.adopt(settings("10.0.0.2"));
  t.same(asked.splice(0), [
    "change 7 local 10.0.0.2 0e:50:0a:00:00:02",
    "remove 7 0",
    "make vxlan0 as 7 mtu 1450 0e:50:0a:00:00:02",
  ]);
  reader.unlink(found);
  reader.link(ownDevice("10.0.0.2"));
  t.match(tunnels.states(), [{ usable: true, problem: null }]);
  refuse("change", "Operation not permitted", 1);
  tunnels.adopt(settings("10.0.0.1"));
  const text = /has local address 10\.0\.0\.2, not 10\.0\.0\.1, MAC .*, and cannot be changed: Operation not permitted/;
  t.match(tunnels.reach(far), { trouble: text });
  reader.tell(() => {});
  t.match(tunnels.states(), [{ usable: false, problem: text }], "tried again, and still so");
  refuse("", "", 0);
  reader.tell(() => {});
  reader.link(ownDevice("10.0.0.1"));
  t.match(tunnels.states(), [{ usable: true, problem: null }]);
});

t.test("another name takes the device over; without a tunnel it goes when routes have left it", async (t) => {
  const { reader, asked, tunnels, found, written, changes } = running();
  tunnels.reach(far);
  asked.splice(0);
  const before = changes();
  tunnels.adopt(settings("10.0.0.1", rule({ device: "vxlan1" })));
  t.same(asked.splice(0), ["remove 7 0", "make vxlan1 as 7 mtu 1450 0e:50:0a:00:00:01"]);
  t.equal(changes(), before + 1, "the entries are asked for anew");
  t.same(tunnels.reach(far), through7);
  t.same(asked.splice(0), [`add 7 ${far}`]);
  written();
  reader.unlink(found);
  const renamed = { ...found, name: "vxlan1" };
  reader.link(renamed);
  t.same(asked, []);
  for (const rules of [[], [rule({ when: "never" })]] as TunnelRule[][]) {
    tunnels.adopt({ ...settings("10.0.0.1"), rules });
    t.equal(tunnels.reach(far), null);
    t.match(asked.splice(0), rules.length === 0 ? [`del 7 ${far}`] : [], "entries, not yet the device");
    written();
    t.same(asked.splice(0), ["remove 7 0"]);
    t.same(tunnels.states(), []);
  }
  reader.links.set(
    8,
    ownDevice("10.0.0.1", { ifindex: 8, name: "theirs", alias: "peerage: table 9, proto 186, metric 32" }),
  );
  reader.unlink(renamed);
  tunnels.sweep();
  t.same(asked, [], "what another daemon marked stays");
});

t.test("a leftover of another name goes with the sweep of a later run, unless it is needed at once", async (t) => {
  const idle = running({ name: "old" }, { settings: settings("10.0.0.1", rule({ when: "never" })) });
  t.same(idle.asked, [], "routes of the earlier run may lead there");
  idle.tunnels.sweep();
  t.same(idle.asked, ["remove 7 0"]);
  const renamed = running({ name: "old" });
  t.same(renamed.asked, ["remove 7 0", "make vxlan0 as 7 mtu 1450 0e:50:0a:00:00:01"]);
  const unmarked = running({ name: "old", alias: "" });
  t.same(unmarked.asked, ["make vxlan0 mtu 1450 0e:50:0a:00:00:01"]);
});

t.test("the VNI belongs to somebody's device of another name: it is named", async (t) => {
  const { refuse, tunnels, reader } = running({ name: "theirs", alias: "", hardwareAddress: "02:00:00:00:00:01" });
  refuse("make", "File exists: A VXLAN device with the specified VNI already exists", 17);
  tunnels.adopt(settings("10.0.0.1", rule({ device: "vxlan1" })));
  reader.tell(() => {});
  t.match(tunnels.states(), [{ usable: false, problem: /already exists \(theirs has VNI 1 on port 4789\)$/ }]);
});

t.test("until the first device of a new config is there, next hops are reached as before", async (t) => {
  const { reader, asked, tunnels, written } = running({}, { settings: { ...settings("10.0.0.1"), rules: [] } });
  reader.unlink(reader.links.get(7)!);
  t.equal(tunnels.reach(far), null);
  tunnels.adopt(settings("10.0.0.1"));
  t.equal(tunnels.reach(far), null);
  t.same(asked.splice(0), ["make vxlan0 mtu 1450 0e:50:0a:00:00:01"]);
  reader.link(ownDevice("10.0.0.1"));
  t.same(tunnels.reach(far), through7);
  t.same(asked.splice(0), [`add 7 ${far}`]);
  written();
  t.same(asked, []);
});

t.test("IPIP to VXLAN and back; a VXLAN device of ours is no IPIP one, whatever its name", async (t) => {
  const ipip = (device: string) => settings("10.0.0.1", rule({ kind: "ipip", device, vni: 0, port: 0 }));
  const { reader, asked, tunnels, written } = running();
  reader.links.set(5, link(5, "tunl0", { kind: "ipip", mtu: 1480 }));
  tunnels.adopt(ipip("tunl0"));
  t.same(tunnels.reach(far), { hop: { ...through7.hop, ifindex: 5 } });
  t.same(asked, []);
  written();
  t.same(asked.splice(0), ["remove 7 0"]);
  tunnels.adopt(ipip("vxlan0"));
  t.match(tunnels.reach(far), { trouble: /is a VXLAN device of ours still, which goes/ });
  written();
  t.same(asked.splice(0), ["remove 7 0"]);
  reader.unlink(reader.links.get(7)!);
  t.match(tunnels.reach(far), { trouble: /does not exist: load the kernel's ipip module/ });
  reader.link(link(9, "vxlan0", { kind: "ipip" }));
  t.same(asked.splice(0), ["set 9 1480"]);
  t.match(tunnels.states(), [{ device: "vxlan0", kind: "ipip", usable: true, problem: null }]);
});

t.test("another MTU: by reload it is set, by hand it is told and left until the next reload", async (t) => {
  const { reader, asked, tunnels, found } = running();
  tunnels.adopt(settings("10.0.0.1", rule({ mtu: 1300 })));
  t.same(asked.splice(0), ["set 7 1300"]);
  reader.link({ ...found, mtu: 1300 });
  t.match(tunnels.states(), [{ usable: true, problem: null }]);
  reader.link({ ...found, mtu: 1200 });
  t.same(asked, []);
  t.match(tunnels.states(), [{ usable: true, problem: "has MTU 1200, 1300 is wanted; somebody changed it" }]);
  tunnels.adopt(settings("10.0.0.1", rule({ mtu: 1300 })));
  t.same(asked.splice(0), ["set 7 1300"]);
  reader.link({ ...found, mtu: 1300 });
  t.match(tunnels.states(), [{ usable: true, problem: null }]);
});

t.test("workloads: host routes on matching links, told once, outside the blocks, whatever comes first", async (t) => {
  const reader = new FakeReader();
  const told: string[] = [];
  const workloads = new Workloads({
    reader,
    interfaces: ["cali*"],
    advertise: "when-outside-block",
    blocks: [parsePrefix("10.233.2.0/26")],
    appeared: (prefix) => told.push(`+${formatPrefix(prefix)}`),
    vanished: (prefix) => told.push(`-${formatPrefix(prefix)}`),
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
