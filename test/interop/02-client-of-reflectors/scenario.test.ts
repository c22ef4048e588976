import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { KernelRoute } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, bothFamilies, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

const unicast = (prefix: string, gateway: string): KernelRoute => ({
  prefix,
  type: "unicast",
  via: [`${gateway} dev eth0`],
  metric: 32,
});

/**
 * Another node (BIRD) is a client of both reflectors as well; its routes reach us by two ways.
 *
 *   ours 10.0.0.3, node 10.0.0.4  ── frr 10.0.0.1 (reflector), bird 10.0.0.2 (reflector)
 */
scenario(
  "ours is a client of an FRR and of a BIRD reflector and writes kernel routes",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const plug = (name: string, last: number) =>
      lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`, `fd00::${last}/64`] });

    const frrClient = (address: string) =>
      `${frrNeighbor(address, 65001)} address-family ipv4 unicast
  neighbor ${address} activate
  neighbor ${address} route-reflector-client
 exit-address-family
 address-family ipv6 unicast
  neighbor ${address} activate
  neighbor ${address} route-reflector-client
 exit-address-family
`;
    const frr = new Frr(
      plug("frr", 1),
      `
router bgp 65001
 bgp router-id 10.0.0.1
${frrDefaults}${frrClient("10.0.0.3")}${frrClient("10.0.0.4")} address-family ipv4 unicast
  network 10.1.0.0/24
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:1::/48
 exit-address-family
`,
    );
    const birdClient = (name: string, address: string) => `
protocol bgp ${name} {
  local 10.0.0.2 as 65001; neighbor ${address} as 65001; rr client; ${birdTimers}
  ipv4 { import all; export where source = RTS_STATIC || source = RTS_BGP; };
  ipv6 { import all; export where source = RTS_STATIC || source = RTS_BGP; };
}`;
    const bird = new Bird(
      plug("bird", 2),
      `
router id 10.0.0.2;
protocol direct { ipv4; ipv6; }
protocol static own4 { ipv4; route 10.2.0.0/24 blackhole; }
protocol static own6 { ipv6; route 2001:db8:2::/48 blackhole; }
${birdClient("ours", "10.0.0.3")}${birdClient("node", "10.0.0.4")}`,
    );
    const up = (name: string, address: string) => `
protocol bgp ${name} {
  local 10.0.0.4 as 65001; neighbor ${address} as 65001; ${birdTimers}
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; };
}`;
    const node = new Bird(
      plug("node", 4),
      `
router id 10.0.0.4;
protocol direct { ipv4; ipv6; }
protocol static own4 { ipv4; route 10.4.0.0/24 blackhole; route 10.4.1.0/24 blackhole; }
protocol static own6 { ipv6; route 2001:db8:4::/48 blackhole; }
${up("by_frr", "10.0.0.1")}${up("by_bird", "10.0.0.2")}`,
    );
    const ours = new Peerage(
      plug("ours", 3).addAddresses("lo", "10.99.0.1/32"),
      `
router: {as: 65001, router-id: 10.0.0.3, address: 10.0.0.3}
originate:
  - {prefix: 10.3.0.0/24, blackhole: true}
  - {prefix: "2001:db8:3::/48", blackhole: true}
peer-groups:
  reflectors: {remote-as: internal, ${ourTimers}, ${bothFamilies}}
neighbors:
  - {address: 10.0.0.1, peer-group: reflectors}
  - {address: 10.0.0.2, peer-group: reflectors}
