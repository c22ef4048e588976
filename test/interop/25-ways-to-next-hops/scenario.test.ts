import type { Explanation } from "../../../src/view/model.ts";
import { Bird } from "../../../testbed/daemons/bird.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { NotYet } from "../../../testbed/wait.ts";
import { scenario } from "../harness/scenario.ts";
import { birdTimers, ourTimers } from "../harness/texts.ts";

/**
 * How next hops resolve, and what is kept out of the kernel, on real links: a node, a second node that announces more than
 * it should, and a gateway that both have a default route to.
 */
const neighbor = (address: string, more = "") => `{address: ${address}, remote-as: internal, ${ourTimers}${more}}`;

scenario("ways to next hops", [], async ({ lab, step }) => {
  const lan = lab.switch("lan");
  const node = lab.host("node").plug(lan, { addresses: ["192.168.100.1/24"] });
  const other = lab.host("other").plug(lan, { addresses: ["192.168.100.2/24", "192.168.100.50/32"] });
  const gateway = lab.host("gw").plug(lan, { addresses: ["192.168.100.254/24"] });
  await node.run("ip", "route", "add", "default", "via", "192.168.100.254");
  const config = (kernel: string, more = "", localAddress = "192.168.100.1") => `
router: {as: 65001, router-id: 192.168.100.1, address: 192.168.100.1}
kernel: {${kernel}}
originate: [{prefix: 172.20.1.0/24, blackhole: true}]
neighbors: [${neighbor("192.168.100.2", `, local-address: ${localAddress}`)}]
${more}`;
  const peerage = await new Peerage(node, config("resolve-via-default: false")).start();
  const announcing = (...prefixes: string[]) => `
router: {as: 65001, router-id: 192.168.100.2, address: 192.168.100.2}
kernel: {fib: none}
originate:
${prefixes.map((prefix) => `  - prefix: ${prefix}`).join("\n")}
neighbors: [${neighbor("192.168.100.1", ", local-address: 192.168.100.2")}]`;
  const stranger = await new Peerage(
    other,
    announcing(
      "172.20.2.0/24",
      "192.168.100.50/32",
      "192.168.100.254/32",
      "192.168.100.0/25",
      "192.168.100.0/24",
      "192.168.0.0/16",
    ),
  ).start();
  const kernelHas = async (host: Host, prefix: string) => (await host.kernelRoute(prefix, "bgp"))?.via ?? null;
  const explained = async (prefix: string): Promise<Explanation> =>
    (await peerage.get(`/explain?prefix=${encodeURIComponent(prefix)}`)) as Explanation;

  await step(
    "routes to a part of the underlay, a gateway's /32 among them, stay out of the kernel and are explained",
    async (t) => {
      await lab.until("the block of the other node is there", () => kernelHas(node, "172.20.2.0/24"));
      await lab.until("and what lies beside the underlay, a shorter prefix", () => kernelHas(node, "192.168.0.0/16"));
      for (const prefix of ["192.168.100.254/32", "192.168.100.0/25", "192.168.100.0/24"]) {
        t.equal(await kernelHas(node, prefix), null, prefix);
        t.match((await explained(prefix)).kernel, {
          state: "absent",
          text: "it is kept out: it would override the underlay 192.168.100.0/24",
        });
        t.match(await peerage.cli("explain", prefix), /kept out: it would override the underlay 192\.168\.100\.0\/24/);
      }
      t.notMatch(await peerage.cli("fib"), /192\.168\.100\.254/);
      t.equal(
        (await peerage.paths("192.168.100.254/32")).length,
        1,
        "it is known and may be told to others, all the same",
      );
      await node.run("ping", "-c1", "-W2", "192.168.100.254").catch(() => t.fail("the gateway is still reached"));
    },
  );
  await step(
    "a virtual address in the underlay's subnet is kept out too; the link reaches it without a route",
    async (t) => {
      t.equal(await kernelHas(node, "192.168.100.50/32"), null);
      t.match((await explained("192.168.100.50/32")).kernel, { state: "absent", text: /kept out/ });
      await node.run("ping", "-c1", "-W2", "192.168.100.50").catch(() => t.fail("the virtual address answers"));
    },
  );
  await step("the broadcast address of the link is no next hop: the kernel would refuse it", async (t) => {
    const broadcasting = announcing("172.20.3.0/24").replace("100.2}]", "100.2, export-policy: [far]}]");
    stranger.configure(`${broadcasting}\npolicies: {far: [{then: {set: {next-hop: 192.168.100.255}, accept: true}}]}`);
    await stranger.reload();
    await lab.until("it is known", async () => (await peerage.paths("172.20.3.0/24")).length === 1);
    t.match(
      await peerage.cli("explain", "172.20.3.0/24"),
      /lost at: 192\.168\.100\.255 is unreachable: the kernel's broadcast route 192\.168\.100\.255\/32 is in the way/,
    );
    t.notMatch(await peerage.cli("fib"), /172\.20\.3\.0/);
  });
  await step("a reload that runs the session over another address guards that address's subnet as well", async (t) => {
    // A second subnet that nobody peers over is nobody's underlay: parts of it may be routed.
    node.addAddresses("eth0", "192.168.7.1/24");
    other.addAddresses("eth0", "192.168.7.2/24");
    stranger.configure(announcing("172.20.2.0/24", "192.168.7.9/32"));
    await stranger.reload();
    await lab.until("it is in the kernel", () => kernelHas(node, "192.168.7.9/32"));
    t.match((await explained("192.168.7.9/32")).kernel, { state: "installed" });
    const moved = config("resolve-via-default: false").replace(
      /neighbors: .*/,
      `neighbors: [${neighbor("192.168.7.2", ", local-address: 192.168.7.1")}]`,
    );
    peerage.configure(moved);
    stranger.configure(
      announcing("172.20.2.0/24", "192.168.7.9/32").replace(
        /neighbors: .*/,
        `neighbors: [${neighbor("192.168.7.1", ", local-address: 192.168.7.2")}]`,
      ),
    );
    await stranger.reload();
    await peerage.reload();
    await lab.until("the session runs over the second subnet", () => peerage.established("192.168.7.2"));
    await lab.until("the part of it is known", async () => (await peerage.paths("192.168.7.9/32")).length === 1);
    await lab.until("the block is there", () => kernelHas(node, "172.20.2.0/24"));
    t.equal(await kernelHas(node, "192.168.7.9/32"), null, "the part of the new underlay has left the kernel");
    t.match((await explained("192.168.7.9/32")).kernel, { state: "absent", text: /underlay 192\.168\.7\.0\/24/ });
  });
  await step("a next hop that only the default route leads to counts only with resolve-via-default", async (t) => {
    // The session moves to an address of the other node that is on no link.
    other.addAddresses("lo", "10.60.0.9/32");
    await node.run("ip", "route", "add", "10.60.0.9/32", "via", "192.168.100.2");
    const session = (kernel: string) =>
      config(kernel).replace(
        /neighbors: .*/,
        `neighbors: [${neighbor("10.60.0.9", ", local-address: 192.168.100.1")}]`,
      );
    stranger.configure(
      announcing("172.20.2.0/24").replace(
        /neighbors: .*/,
        `neighbors: [${neighbor("192.168.100.1", ", local-address: 10.60.0.9")}]`,
      ),
    );
    peerage.configure(session("resolve-via-default: false"));
    await stranger.reload();
    await peerage.reload();
    await lab.until("the block goes through the static route's gateway", async () =>
      (await kernelHas(node, "172.20.2.0/24"))?.includes("192.168.100.2 dev eth0"),
    );
    // Now only the default route leads there; the gateway passes the session's packets on.
    await gateway.run("ip", "route", "add", "10.60.0.9/32", "via", "192.168.100.2");
    await node.run("ip", "route", "del", "10.60.0.9/32");
    await lab.until("the block has left the kernel", async () => (await kernelHas(node, "172.20.2.0/24")) === null);
    t.match((await explained("172.20.2.0/24")).decision.text, /no path is usable/);
    t.match(await peerage.cli("explain", "172.20.2.0/24"), /default/, "and it says that only a default route is there");
    peerage.configure(session("resolve-via-default: true"));
    await peerage.reload();
    await lab.until("the block goes through the default gateway", async () =>
      (await kernelHas(node, "172.20.2.0/24"))?.includes("192.168.100.254 dev eth0"),
    );
    peerage.configure(session("resolve-via-default: false"));
    await peerage.reload();
    await lab.until("and is gone again", async () => (await kernelHas(node, "172.20.2.0/24")) === null);
  });
  await step("fib: memory makes no tunnel and no route, and shows what it would", async (t) => {
    await peerage.daemon.signal("SIGTERM");
    await node.run("ip", "route", "add", "10.60.0.9/32", "via", "192.168.100.2");
    peerage.configure(
      config("fib: memory", "tunnels: [{kind: vxlan, device: vxlan.p, when: always, vni: 7, port: 4789}]").replace(
        /neighbors: .*/,
        `neighbors: [${neighbor("10.60.0.9", ", local-address: 192.168.100.1")}]`,
      ),
    );
    await node.run("ip", "route", "flush", "proto", "bgp");
    await peerage.restart();
    await lab.until("the block is shown", async () =>
      (await peerage.fib()).some((row) => row.prefix === "172.20.2.0/24" && row.state === "installed"),
    );
    t.equal(await kernelHas(node, "172.20.2.0/24"), null);
    t.notMatch(await node.run("ip", "link", "show"), /vxlan/);
    t.match((await peerage.fib()).find((row) => row.prefix === "172.20.2.0/24")?.nextHops, [{ dev: "eth0" }]);
  });
});

