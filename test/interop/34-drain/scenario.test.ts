import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { stretched } from "../../../testbed/pace.ts";
import { waitFor } from "../../../testbed/wait.ts";
import { Pinging } from "../harness/pinging.ts";
import { RouteWatch } from "../harness/route-watch.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/**
 * Two gateways of ours to the same prefix; everybody prefers the first, which is then drained (RFC 8326).
 *
 *   gateways, AS 65001: first .1, second .2 (both 172.20.0.0/24)
 *   FRR .11, AS 65002: by MED          BIRD .12, AS 65001: by LOCAL_PREF
 */
const prefix = "172.20.0.0/24";

const gateway = (last: number, med: number, localPref: number) => `
router: {as: 65001, router-id: 10.0.0.${last}, address: 10.0.0.${last}}
originate: [{prefix: ${prefix}, blackhole: true}]
policies:
  towards-frr: [{then: {set: {med: ${med}}, accept: true}}]
  towards-bird: [{then: {set: {local-pref: ${localPref}}, accept: true}}]
neighbors:
  - {address: 10.0.0.11, remote-as: 65002, export-policy: [towards-frr], ${ourTimers}}
  - {address: 10.0.0.12, remote-as: internal, export-policy: [towards-bird], ${ourTimers}}
`;

scenario(
  "drain: FRR and BIRD move their traffic to the other gateway before the session ends (RFC 8326)",
  ["frr", "bird", "ping"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const place = (name: string, last: number) => lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`] });
    const first = new Peerage(place("first", 1).addAddresses("lo", "172.20.0.9/32"), gateway(1, 10, 200));
    const second = new Peerage(place("second", 2).addAddresses("lo", "172.20.0.9/32"), gateway(2, 20, 100));
    const frr = new Frr(
      place("frr", 11),
      `
router bgp 65002
 bgp router-id 10.0.0.11
${frrDefaults}${frrNeighbor("10.0.0.1", 65001)}${frrNeighbor("10.0.0.2", 65001)} address-family ipv4 unicast
  neighbor 10.0.0.1 activate
  neighbor 10.0.0.2 activate
 exit-address-family
`,
    );
    const bird = new Bird(
      place("bird", 12),
      `
router id 10.0.0.12;
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
template bgp both { local 10.0.0.12 as 65001; ${birdTimers} ipv4 { import all; export none; }; }
protocol bgp gw1 from both { neighbor 10.0.0.1 as 65001; }
protocol bgp gw2 from both { neighbor 10.0.0.2 as 65001; }
`,
    );
    await Promise.all([first.start(), second.start(), frr.start(), bird.start()]);

    /** Where their kernels send packets. */
    const ways = async () => {
      const read = (host: typeof frr.host, owner: string) => host.kernelRoute(prefix, owner);
      const routes = [await read(frr.host, "bgp"), await read(bird.host, "bird")];
      return routes.map((route) => route?.via[0]?.split(" ")[0]).join(" ");
    };
    const pings = () => [new Pinging(frr.host, "172.20.0.9"), new Pinging(bird.host, "172.20.0.9")];
    let under: Pinging[] = [];
    let watches: RouteWatch[] = [];

    await step("both prefer the first gateway, and have a path by the second", async () => {
      await lab.until("both kernels use the first", async () => (await ways()) === "10.0.0.1 10.0.0.1");
      await lab.until("FRR has both paths", async () => (await frr.paths(prefix))?.length === 2);
      await lab.until("BIRD has both paths", async () => (await bird.paths(prefix)).length === 2);
      under = pings();
      watches = [frr.host, bird.host].map((host) => new RouteWatch(host));
      for (const ping of under) await ping.flows();
      for (const watch of watches) await watch.heard();
    });

    let drained: Promise<{ complete: boolean }>;
    await step("drained, it asks to be left: both use the second while the sessions are still up", async (t) => {
      // As long as the looks below take, on this machine.
      drained = first.get(`/drain?wait=${Math.ceil(stretched(2))}`, "POST");
      await lab.until("both kernels use the second", async () => (await ways()) === "10.0.0.2 10.0.0.2");
      const old = (await frr.paths(prefix))!.find(({ nextHops }) => nextHops.includes("10.0.0.1"));
      t.ok(old?.communities.includes("gracefulShutdown"), "FRR still has the first's path, marked GRACEFUL_SHUTDOWN");
      const told = (await bird.paths(prefix)).find(({ protocol }) => protocol === "gw1");
      t.equal(told?.attributes.local_pref, "0", "BIRD has it with LOCAL_PREF 0");
      t.match(told?.attributes.community, /65535,0/);
      t.ok(await frr.established("10.0.0.1"));
      t.ok(await bird.established("gw1"));
    });

    await step(
      "then the sessions end and the daemon with them; no packet was lost and no kernel lost the route",
      async (t) => {
        t.equal((await drained).complete, true);
        await waitFor("the daemon has ended", () => first.daemon.ended);
        t.equal(first.daemon.ended, "exit code 0");
        await first.daemon.signal("SIGTERM"); // which says that its end was wanted
        await lab.until("FRR has one path", async () => (await frr.paths(prefix))?.length === 1);
        await lab.until("BIRD has one path", async () => (await bird.paths(prefix)).length === 1);
        for (const ping of under) {
          const { sent, lost } = await ping.stop();
          t.equal(lost, 0, `none of ${sent} packets was lost`);
        }
        for (const watch of watches) t.same(watch.deleted(prefix), []);
      },
    );
  },
);
