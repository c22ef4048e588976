import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, bothFamilies, frrDefaults, ourTimers } from "../harness/texts.ts";

const linkLocal = async (host: Host): Promise<string> =>
  JSON.parse(await host.run("ip", "-j", "-6", "address", "show", "dev", "eth0", "scope", "link"))[0].addr_info[0].local;

/** One link without addresses of its own: sessions, and the next hops of both families, are link-local. */
scenario("BIRD, FRR and ours on a link with link-local addresses only", ["frr", "bird"], async ({ lab, step }) => {
  const link = lab.switch("link");
  const names = ["ours", "frr", "bird"] as const;
  const [one, two, three] = names.map((name, i) =>
    lab
      .host(name)
      .plug(link, { addresses: [] })
      .addAddresses("lo", `10.255.0.${i + 1}/32`),
  ) as [Host, Host, Host];
  const [we, they, other] = await Promise.all([one, two, three].map(linkLocal));
  const settings = `${ourTimers}, ${bothFamilies}, import-policy: [all], export-policy: [all]`;
  const ours = new Peerage(
    one,
    `
router: {as: 65001, router-id: 10.255.0.1, address: 10.255.0.1}
originate: [{prefix: 10.255.0.1/32}, {prefix: 2001:db8:1::/48}]
policies: {all: [{then: accept}]}
neighbors:
  - {address: "${they}%eth0", remote-as: 65002, ${settings}}
  - {address: "${other}%eth0", remote-as: 65003, ${settings}}
`,
  );
  const frr = new Frr(
    two,
    `
router bgp 65002
 bgp router-id 10.255.0.2
${frrDefaults} neighbor ${we} remote-as 65001
 neighbor ${we} interface eth0
 neighbor ${we} timers connect 1
 neighbor ${we} capability extended-nexthop
 address-family ipv4 unicast
  network 10.255.0.2/32
  neighbor ${we} activate
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:2::/48
  neighbor ${we} activate
 exit-address-family
`,
  );
  const bird = new Bird(
    three,
    `
router id 10.255.0.3;
protocol direct { ipv4; ipv6; }
protocol static { ipv6; route 2001:db8:3::/48 blackhole; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol bgp ours {
  local ${other} as 65003; neighbor ${we}%eth0 as 65001; ${birdTimers}
  ipv4 { extended next hop; import all; export where net = 10.255.0.3/32; };
  ipv6 { import all; export where source = RTS_STATIC; };
}`,
  );
  await Promise.all([ours.start(), bird.start(), frr.start()]);

  await step("routes of both families go through the link-local addresses, as the kernel has them", async (t) => {
    const wanted = { "10.255.0.2/32": they, "10.255.0.3/32": other, "2001:db8:2::/48": they, "2001:db8:3::/48": other };
    for (const [prefix, via] of Object.entries(wanted)) {
      const route = await lab.until(`${prefix} is in our kernel`, () => one.kernelRoute(prefix, "bgp"));
      t.same(route.via, [`${via} dev eth0`]);
    }
  });

  await step("IPv4 routes with our link-local address as next hop are good for FRR and BIRD (RFC 8950)", async (t) => {
    await lab.until("FRR's kernel has BIRD's address", () => two.kernelRoute("10.255.0.3/32", "bgp"));
    await lab.until("BIRD's kernel has FRR's address", () => three.kernelRoute("10.255.0.2/32", "bird"));
    t.match(await two.run("ping", "-c1", "-W2", "-I", "10.255.0.2", "10.255.0.3"), / 0% packet loss/);
  });
});