kernel: {keep-on-exit: false}
`,
    );
    await ours.host.run("ip", "route", "add", "10.9.0.0/24", "via", "10.0.0.4", "proto", "static");
    await Promise.all([frr.start(), bird.start(), node.start(), ours.start()]);

    const learned = [
      unicast("10.1.0.0/24", "10.0.0.1"),
      unicast("10.2.0.0/24", "10.0.0.2"),
      { prefix: "10.3.0.0/24", type: "blackhole", via: [], metric: 32 },
      unicast("10.4.0.0/24", "10.0.0.4"),
      unicast("10.4.1.0/24", "10.0.0.4"),
      unicast("2001:db8:1::/48", "fd00::1"),
      unicast("2001:db8:2::/48", "fd00::2"),
      { prefix: "2001:db8:3::/48", type: "blackhole", via: [], metric: 32 },
      unicast("2001:db8:4::/48", "fd00::4"),
    ];
    const prefixes = async () => (await ours.host.kernelRoutes("bgp")).map((route) => route.prefix);

    await step(
      "the kernel holds exactly what was learned, by its own next hops, and the blackholes of the own blocks",
      async (t) => {
        await lab.until("both sessions are up", () => ours.established("10.0.0.1", "10.0.0.2"));
        await lab.until("all nine are in the kernel", async () => {
          const found = await prefixes();
          return found.length >= learned.length ? found : false;
        });
        t.same(await ours.host.kernelRoutes("bgp"), learned);
      },
    );

    await step("`peerage fib` shows the same, and the command line answers like the control socket", async (t) => {
      const rows = JSON.parse(await ours.cli("fib", "--json")).routes as Awaited<ReturnType<Peerage["fib"]>>;
      t.same(rows.map((row) => row.prefix).sort(), learned.map((route) => route.prefix).sort());
      t.ok(rows.every((row) => row.state === "installed" && row.protocol === "bgp" && row.metric === 32));
      const summary = JSON.parse(await ours.cli("summary", "--json"));
      t.match(summary.router, { as: 65001, routerId: "10.0.0.3" });
      t.same(
        summary.neighbors.map((row: { state: string }) => row.state),
        ["Established", "Established"],
      );
      t.match(await ours.cli("summary"), /10\.0\.0\.1\s+4\s+65001/);
    });

    await step("a route that comes by two reflectors has two paths and one kernel route", async (t) => {
      const paths = await lab.until("both ways of 10.4.0.0/24", async () => {
        const paths = await ours.paths("10.4.0.0/24");
        return paths.length === 2 ? paths : false;
      });
      t.same(
        paths.map((path) => path.originatorId),
        ["10.0.0.4", "10.0.0.4"],
      );
      t.same(paths.map((path) => path.clusterList.join()).sort(), ["10.0.0.1", "10.0.0.2"]);
      t.equal(paths[0]?.from, "10.0.0.1", "all else equal, the lower peer address wins (RFC 4271 §9.1.2.2 g)");
    });

    await step("withdrawn routes leave the kernel at once, others stay", async (t) => {
      node.configure(
        `
router id 10.0.0.4;
protocol direct { ipv4; ipv6; }
protocol static own4 { ipv4; route 10.4.0.0/24 blackhole; }
protocol static own6 { ipv6; }
${up("by_frr", "10.0.0.1")}${up("by_bird", "10.0.0.2")}`,
      );
      await node.birdc("configure");
      await lab.until("they are gone", async () => {
        const found = await prefixes();
        return !found.includes("10.4.1.0/24") && !found.includes("2001:db8:4::/48");
      });
      t.ok((await prefixes()).includes("10.4.0.0/24"));
    });

    await step("one reflector goes: what only it had goes, what the other has too stays", async (t) => {
      await frr.stop();
      await lab.until("FRR's own routes are gone", async () => !(await prefixes()).includes("10.1.0.0/24"), {
        withinSeconds: 45,
      });
      t.same(await ours.host.kernelRoute("10.4.0.0/24", "bgp"), unicast("10.4.0.0/24", "10.0.0.4"));
    });

    await step("with keep-on-exit off our routes go when we stop, and nobody else's", async (t) => {
      await ours.daemon.signal("SIGTERM");
      t.same(await ours.host.kernelRoutes("bgp"), []);
      t.same(
        (await ours.host.kernelRoutes("static")).map((route) => route.prefix),
        ["10.9.0.0/24"],
      );
    });
  },
);
