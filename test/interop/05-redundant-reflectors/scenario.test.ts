import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { holds } from "../../../testbed/wait.ts";
import { RouteWatch } from "../harness/route-watch.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/** Both clients have sessions with both reflectors, which share a cluster id and are peers of each other. */
scenario(
  "two redundant reflectors of ours: one killed, one frozen, nothing lost",
  ["frr", "bird"],
  async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const plug = (name: string, last: number) => lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`] });
    const reflector = (last: number, other: number) =>
      new Peerage(
        plug(`rr${last}`, last),
        `
router: {as: 65001, router-id: 10.0.0.${last}, cluster-id: 10.0.0.250, address: 10.0.0.${last}}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true, ${ourTimers}}
neighbors:
  - {address: 10.0.0.${other}, remote-as: internal, description: the other reflector, ${ourTimers}}
  - {address: 10.0.0.3, peer-group: clients}
  - {address: 10.0.0.4, peer-group: clients}
kernel: {fib: none}
`,
      );
    const [one, two] = [reflector(1, 2), reflector(2, 1)];
    const frr = new Frr(
      plug("frr", 3),
      `
router bgp 65001
 bgp router-id 10.0.0.3
${frrDefaults}${frrNeighbor("10.0.0.1", 65001)}${frrNeighbor("10.0.0.2", 65001)} address-family ipv4 unicast
  neighbor 10.0.0.1 activate
  neighbor 10.0.0.2 activate
  network 10.3.0.0/24
 exit-address-family
`,
    );
    const session = (name: string, address: string) => `
protocol bgp ${name} {
  local 10.0.0.4 as 65001; neighbor ${address} as 65001; ${birdTimers}
  ipv4 { import all; export where source = RTS_STATIC; };
}`;
    const bird = new Bird(
      plug("bird", 4),
      `
router id 10.0.0.4;
protocol direct { ipv4; }
protocol static { ipv4; route 10.4.0.0/24 blackhole; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
${session("rr1", "10.0.0.1")}${session("rr2", "10.0.0.2")}`,
    );
    await Promise.all([one.start(), two.start(), frr.start(), bird.start()]);
    const watches = { frr: new RouteWatch(frr.host), bird: new RouteWatch(bird.host) };

    const everythingUp = async () => {
      await lab.until("the first reflector has its sessions", () =>
        one.established("10.0.0.2", "10.0.0.3", "10.0.0.4"),
      );
      await lab.until("the second reflector has its sessions", () =>
        two.established("10.0.0.1", "10.0.0.3", "10.0.0.4"),
      );
      await lab.until("FRR has BIRD's route by both", async () => (await frr.paths("10.4.0.0/24"))?.length === 2);
      await lab.until("BIRD has FRR's route by both", async () => (await bird.paths("10.3.0.0/24")).length === 2);
    };
    const inKernels = async () =>
      (await frr.host.kernelRoute("10.4.0.0/24", "bgp")) !== undefined &&
      (await bird.host.kernelRoute("10.3.0.0/24", "bird")) !== undefined;
    const lost = () => [...watches.frr.deleted("10.4.0.0/24"), ...watches.bird.deleted("10.3.0.0/24")];

    await step(
      "both clients hear of each other's route by both reflectors, which drop what the other reflected (RFC 4456 §8)",
      async (t) => {
        await everythingUp();
        await lab.until("both kernels have their route", inKernels);
        for (const path of (await frr.paths("10.4.0.0/24"))!) t.same(path.clusterList, ["10.0.0.250"]);
        const fromOther = (await one.received("10.0.0.2")).flatMap((row) => row.paths);
        t.ok(
          fromOther.every((path) => path.policy?.verdict === "reject"),
          "own CLUSTER_ID in CLUSTER_LIST",
        );
      },
    );

    await step(
      "one is killed: the clients stay with the other, and no kernel route is missing for a moment",
      async (t) => {
        await one.daemon.signal("SIGKILL");
        await lab.until("FRR has noticed", async () => (await frr.neighbor("10.0.0.1")).bgpState !== "Established");
        await lab.until("BIRD has noticed", async () => (await bird.info("rr1")) !== "Established");
        await holds("both kernels have their route", 2, inKernels);
        t.same(lost(), []);
      },
    );

    await step("it comes back and has everything again", async (t) => {
      await one.restart();
      await everythingUp();
      t.same(lost(), []);
    });

    await step(
      "the other is frozen: its clients give it up at hold time (RFC 4271 §6.5), and still nothing is lost",
      async (t) => {
        two.daemon.freeze();
        await lab.until("FRR has given it up", async () => (await frr.neighbor("10.0.0.2")).bgpState !== "Established");
        await lab.until("BIRD has given it up", async () => (await bird.info("rr2")) !== "Established");
        await lab.until(
          "the first reflector has given it up",
          async () => (await one.neighborRow("10.0.0.2"))?.state !== "Established",
        );
        t.match((await one.neighborRow("10.0.0.2"))?.lastError, { direction: "sent", code: 4, subcode: 0 });
        await holds("both kernels have their route", 2, inKernels);
        t.same(lost(), []);
      },
    );

    await step("it thaws, notices that its sessions are over, and joins again", async (t) => {
      two.daemon.thaw();
      await everythingUp();
      t.same(lost(), []);
    });
  },
);
