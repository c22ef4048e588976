import { Bird } from "../../../testbed/daemons/bird.ts";
import { Frr } from "../../../testbed/daemons/frr.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, frrDefaults, frrNeighbor, ourTimers } from "../harness/texts.ts";

/**
 * Two racks, each an AS with a reflector of ours at its border; blocks of workloads as in the lectures.
 *
 *   rack A, AS 65001, 192.168.1.0/24                     rack B, AS 65002, 192.168.2.0/24
 *     a1 ours .11 172.17.8.0/24 ─┐                          ┌─ b1 ours .11 172.17.10.0/24
 *     a2 frr  .12 172.17.9.0/24 ─┴─ rrA .1 ── eBGP ── rrB .1 ─┴─ b2 bird .12 172.17.11.0/24
 */
scenario(
  "the data path: workloads of two racks ping each other through the learned kernel routes",
  ["frr", "bird", "ping"],
  async ({ lab, step }) => {
    const [rackA, rackB, between] = [lab.switch("a"), lab.switch("b"), lab.switch("ab")];
    /** A workload stands behind its node on an address of the node's block. */
    const node = (name: string, rack: 1 | 2, last: number, workload: string): Host =>
      lab
        .host(name)
        .plug(rack === 1 ? rackA : rackB, { addresses: [`192.168.${rack}.${last}/24`, `fd0${rack}::${last}/64`] })
        .addAddresses("lo", `${workload}/32`);
    const reflector = (name: string, rack: 1 | 2) =>
      new Peerage(
        lab
          .host(name)
          .plug(rack === 1 ? rackA : rackB, { addresses: [`192.168.${rack}.1/24`] })
          .plug(between, { addresses: [`192.168.100.${rack}/24`] }),
        `
router: {as: 6500${rack}, router-id: 192.168.${rack}.1, address: 192.168.${rack}.1}
peer-groups:
  nodes: {remote-as: internal, route-reflector-client: true, next-hop-self: true, ${ourTimers}}
dynamic-neighbors:
  - {range: 192.168.${rack}.0/24, peer-group: nodes}
neighbors:
  - {address: 192.168.100.${3 - rack}, remote-as: 6500${3 - rack}, import-policy: [blocks], export-policy: [blocks], ${ourTimers}}
prefix-lists:
  blocks: [{prefix: 172.17.0.0/16, ge: 24, le: 24}]
policies:
  blocks: [{match: {prefix-list: blocks}, then: accept}]
`,
      );
    const ourNode = (name: string, rack: 1 | 2, last: number, block: number) =>
      new Peerage(
        node(name, rack, last, `172.17.${block}.2`),
        `
router: {as: 6500${rack}, router-id: 192.168.${rack}.${last}, address: 192.168.${rack}.${last}}
originate: [{prefix: 172.17.${block}.0/24, blackhole: true}]
neighbors: [{address: 192.168.${rack}.1, remote-as: internal, ${ourTimers}}]
`,
      );

    const [rrA, rrB] = [reflector("rrA", 1), reflector("rrB", 2)];
    const [a1, b1] = [ourNode("a1", 1, 11, 8), ourNode("b1", 2, 11, 10)];
    const a2 = new Frr(
      node("a2", 1, 12, "172.17.9.2"),
      `
router bgp 65001
 bgp router-id 192.168.1.12
${frrDefaults}${frrNeighbor("192.168.1.1", 65001)} address-family ipv4 unicast
  neighbor 192.168.1.1 activate
  network 172.17.9.0/24
 exit-address-family
`,
    );
    const b2 = new Bird(
      node("b2", 2, 12, "172.17.11.2"),
      `
router id 192.168.2.12;
protocol direct { ipv4; interface "eth*"; }
protocol static { ipv4; route 172.17.11.0/24 blackhole; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol bgp up {
  local 192.168.2.12 as 65002; neighbor 192.168.2.1 as 65002; ${birdTimers}
  ipv4 { import all; export where source = RTS_STATIC; };
}`,
    );
    await Promise.all([rrA.start(), rrB.start(), a1.start(), b1.start(), a2.start(), b2.start()]);
    const hosts = [
      { host: a1.host, block: 8, protocol: "bgp" },
      { host: a2.host, block: 9, protocol: "bgp" },
      { host: b1.host, block: 10, protocol: "bgp" },
      { host: b2.host, block: 11, protocol: "bird" },
    ];

    await step("every host has a kernel route to every block", async (t) => {
      for (const { host, block, protocol } of [
        ...hosts,
        { host: rrA.host, block: 0, protocol: "bgp" },
        { host: rrB.host, block: 0, protocol: "bgp" },
      ]) {
        const wanted = [8, 9, 10, 11].filter((other) => other !== block).map((other) => `172.17.${other}.0/24`);
        await lab.until(`${host.name} has ${wanted.join(", ")}`, async () => {
          const found = (await host.kernelRoutes(protocol)).map((route) => route.prefix);
          const missing = wanted.filter((prefix) => !found.includes(prefix));
          if (missing.length > 0) throw new Error(`missing ${missing.join(", ")}`);
          return true;
        });
      }
      t.same(
        (await a1.host.kernelRoute("172.17.9.0/24", "bgp"))?.via,
        ["192.168.1.12 dev eth0"],
        "inside the rack directly",
      );
      t.same(
        (await a1.host.kernelRoute("172.17.11.0/24", "bgp"))?.via,
        ["192.168.1.1 dev eth0"],
        "to the other by the reflector",
      );
      t.same((await rrA.host.kernelRoute("172.17.10.0/24", "bgp"))?.via, ["192.168.100.2 dev eth1"]);
    });

    await step("every workload reaches every other, within the rack and between racks", async (t) => {
      for (const from of hosts)
        for (const to of hosts)
          if (from !== to) {
            const target = `172.17.${to.block}.2`;
            const answer = await from.host.run("ping", "-c", "1", "-W", "5", "-I", `172.17.${from.block}.2`, target);
            t.match(answer, / 0% packet loss/, `${from.host.name} reaches ${target}`);
          }
    });

    await step(
      "a node that goes away is unreachable, without a loop at its border (the block's owner is gone everywhere)",
      async (t) => {
        await b2.daemon.signal("SIGTERM");
        for (const host of [a1.host, rrA.host, rrB.host])
          await lab.until(
            `${host.name} has forgotten its block`,
            async () => !(await host.kernelRoute("172.17.11.0/24", "bgp")),
            {
              withinSeconds: 60,
            },
          );
        await t.rejects(a1.host.run("ping", "-c", "1", "-W", "1", "-I", "172.17.8.2", "172.17.11.2"));
      },
    );
  },
);
