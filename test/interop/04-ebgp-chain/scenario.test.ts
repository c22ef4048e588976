import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, bothFamilies, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/**
 *   bird AS 4200000001 ── 10.0.1.0/24 ── ours AS 4200000002 ── 10.0.2.0/24 ── frr AS 4200000003
 */
scenario("an eBGP chain BIRD - ours - FRR with 4-octet AS numbers", ["frr", "bird"], async ({ lab, step }) => {
  const [west, east] = [lab.switch("west"), lab.switch("east")];
  const config = (policies: string, use: string) => `
router: {as: 4200000002, router-id: 10.0.0.2, address: 10.0.1.2, address6: "fd01::2"}
neighbors:
  - {address: 10.0.1.1, remote-as: 4200000001, ${ourTimers}, ${bothFamilies}${use}}
  - {address: 10.0.2.3, remote-as: 4200000003, ${ourTimers}, ${bothFamilies}${use}}
${policies}
`;
  const all = "policies: {all: [{then: accept}]}";
  const useAll = ", import-policy: [all], export-policy: [all]";
  const ours = new Peerage(
    lab
      .host("ours")
      .plug(west, { addresses: ["10.0.1.2/24", "fd01::2/64"] })
      .plug(east, { addresses: ["10.0.2.2/24", "fd02::2/64"] }),
    config("", ""),
  );
  const bird = new Bird(
    lab.host("bird").plug(west, { addresses: ["10.0.1.1/24", "fd01::1/64"] }),
    `
router id 10.0.0.1;
protocol direct { ipv4; ipv6; }
protocol static { ipv4; route 10.1.0.0/24 blackhole; route 10.1.1.0/24 blackhole; }
protocol static { ipv6; route 2001:db8:1::/48 blackhole; }
filter own {
  if source != RTS_STATIC then reject;
  if net = 10.1.1.0/24 then { bgp_community.add((65535,65281)); accept; } # NO_EXPORT
  bgp_path.prepend(4200000001); bgp_path.prepend(64512); bgp_path.prepend(4200000001); bgp_med = 50;
  bgp_community.add((65010,1)); bgp_large_community.add((4200000001,1,2));
  accept;
}
protocol bgp ours {
  local 10.0.1.1 as 4200000001; neighbor 10.0.1.2 as 4200000002; ${birdTimers}
  ipv4 { import all; export filter own; };
  ipv6 { import all; export filter own; };
}`,
  );
  const frr = new Frr(
    lab.host("frr").plug(east, { addresses: ["10.0.2.3/24", "fd02::3/64"] }),
    `
router bgp 4200000003
 bgp router-id 10.0.0.3
${frrDefaults}${frrNeighbor("10.0.2.2", 4200000002)} address-family ipv4 unicast
  neighbor 10.0.2.2 activate
  network 10.3.0.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.0.2.2 activate
  network 2001:db8:3::/48
 exit-address-family
`,
  );
  await Promise.all([ours.start(), bird.start(), frr.start()]);

  await step("without a policy an eBGP session is up but carries nothing (RFC 8212)", async (t) => {
    await lab.until("both sessions are up", () => ours.established("10.0.1.1", "10.0.2.3"));
    const received = await lab.until("BIRD's routes are shown as received", () => ours.received("10.0.1.1"));
    t.ok(received.every((row) => row.paths.every((path) => path.policy?.verdict === "reject")));
    const shown = await ours.routes();
    t.ok(shown.every((row) => row.paths.every((path) => !path.best && path.rejectedBy === "ebgp-without-policy")));
    t.same((await frr.paths("10.1.0.0/24")) ?? [], []);
  });

  await step("a reload with policies opens it without ending a session", async (t) => {
    const before = await ours.neighbor("10.0.1.1");
    ours.configure(config(all, useAll));
    await ours.reload();
    await lab.until("FRR has BIRD's route", () => frr.best("10.1.0.0/24"));
    await lab.until("BIRD has FRR's route", () => bird.best("10.3.0.0/24"));
    const after = await ours.neighbor("10.0.1.1");
    t.equal(after.flaps, before.flaps);
    t.equal(after.messages.received.open, before.messages.received.open);
  });

  await step(
    "our AS is prepended, 4-octet numbers and communities pass, the next hop is ours (RFC 6793, RFC 4271 §5.1)",
    async (t) => {
      const path = await lab.until("FRR has BIRD's route", () => frr.best("10.1.0.0/24"));
      t.match(path, {
        asPath: "4200000002 4200000001 4200000001 64512 4200000001",
        communities: ["65010:1"],
        largeCommunities: ["4200000001:1:2"],
        nextHops: ["10.0.2.2"],
        originatorId: null,
        clusterList: [],
      });
      const six = await lab.until("FRR has BIRD's IPv6 route", () => frr.best("2001:db8:1::/48"));
      t.equal(six.asPath, "4200000002 4200000001 4200000001 64512 4200000001");
      t.ok(six.nextHops.includes("fd02::2"), `the address of that family on the same link, found ${six.nextHops}`);
      const back = await lab.until("BIRD has FRR's IPv6 route", () => bird.best("2001:db8:3::/48"));
      t.equal(back.attributes.as_path, "4200000002 4200000003");
      t.equal(back.attributes.next_hop!.split(" ")[0], "fd01::2");
      t.notOk("local_pref" in back.attributes && back.attributes.local_pref !== "100", "LOCAL_PREF stays inside an AS");
    },
  );

  await step("a received MED goes no further (RFC 4271 §5.1.4), and NO_EXPORT stays with us (RFC 1997)", async (t) => {
    t.equal((await ours.best("10.1.0.0/24"))?.med, 50, "we have it");
    t.ok([null, 0].includes((await frr.best("10.1.0.0/24"))!.med), "FRR has not");
    t.ok(await ours.best("10.1.1.0/24"), "we have the route with NO_EXPORT");
    t.same((await frr.paths("10.1.1.0/24")) ?? [], [], "FRR has not");
  });

  await step("MED, communities and prepends that a policy sets are sent after a reload", async (t) => {
    const set = "set: {med: 70, add-communities: ['65020:2'], prepend: 2}, accept: true";
    ours.configure(
      config(`policies: {all: [{then: accept}], east: [{then: {${set}}}]}`, useAll).replace(
        /(10\.0\.2\.3.*export-policy: )\[all\]/,
        "$1[east]",
      ),
    );
    await ours.reload();
    const path = await lab.until("FRR has the MED", async () => {
      const path = await frr.best("10.1.0.0/24");
      return path?.med === 70 ? path : false;
    });
    t.equal(path.asPath, "4200000002 4200000002 4200000002 4200000001 4200000001 64512 4200000001");
    t.same([...path.communities].sort(), ["65010:1", "65020:2"]);
    t.equal((await frr.neighbor("10.0.2.2")).connectionsDropped, 0);
  });

  await step("a route with our own AS in its path is not accepted (RFC 4271 §9.1.2)", async (t) => {
    await frr.configure(
      "route-map LOOP permit 10",
      "set as-path prepend 4200000002",
      "router bgp 4200000003",
      "address-family ipv4 unicast",
      "network 10.3.9.0/24 route-map LOOP",
    );
    const row = await lab.until("it arrives", async () =>
      (await ours.received("10.0.2.3")).find((row) => row.prefix === "10.3.9.0/24"),
    );
    t.equal(row.paths[0]?.policy?.verdict, "reject");
    t.match(row.paths[0]?.rejectedBy, /loop/i);
    t.same(await ours.paths("10.3.9.0/24").then((paths) => paths.filter((path) => path.valid)), []);
  });
});
