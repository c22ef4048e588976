import type { Test } from "tap";
import { stretched } from "../../../testbed/pace.ts";
import { Pinging } from "../harness/pinging.ts";
import { scenario } from "../harness/scenario.ts";
import { ourTimers } from "../harness/texts.ts";
import { blocks, type Node, nodes, threeNodes } from "../harness/three-nodes.ts";

/** A mesh of the three nodes. */
const configOf = ({ address, block }: Node, more: readonly string[] = []) => `
router: {as: 65001, router-id: ${address}, address: ${address}, selection-deferral: ${stretched(60)}}
originate:
${[`${block}.0/24`, ...more].map((prefix) => `  - {prefix: ${prefix}, blackhole: true}\n`).join("")}
tunnels: [{kind: vxlan, device: vxlan.peerage, vni: 4096}]
neighbors:
${nodes
  .filter((other) => other.address !== address)
  .map((other) => `  - {address: ${other.address}, remote-as: internal, ${ourTimers}}\n`)
  .join("")}`;

scenario("restarts that follow each other", ["ping"], async ({ lab, step }) => {
  const { daemons, workloads } = await threeNodes(lab, (node) => configOf(node));
  const [w1, , w3] = workloads;
  await Promise.all(daemons.map((each) => each.start()));
  const patience = String(Math.ceil(stretched(90)));

  const settled = async () => {
    for (const [i, node] of daemons.entries())
      await lab.until(`${node.host.name} has its sessions and routes, none of them stale`, async () => {
        await node.established(...nodes.filter((_, other) => other !== i).map(({ address }) => address));
        const rows = (await node.fib()).filter(({ prefix }) => blocks.includes(prefix));
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
      const [first, second] = daemons;
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
      const [n1, , n3] = daemons;
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