/** NetworkManager and others give the links of a host metrics 100 and 101, so that the kernel prefers one where both lead. */
scenario("two uplinks whose connected routes have different metrics", ["bird"], async ({ lab, step }) => {
  const uplinks = [lab.switch("one"), lab.switch("two")] as const;
  const plugged = (name: string, last: number, metrics: readonly number[]): Host => {
    const host = lab.host(name);
    for (const [i, metric] of metrics.entries())
      host.plug(uplinks[i]!, { addresses: [`10.${i}.0.${last}/24 metric ${metric}`] });
    return host;
  };
  const [node, birdNode] = [plugged("node", 1, [100, 101]), plugged("bird", 2, [100, 101])];
  const routers = ([0, 1] as const).map(
    (i) =>
      new Peerage(
        lab.host(`router${i}`).plug(uplinks[i], { addresses: [`10.${i}.0.9/24`] }),
        `
router: {as: ${65010 + i}, router-id: 10.${i}.0.9}
kernel: {fib: none}
originate: [{prefix: 198.51.100.0/24}]
policies: {all: [{then: accept}]}
dynamic-neighbors: [{range: 10.${i}.0.0/24, remote-as: 65001, ${ourTimers}, export-policy: [all]}]`,
      ),
  );
  const ours = new Peerage(
    node,
    `
router: {as: 65001, router-id: 10.0.0.1}
kernel: {maximum-paths: 2}
policies: {all: [{then: accept}]}
neighbors:
  - {address: 10.0.0.9, remote-as: 65010, ${ourTimers}, import-policy: [all]}
  - {address: 10.1.0.9, remote-as: 65011, ${ourTimers}, import-policy: [all]}
  - {address: 127.0.0.2, remote-as: internal, local-address: 127.0.0.1, passive: true, ${ourTimers}}`,
  );
  const bird = new Bird(
    birdNode,
    `
router id 10.0.0.2;
protocol direct { ipv4; }
protocol kernel { merge paths on limit 2; ipv4 { export where source = RTS_BGP; }; }
${[0, 1]
  .map(
    (i) => `protocol bgp r${i} {
  local as 65001; neighbor 10.${i}.0.9 as ${65010 + i}; ${birdTimers} ipv4 { import all; export none; };
}`,
  )
  .join("\n")}`,
  );
  await Promise.all([...routers, ours, bird].map((daemon) => daemon.start()));

  await step("both carry equal routes, as BIRD has it", async (t) => {
    const both = ["10.0.0.9 dev eth0", "10.1.0.9 dev eth1"];
    for (const [host, protocol] of [
      [birdNode, "bird"],
      [node, "bgp"],
    ] as const)
      t.ok(
        await lab.until(`the kernel of ${host.name} has both ways`, async () => {
          const via = (await host.kernelRoute("198.51.100.0/24", protocol))?.via;
          if (String(via) === String(both)) return true;
          throw new NotYet(String(via));
        }),
      );
  });

  await step("a route of a speaker on this machine isn't wanted in the kernel, which would refuse it", async (t) => {
    const beside = new Bird(
      node,
      `
router id 10.0.0.77;
protocol static { ipv4; route 192.0.2.0/24 blackhole; route 203.0.113.0/24 blackhole; }
protocol bgp ours {
  local 127.0.0.2 port 1179 as 65001; neighbor 127.0.0.1 as 65001; ${birdTimers}
  ipv4 { import none; export filter {
    if net = 203.0.113.0/24 then bgp_next_hop = 198.51.100.9;
    accept;
  }; };
}`,
    );
    await beside.start();
    await lab.until("its route is used", () => ours.best("192.0.2.0/24"));
    await lab.until("the kernel has what is wanted", () => ours.converged());
    t.notOk((await ours.fib()).some(({ prefix }) => prefix === "192.0.2.0/24"));
    t.ok(await ours.cli("fib", "--check"), "nothing is amiss");
    t.match(await ours.cli("explain", "192.0.2.0/24"), "it is kept out: its next hop is this machine");
  });

  await step("a next hop that only a BGP route leads to is unreachable, and explain says so", async (t) => {
    await lab.until("the route is known", async () => (await ours.paths("203.0.113.0/24")).length === 1);
    t.match(
      await ours.cli("explain", "203.0.113.0/24"),
      "no route of the kernel leads there. A BGP route does, 198.51.100.0/24; next hops aren't resolved through BGP routes",
    );
  });
});
