import { chmodSync, existsSync, readFileSync } from "node:fs";
import type { Test } from "tap";
import { openFibOs } from "../../../src/os/fib-os.ts";
import { loadLibc } from "../../../src/os/libc.ts";
import { RouteNetlinkEvents } from "../../../src/os/netlink.ts";
import { blocks } from "../../../testbed/blocks.ts";
import { run } from "../../../testbed/command.ts";
import { Daemon } from "../../../testbed/daemons/daemon.ts";
import { Peerage, program } from "../../../testbed/daemons/peerage.ts";
import type { Host } from "../../../testbed/lab.ts";
import { inNamespace } from "../../../testbed/namespace.ts";
import { Stopwatch, waitFor } from "../../../testbed/wait.ts";
import { hop, Room, through } from "../harness/fib-room.ts";
import { scenario } from "../harness/scenario.ts";
import { ourTimers } from "../harness/texts.ts";

const from11 = blocks(0x0b000000, 24);

/**
 * What others do to a node's kernel, counted: how many of our routes it cost, and that all came back (how long it took is
 * printed, and stand in docs/kernel.md). A node hears 500 routes through a reflector, so that no session leaves over the
 * link that is hurt.
 */
const ROUTES = 500;
const prefix = (i: number): string => `172.20.${i >> 8}.${i & 255}/32`;

/** How many of our routes the kernel has, of them through `device`. */
async function held(host: Host, device?: string): Promise<number> {
  const rows = await host.kernelRoutes("bgp");
  return rows.filter((row) => device === undefined || row.via.some((via) => via.endsWith(` dev ${device}`))).length;
}

/** Runs `act` and waits until all is well again; how long that took is printed. */
async function mended(t: Test, what: string, act: () => Promise<unknown>, all: () => Promise<boolean>): Promise<void> {
  await act();
  const watch = new Stopwatch();
  await waitFor(`all is well again (${what})`, all, { everyMs: 5 });
  t.comment(`${what}: all back after ${watch}`);
}

