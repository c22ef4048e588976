import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/**
 * BIRD and FRR are clients of ours, and each has several paths of one prefix for us: BIRD from two static protocols, FRR
 * from two more BIRDs ("a" and "b") behind it that announce 10.100.0.0/24.
 */
scenario("route refresh, ADD-PATH and extended messages with FRR and BIRD", ["frr", "bird"], async ({ lab, step }) => {
  const lan = lab.switch("lan");
  const plug = (name: string, last: number) => lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`] });
  const manyCommunities = Array.from({ length: 1500 }, (_, i) => `bgp_large_community.add((65001,8654,${i}));`).join(
    " ",
  );

  const ours = new Peerage(
    plug("ours", 1),
    `
router: {as: 65001, router-id: 10.0.0.1, address: 10.0.0.1}
peer-groups:
  clients: {remote-as: internal, route-reflector-client: true, ${ourTimers}, add-path: {send: all, receive: true}}
neighbors:
  - {address: 10.0.0.2, peer-group: clients}
  - {address: 10.0.0.3, peer-group: clients}
kernel: {fib: none}
`,
  );
  const frr = new Frr(
    plug("frr", 2),
    `
router bgp 65001
 bgp router-id 10.0.0.2
${frrDefaults}${frrNeighbor("10.0.0.1", 65001)}${frrNeighbor("10.0.0.4", 65004)}${frrNeighbor("10.0.0.5", 65005)} address-family ipv4 unicast
  neighbor 10.0.0.1 activate
  neighbor 10.0.0.1 addpath-tx-all-paths
  neighbor 10.0.0.4 activate
  neighbor 10.0.0.5 activate
 exit-address-family
`,
  );
  const birdConfig = (extra: string) => `
router id 10.0.0.3;
protocol direct { ipv4; }
protocol static one { ipv4 { preference 200; }; route 10.30.0.0/24 via 10.0.0.4; }
protocol static two { ipv4 { preference 190; }; route 10.30.0.0/24 via 10.0.0.5; }
protocol static big { ipv4; route 10.31.0.0/24 blackhole; }
filter own {
  if source != RTS_STATIC then reject;
  if proto = "one" then bgp_community.add((65003,1));
  if proto = "two" then bgp_community.add((65003,2));
  if proto = "big" then { ${manyCommunities} }
  ${extra}
  accept;
}
protocol bgp up {
  local 10.0.0.3 as 65001; neighbor 10.0.0.1 as 65001; ${birdTimers}
  enable extended messages on;
  ipv4 { import all; export filter own; add paths on; };
}`;
  const bird = new Bird(plug("bird", 3), birdConfig(""));
  const behind = (name: string, last: number) =>
    new Bird(
      plug(name, last),
      `
router id 10.0.0.${last};
protocol direct { ipv4; }
protocol static { ipv4; route 10.100.0.0/24 blackhole; }
protocol bgp frr {
  local 10.0.0.${last} as 6500${last}; neighbor 10.0.0.2 as 65001; ${birdTimers}
  ipv4 { import all; export where source = RTS_STATIC; };
}`,
    );
  const [a, b] = [behind("a", 4), behind("b", 5)];
  await Promise.all([ours.start(), frr.start(), bird.start(), a.start(), b.start()]);
  const used = async (address: string) =>
    (await ours.neighbor(address)).capabilities.used.map((one) => one.name).join();

  await step("what both sides can do is agreed on: ADD-PATH with both, extended messages with BIRD", async (t) => {
    await lab.until("both sessions are up", () => ours.established("10.0.0.2", "10.0.0.3"));
    t.match(await used("10.0.0.2"), /ADD-PATH/);
    t.match(await used("10.0.0.3"), /ADD-PATH/);
    t.match(await used("10.0.0.3"), /Extended Message/);
    t.match(await used("10.0.0.2"), /Route Refresh/);
  });

  await step("ADD-PATH in: all paths of BIRD and of FRR arrive (RFC 7911)", async (t) => {
    const fromBird = await lab.until("two paths of 10.30.0.0/24", async () => {
      const paths = await ours.paths("10.30.0.0/24");
      return paths.length === 2 ? paths : false;
    });
    t.same(fromBird.map((path) => path.communities.join()).sort(), ["65003:1", "65003:2"]);
    t.equal(new Set(fromBird.map((path) => path.pathId)).size, 2, "told apart by their path identifier");
    const fromFrr = await lab.until("two paths of 10.100.0.0/24", async () => {
      const paths = await ours.paths("10.100.0.0/24");
      return paths.length === 2 ? paths : false;
    });
    t.same(fromFrr.map((path) => path.asPath.join()).sort(), ["65004", "65005"]);
  });

  await step("ADD-PATH out: BIRD gets both of FRR's paths and FRR both of BIRD's", async (t) => {
    const inBird = await lab.until("BIRD has two paths of 10.100.0.0/24", async () => {
      const paths = await bird.paths("10.100.0.0/24");
      return paths.length === 2 ? paths : false;
    });
    t.same(inBird.map((path) => path.attributes.as_path).sort(), ["65004", "65005"]);
    t.same(
      inBird.map((path) => path.attributes.originator_id),
      ["10.0.0.2", "10.0.0.2"],
    );
    const inFrr = await lab.until("FRR has two paths of 10.30.0.0/24", async () => {
      const paths = await frr.paths("10.30.0.0/24");
      return paths?.length === 2 ? paths : false;
    });
    t.same(inFrr.map((path) => path.communities.join()).sort(), ["65003:1", "65003:2"]);
  });

  await step("one of several paths is withdrawn by its identifier, the others stay", async (t) => {
    await a.birdc("disable frr");
    const left = await lab.until("BIRD has one path of 10.100.0.0/24", async () => {
      const paths = await bird.paths("10.100.0.0/24");
      return paths.length === 1 ? paths : false;
    });
    t.equal(left[0]?.attributes.as_path, "65005");
    await bird.birdc("disable two");
    await lab.until("FRR has one path of 10.30.0.0/24", async () => (await frr.paths("10.30.0.0/24"))?.length === 1);
    t.same((await frr.best("10.30.0.0/24"))?.communities, ["65003:1"]);
    await Promise.all([a.birdc("enable frr"), bird.birdc("enable two")]);
    await lab.until(
      "both are back",
      async () => (await frr.paths("10.30.0.0/24"))?.length === 2 && (await bird.paths("10.100.0.0/24")).length === 2,
    );
  });

  await step("a route of 18,000 octets comes in from BIRD in one extended message (RFC 8654)", async (t) => {
    const path = await lab.until("we have 10.31.0.0/24", () => ours.best("10.31.0.0/24"));
    t.equal(path.largeCommunities.length, 1500);
    t.ok(path.largeCommunities.includes("65001:8654:1499"));
  });

  await step(
    "it goes on to FRR only if FRR takes such messages; else it is not sent and `explain` says why",
    async (t) => {
      const extended = /Extended Message/.test(await used("10.0.0.2"));
      if (extended) {
        const path = await lab.until("FRR has it", () => frr.best("10.31.0.0/24"));
        t.equal(path.largeCommunities.length, 1500);
      } else {
        const answer = await ours.get("/explain?prefix=10.31.0.0%2F24");
        const row = answer.advertised.find((one: { address: string }) => one.address === "10.0.0.2");
        t.match(row, { sent: false, reason: /4096|size|large|long|fit/ });
        t.same((await frr.paths("10.31.0.0/24")) ?? [], []);
      }
      await lab.until("the session with FRR is unharmed", () => frr.established("10.0.0.1"));
    },
  );

  await step("we answer a ROUTE-REFRESH of FRR and of BIRD with everything, once more (RFC 2918)", async (t) => {
    const sent = async (address: string) => (await ours.neighbor(address)).messages;
    const before = { frr: await sent("10.0.0.2"), bird: await sent("10.0.0.3") };
    await frr.vtysh("clear bgp ipv4 unicast 10.0.0.1 soft in");
    await bird.birdc("reload in up");
    await lab.until("FRR's request has come and was answered", async () => {
      const now = await sent("10.0.0.2");
      return now.received.routeRefresh > before.frr.received.routeRefresh && now.sent.update > before.frr.sent.update;
    });
    await lab.until("BIRD's request has come and was answered", async () => {
      const now = await sent("10.0.0.3");
      return now.received.routeRefresh > before.bird.received.routeRefresh && now.sent.update > before.bird.sent.update;
    });
    t.equal((await frr.paths("10.30.0.0/24"))?.length, 2, "FRR still has all");
    t.equal((await bird.paths("10.100.0.0/24")).length, 2, "BIRD still has all");
    t.equal((await ours.neighbor("10.0.0.2")).flaps, 0);
    t.equal((await ours.neighbor("10.0.0.3")).flaps, 0);
  });

  await step("our `reset --soft in` asks FRR and BIRD, and both send everything again", async (t) => {
    const received = async (address: string) => (await ours.neighbor(address)).messages.received.update;
    for (const address of ["10.0.0.2", "10.0.0.3"]) {
      const before = await received(address);
      await ours.reset(address, "in");
      await lab.until(`${address} sends again`, async () => (await received(address)) > before);
    }
    t.ok((await frr.neighbor("10.0.0.1")).messageStats.routeRefreshRecv >= 1, "FRR has counted our request");
    t.equal((await ours.paths("10.30.0.0/24")).length, 2, "nothing is lost");
    t.equal((await ours.paths("10.100.0.0/24")).length, 2);
    t.equal((await ours.neighbor("10.0.0.3")).flaps, 0);
  });

  await step("`reset --soft out` sends everything again unasked", async (t) => {
    const updates = async () => (await frr.neighbor("10.0.0.1")).messageStats.updatesRecv as number;
    const before = await updates();
    await ours.reset("10.0.0.2", "out");
    await lab.until("FRR has got UPDATEs", async () => (await updates()) > before);
    t.equal((await frr.paths("10.30.0.0/24"))?.length, 2);
  });
});
