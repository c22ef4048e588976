import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/**
 *   frr .2 ── eth0 10.0.1.0/24 ── .1 ours .1 ── eth1 10.0.2.0/24 ── .3 bird          all AS 65000, ours reflects
 */
scenario(
  "policies that look at paths, communities and links, and speak to the kernel",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const [left, right] = [lab.switch("left"), lab.switch("right")];
    const config = (more: string) => `
router: {as: 65000, router-id: 10.0.0.1, address: 10.0.1.1}
kernel: {maximum-paths: 4${more}}
peer-groups:
  all: {remote-as: internal, route-reflector-client: true, import-policy: in, ${ourTimers}}
neighbors:
  - {address: 10.0.1.2, peer-group: all}
  - {address: 10.0.2.3, peer-group: all}
policies:
  in:
    - {match: {as-path: {regex: "^65010_.*_65020$"}}, then: reject}
    - {match: {interface: eth0}, call: left}
    - {match: {interface: eth1}, then: {set: {weight: 3}}}
    - {match: {extended-communities: "rt:65000:666"}, then: {set: {kernel: {blackhole: true}}, accept: true}}
    - {match: {extended-communities: "rt:65000:667"}, then: {set: {kernel: {install: false}}, accept: true}}
    - match: {prefix: 10.9.4.0/24}
      then: {set: {local-pref: "+50", med: "+7", communities: [], extended-communities: ["rt:65000:4", "soo:10.0.0.1:9"]}, accept: true}
    - then: accept
  left:
    - {then: {set: {weight: 10}}}
`;
    const ours = new Peerage(
      lab
        .host("ours")
        .plug(left, { addresses: ["10.0.1.1/24"] })
        .plug(right, { addresses: ["10.0.2.1/24"] }),
      config(""),
    );
    const frr = new Frr(
      lab.host("frr").plug(left, { addresses: ["10.0.1.2/24"] }),
      `
route-map BOTH permit 10
 set extcommunity bandwidth 8
route-map DISCARD permit 10
 set extcommunity rt 65000:666
route-map PATH permit 10
 set as-path prepend 65010 65099 65020
router bgp 65000
 bgp router-id 10.0.0.2
${frrDefaults}${frrNeighbor("10.0.1.1", 65000)} address-family ipv4 unicast
  neighbor 10.0.1.1 activate
  network 10.9.0.0/24 route-map BOTH
  network 10.9.1.0/24 route-map DISCARD
  network 10.9.3.0/24 route-map PATH
 exit-address-family
`,
    );
    const bird = new Bird(
      lab.host("bird").plug(right, { addresses: ["10.0.2.3/24"] }),
      `
router id 10.0.0.3;
protocol static {
  ipv4;
  route 10.9.0.0/24 blackhole { bgp_ext_community.add((generic, 0x4004fde8, 0x4a742400)); }; # 4,000,000 octets a second
  route 10.9.2.0/24 blackhole { bgp_ext_community.add((rt, 65000, 667)); };
  route 10.9.4.0/24 blackhole { bgp_community.add((65000, 1)); bgp_ext_community.add((rt, 65000, 1)); bgp_med = 5; };
}
protocol bgp ours {
  local 10.0.2.3 as 65000; neighbor 10.0.2.1 as 65000; ${birdTimers}
  ipv4 { import all; export all; };
}`,
    );
    await Promise.all([ours.start(), frr.start(), bird.start()]);
    /** What the kernel shows, one line. */
    const shown = async (prefix: string) => (await ours.host.run("ip", "route", "show", prefix)).replace(/\s+/g, " ");

    await step("an expression on the AS path turns away what it means, and explain names it", async (t) => {
      const row = await lab.until("the route has come", async () =>
        (await ours.received("10.0.1.2")).find(({ prefix }) => prefix === "10.9.3.0/24"),
      );
      t.same(row.paths[0]!.asPath, [65010, 65099, 65020]);
      t.match(row.paths[0]!.policy, { verdict: "reject", name: "in" });
      t.match(JSON.stringify(await ours.get("/explain?prefix=10.9.3.0%2F24")), /like .*\^65010_/);
    });

    await step("equal paths share as policy says, by the link that each came over", async (t) => {
      const route = await lab.until("the kernel has both ways", async () => {
        const text = await shown("10.9.0.0/24");
        return text.includes("10.0.1.2") && text.includes("10.0.2.3") ? text : false;
      });
      t.match(route, /via 10\.0\.1\.2 dev eth0 weight 10/);
      t.match(route, /via 10\.0\.2\.3 dev eth1 weight 3/);
    });

    await step("what policy says of the kernel route of a prefix is so in the kernel", async (t) => {
      await lab.until("the kernel throws away", async () =>
        /^blackhole 10\.9\.1\.0\/24/.test(await shown("10.9.1.0/24")),
      );
      await lab.until("the route is there", () => ours.best("10.9.2.0/24"));
      await lab.until("all is written", () => ours.converged());
      t.equal(await shown("10.9.2.0/24"), "", "kept out");
      t.match(JSON.stringify(await ours.get("/explain?prefix=10.9.2.0%2F24")), /a policy says so/);
      await lab.until("others are told all the same", async () => (await frr.paths("10.9.2.0/24"))?.[0]);
    });

    await step("changed numbers and replaced communities reach a client", async (t) => {
      const path = await lab.until("FRR has it", async () => (await frr.paths("10.9.4.0/24"))?.[0]);
      t.match(path, { localPref: 150, med: 12, communities: [] });
      const text = await frr.vtysh("show bgp ipv4 unicast 10.9.4.0/24");
      t.match(text, /Extended Community: (RT:65000:4 SoO:10\.0\.0\.1:9|SoO:10\.0\.0\.1:9 RT:65000:4)/);
      t.same((await ours.best("10.9.4.0/24"))?.extendedCommunities, ["rt:65000:4", "soo:10.0.0.1:9"]);
    });

    await step("with kernel.weighted they share by the bandwidths that they tell, after a reload", async (t) => {
      ours.configure(
        config(", weighted: true")
          .replace("set: {weight: 3}", "set: {add-communities: ['65000:3']}")
          .replace("set: {weight: 10}", "set: {add-communities: ['65000:10']}"),
      );
      await ours.reload();
      const route = await lab.until("the weights have changed", async () => {
        const text = await shown("10.9.0.0/24");
        return text.includes("weight 256") ? text : false;
      });
      t.match(route, /via 10\.0\.1\.2 dev eth0 weight 64/);
      t.match(route, /via 10\.0\.2\.3 dev eth1 weight 256/);
      t.equal((await ours.neighbor("10.0.1.2")).flaps, 0);
    });
  },
);