scenario("faults of the kernel, made by hand on a node with five hundred routes", [], async ({ lab, step }) => {
  const [work, management] = [lab.switch("work"), lab.switch("mgmt")];
  const node = lab
    .host("node")
    .plug(management, { addresses: ["10.1.0.1/24"], device: "mgmt0" })
    .plug(work, { addresses: ["10.0.0.1/24"], device: "eth0" });
  const reflector = lab
    .host("rr")
    .plug(management, { addresses: ["10.1.0.9/24"] })
    .plug(work, { addresses: ["10.0.0.9/24"] });
  const other = lab.host("other").plug(work, { addresses: ["10.0.0.2/24"] });
  const client = `remote-as: internal, route-reflector-client: true, ${ourTimers}`;
  await new Peerage(
    reflector,
    `
router: {as: 65001, router-id: 10.1.0.9}
kernel: {fib: none}
neighbors:
  - {address: 10.1.0.1, ${client}}
  - {address: 10.0.0.2, ${client}}
`,
  ).start();
  await new Peerage(
    other,
    `
router: {as: 65001, router-id: 10.0.0.2}
neighbors: [{address: 10.0.0.9, remote-as: internal, ${ourTimers}}]
originate:
${Array.from({ length: ROUTES }, (_, i) => `  - prefix: ${prefix(i)}`).join("\n")}
`,
  ).start();
  const peerage = await new Peerage(
    node,
    `
router: {as: 65001, router-id: 10.1.0.1}
neighbors: [{address: 10.1.0.9, remote-as: internal, ${ourTimers}}]
`,
  ).start();
  const installed = async () => (await peerage.fib()).filter((row) => row.state === "installed").length;
  const allThrough = (device: string) => async () => (await held(node, device)) === ROUTES;
  await lab.until("all routes are in the kernel", allThrough("eth0"));
  await lab.until("and are known to be", async () => (await installed()) === ROUTES);

  await step("one deleted by hand, one changed by hand: both are put right", async (t) => {
    await mended(
      t,
      "one deleted, one changed",
      async () => {
        await node.run("ip", "route", "del", prefix(7));
        await node.run("ip", "route", "change", prefix(8), "via", "10.0.0.77", "proto", "bgp", "metric", "32");
      },
      async () =>
        (await node.run("ip", "route", "show", prefix(7))).includes("via 10.0.0.2 ") &&
        (await node.run("ip", "route", "show", prefix(8))).includes("via 10.0.0.2 "),
    );
    t.equal(await held(node), ROUTES, "and no other");
  });
  await step("all of ours flushed: all are back", async (t) => {
    await mended(t, "500 flushed", () => node.run("ip", "route", "flush", "proto", "bgp"), allThrough("eth0"));
  });
  await step(
    "the device goes: its routes are gone from the kernel and from what is claimed; made again: they are back",
    async (t) => {
      await node.run("ip", "link", "del", "eth0");
      await lab.until("nothing is claimed", async () => (await installed()) === 0);
      t.equal(await held(node), 0);
      t.match(await peerage.cli("explain", prefix(7)), /not reachable|unreachable|no route/i);
      await mended(
        t,
        "device made again",
        async () => node.plug(work, { addresses: ["10.0.0.1/24"], device: "eth0" }),
        allThrough("eth0"),
      );
      const lines = peerage.daemon.output.split("fib-failed").length - 1;
      t.ok(lines <= 25, `the log says so of some, not of all (${lines} lines)`);
    },
  );
  await step("the node's address moves to another interface: the routes follow it", async (t) => {
    node.plug(work, { addresses: [], device: "eth7" });
    const move = (from: string, to: string) => async () => {
      await node.run("ip", "address", "del", "10.0.0.1/24", "dev", from);
      await node.run("ip", "address", "add", "10.0.0.1/24", "dev", to);
    };
    await mended(t, "address moved", move("eth0", "eth7"), allThrough("eth7"));
    t.equal(await held(node), ROUTES, "none is there twice");
    await mended(t, "address moved back", move("eth7", "eth0"), allThrough("eth0"));
    await node.run("ip", "link", "del", "eth7");
  });
  await step("the whole table flushed, connected routes too: ours follow when the subnet is back", async (t) => {
    // It deletes what it has listed, and gives up at a route that has gone meanwhile: ours, with the subnet.
    await lab.until("all is flushed", async () => {
      await node.run("ip", "route", "flush", "table", "main").catch(() => undefined);
      return (await node.run("ip", "route", "show", "table", "main")) === "";
    });
    await node.run("ip", "route", "add", "10.1.0.0/24", "dev", "mgmt0", "proto", "kernel", "scope", "link");
    const back = () => node.run("ip", "route", "add", "10.0.0.0/24", "dev", "eth0", "proto", "kernel", "scope", "link");
    await mended(t, "table flushed", back, allThrough("eth0"));
  });
  await step("a foreign route at our metric is left alone, told once, and ours follows when it leaves", async (t) => {
    await node.run("ip", "route", "replace", prefix(9), "via", "10.0.0.77", "proto", "static", "metric", "32");
    const row = async () => (await peerage.fib()).find((each) => each.prefix === prefix(9));
    await lab.until("it is shown as overridden", async () => (await row())?.state === "overridden");
    t.equal((await row())?.owner, "static");
    t.match(await node.run("ip", "route", "show", prefix(9)), /via 10\.0\.0\.77 .*proto static/);
    const told = () =>
      peerage.daemon.output.split(`${prefix(9)} is not written: the kernel has a route of static there`).length - 1;
    t.equal(told(), 1, "logged once");
    await mended(
      t,
      "foreign route left",
      () => node.run("ip", "route", "del", prefix(9), "proto", "static"),
      allThrough("eth0"),
    );
    t.equal(told(), 1);
  });
  await step("the sessions knew nothing of all this", async (t) => {
    t.equal((await peerage.neighbor("10.1.0.9")).flaps, 0);
  });
  await step("kill -9: the routes stay, are taken over as they are, and none is written again", async (t) => {
    // Without its journal the next start would not know for whom to wait, and keep what is stale for a whole minute.
    await lab.until("the journal is written", () => existsSync(`${peerage.socket}.journal`));
    await peerage.daemon.signal("SIGKILL");
    t.equal(await held(node), ROUTES);
    const watch = new Stopwatch();
    await peerage.restart();
    await lab.until("the session is back", () => peerage.established("10.1.0.9"));
    t.comment(`session back ${watch} after the start`);
    await lab.until("all are confirmed", async () => (await peerage.fib()).every((row) => row.stale !== true));
    t.equal(await held(node), ROUTES);
  });
});

