import { fileURLToPath } from "node:url";
import { runNow } from "../../../testbed/command.ts";
import { Peerage } from "../../../testbed/daemons/peerage.ts";
import { furnish, Walk } from "../../../trials/mirror/walk.ts";
import { scenario } from "../harness/scenario.ts";
import { ourTimers } from "../harness/texts.ts";

/**
 * Routes of the kernel that look alike, on real links: a node with two links into one subnet, and a neighbor that announces
 * routes. As long as one of the two routes to the subnet is there, so are the neighbor's.
 */
scenario("two links into one subnet", [], async ({ lab, step }) => {
  const lan = lab.switch("lan");
  const node = lab
    .host("node")
    .plug(lan, { addresses: ["10.0.0.1/24", "fd00::1/64"] })
    .plug(lan, { addresses: [] });
  const other = lab.host("other").plug(lan, { addresses: ["10.0.0.2/24", "fd00::2/64"] });
  const peerage = await new Peerage(
    node,
    `
router: {as: 65001, router-id: 10.0.0.1}
neighbors:
  - {address: 10.0.0.2, remote-as: internal, ${ourTimers}}
  - {address: "fd00::2", remote-as: internal, ${ourTimers}}
`,
  ).start();
  await new Peerage(
    other,
    `
router: {as: 65001, router-id: 10.0.0.2}
kernel: {fib: none}
originate: [{prefix: 198.51.100.0/24}, {prefix: 203.0.113.0/24}, {prefix: "2001:db8:1::/48"}]
neighbors:
  - {address: 10.0.0.1, remote-as: internal, ${ourTimers}}
  - {address: "fd00::1", remote-as: internal, ${ourTimers}}
`,
  ).start();
  const through = async (): Promise<string[]> =>
    (await node.kernelRoutes("bgp")).map(({ prefix, via }) => `${prefix} ${via.join(", ")}`);
  const all = (device: string, device6: string) => [
    `198.51.100.0/24 10.0.0.2 dev ${device}`,
    `2001:db8:1::/48 fd00::2 dev ${device6}`,
    `203.0.113.0/24 10.0.0.2 dev ${device}`,
  ];
  const stand = (device: string, device6: string) =>
    lab.until(
      `they go through ${device} and ${device6}`,
      async () => (await through()).join("\n") === all(device, device6).join("\n"),
    );
  const settled = async (...command: string[]) => {
    await node.run("ip", ...command);
    await lab.until("the daemon has heard of it", async () =>
      (await peerage.fib()).every((row) => row.state === "installed"),
    );
  };

  await step("the routes are there, through the first link", async () => void (await stand("eth0", "eth0")));
  await step("an address that moves make-before-break takes none along, there and back", async (t) => {
    await node.run("ip", "address", "add", "10.0.0.1/24", "dev", "eth1");
    await node.run("ip", "address", "del", "10.0.0.1/24", "dev", "eth0");
    await stand("eth1", "eth0");
    await node.run("ip", "address", "add", "fd00::1/64", "dev", "eth1", "nodad");
    await node.run("ip", "address", "del", "fd00::1/64", "dev", "eth0");
    await stand("eth1", "eth1");
    await settled("address", "add", "10.0.0.1/24", "dev", "eth0");
    await settled("address", "del", "10.0.0.1/24", "dev", "eth1");
    await stand("eth0", "eth1");
    t.equal((await peerage.fib()).length, 3);
  });
  await step("nor does a second route to the subnet that comes and goes, before the first or behind it", async (t) => {
    for (const what of ["append", "prepend"]) {
      await settled("route", what, "10.0.0.0/24", "dev", "eth1", "proto", "kernel", "scope", "link");
      await settled("route", "del", "10.0.0.0/24", "dev", "eth1", "proto", "kernel");
      await stand("eth0", "eth1");
    }
    t.pass("the neighbor's routes stand");
  });
  await step("a gateway of several that goes takes none of the routes through the others along", async () => {
    // the neighbor's own address, reached over three gateways, which go one by one
    const hops = ["fd00::2", "fd00::3", "fd00::4"];
    for (const hop of hops) await node.run("ip", "-6", "route", "append", "fd00::2/128", "via", hop, "dev", "eth1");
    for (const hop of hops.slice(0, 2)) {
      await settled("-6", "route", "del", "fd00::2/128", "via", hop, "dev", "eth1");
      await lab.until(
        "it is in the kernel",
        async () => (await node.kernelRoute("2001:db8:1::/48", "bgp")) !== undefined,
      );
    }
    await node.run("ip", "-6", "route", "del", "fd00::2/128", "via", "fd00::4", "dev", "eth1");
    await stand("eth0", "eth1");
  });
});

/** Some seconds of what `npm run mirror` does for as long as one likes. */
const seeds = [1, 2, 3];

scenario("random walks of the kernel", [], async ({ lab, step }) => {
  for (const seed of seeds)
    await step(
      `walk ${seed}: whatever ip does to links, addresses and routes, what is known of the kernel is what ip shows`,
      async (t) => {
        const host = lab.host(`walk${seed}`);
        await furnish(host);
        const walk = new Walk(host, { seed, rounds: 6, lines: 12 });
        const fault = await walk.go();
        await walk.close();
        if (fault === null) t.pass("nothing else");
        else t.fail(fault.what, { lines: fault.lines });
      },
    );
  await step("a mirror that knows one route for each prefix, metric and owner is found out", async (t) => {
    const program = fileURLToPath(new URL("../../../trials/mirror/main.js", import.meta.url));
    const words = ["--seed", "1", "--rounds", "1", "--plant", "one-of-an-owner"];
    const { status, stdout } = runNow([process.execPath, program, ...words]);
    t.equal(status, 1);
    t.match(stdout, /^routes: /m);
  });
});
