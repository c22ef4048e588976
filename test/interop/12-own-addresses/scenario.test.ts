import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, bothFamilies, frrDefaults, ourTimers } from "../harness/texts.ts";

const settings = `${ourTimers}, ${bothFamilies}, import-policy: [all], export-policy: [all]`;

/** Another hardware address, and with it another link-local one. */
async function readdress(host: Host, device: string, last: number): Promise<void> {
  host.link(device, "down");
  await host.run("ip", "link", "set", device, "address", `02:00:00:00:00:0${last}`);
  host.link(device, "up");
}

/** Links of one hardware address, as the VLANs of a NIC are, on both sides: only the zone tells which is meant. */
scenario(
  "One link-local address on two links, of ours and of the neighbors",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const [one, two] = [lab.switch("one"), lab.switch("two")];
    const us = lab.host("ours").plug(one, { addresses: [] }).plug(two, { addresses: [] });
    const they = lab.host("frr").plug(one, { addresses: [] });
    const other = lab.host("bird").plug(two, { addresses: [] });
    for (const [host, device, last] of [
      [us, "eth0", 1],
      [us, "eth1", 1],
      [they, "eth0", 2],
      [other, "eth0", 2],
    ] as const)
      await readdress(host, device, last);
    const [we, peer] = ["fe80::ff:fe00:1", "fe80::ff:fe00:2"];
    const ours = new Peerage(
      us,
      `
router: {as: 65001, router-id: 10.255.0.1}
policies: {all: [{then: accept}]}
neighbors:
  - {address: "${peer}%eth0", remote-as: 65002, ${settings}}
  - {address: "${peer}%eth1", remote-as: 65003, local-address: "${we}", ${settings}}
`,
    );
    const frr = new Frr(
      they,
      `
router bgp 65002
 bgp router-id 10.255.0.2
${frrDefaults} neighbor ${we} remote-as 65001
 neighbor ${we} interface eth0
 neighbor ${we} timers connect 1
 address-family ipv6 unicast
  network 2001:db8:2::/48
  neighbor ${we} activate
 exit-address-family
`,
    );
    const bird = new Bird(
      other,
      `
router id 10.255.0.3;
protocol static { ipv6; route 2001:db8:3::/48 blackhole; }
protocol bgp ours {
  local ${peer} as 65003; neighbor ${we}%eth0 as 65001; ${birdTimers}
  ipv6 { import all; export where source = RTS_STATIC; };
}`,
    );
    await Promise.all([ours.start(), bird.start(), frr.start()]);

    await step("each neighbor's routes go out of its own link", async (t) => {
      for (const [prefix, device] of [
        ["2001:db8:2::/48", "eth0"],
        ["2001:db8:3::/48", "eth1"],
      ] as const) {
        const route = await lab.until(`${prefix} is in our kernel`, () => us.kernelRoute(prefix, "bgp"));
        t.same(route.via, [`${peer} dev ${device}`]);
      }
    });

    await step("the end of one link ends the session on that link alone", async (t) => {
      us.link("eth1", "down");
      const line = `session with ${peer}%eth1 is down: our link eth1 went down`;
      await lab.until("the log tells of it", () => ours.daemon.output.includes(line));
      const { state, flaps } = await ours.neighbor(`${peer}%eth0`);
      t.same({ state, flaps }, { state: "Established", flaps: 0 });
      t.same((await us.kernelRoute("2001:db8:2::/48", "bgp"))?.via, [`${peer} dev eth0`]);
    });
  },
);

