import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];

/** Two of ours with one inventory file between them, FRR and BIRD with lists of neighbors. Node N owns 10.N.0.0/24. */
scenario("a full mesh of two of ours, FRR and BIRD", ["frr", "bird"], async ({ lab, step }) => {
  const lan = lab.switch("lan");
  const plug = (name: string, last: number) => lab.host(name).plug(lan, { addresses: [`10.0.0.${last}/24`] });
  const inventory = `nodes:\n${addresses
    .map((address, i) => `  - {name: n${i + 1}, address: ${address}, as: 65001, role: node, rack: a}`)
    .join("\n")}\n`;

  const startOurs = (last: number) => {
    const host = plug(`n${last}`, last);
    host.file("nodes.yaml", inventory);
    return new Peerage(
      host,
      `
router: {as: 65001, router-id: 10.0.0.${last}, address: 10.0.0.${last}}
topology: {mode: mesh, inventory: {file: nodes.yaml}}
peer-groups: {mesh: {remote-as: internal, ${ourTimers}}}
originate: [{prefix: 10.${last}.0.0/24, blackhole: true}]
`,
    );
  };
  const [one, four] = [startOurs(1), startOurs(4)];
  const others = (self: string) => addresses.filter((address) => address !== self);
  const frr = new Frr(
    plug("n2", 2),
    `
router bgp 65001
 bgp router-id 10.0.0.2
${frrDefaults}${others("10.0.0.2")
  .map((address) => frrNeighbor(address, 65001))
  .join("")} address-family ipv4 unicast
${others("10.0.0.2")
  .map((address) => `  neighbor ${address} activate\n`)
  .join("")}  network 10.2.0.0/24
 exit-address-family
`,
  );
  const bird = new Bird(
    plug("n3", 3),
    `
router id 10.0.0.3;
protocol direct { ipv4; }
protocol static { ipv4; route 10.3.0.0/24 blackhole; }
${others("10.0.0.3")
  .map(
    (address) => `
protocol bgp n${address.split(".")[3]} {
  local 10.0.0.3 as 65001; neighbor ${address} as 65001; ${birdTimers}
  ipv4 { import all; export where source = RTS_STATIC; };
}`,
  )
  .join("")}`,
  );
  await Promise.all([one.start(), four.start(), frr.start(), bird.start()]);

  await step("all six sessions come up, whoever dials", async (t) => {
    await lab.until("n1 has three sessions", () => one.established(...others("10.0.0.1")));
    await lab.until("n4 has three sessions", () => four.established(...others("10.0.0.4")));
    await lab.until(
      "FRR and BIRD have theirs",
      async () => (await frr.established("10.0.0.3")) && (await bird.countEstablished("n")) === 3,
    );
    t.equal((await one.neighbor("10.0.0.4")).passive, false, "between two of ours the lower address dials");
    t.equal((await four.neighbor("10.0.0.1")).passive, true, "and the higher waits");
  });

  await step(
    "everybody has everybody's route from its owner, and nothing is reflected (RFC 4271 §9.2.1)",
    async (t) => {
      for (const [name, ours, self] of [
        ["n1", one, 1],
        ["n4", four, 4],
      ] as const)
        for (const owner of [1, 2, 3, 4]) {
          const paths = await lab.until(`${name} has the route of n${owner}`, () => ours.paths(`10.${owner}.0.0/24`));
          t.equal(paths.length, 1);
          t.match(paths[0], {
            best: true,
            from: owner === self ? "self" : `10.0.0.${owner}`,
            originatorId: null,
            clusterList: [],
          });
        }
      for (const owner of [1, 3, 4]) {
        const paths = await lab.until(`FRR has the route of n${owner}`, () => frr.paths(`10.${owner}.0.0/24`));
        t.same(
          paths.map((path) => path.from),
          [`10.0.0.${owner}`],
        );
      }
      for (const owner of [1, 2, 4]) {
        const paths = await lab.until(`BIRD has the route of n${owner}`, () => bird.paths(`10.${owner}.0.0/24`));
        t.same(
          paths.map((path) => path.protocol),
          [`n${owner}`],
        );
      }
      const kernel = await lab.until("n1's kernel has the three others", async () => {
        const routes = (await one.host.kernelRoutes("bgp")).filter((route) => route.type === "unicast");
        return routes.length === 3 ? routes : false;
      });
      t.same(
        kernel.map((route) => route.via[0]),
        ["10.0.0.2 dev eth0", "10.0.0.3 dev eth0", "10.0.0.4 dev eth0"],
      );
    },
  );

  await step("a node that leaves takes its route along, everywhere, and nothing else", async (t) => {
    await frr.stop();
    await lab.until("n1 has lost 10.2.0.0/24", async () => (await one.paths("10.2.0.0/24")).length === 0);
    await lab.until("n4 has lost it", async () => (await four.paths("10.2.0.0/24")).length === 0);
    t.same((await four.routes()).map((row) => row.prefix).sort(), ["10.1.0.0/24", "10.3.0.0/24", "10.4.0.0/24"]);
  });
});