/** An event socket with room for hardly anything. */
class TinyEvents extends RouteNetlinkEvents {
  constructor() {
    super(loadLibc());
    this.option(1, 33, 4096); // SOL_SOCKET, SO_RCVBUFFORCE
  }
}

scenario("overruns and a FIB without rights", [], async ({ lab, step }) => {
  const host = lab.host("tiny").plug(lab.switch("lan"), { addresses: ["10.0.0.1/24"] });
  await step(
    "50,000 foreign routes come and go past a receive buffer of 4 KB: the table is right again, without a loop",
    async (t) => {
      const machine = openFibOs();
      const inside = <T>(body: () => T) => inNamespace(host.namespace, body);
      const room = new Room(host, {
        writer: "inside",
        os: {
          ...machine,
          openNetlink: () => inside(() => machine.openNetlink()),
          openNetlinkEvents: () => inside(() => new TinyEvents()),
          claimMark: (mark) => inside(() => machine.claimMark(mark)),
        },
      });
      try {
        await room.fib.ready;
        const group = room.fib.openGroup(through(hop("10.0.0.2", room.dev("eth0"))));
        for (let i = 0; i < 2000; i++) room.fib.want(from11, i, group);
        await room.answered();
        const foreign = new Set<string>();
        room.reader.subscribe({
          route: (route) => foreign.add(route.key),
          routeGone: (route) => foreign.delete(route.key),
        });
        const before = foreign.size;
        const count = 50_000;
        const lines = Array.from({ length: count }, (_, i) => `route add 20.${i >> 8}.${i & 255}.0/24 via 10.0.0.9`);
        await room.ip("-batch", host.file("add", lines.join("\n")));
        let watch = new Stopwatch();
        await lab.until("all are known", () => foreign.size === before + count);
        t.comment(`50,000 came: known in full ${watch} after the last`);
        const deletes = [
          ...lines.map((line) => line.replace("add", "del")),
          "route del 11.0.7.0/24",
          "route del 11.0.6.0/24",
        ];
        await room.ip("-batch", host.file("del", deletes.join("\n")));
        watch = new Stopwatch();
        await lab.until("all are known to be gone", () => foreign.size === before);
        await lab.until("and the two of ours that went with them are back", () => room.fib.counters.repaired === 2);
        t.comment(`50,000 left, two of ours with them: right ${watch} after the last`);
        const { resyncs } = room.fib.counters;
        t.ok(resyncs > 0, `overruns were seen: read anew ${resyncs} times`);
        t.comment(`read anew ${resyncs} times`);
        t.equal((await room.ip("-4", "route", "show", "proto", "bgp")).length, 2000);
        await room.answered();
        t.equal(room.fib.counters.resyncs, resyncs, "and then no more");
      } finally {
        await room.fib.close(false);
      }
    },
  );
  await step(
    "without CAP_NET_ADMIN: one clear sentence, the routes are shown as failed, and sessions go on",
    async (t) => {
      const poor = lab.host("poor").plug(lab.switch("lan3"), { addresses: ["10.6.0.1/24"] });
      for (const directory of [lab.directory, poor.directory]) chmodSync(directory, 0o777);
      const only = "-all,+net_bind_service";
      const rights = ["--reuid=65534", "--regid=65534", "--clear-groups"];
      rights.push(`--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`);
      const peerage = await new Peerage(
        poor,
        "router: {as: 65001, router-id: 10.6.0.1}\noriginate: [{prefix: 172.20.1.0/24, blackhole: true}]",
        { wrap: ["setpriv", ...rights] },
      ).start();
      await lab.until("the route has failed", async () => (await peerage.fib())[0]?.state === "failed");
      const [row] = await peerage.fib();
      t.match(row?.error, /Operation not permitted: writing kernel routes needs CAP_NET_ADMIN/);
      t.equal((await peerage.paths("172.20.1.0/24")).length, 1, "the rest of the daemon works");
    },
  );
  await step("a table that nobody has used yet is made by the first route; no such name is one sentence", async (t) => {
    const lone = lab.host("lone").plug(lab.switch("lan4"), { addresses: ["10.7.0.1/24"] });
    const blackhole = "router: {as: 65001, router-id: 10.7.0.1}\noriginate: [{prefix: 172.20.1.0/24, blackhole: true}]";
    const peerage = await new Peerage(lone, `${blackhole}\nkernel: {table: 4242}`).start();
    await lab.until("it is installed", async () => (await peerage.fib())[0]?.state === "installed");
    t.match(await lone.run("ip", "route", "show", "table", "4242"), /blackhole 172\.20\.1\.0\/24 proto bgp metric 32/);
    const bad = lone.file("bad.yaml", `${blackhole}\nkernel: {table: nosuch}\n`);
    await t.rejects(run([process.execPath, program, "check", bad]), /bad\.yaml:3:\d+: .*table/);
  });
});