/** A pure reflector reads no route of its kernel, but IPv6 routes over IPv4 sessions need a next hop that only the kernel knows. */
scenario(
  "Links and own addresses that come and go while sessions are up, without a kernel FIB",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const link = lab.switch("link");
    const us = lab
      .host("ours")
      .plug(link, { addresses: ["10.0.0.1/24"] })
      .addAddresses("lo", "10.255.0.1/32");
    const they = lab.host("frr").plug(link, { addresses: ["10.0.0.2/24", "2001:db8:e::2/64", "2001:db8:f::2/64"] });
    const other = lab.host("bird").plug(link, { addresses: ["10.0.0.3/24", "2001:db8:e::3/64", "2001:db8:f::3/64"] });
    await us.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=1", "net.ipv6.conf.eth0.dad_transmits=1");
    const ours = new Peerage(
      us,
      `
router: {as: 65001, router-id: 10.255.0.1, listen: {address: [10.0.0.1, 10.0.0.100]}}
kernel: {fib: none}
originate: [{prefix: 2001:db8:1::/48}, {prefix: 10.1.0.0/16}]
policies: {all: [{then: accept}]}
neighbors:
  - {address: 10.0.0.2, remote-as: 65002, ${settings}}
  - {address: 10.0.0.3, remote-as: 65003, ${settings}}
`,
    );
    const frr = new Frr(
      they,
      `
router bgp 65002
 bgp router-id 10.255.0.2
${frrDefaults} neighbor 10.0.0.1 remote-as 65001
 neighbor 10.0.0.1 timers connect 1
 address-family ipv4 unicast
  neighbor 10.0.0.1 activate
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.0.0.1 activate
 exit-address-family
`,
    );
    const bird = new Bird(
      other,
      `
router id 10.255.0.3;
protocol direct { ipv4; ipv6; }
protocol static { ipv4; route 10.66.0.0/16 blackhole; route 10.67.0.0/16 blackhole; }
protocol bgp ours {
  local 10.0.0.3 as 65003; neighbor 10.0.0.1 as 65001; ${birdTimers}
  ipv4 { import all; export filter {
    if net = 10.66.0.0/16 then { bgp_next_hop = 10.255.0.1; accept; }
    if net = 10.67.0.0/16 then accept;
    reject;
  }; };
  ipv6 { import all; export none; };
}`,
    );
    const told = async (nextHop: string) => {
      const wait = (who: string, probe: () => Promise<boolean>) =>
        lab.until(`${who} has our IPv6 route through ${nextHop}`, probe);
      await wait("FRR", async () => {
        const path = await frr.best("2001:db8:1::/48");
        return path?.valid === true && path.nextHops.includes(nextHop);
      });
      await wait("BIRD", async () => {
        const path = await bird.best("2001:db8:1::/48");
        return path?.reachable === true && path.attributes.next_hop?.split(" ")[0] === nextHop;
      });
    };
    const address = (...words: string[]) => us.run("ip", "address", ...words, "dev", "eth0");
    await Promise.all([ours.start(), bird.start(), frr.start()]);

    await step("an address to listen on that isn't there yet is waited for, and said once", async (t) => {
      const said =
        "Cannot listen on 10.0.0.100 port 179: it is not an address of this host; it is listened on as soon as";
      t.equal(ours.daemon.output.split(said).length, 2);
      await us.run("ip", "address", "add", "10.0.0.100/32", "dev", "eth0");
      const listens = async () => (await us.run("ss", "-Hltn")).includes("10.0.0.100:179");
      t.ok(await lab.until("it is listened on", listens));
    });

    await step("without an IPv6 address of ours there's no next hop, so IPv6 routes are kept back", async (t) => {
      await lab.until("FRR and BIRD have our IPv4 route", async () =>
        Boolean((await frr.best("10.1.0.0/16")) && (await bird.best("10.1.0.0/16"))),
      );
      t.notOk((await ours.advertised("10.0.0.2")).some(({ prefix }) => prefix === "2001:db8:1::/48"));
    });

    await step("an address that comes later is used once duplicate address detection has ended", async (t) => {
      await address("add", "2001:db8:f::1/64");
      await told("2001:db8:f::1");
      t.pass("FRR and BIRD have the route");
    });

    await step("renumbered: the address that goes is told no more, even before it has gone", async (t) => {
      await address("add", "2001:db8:e::1/64");
      await address("change", "2001:db8:f::1/64", "preferred_lft", "0");
      await told("2001:db8:e::1");
      await address("del", "2001:db8:f::1/64");
      t.same(
        (await ours.advertised("10.0.0.3")).find(({ prefix }) => prefix === "2001:db8:1::/48")?.paths[0]?.nextHop,
        "2001:db8:e::1",
      );
    });

    await step("when the last one is gone, so are the routes that need it", async (t) => {
      await address("del", "2001:db8:e::1/64");
      await lab.until("FRR and BIRD have forgotten our IPv6 route", async () =>
        [await frr.best("2001:db8:1::/48"), await bird.best("2001:db8:1::/48")].every((path) => path === undefined),
      );
      t.ok(await bird.best("10.1.0.0/16"), "and no other");
      for (const peer of ["10.0.0.2", "10.0.0.3"]) t.equal((await ours.neighbor(peer)).flaps, 0, `${peer} stayed up`);
    });

    await step("routes whose next hop we are ourselves are used for nothing (RFC 4271 §6.3)", async (t) => {
      await lab.until("FRR has BIRD's other route", () => frr.best("10.67.0.0/16"));
      t.equal(await frr.best("10.66.0.0/16"), undefined);
      const [path] = await ours.paths("10.66.0.0/16");
      t.match(path, { valid: false, best: false, nextHop: "10.255.0.1" });
      const text = await ours.cli("explain", "10.66.0.0/16");
      t.match(text, "10.255.0.1 can't be a next hop: it is one of our own addresses");
    });

    await step("a link that goes down ends its sessions at once", async (t) => {
      us.link("eth0", "down");
      const lines = ["10.0.0.2", "10.0.0.3"].map((peer) => `session with ${peer} is down: our link eth0 went down`);
      t.ok(await lab.until("the log tells of it", () => lines.every((line) => ours.daemon.output.includes(line))));
      us.link("eth0", "up");
      await lab.until("sessions are back", () => ours.established("10.0.0.2", "10.0.0.3"));
    });

    await step("a session whose own address has gone ends at once", async (t) => {
      await address("add", "10.0.0.9/24");
      await address("del", "10.0.0.1/24");
      const line = "session with 10.0.0.3 is down: our address 10.0.0.1 is no longer there";
      t.ok(await lab.until("the log tells of it", () => ours.daemon.output.includes(line)));
    });
  },
);
