import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

scenario(
  "dynamic neighbors: FRR and BIRD dial a range, one over the limit is refused",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const plug = (name: string, address: string) => lab.host(name).plug(lan, { addresses: [`${address}/16`] });
    const ours = new Peerage(
      plug("ours", "10.0.0.1"),
      `
router: {as: 65001, router-id: 10.0.0.1, address: 10.0.0.1}
peer-groups:
  nodes: {remote-as: internal, route-reflector-client: true, ${ourTimers}}
dynamic-neighbors:
  - {range: 10.0.1.0/24, peer-group: nodes, limit: 2}
kernel: {fib: none}
`,
    );
    const frr = new Frr(
      plug("frr", "10.0.1.2"),
      `
router bgp 65001
 bgp router-id 10.0.1.2
${frrDefaults}${frrNeighbor("10.0.0.1", 65001)} address-family ipv4 unicast
  neighbor 10.0.0.1 activate
  network 10.2.0.0/24
 exit-address-family
`,
    );
    const client = (address: string, own: string) => `
router id ${address};
protocol direct { ipv4; }
protocol static { ipv4; route ${own} blackhole; }
protocol bgp up {
  local ${address} as 65001; neighbor 10.0.0.1 as 65001; ${birdTimers}
  ipv4 { import all; export where source = RTS_STATIC; };
}`;
    const bird = new Bird(plug("bird", "10.0.1.3"), client("10.0.1.3", "10.3.0.0/24"));
    await Promise.all([ours.start(), frr.start(), bird.start()]);

    await step("both are accepted as dynamic neighbors and reflector clients", async (t) => {
      await lab.until("both sessions are up", () => ours.established("10.0.1.2", "10.0.1.3"));
      const { neighbors } = await ours.summary();
      t.same(neighbors.map((row) => [row.address, row.dynamic, row.routeReflectorClient]).sort(), [
        ["10.0.1.2", true, true],
        ["10.0.1.3", true, true],
      ]);
      t.ok(await lab.until("FRR has BIRD's route", () => frr.best("10.3.0.0/24")));
      t.ok(await lab.until("BIRD has FRR's route", () => bird.best("10.2.0.0/24")));
    });

    const third = new Bird(plug("third", "10.0.1.4"), client("10.0.1.4", "10.4.0.0/24"));
    await third.start();

    await step("the third gets Cease / Connection Rejected (RFC 4486 §4, 6/5), and the log says why", async (t) => {
      const text = await lab.until("it has read our NOTIFICATION", async () => {
        const text = await third.birdc("show protocols all up");
        return /Last error:\s+Received: /.test(text) ? text : false;
      });
      t.match(text, /Received: Connection rejected/);
      t.match(ours.daemon.output, /limit.*10\.0\.1\.4.*range 10\.0\.1\.0\/24/);
      t.same(
        (await ours.summary()).neighbors.filter((row) => row.state === "Established").length,
        2,
        "the two others stay",
      );
      t.ok(await frr.best("10.3.0.0/24"));
    });

    const outside = new Bird(plug("outside", "10.0.2.5"), client("10.0.2.5", "10.5.0.0/24"));
    await outside.start();

    await step("one from outside the range is no neighbor at all", async (t) => {
      const text = await lab.until("it has been refused", async () => {
        const text = await outside.birdc("show protocols all up");
        return /Last error:/.test(text) ? text : false;
      });
      t.notMatch(text, /Established/);
      t.notOk(await ours.neighborRow("10.0.2.5"));
    });

    await step("when one of the two leaves, there is room for the third", async (t) => {
      await frr.stop();
      await lab.until("FRR's route is gone", async () => (await bird.paths("10.2.0.0/24")).length === 0, {
        withinSeconds: 60,
      });
      await lab.until("the third is in", () => third.established("up"), { withinSeconds: 60 });
      t.ok(await lab.until("BIRD has the third one's route", () => bird.best("10.4.0.0/24")));
      t.ok(await lab.until("the third has BIRD's route", () => third.best("10.3.0.0/24")));
    });
  },
);