scenario("others who write routes of our mark", [], async ({ lab, step }) => {
  const host = lab.host("node").plug(lab.switch("lan"), { addresses: ["10.8.0.1/24"] });
  const config = (router: string, prefix: string, metric = 32) =>
    `router: {as: 65001, router-id: ${router}, listen: {address: []}}
originate: [{prefix: ${prefix}, blackhole: true}]
kernel: {metric: ${metric}}`;
  const first = await new Peerage(host, config("10.8.0.1", "172.20.1.0/24")).start();
  await lab.until("its route is there", async () => (await held(host)) === 1);
  const command = (name: string, text: string) => {
    const file = host.file(`${name}.yaml`, `${text}\ncontrol: {socket: ${host.directory}/${name}.sock}\n`);
    return [process.execPath, program, "run", "-c", file];
  };

  await step("a second daemon with the same mark is refused, with a sentence that names the first", async (t) => {
    const refused = host.run(...command("rival", config("10.8.0.2", "172.20.2.0/24")));
    const output = await refused.then(
      () => "it ended in order",
      (error: Error) => error.message,
    );
    t.match(output, ": exit 1: ");
    t.match(
      output,
      /process \d+ in this network namespace already writes routes of table 254, protocol 186, metric 32/,
    );
    t.match(output, /give this daemon another kernel.table, kernel.protocol or kernel.metric/);
    const writer = output.match(/process (\d+) in/)![1];
    t.match(readFileSync(`/proc/${writer}/status`, "utf8"), `PPid:\t${first.daemon.pid}\n`, "its kernel writer");
    t.match(await host.kernelRoutes("bgp"), [{ prefix: "172.20.1.0/24" }]);
  });
  await step("with another metric it runs beside the first", async () => {
    const other = new Daemon(host, "other", command("other", config("10.8.0.2", "172.20.2.0/24", 33)));
    await lab.until("both routes are there", async () => (await held(host)) === 2);
    await other.signal("SIGTERM");
  });
  await step("one that was killed is in nobody's way", async () => {
    await first.daemon.signal("SIGKILL");
    await first.restart();
  });
  await step("a tool that removes our routes all the time is told of, once, and not fought over", async (t) => {
    const sweeper = new Daemon(host, "sweeper", ["sh", "-c", "while :; do ip route flush proto bgp 2>/dev/null; done"]);
    const row = async () => (await first.fib()).find(({ prefix }) => prefix === "172.20.1.0/24");
    await lab.until("it is seen", async () => (await row())?.contested !== undefined);
    t.match(await row(), { contested: /^somebody else has removed or changed it \d+ times/ });
    t.match(await first.cli("fib"), "somebody else has removed or changed it");
    t.match(await first.cli("explain", "172.20.1.0/24"), "somebody else has removed or changed it");
    const doctor = await first.cli("doctor").catch((error: Error) => error.message);
    t.match(doctor, /172\.20\.1\.0\/24: somebody else has removed or changed it/);
    await sweeper.signal("SIGKILL");
    await lab.until("the route is back", async () => (await row())?.state === "installed" && (await held(host)) > 0);
    t.equal(first.daemon.output.match(/was removed or changed by somebody else/g)?.length, 1);
  });
});
