import type { Test } from "tap";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import type { Host, Lab, Switch } from "../../../testbed/lab.ts";
import { stretched } from "../../../testbed/pace.ts";
import { Pinging } from "../harness/pinging.ts";
import { scenario } from "../harness/scenario.ts";
import { ourTimers } from "../harness/texts.ts";
import { plugWorkload } from "../harness/workload.ts";

/**
 * A mesh of three nodes with a workload each; n1 and n2 reach each other directly, n3 by VXLAN.
 *
 *   n1 .1 172.17.8.0/24, n2 .2 172.17.9.0/24 ── 192.168.100.0/24 ── router .254 ── 192.168.200.0/24 ── n3 .3 172.17.10.0/24
 */
const nodes = [
  { name: "n1", address: "192.168.100.1", block: "172.17.8" },
  { name: "n2", address: "192.168.100.2", block: "172.17.9" },
  { name: "n3", address: "192.168.200.3", block: "172.17.10" },
] as const;

const configOf = ({ address, block }: (typeof nodes)[number], more: readonly string[] = []) => `
router: {as: 65001, router-id: ${address}, address: ${address}, selection-deferral: ${stretched(60)}}
originate:
${[`${block}.0/24`, ...more].map((prefix) => `  - {prefix: ${prefix}, blackhole: true}\n`).join("")}
tunnels: [{kind: vxlan, device: vxlan.peerage, vni: 4096}]
neighbors:
${nodes
  .filter((other) => other.address !== address)
  .map((other) => `  - {address: ${other.address}, remote-as: internal, ${ourTimers}}\n`)
  .join("")}`;

async function build(lab: Lab) {
  const [lanA, lanB] = [lab.switch("a"), lab.switch("b")];
  lab
    .host("r")
    .plug(lanA, { addresses: ["192.168.100.254/24"] })
    .plug(lanB, { addresses: ["192.168.200.254/24"] });
  const workloads: Host[] = [];
  const daemons: Peerage[] = [];
  for (const node of nodes) {
    const lan: Switch = node.name === "n3" ? lanB : lanA;
    const host = lab.host(node.name).plug(lan, { addresses: [`${node.address}/24`] });
    await host.run("ip", "route", "add", "default", "via", node.address.replace(/\d+$/, "254"));
    workloads.push(await plugWorkload(lab, host, `w${node.name.slice(1)}`, `${node.block}.2`));
    daemons.push(new Peerage(host, configOf(node)));
  }
  await Promise.all(daemons.map((each) => each.start()));
  return { daemons, workloads };
}

scenario("restarts that follow each other", ["ping"], async ({ lab, step }) => {
  const { daemons, workloads } = await build(lab);
  const [w1, , w3] = workloads as [Host, Host, Host];
  const patience = String(Math.ceil(stretched(90)));

  const settled = async () => {
    for (const [i, node] of daemons.entries())
      await lab.until(`${node.host.name} has its sessions and routes, none of them stale`, async () => {
        await node.established(...nodes.filter((_, other) => other !== i).map(({ address }) => address));
        const rows = (await node.fib()).filter(({ prefix }) => nodes.some(({ block }) => prefix === `${block}.0/24`));
        return rows.length === 3 && rows.every(({ state, stale }) => state === "installed" && stale === undefined);
      });
    for (const node of daemons)
      await lab.until(`${node.host.name} has told and written everything`, () => node.converged());
  };

  const withoutLoss = async (t: Test, what: () => Promise<void>) => {
    const pings = [
      { way: "n1 to n2, direct", ping: new Pinging(w1, "172.17.9.2") },
      { way: "n1 to n3, VXLAN", ping: new Pinging(w1, "172.17.10.2") },
      { way: "n3 to n2, VXLAN", ping: new Pinging(w3, "172.17.9.2") },
    ];
    for (const { ping } of pings) await ping.flows();
    await what();
    for (const { way, ping } of pings) {
      const { sent, lost } = await ping.stop();
      t.comment(`${way}: ${sent} sent, ${lost} lost`);
      t.equal(lost, 0, `${way}: none lost`);
    }
  };

  await settled();
  await step("each waits for the one before with `peerage wait ready`: no packet is lost", (t) =>
    withoutLoss(t, async () => {
      for (const node of daemons) {
        await node.daemon.signal("SIGTERM");
        await node.restart();
        t.match(await node.cli("wait", "ready", "--timeout", patience), /^Ready\n/);
      }
      await settled();
    }),
  );

  await step("one that returns while another is away keeps its kernel routes until that one has told them again", (t) =>
    withoutLoss(t, async () => {
      const [first, second] = daemons as [Peerage, Peerage, Peerage];
      await first.daemon.signal("SIGTERM");
      await second.daemon.signal("SIGTERM");
      await Promise.all([first.restart(), second.restart()]);
      for (const node of daemons) await node.cli("wait", "ready", "--timeout", patience);
      for (const node of daemons) await node.cli("wait", "converged", "--timeout", patience);
      await settled();
    }),
  );

  await step(
    "a writer that is stopped is named in the log, in fib and as reason, and goes on where it was",
    async (t) => {
      const [n1, , n3] = daemons as [Peerage, Peerage, Peerage];
      const [child] = (await n3.host.run("pgrep", "-P", String(n3.daemon.pid))).trim().split("\n");
      process.kill(Number(child), "SIGSTOP");
      try {
        n1.configure(configOf(nodes[0], ["172.17.99.0/24"]));
        await n1.reload();
        await lab.until("the silence is noticed", async () => (await n3.get("/readiness")).writer !== null);
        t.match(await n3.get("/readiness"), {
          ready: true,
          reasons: [/^the kernel writer has not answered for \d+ s/],
        });
        t.match(n3.daemon.output, "fib-writer-hung");
        const row = (await n3.fib()).find(({ prefix }) => prefix === "172.17.99.0/24");
        t.match(row, { state: "pending", error: /^the kernel writer has not answered/ });
      } finally {
        process.kill(Number(child), "SIGCONT");
      }
      t.match(await n3.cli("wait", "converged", "--timeout", patience), /^Converged\n/);
      t.match(n3.daemon.output, "fib-writer-answers");
      t.ok(await n3.host.kernelRoute("172.17.99.0/24", "bgp"));
    },
  );
});
