import { cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { openFib } from "../../../src/fib/open.ts";
import { formatPrefix, type Prefix } from "../../../src/lib/address.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { openFibOs } from "../../../src/os/fib-os.ts";
import { Peerage, program } from "../../../testbed/daemons/peerage.ts";
import type { Host, Lab } from "../../../testbed/lab.ts";
import { inNamespace } from "../../../testbed/namespace.ts";
import { Stopwatch } from "../../../testbed/wait.ts";
import { Pinging } from "../harness/pinging.ts";
import { RouteWatch } from "../harness/route-watch.ts";
import { scenario } from "../harness/scenario.ts";
import { ourTimers } from "../harness/texts.ts";
import { blocks, type Node, threeNodes } from "../harness/three-nodes.ts";
import { plugWorkload } from "../harness/workload.ts";

/**
 * Whole daemons and real packets: three nodes, and beside n1 and n2 the reflectors rr1 (.201) and rr2 (.202). The nodes know the
 * reflectors only, and those write no kernel routes.
 */
const nodeConfig = ({ address, block }: Node) => `
router: {as: 65001, router-id: ${address}, address: ${address}}
originate:
  - {prefix: ${block}.0/24, blackhole: true}
  - workloads: {interfaces: "cali*"}
tunnels: [{kind: vxlan, device: vxlan.peerage, vni: 4096}]
neighbors:
  - {address: 192.168.100.201, remote-as: internal, ${ourTimers}}
  - {address: 192.168.100.202, remote-as: internal, ${ourTimers}}
`;

const reflectorConfig = (address: string) => `
router: {as: 65001, router-id: ${address}, address: ${address}, cluster-id: 192.168.100.201}
kernel: {fib: none}
peer-groups: {nodes: {remote-as: internal, route-reflector-client: true, ${ourTimers}}}
dynamic-neighbors: [{range: 192.168.0.0/16, peer-group: nodes}]
`;

async function build(lab: Lab) {
  const { daemons, workloads, place } = await threeNodes(lab, nodeConfig);
  const reflectors = await Promise.all(
    ["192.168.100.201", "192.168.100.202"].map(
      async (address, i) => new Peerage(await place(`rr${i + 1}`, address), reflectorConfig(address)),
    ),
  );
  await Promise.all([...reflectors, ...daemons].map((each) => each.start()));
  return { reflectors, daemons, workloads };
}

/** What the kernel of a host tells of one prefix: how often it came and how often it went. */
async function witness(host: Host, prefix: string) {
  const machine = openFibOs();
  const inside = <T>(body: () => T) => inNamespace(host.namespace, body);
  const os = {
    ...machine,
    openNetlink: () => inside(machine.openNetlink),
    openNetlinkEvents: () => inside(machine.openNetlinkEvents),
  };
  // a FIB in memory writes nothing, and holds every route for another owner's: it tells of all
  const { fib, reader } = openFib({
    mode: "memory",
    table: 254,
    protocol: 186,
    metric: 32,
    nexthopObjects: false,
    writer: "inside",
    clock: systemClock,
    os,
  });
  await fib.ready;
  const seen = { came: 0, went: 0 };
  const is = (route: Prefix) => formatPrefix(route) === prefix;
  reader.subscribe({
    route: (route) => {
      if (is(route)) seen.came++;
    },
    routeGone: (route) => {
      if (is(route)) seen.went++;
    },
  });
  return { seen, close: () => fib.close(true) };
}

scenario("no packet is lost while daemons stop, die, and come back", ["ping"], async ({ lab, step }) => {
  const { reflectors, daemons, workloads } = await build(lab);
  const [n1, , n3] = daemons;
  const [w1, , w3] = workloads;

  /** Everybody has told everything to everybody: a restart from here on has a state to come back to. */
  const settled = async () => {
    for (const node of daemons)
      await lab.until(`${node.host.name} has its sessions and routes, none of them stale`, async () => {
        await node.established("192.168.100.201", "192.168.100.202");
        const chosen = (await node.routes()).filter((row) => row.paths.some((path) => path.best && !path.stale));
        if (blocks.some((block) => !chosen.some((row) => row.prefix === block))) return false;
        const rows = (await node.fib()).filter((row) => blocks.includes(row.prefix));
        return rows.length === 3 && rows.every((row) => row.state === "installed");
      });
    for (const each of [...reflectors, ...daemons])
      await lab.until(`${each.host.name} has told and written everything`, () => each.converged());
  };

  /** Pings in the background while `what` happens; all ways are looked at when it's over. */
  const withoutLoss = async (t: Test, what: () => Promise<void>) => {
    const pings = [
      { way: "n1 to n2, direct", ping: new Pinging(w1, "172.17.9.2") },
      { way: "n1 to n3, VXLAN", ping: new Pinging(w1, "172.17.10.2") },
      { way: "n3 to n2, VXLAN", ping: new Pinging(w3, "172.17.9.2") },
    ];
    for (const { ping } of pings) await ping.flows();
    const watch = new Stopwatch();
    await what();
    for (const { way, ping } of pings) {
      const { sent, lost } = await ping.stop();
      t.comment(`${way}: ${sent} sent, ${lost} lost, ${watch} after the start`);
      t.equal(lost, 0, `${way}: none lost`);
    }
  };

  /** What `what` makes the kernel of n1 tell: nothing, if nothing was written. */
  const silently = async (t: Test, what: () => Promise<void>) => {
    const watch = new RouteWatch(n1.host);
    const before = await watch.heard();
    await what();
    t.same((await watch.heard()).slice(before.length), [], "the kernel's routes were not touched");
    await watch.end();
  };

  await step("workloads reach each other: directly on one link, by VXLAN beyond the router", async (t) => {
    await settled();
    t.same((await n1.host.kernelRoute("172.17.9.0/24", "bgp"))?.via, ["192.168.100.2 dev eth0"]);
    t.same((await n1.host.kernelRoute("172.17.10.0/24", "bgp"))?.via, ["192.168.200.3 dev vxlan.peerage"]);
    t.same((await n3.host.kernelRoute("172.17.8.0/24", "bgp"))?.via, ["192.168.100.1 dev vxlan.peerage"]);
    t.same((await n1.host.kernelRoute("172.17.8.0/24", "bgp"))?.type, "blackhole", "the own block");
    await withoutLoss(t, async () => {});
  });

  await step(
    "a new workload outside the blocks comes into the kernel of the other nodes, and goes out of it, each time that it does so here",
    async (t) => {
      const far = await witness(n3.host, "172.17.200.5/32");
      try {
        const workload = await plugWorkload(lab, n1.host, "w9", "172.17.200.5");
        const watch = new Stopwatch();
        for (let i = 0; i < 10; i++) {
          if (i > 0) await n1.host.run("ip", "route", "add", "172.17.200.5/32", "dev", "caliw9", "scope", "link");
          await lab.until("n3 has it", () => far.seen.came > i, { everyMs: 1 });
          if (i === 0) {
            t.same((await n3.host.kernelRoute("172.17.200.5/32", "bgp"))?.via, ["192.168.100.1 dev vxlan.peerage"]);
            const ping = new Pinging(workload, "172.17.10.2");
            await ping.flows();
            t.equal((await ping.stop()).lost, 0);
          }
          await n1.host.run("ip", "route", "del", "172.17.200.5/32");
          await lab.until("n3 has it no more", () => far.seen.went > i, { everyMs: 1 });
        }
        t.comment(`from kernel to kernel by a reflector, ten times there and back, and some pings: ${watch}`);
        t.same(far.seen, { came: 10, went: 10 }, "once each time");
      } finally {
        await far.close();
      }
      t.equal(await n3.host.kernelRoute("172.17.200.5/32", "bgp"), undefined);
    },
  );

  await step("a restart loses no packet and writes nothing to the kernel", async (t) => {
    await withoutLoss(t, () =>
      silently(t, async () => {
        await n1.daemon.signal("SIGTERM");
        await n1.restart();
        await settled();
      }),
    );
  });

  await step("nor does kill -9", async (t) => {
    await withoutLoss(t, () =>
      silently(t, async () => {
        await n1.daemon.signal("SIGKILL");
        await n1.restart();
        await settled();
      }),
    );
  });

  await step("nor does an upgrade: the daemon is stopped and another build of it started", async (t) => {
    const other = join(lab.directory, "upgrade");
    const root = join(program, "../../..");
    cpSync(join(root, "dist/src"), join(other, "dist/src"), { recursive: true });
    cpSync(join(root, "package.json"), join(other, "package.json"));
    symlinkSync(join(root, "node_modules"), join(other, "node_modules"));
    await withoutLoss(t, () =>
      silently(t, async () => {
        await n1.daemon.signal("SIGTERM");
        await n1.restart(join(other, "dist/src/main.js"));
        await settled();
      }),
    );
  });

  await step("tunnel entries: deleted by hand they come back, left by an earlier run they go", async (t) => {
    const { host } = n1;
    const device = ["dev", "vxlan.peerage"];
    const entries = async () => [
      ...(await host.run("ip", "neigh", "show", ...device)).trim().split("\n"),
      ...(await host.run("bridge", "fdb", "show", ...device)).trim().split("\n"),
    ];
    const before = await entries();
    t.equal(before.length, 2, "of n3 alone");
    await host.run("ip", "neigh", "del", "192.168.200.3", ...device);
    await host.run("bridge", "fdb", "del", "0e:50:c0:a8:c8:03", ...device, "dst", "192.168.200.3", "self");
    await lab.until("both entries are back", async () => JSON.stringify(await entries()) === JSON.stringify(before));
    await n1.daemon.signal("SIGKILL");
    await host.run("ip", "neigh", "add", "192.168.200.9", "lladdr", "0e:50:c0:a8:c8:09", ...device);
    await host.run("bridge", "fdb", "add", "0e:50:c0:a8:c8:09", ...device, "dst", "192.168.200.9", "self");
    await n1.restart();
    await lab.until(
      "those of an earlier run are gone",
      async () => JSON.stringify(await entries()) === JSON.stringify(before),
    );
    await settled();
  });

  await step("the death of a reflector, and its return, lose no packet", async (t) => {
    const [rr1] = reflectors as [Peerage, Peerage];
    await withoutLoss(t, async () => {
      await rr1.daemon.signal("SIGKILL");
      for (const node of daemons)
        await lab.until(`${node.host.name} has noticed`, async () => {
          const row = await node.neighborRow("192.168.100.201");
          return row?.state !== "Established";
        });
      for (const node of daemons)
        t.equal((await node.host.kernelRoutes("bgp")).length, 3, "every route is held by the other reflector");
      await rr1.restart();
      await settled();
    });
  });

  await step("two restarts, the second before the first is over, lose none of our kernel routes", async (t) => {
    await silently(t, async () => {
      await n1.daemon.signal("SIGKILL");
      await n1.restart(); // ready: it has begun, and nobody has told it anything
      await n1.daemon.signal("SIGKILL");
      await n1.restart();
      await settled();
    });
    const ping = new Pinging(w1, "172.17.10.2");
    await ping.flows();
    t.equal((await ping.stop()).lost, 0);
  });
});
