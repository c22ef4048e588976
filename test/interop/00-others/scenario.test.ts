import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { GoBgp } from "../../../testbed/daemons/gobgp.ts";
import { OpenBgpd } from "../../../testbed/daemons/openbgpd.ts";
import { scenario } from "../harness/scenario.ts";

/** Nothing of ours takes part: when this fails, the machine or the harness is at fault, not the speaker. */
scenario(
  "the other daemons among themselves: FRR reflects between BIRD, GoBGP and OpenBGPD",
  ["frr", "bird", "gobgp", "openbgpd"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const plug = (name: string, last: number) =>
      lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`, `fd00::${last}/64`] });

    const frr = new Frr(
      plug("frr", 1),
      `
router bgp 65001
 bgp router-id 10.0.0.1
 neighbor clients peer-group
 neighbor clients remote-as 65001
 neighbor clients timers 3 9
 bgp listen range 10.0.0.0/24 peer-group clients
 address-family ipv4 unicast
  neighbor clients route-reflector-client
 exit-address-family
 address-family ipv6 unicast
  neighbor clients activate
  neighbor clients route-reflector-client
 exit-address-family
`,
    );
    // The others dial as soon as they run, and OpenBGPD tries again only after two minutes.
    await frr.start();
    const bird = new Bird(
      plug("bird", 2),
      `
router id 10.0.0.2;
protocol direct { ipv4; ipv6; }
protocol static { ipv4; route 10.2.0.0/24 blackhole; }
protocol static { ipv6; route 2001:db8:2::/48 blackhole; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol bgp frr {
  local as 65001; neighbor 10.0.0.1 as 65001; connect retry time 1; error wait time 1, 2; connect delay time 1;
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; };
}`,
    );
    const gobgp = new GoBgp(
      plug("gobgp", 3),
      `
[global.config]
  as = 65001
  router-id = "10.0.0.3"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.0.0.1"
    peer-as = 65001
  [neighbors.timers.config]
    connect-retry = 1
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
`,
    );
    const openbgpd = new OpenBgpd(
      plug("obgpd", 4),
      `
AS 65001
router-id 10.0.0.4
network 10.4.0.0/24
neighbor 10.0.0.1 {
  remote-as 65001
  announce IPv4 unicast
  announce IPv6 unicast
}
allow from ibgp
allow to ibgp
`,
    );
    await Promise.all([bird.start(), gobgp.start(), openbgpd.start()]);
    await gobgp.gobgp("global", "rib", "add", "10.3.0.0/24", "community", "65001:3", "large-community", "65001:3:33");

    await step("all sessions come up", async (t) => {
      await lab.until("FRR has a session with BIRD", () => frr.established("10.0.0.2"));
      await lab.until("FRR has a session with GoBGP", () => frr.established("10.0.0.3"));
      await lab.until("FRR has a session with OpenBGPD", () => frr.established("10.0.0.4"));
      await lab.until("BIRD says so, too", () => bird.established("frr"));
      await lab.until("GoBGP says so, too", () => gobgp.established("10.0.0.1"));
      await lab.until("OpenBGPD says so, too", () => openbgpd.established("10.0.0.1"));
      t.pass("three sessions");
    });

    await step("routes are reflected with their attributes, and BIRD's kernel holds them", async (t) => {
      const path = await lab.until("BIRD has GoBGP's route", () => bird.best("10.3.0.0/24"));
      t.equal(path.attributes.originator_id, "10.0.0.3");
      t.equal(path.attributes.cluster_list, "10.0.0.1");
      t.equal(path.attributes.community, "(65001,3)");
      t.equal(path.attributes.large_community, "(65001, 3, 33)");
      const [kernel] = await lab.until("the kernel has it", () => bird.host.kernelRoutes("bird"));
      t.match(kernel, { prefix: /^10\.[34]\./, via: [/^10\.0\.0\.[34] dev eth0$/] });
      await lab.until("OpenBGPD has BIRD's route", () => openbgpd.paths("10.2.0.0/24"));
      await lab.until("GoBGP has OpenBGPD's route", async () => (await gobgp.paths("10.4.0.0/24")).length > 0);
      const v6 = await lab.until("FRR has BIRD's IPv6 route", () => frr.best("2001:db8:2::/48"));
      t.ok(v6.nextHops.includes("fd00::2"));
    });
  },
);
