import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, bothFamilies, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/**
 * FRR speaks both families over one IPv4 session, BIRD each family over a session of that family.
 *
 *   frr 10.0.0.2 ── ours 10.0.0.1 (reflector) ── bird 10.0.0.3
 */
scenario("FRR and BIRD are reflector clients of ours, IPv4 and IPv6", ["frr", "bird"], async ({ lab, step }) => {
  const lan = lab.switch("lan");
  const plug = (name: string, last: number) =>
    lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`, `fd00::${last}/64`] });

  const ours = new Peerage(
    plug("ours", 1),
    `
router: {as: 65001, router-id: 10.0.0.1, cluster-id: 10.0.0.250, address: 10.0.0.1}
peer-groups:
  clients:
    remote-as: internal
    route-reflector-client: true
    ${ourTimers}
neighbors:
  - {address: 10.0.0.2, peer-group: clients, description: FRR, ${bothFamilies}}
  - {address: 10.0.0.3, peer-group: clients, description: BIRD}
  - {address: "fd00::3", peer-group: clients, description: BIRD over IPv6}
kernel: {fib: none}
`,
  );
  const frr = new Frr(
    plug("frr", 2),
    `
router bgp 65001
 bgp router-id 10.0.0.2
${frrDefaults}${frrNeighbor("10.0.0.1", 65001)} address-family ipv4 unicast
  neighbor 10.0.0.1 activate
  network 10.10.0.0/24 route-map OWN
  network 10.10.1.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.0.0.1 activate
  network 2001:db8:10::/48 route-map OWN
 exit-address-family
!
route-map OWN permit 10
 set as-path prepend 65010 65011
 set community 65001:10 no-peer
 set large-community 65001:10:100 4200000000:1:2
 set extcommunity rt 65001:10
 set local-preference 150
 set metric 77
`,
  );
  const attributes = `
  bgp_path.prepend(65020); bgp_community.add((65001,20)); bgp_large_community.add((65001,20,4200000000));
  bgp_ext_community.add((rt,65001,20)); bgp_local_pref = 160; bgp_med = 88; bgp_origin = ORIGIN_INCOMPLETE; accept;`;
  const bird = new Bird(
    plug("bird", 3),
    `
router id 10.0.0.3;
protocol direct { ipv4; ipv6; }
protocol static own4 { ipv4; route 10.20.0.0/24 blackhole; }
protocol static own6 { ipv6; route 2001:db8:20::/48 blackhole; }
filter own { if source != RTS_STATIC then reject; ${attributes} }
protocol bgp rr4 {
  local 10.0.0.3 as 65001; neighbor 10.0.0.1 as 65001; ${birdTimers}
  ipv4 { import all; export filter own; };
}
protocol bgp rr6 {
  local fd00::3 as 65001; neighbor fd00::1 as 65001; ${birdTimers}
  ipv6 { import all; export filter own; };
}`,
  );
  await Promise.all([ours.start(), frr.start(), bird.start()]);

  await step("sessions come up over IPv4 and IPv6", async (t) => {
    await lab.until("all three are Established for us", () => ours.established("10.0.0.2", "10.0.0.3", "fd00::3"));
    await lab.until("FRR says so, too", () => frr.established("10.0.0.1"));
    await lab.until("BIRD says so, too (IPv4)", () => bird.established("rr4"));
    await lab.until("BIRD says so, too (IPv6)", () => bird.established("rr6"));
    const { neighbors } = await ours.summary();
    t.ok(neighbors.every((row) => row.routeReflectorClient && !row.dynamic));
  });

  await step(
    "BIRD gets FRR's routes with ORIGINATOR_ID and CLUSTER_LIST, all else unchanged (RFC 4456 §8)",
    async (t) => {
      for (const [prefix, nextHop] of [
        ["10.10.0.0/24", "10.0.0.2"],
        ["2001:db8:10::/48", "fd00::2"],
      ] as const) {
        const path = await lab.until(`BIRD has ${prefix}`, () => bird.best(prefix));
        t.match(path.attributes, {
          originator_id: "10.0.0.2",
          cluster_list: "10.0.0.250",
          origin: "IGP",
          as_path: "65010 65011",
          local_pref: "150",
          med: "77",
          large_community: "(65001, 10, 100) (4200000000, 1, 2)",
          ext_community: "(rt, 65001, 10)",
        });
        t.same(
          path.attributes.community!.split(" ").sort(),
          ["(65001,10)", "(65535,65284)"],
          "with NO_PEER (RFC 3765)",
        );
        t.equal(path.attributes.next_hop!.split(" ")[0], nextHop, "a reflector never changes the next hop");
        t.ok(path.reachable);
      }
      const plain = await lab.until("BIRD has 10.10.1.0/24", () => bird.best("10.10.1.0/24"));
      t.equal(plain.attributes.as_path, "", "no AS is added inside the AS");
      t.notOk("community" in plain.attributes, "no attribute appears from nowhere");
    },
  );

  await step("FRR gets BIRD's routes likewise", async (t) => {
    for (const [prefix, nextHop] of [
      ["10.20.0.0/24", "10.0.0.3"],
      ["2001:db8:20::/48", "fd00::3"],
    ] as const) {
      const path = await lab.until(`FRR has ${prefix}`, () => frr.best(prefix));
      t.match(path, {
        originatorId: "10.0.0.3",
        clusterList: ["10.0.0.250"],
        origin: "incomplete",
        asPath: "65020",
        localPref: 160,
        med: 88,
        communities: ["65001:20"],
        largeCommunities: ["65001:20:4200000000"],
        extendedCommunities: "RT:65001:20",
      });
      t.ok(path.nextHops.includes(nextHop), `next hop ${nextHop}, found ${path.nextHops}`);
    }
  });

  await step("nobody gets its own routes back, and ours shows who was told what", async (t) => {
    const told = async (address: string) => (await ours.advertised(address)).map((row) => row.prefix).sort();
    t.same(await told("10.0.0.2"), ["10.20.0.0/24", "2001:db8:20::/48"]);
    t.same(await told("10.0.0.3"), ["10.10.0.0/24", "10.10.1.0/24"]);
    t.same(await told("fd00::3"), ["2001:db8:10::/48"]);
    t.equal((await frr.paths("10.10.0.0/24"))?.length, 1);
    const [row] = await ours.routes("?prefix=10.20.0.0%2F24");
    t.match(row?.paths[0], {
      best: true,
      from: "10.0.0.3",
      nextHop: "10.0.0.3",
      asPath: [65020],
      origin: "incomplete",
      localPref: 160,
      med: 88,
      communities: ["65001:20"],
      largeCommunities: ["65001:20:4200000000"],
      valid: true,
    });
  });

  await step("a withdrawal on one disappears on the other, and only that route", async (t) => {
    await frr.configure("router bgp 65001", "address-family ipv4 unicast", "no network 10.10.0.0/24 route-map OWN");
    await lab.until("BIRD has lost 10.10.0.0/24", async () => (await bird.paths("10.10.0.0/24")).length === 0);
    t.ok(await bird.best("10.10.1.0/24"), "the other stays");
    await frr.configure("router bgp 65001", "address-family ipv6 unicast", "no network 2001:db8:10::/48 route-map OWN");
    await lab.until("BIRD has lost 2001:db8:10::/48", async () => (await bird.paths("2001:db8:10::/48")).length === 0);
    await bird.birdc("disable own4");
    await lab.until("FRR has lost 10.20.0.0/24", async () => !(await frr.paths("10.20.0.0/24"))?.length);
    t.ok(await frr.best("2001:db8:20::/48"), "the other family stays");
    await bird.birdc("enable own4");
    await lab.until("FRR has 10.20.0.0/24 again", () => frr.best("10.20.0.0/24"));
  });
});
