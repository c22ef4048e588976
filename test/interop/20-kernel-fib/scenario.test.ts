import { spawn } from "node:child_process";
import { existsSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Test } from "tap";
import type { FibOptions } from "../../../src/fib/open.ts";
import { RequestWriter } from "../../../src/fib-writer/protocol-encode.ts";
import type { KernelEvents, KernelRoute } from "../../../src/kernel/reader.ts";
import type { FibTarget } from "../../../src/kernel/records.ts";
import { formatPrefix } from "../../../src/lib/address.ts";
import { families } from "../../../src/lib/family.ts";
import { writerProgram } from "../../../src/os/fib-os.ts";
import { blocks } from "../../../testbed/blocks.ts";
import type { Host } from "../../../testbed/lab.ts";
import { hop, Room, through } from "../harness/fib-room.ts";
import { type Scenario, scenario } from "../harness/scenario.ts";

const from11 = blocks(0x0b000000, 24);

/**
 * The FIB room against this machine's kernel, in a namespace: what it writes is read back with `ip`, and what others do to
 * its routes is done with `ip`. Once with the writer in this process, once with the writer as a process of its own.
 */
const blackhole: FibTarget = { type: "blackhole", nextHops: [] };

async function withRoom(
  host: Host,
  options: Partial<FibOptions> & Pick<FibOptions, "writer">,
  body: (room: Room) => Promise<void>,
) {
  const room = new Room(host, options);
  try {
    await room.fib.ready;
    await body(room);
  } finally {
    await room.fib.close(false);
  }
}

async function forms(t: Test, room: Room): Promise<void> {
  const eth0 = room.dev("eth0");
  room.set("172.17.9.0/24", through(hop("192.168.200.101", eth0, true)));
  room.set("172.17.10.0/24", through(hop("10.0.0.2", eth0, false, 3), hop("10.0.0.3", eth0, true)));
  room.set("172.17.11.0/24", blackhole);
  room.set("172.17.12.0/24", through(hop("fd00::2", eth0)));
  room.set("172.17.13.5/32", through(hop(null, eth0)));
  room.set("fd01::/64", through(hop("fe80::2", eth0)));
  room.set("fd02::/64", through(hop("fd00::2", eth0), hop("fd00::3", eth0, true)));
  room.set("fd03::/64", blackhole);
  await room.answered();
  t.same(await room.ip("-4", "route", "show"), [
    "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1",
    "10.1.0.0/24 dev eth1 proto kernel scope link src 10.1.0.1",
    "172.17.9.0/24 via 192.168.200.101 dev eth0 proto bgp metric 32 onlink",
    "172.17.10.0/24 proto bgp metric 32",
    "nexthop via 10.0.0.2 dev eth0 weight 3",
    "nexthop via 10.0.0.3 dev eth0 weight 1 onlink",
    "blackhole 172.17.11.0/24 proto bgp metric 32",
    "172.17.12.0/24 via inet6 fd00::2 dev eth0 proto bgp metric 32",
    "172.17.13.5 dev eth0 proto bgp scope link metric 32",
  ]);
  t.same(
    (await room.ip("-6", "route", "show", "proto", "bgp")).map((line) => line.replace(" pref medium", "")),
    [
      "fd01::/64 via fe80::2 dev eth0 metric 32",
      "fd02::/64 metric 32",
      "nexthop via fd00::2 dev eth0 weight 1",
      "nexthop via fd00::3 dev eth0 weight 1 onlink",
      "blackhole fd03::/64 dev lo metric 32",
    ],
  );
  t.same(
    room.fib.list().map((row) => row.state),
    new Array(8).fill("installed"),
  );
  // from each form to each other, in place
  const shapes = [through(hop("10.0.0.2", eth0)), blackhole, through(hop("10.0.0.2", eth0), hop("10.0.0.3", eth0))];
  for (const from of shapes)
    for (const to of shapes) {
      room.set("172.17.9.0/24", from);
      await room.answered();
      room.set("172.17.9.0/24", to);
      await room.answered();
      t.equal(room.row("172.17.9.0/24")?.state, "installed");
    }
  const shapes6 = [through(hop("fd00::2", eth0)), blackhole, through(hop("fd00::2", eth0), hop("fd00::3", eth0))];
  for (const from of shapes6)
    for (const to of shapes6) {
      room.set("fd02::/64", from);
      await room.answered();
      room.set("fd02::/64", to);
      await room.answered();
      const hops = await room.ip("-6", "-j", "route", "show", "fd02::/64");
      t.equal((JSON.parse(hops.join("")) as { nexthops?: unknown[] }[]).length, 1, "one route, not two");
    }
  for (const row of room.fib.list()) room.remove(row.prefix);
  await room.answered();
  t.same(await room.ip("-4", "route", "show", "proto", "bgp"), []);
  t.same(await room.ip("-6", "route", "show", "proto", "bgp"), []);
  t.same(room.fib.list(), []);
}

async function failures(t: Test, { room, lab }: { room: Room; lab: Scenario["lab"] }): Promise<void> {
  const eth0 = room.dev("eth0");
  room.set("172.17.9.0/24", through(hop("9.9.9.9", eth0)));
  room.set("172.17.10.0/24", through(hop("10.0.0.2", 4711, true)));
  room.set("172.17.11.0/24", through(hop("10.0.0.2", eth0)));
  await room.answered();
  t.match(room.row("172.17.9.0/24"), { state: "failed", error: "Network is unreachable: Nexthop has invalid gateway" });
  t.match(room.row("172.17.10.0/24"), { state: "failed", error: /No such device/ });
  t.match(room.row("172.17.11.0/24"), { state: "installed" }, "everything else goes on");
  await room.ip("route", "add", "9.9.9.9/32", "dev", "eth0");
  await lab.until(
    "the failed route is written when its cause went away",
    () => room.row("172.17.9.0/24")?.state === "installed",
  );
  await room.ip("route", "del", "9.9.9.9/32", "dev", "eth0");
}

async function ownership(t: Test, { room, lab }: { room: Room; lab: Scenario["lab"] }): Promise<void> {
  const eth0 = room.dev("eth0");
  const { fib } = room;
  await room.ip("route", "add", "172.17.20.0/24", "via", "10.0.0.9", "proto", "static", "metric", "32");
  for (const prefix of ["172.17.20.0/24", "172.17.21.0/24", "172.17.22.0/24", "172.17.23.0/24", "fd21::/64"])
    room.set(prefix, through(prefix.includes(":") ? hop("fd00::2", eth0) : hop("10.0.0.2", eth0)));
  await room.answered();
  t.match(room.row("172.17.20.0/24"), { state: "overridden", owner: "static" });
  t.same(await room.ip("route", "show", "172.17.20.0/24"), [
    "172.17.20.0/24 via 10.0.0.9 dev eth0 proto static metric 32",
  ]);
  await room.ip("route", "del", "172.17.20.0/24", "proto", "static");
  await lab.until("ours follows when the foreign route left", () => room.row("172.17.20.0/24")?.state === "installed");

  const { repaired, resyncs } = fib.counters;
  await room.ip("route", "del", "172.17.21.0/24");
  await room.ip("-6", "route", "del", "fd21::/64");
  await room.ip("route", "change", "172.17.22.0/24", "via", "10.0.0.7", "proto", "bgp", "metric", "32");
  await lab.until("three outside changes are repaired", () => fib.counters.repaired === repaired + 3);
  t.equal(fib.counters.resyncs, resyncs, "at the kernel's word, without reading it all anew");
  t.same(await room.ip("route", "show", "172.17.22.0/24"), [
    "172.17.22.0/24 via 10.0.0.2 dev eth0 proto bgp metric 32",
  ]);
  t.same((await room.ip("-6", "route", "show", "fd21::/64")).length, 1);

  await room.ip("route", "replace", "172.17.23.0/24", "via", "10.0.0.9", "proto", "static", "metric", "32");
  await lab.until("a taken-over route is overridden", () => room.row("172.17.23.0/24")?.state === "overridden");
  room.set("172.17.23.0/24", through(hop("10.0.0.3", eth0)));
  await room.answered();
  room.remove("172.17.23.0/24");
  await room.answered();
  t.same(
    await room.ip("route", "show", "172.17.23.0/24"),
    ["172.17.23.0/24 via 10.0.0.9 dev eth0 proto static metric 32"],
    "neither our change nor our removal touched it",
  );
  await room.ip("route", "del", "172.17.23.0/24", "proto", "static");

  // a second route at our metric, in front of ours
  const show = (prefix: string) => room.ip("route", "show", prefix);
  await room.ip("route", "prepend", "172.17.21.0/24", "via", "10.0.0.9", "proto", "bgp", "metric", "32");
  await lab.until("one that bears our mark goes", async () => (await show("172.17.21.0/24")).length === 1);
  await lab.until("and ours is right", () => room.row("172.17.21.0/24")?.state === "installed");
  t.same(await show("172.17.21.0/24"), ["172.17.21.0/24 via 10.0.0.2 dev eth0 proto bgp metric 32"]);
  await room.ip("route", "prepend", "172.17.22.0/24", "via", "10.0.0.9", "proto", "static", "metric", "32");
  await lab.until("another owner's makes ours give way", () => room.row("172.17.22.0/24")?.state === "overridden");
  room.set("172.17.22.0/24", through(hop("10.0.0.3", eth0)));
  await room.answered();
  t.same(await show("172.17.22.0/24"), ["172.17.22.0/24 via 10.0.0.9 dev eth0 proto static metric 32"]);
  await room.ip("route", "del", "172.17.22.0/24", "proto", "static");
  await lab.until("and leaves it room again", () => room.row("172.17.22.0/24")?.state === "installed");

  for (const family of families) fib.sweep(family); // from now on nothing that bears our mark may be of an earlier run
  // one behind ours, with our mark: it goes as well, at once and not only when ours does
  for (const what of ["append", "prepend"]) {
    await room.ip("route", what, "172.17.21.0/24", "via", "10.0.0.9", "proto", "bgp", "metric", "32");
    await lab.until(`what was ${what}ed goes`, async () => (await show("172.17.21.0/24")).length === 1);
    await lab.until("and ours is right", () => room.row("172.17.21.0/24")?.state === "installed");
    t.same(await show("172.17.21.0/24"), ["172.17.21.0/24 via 10.0.0.2 dev eth0 proto bgp metric 32"]);
    await room.ip("route", what, "172.17.21.0/24", "via", "10.0.0.9", "proto", "bgp", "metric", "32");
    room.remove("172.17.21.0/24");
    await lab.until(`and with ours what was ${what}ed`, async () => (await show("172.17.21.0/24")).length === 0);
    room.set("172.17.21.0/24", through(hop("10.0.0.2", eth0)));
    await room.answered();
  }
  const show6 = async (prefix: string) =>
    (await room.ip("-6", "route", "show", prefix)).map((line) => line.replace(" pref medium", ""));
  const ours6 = "fd21::/64 via fd00::2 dev eth0 proto bgp metric 32";
  for (const beside of [
    ["dev", "eth1"],
    ["dev", "eth0"],
    ["via", "fd00::9"],
  ]) {
    await room.ip("-6", "route", "append", "fd21::/64", ...beside, "proto", "bgp", "metric", "32");
    await lab.until(`IPv6 ${beside.join(" ")} goes`, async () => (await show6("fd21::/64")).join() === ours6);
    await lab.until("and ours is right", () => room.row("fd21::/64")?.state === "installed");
    await room.ip("-6", "route", "append", "fd21::/64", ...beside, "proto", "bgp", "metric", "32");
    room.remove("fd21::/64");
    await lab.until(`and with ours ${beside.join(" ")}`, async () => (await show6("fd21::/64")).length === 0);
    room.set("fd21::/64", through(hop("fd00::2", eth0)));
    await room.answered();
  }
  await room.ip("-6", "route", "append", "fd21::/64", "via", "fd00::9", "proto", "static", "metric", "32");
  await lab.until("an IPv6 hop of another owner makes ours give way", () => room.row("fd21::/64")?.owner === "static");
  t.same(await show6("fd21::/64"), ["fd21::/64 via fd00::9 dev eth0 proto static metric 32"], "and is left alone");
  await room.ip("-6", "route", "del", "fd21::/64", "proto", "static");
  await lab.until("and leaves it room again", () => room.row("fd21::/64")?.state === "installed");
  t.same(await show6("fd21::/64"), [ours6]);

  await room.ip("route", "flush", "table", "main");
  await room.ip("route", "add", "10.0.0.0/24", "dev", "eth0", "proto", "kernel", "scope", "link", "src", "10.0.0.1");
  await lab.until("a flushed table is filled again", () => fib.list().every((row) => row.state === "installed"));
  t.equal((await room.ip("-4", "route", "show", "proto", "bgp")).length, 3);
}

async function links(t: Test, { room, lab }: { room: Room; lab: Scenario["lab"] }): Promise<void> {
  const { host, fib } = room;
  const [eth0, eth1] = [room.dev("eth0"), room.dev("eth1")];
  room.set("172.17.30.0/24", through(hop("10.0.0.2", eth0, true)));
  room.set("172.17.31.0/24", through(hop("10.1.0.2", eth1, true)));
  room.set("172.17.32.0/24", through(hop("10.0.0.2", eth0, true), hop("10.1.0.2", eth1, true)));
  room.set("fd30::/64", through(hop("fe80::2", eth0, true)));
  await room.answered();
  const states = () => fib.list().map((row) => `${row.prefix} ${row.state}`);
  host.cable("eth0", "down");
  await lab.until("the carrier is gone", () => room.reader.links.get(eth0)?.running === false);
  t.equal(
    (await room.ip("-4", "route", "show", "proto", "bgp")).filter((line) => !line.startsWith("nexthop")).length,
    3,
    "plain routes survive a carrier flap",
  );
  host.cable("eth0", "up");
  await lab.until("the carrier is back", () => room.reader.links.get(eth0)?.running === true);

  host.link("eth0", "down");
  await lab.until("silent deaths are noticed", () => room.row("172.17.30.0/24")?.state === "failed");
  t.match(room.row("172.17.30.0/24")?.error, /Network is down/);
  t.equal(room.row("172.17.31.0/24")?.state, "installed");
  host.link("eth0", "up");
  await lab.until("all is as before", () => fib.list().every((row) => row.state === "installed"));
  t.same(states(), [
    "172.17.30.0/24 installed",
    "172.17.31.0/24 installed",
    "172.17.32.0/24 installed",
    "fd30::/64 installed",
  ]);
  t.equal((await room.ip("-4", "route", "show", "172.17.30.0/24")).length, 1);

  await room.ip("address", "del", "10.1.0.1/24", "dev", "eth1");
  await room.ip("address", "add", "10.1.0.1/24", "dev", "eth1");
  await lab.until("routes of a device that lost its last address come back", async () => {
    const left = await room.ip("-4", "route", "show", "172.17.31.0/24");
    return left.length === 1 && room.row("172.17.31.0/24")?.state === "installed";
  });

  await room.ip("link", "del", "eth1");
  await lab.until("routes of a removed device fail", () => room.row("172.17.31.0/24")?.state === "failed");
  await lab.until("and with a hop on it the whole route", () => room.row("172.17.32.0/24")?.state === "failed");
  t.equal(room.row("172.17.30.0/24")?.state, "installed");
}

async function bursts(t: Test, { room, lab }: { room: Room; lab: Scenario["lab"] }): Promise<void> {
  const eth0 = room.dev("eth0");
  const group = room.fib.openGroup(through(hop("10.0.0.2", eth0)));
  const seen = new Set<string>();
  room.reader.subscribe({ route: (route) => seen.add(route.key), routeGone: (route) => seen.delete(route.key) });
  const before = seen.size;
  let lines = "";
  const count = 50_000;
  for (let i = 0; i < count; i++) lines += `route add 20.${i >> 8}.${i & 255}.0/24 via 10.0.0.9 proto static\n`;
  const file = room.host.file("burst", lines);
  const adding = room.ip("-batch", file);
  for (let i = 0; i < 2000; i++) room.fib.want(from11, i, group);
  await adding;
  await lab.until("the burst is known in full", () => seen.size === before + count);
  await room.answered();
  t.equal(room.fib.counters.installed, 2000);
  const deleting = room.ip("-batch", room.host.file("burst", lines.replaceAll("add", "del")));
  await room.ip("route", "del", "11.0.7.0/24");
  await deleting;
  await lab.until("nothing of it is left", () => seen.size === before);
  await lab.until("ours is repaired beside it", () => room.row("11.0.7.0/24")?.state === "installed");
  t.equal((await room.ip("-4", "route", "show", "proto", "bgp")).length, 2000);
  t.comment(`resyncs after overruns: ${room.fib.counters.resyncs}`);
  room.fib.releaseGroup(group);
  for (let i = 0; i < 2000; i++) room.fib.want(from11, i, 0);
}

for (const writer of ["inside", "process"] as const)
  scenario(`the FIB against the real kernel, writer ${writer}`, [], async ({ lab, step }) => {
    const lan = lab.switch("lan");
    const host = lab
      .host(`k${writer[0]}`)
      .plug(lan, { addresses: ["10.0.0.1/24", "fd00::1/64"] })
      .plug(lan, { addresses: ["10.1.0.1/24"] });
    await step("every form of route is written, changed into every other, read back by ip, and removed", (t) =>
      withRoom(host, { writer }, (room) => forms(t, room)),
    );
    await step("tables above 255 work as small ones do", (t) =>
      withRoom(host, { writer, table: 70_000 }, async (room) => {
        room.set("172.17.9.0/24", through(hop("10.0.0.2", room.dev("eth0"))));
        room.set("fd01::/64", blackhole);
        await room.answered();
        t.same(await room.ip("route", "show", "table", "70000"), [
          "172.17.9.0/24 via 10.0.0.2 dev eth0 proto bgp metric 32",
        ]);
        t.equal((await room.ip("-6", "route", "show", "table", "70000")).length, 1);
        await room.ip("route", "flush", "table", "70000");
        await lab.until(
          "both are repaired",
          () => room.fib.counters.repaired >= 1 && room.row("172.17.9.0/24")?.state === "installed",
        );
      }),
    );
    await step("a failure has the kernel's own words, and is tried again when its cause goes away", (t) =>
      withRoom(host, { writer }, (room) => failures(t, { room, lab })),
    );
    await step(
      "only what is ours is changed; outside changes of it are repaired at the kernel's word and counted",
      (t) => withRoom(host, { writer }, (room) => ownership(t, { room, lab })),
    );
    if (writer === "process")
      await step("fifty thousand foreign changes in a burst: none is lost, none of ours is", (t) =>
        withRoom(host, { writer }, (room) => bursts(t, { room, lab })),
      );
    await step(
      "routes are kept on exit, adopted on start, and a restart with unchanged routes writes nothing",
      async (t) => {
        const first = new Room(host, { writer });
        await first.fib.ready;
        const eth0 = first.dev("eth0");
        const routes: [string, FibTarget][] = [
          ["172.17.9.0/24", through(hop("192.168.200.101", eth0, true))],
          ["172.17.10.0/24", through(hop("10.0.0.2", eth0, false, 3), hop("10.0.0.3", eth0))],
          ["172.17.11.0/24", blackhole],
          ["172.17.12.0/24", through(hop("fd00::2", eth0))],
          ["172.17.13.5/32", through(hop(null, eth0))],
          ["fd01::/64", through(hop("fe80::2", eth0))],
          ["fd02::/64", through(hop("fd00::3", eth0), hop("fd00::2", eth0))],
          ["fd03::/64", blackhole],
        ];
        for (const [prefix, target] of routes) first.set(prefix, target);
        first.set("172.17.99.0/24", blackhole);
        await first.answered();
        await first.fib.close(true);
        await withRoom(host, { writer }, async (second) => {
          t.equal(second.fib.adopted(0), 6);
          t.equal(second.fib.adopted(1), 3);
          for (const [prefix, target] of routes) second.set(prefix, target);
          await second.answered();
          t.same(second.fib.counters.operations.add, { ok: 0, failed: 0, overridden: 0 });
          t.same(second.fib.counters.operations.replace, { ok: 0, failed: 0, overridden: 0 });
          t.match(second.row("172.17.99.0/24"), { stale: true });
          second.fib.sweep(0);
          second.fib.sweep(1);
          await second.answered();
          t.same(await second.ip("route", "show", "172.17.99.0/24"), []);
          t.equal(second.fib.counters.swept, 1);
          t.equal(second.fib.counters.installed, 8);
        });
        t.same(await first.ip("route", "show", "proto", "bgp"), [], "without keep-on-exit they go");
      },
    );
    if (writer === "process")
      await step("a writer process that is killed is started again alone, and what was under way is not lost", (t) =>
        withRoom(host, { writer }, async (room) => {
          const group = room.fib.openGroup(through(hop("10.0.0.2", room.dev("eth0"))));
          // Only ours: another test may run a writer of its own. That of the step before may still be leaving.
          const victim = await lab.until("one writer is left, that of this step", async () => {
            const children = await host.run("pgrep", "-P", String(process.pid), "-f", "fib-writer-main");
            const [pid, another] = children.trim().split("\n");
            return another === undefined && pid;
          });
          const set = (from: number, to: number) => {
            for (let i = from; i < to; i++) room.fib.want(from11, i, group);
          };
          set(0, 10_000);
          await lab.until("it has begun", () => room.fib.counters.installed > 0, { everyMs: 1 });
          // Stopped wherever it is by then; the second half it gets and never answers, however fast it was.
          process.kill(Number(victim), "SIGSTOP");
          set(10_000, 20_000);
          await new Promise((turn) => setImmediate(turn));
          process.kill(Number(victim), "SIGKILL");
          await lab.until("it was started again", () => room.fib.counters.writerRestarts === 1);
          await room.answered();
          await lab.until("all is there", () => room.fib.counters.installed === 20_000);
          t.equal(room.fib.counters.writerRestarts, 1, "once");
          t.equal((await room.ip("-4", "route", "show", "proto", "bgp")).length, 20_000);
        }),
      );
    await step("links that go down, lose their carrier, their address, or vanish", (t) =>
      withRoom(host, { writer }, (room) => links(t, { room, lab })),
    );
  });

scenario("the FIB with nexthop objects", [], async ({ lab, step }) => {
  const lan = lab.switch("lan");
  const host = lab.host("ko").plug(lan, { addresses: ["10.0.0.1/24", "fd00::1/64"] });
  const options = { writer: "inside", nexthopObjects: true } as const;
  await step("one change of an object moves every route behind it", (t) =>
    withRoom(host, options, async (room) => {
      const eth0 = room.dev("eth0");
      const group = room.fib.openGroup(through(hop("10.0.0.2", eth0)));
      for (let i = 0; i < 500; i++) room.fib.want(from11, i, group);
      await room.answered();
      t.equal((await room.ip("nexthop", "show")).length, 2, "one gateway and one group of it");
      room.fib.retarget(group, through(hop("10.0.0.3", eth0), hop("10.0.0.4", eth0, false, 2)));
      await room.answered();
      t.equal(room.fib.counters.operations.replace.ok, 0, "no route was written");
      const rows = await room.ip("-4", "route", "show", "11.0.7.0/24");
      t.match(rows.slice(1), ["nexthop via 10.0.0.3 dev eth0 weight 1", "nexthop via 10.0.0.4 dev eth0 weight 2"]);
    }),
  );
  await step("objects and routes come back after a flush and after the carrier was gone", (t) =>
    withRoom(host, options, async (room) => {
      const eth0 = room.dev("eth0");
      for (let i = 0; i < 20; i++) room.set(`172.17.${i}.0/24`, through(hop(`10.0.0.${2 + (i % 3)}`, eth0)));
      room.set("fd01::/64", through(hop("fd00::2", eth0)));
      room.set("172.17.50.0/24", through(hop("fd00::2", eth0)));
      room.set("172.17.51.0/24", blackhole);
      await room.answered();
      const all = (state: string) => room.fib.list().every((row) => row.state === state || row.type === "blackhole");
      await room.ip("nexthop", "flush");
      await lab.until("they are repaired", () => room.fib.counters.repaired >= 22 && all("installed"));
      t.equal((await room.ip("-4", "route", "show", "proto", "bgp")).length, 22);
      host.cable("eth0", "down");
      await lab.until("they went with the carrier", () => all("failed"));
      t.match(room.row("172.17.1.0/24")?.error, /Carrier for nexthop device is down/);
      host.cable("eth0", "up");
      await lab.until("they are back with it", () => all("installed"));
      t.equal((await room.ip("-4", "route", "show", "proto", "bgp")).length, 22);
      t.equal(
        (await room.ip("-6", "route", "show", "proto", "bgp")).filter((line) => line.startsWith("fd01")).length,
        1,
      );
    }),
  );
  await step(
    "a restart takes over objects and routes and writes nothing; nothing is left without keep-on-exit",
    async (t) => {
      const first = new Room(host, options);
      await first.fib.ready;
      const eth0 = first.dev("eth0");
      const use = (room: Room) => {
        const a = room.fib.openGroup(through(hop("10.0.0.2", eth0)));
        const b = room.fib.openGroup(through(hop("10.0.0.2", eth0, false, 3), hop("10.0.0.3", eth0)));
        room.fib.want(from11, 0, a);
        room.fib.want(from11, 1, b);
      };
      use(first);
      first.set("12.0.0.0/24", through(hop("10.0.0.9", eth0)));
      await first.answered();
      const objects = await first.ip("nexthop", "show");
      await first.fib.close(true);
      await withRoom(host, options, async (second) => {
        t.equal(second.fib.adopted(0), 3);
        use(second);
        await second.answered();
        t.same(await second.ip("nexthop", "show"), objects);
        t.equal(second.fib.counters.operations.replace.ok, 0);
        second.fib.sweep(0);
        second.fib.sweep(1);
        await second.answered();
        t.equal((await second.ip("-4", "route", "show", "proto", "bgp")).length, 4);
        await lab.until(
          "objects that nobody uses went too",
          async () => (await second.ip("nexthop", "show")).length === objects.length - 2,
        );
      });
      t.same(await first.ip("nexthop", "show"), []);
    },
  );
});

scenario("a writer of its own behind a unix socket", [], async ({ lab, step }) => {
  const host = lab.host("ku").plug(lab.switch("lan"), { addresses: ["10.0.0.1/24"] });
  const path = join(host.directory, "writer.sock");
  const serve = () =>
    spawn("ip", ["netns", "exec", host.namespace, process.execPath, writerProgram(), "--socket", path], {
      stdio: ["ignore", "inherit", "pipe"],
    });
  let unit = serve();
  try {
    await lab.until("it listens", () => existsSync(path));
    await step("the socket is for owner and group only", async (t) => {
      t.equal((statSync(path).mode & 0o777).toString(8), "660");
    });
    await step("routes go through it; when it is gone they stay, and go on when it is back", (t) =>
      withRoom(host, { writer: { socket: path } }, async (room) => {
        room.set("172.17.9.0/24", through(hop("10.0.0.2", room.dev("eth0"))));
        await room.answered();
        t.equal((await room.ip("route", "show", "proto", "bgp")).length, 1);
        const ended = new Promise((resolve) => unit.once("exit", resolve));
        unit.kill("SIGKILL");
        await ended;
        room.set("172.17.10.0/24", blackhole);
        t.equal((await room.ip("route", "show", "proto", "bgp")).length, 1);
        rmSync(path, { force: true });
        unit = serve();
        await lab.until("the second route is there", () => room.row("172.17.10.0/24")?.state === "installed");
        t.equal((await room.ip("route", "show", "proto", "bgp")).length, 2);
        t.ok(room.fib.counters.writerRestarts > 0);
      }),
    );
    await step(
      "a second speaker is turned away, and what is no request ends the connection with a reason",
      async (t) => {
        const speak = (bytes: Uint8Array) =>
          new Promise<Buffer>((resolve) => {
            const chunks: Buffer[] = [];
            const socket = connect(path, () => socket.write(bytes));
            socket.on("data", (chunk) => chunks.push(chunk));
            socket.on("error", () => {}); // it was ended while we wrote
            socket.on("close", () => resolve(Buffer.concat(chunks)));
          });
        // the speaker before us may still be leaving
        const answer = await lab.until("the writer answers", async () => {
          const bytes = await speak(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
          return bytes.length > 0 && bytes;
        });
        t.match(answer.toString("latin1"), /bad request: a frame of 1195725856 octets/);
        const hello = new RequestWriter();
        hello.hello({ table: 254, protocol: 186, metric: 32 });
        const first = await lab.until("one speaker is welcome", async () => {
          const socket = connect(path, () => socket.write(hello.view()));
          socket.on("error", () => {});
          const welcome = await new Promise((resolve) => {
            socket.once("data", () => resolve(true));
            socket.once("close", () => resolve(false));
          });
          return welcome === true && socket;
        });
        t.equal((await speak(new Uint8Array([0]))).length, 0);
        first.destroy();
      },
    );
  } finally {
    unit.kill("SIGKILL");
  }
});

const name = (route: KernelRoute): string =>
  `${route.table} ${formatPrefix(route)} metric ${route.metric} proto ${route.protocol}`;

scenario("what a listener hears of the kernel", [], async ({ lab, step }) => {
  const host = lab.host("kr").plug(lab.switch("lan"), { addresses: ["10.0.0.1/24"] });
  await step("links, addresses and others' routes come in order, our own never", (t) =>
    withRoom(host, { writer: "inside" }, async (room) => {
      const told: string[] = [];
      const events: KernelEvents = {
        link: (link) => told.push(`link ${link.name} ${link.up ? "up" : "down"}`),
        linkGone: (link) => told.push(`link ${link.name} gone`),
        address: (address) => address.family === 0 && told.push(`address ${address.words.join(".")}/${address.length}`),
        addressGone: (address) =>
          address.family === 0 && told.push(`address ${address.words.join(".")}/${address.length} gone`),
        route: (route) => route.family === 0 && route.table === 254 && told.push(`route ${name(route)}`),
        routeGone: (route) => route.family === 0 && route.table === 254 && told.push(`route ${name(route)} gone`),
      };
      room.reader.subscribe(events);
      t.same(told.splice(0), [
        "link lo up",
        "link eth0 up",
        "address 2130706433/8",
        "address 167772161/24",
        "route 254 10.0.0.0/24 metric 0 proto 2",
      ]);
      room.set("172.17.9.0/24", blackhole);
      await room.answered();
      await room.ip("route", "add", "10.5.0.0/16", "via", "10.0.0.9", "proto", "static", "metric", "7");
      await lab.until("it is heard", () => told.length > 0);
      t.same(told.splice(0), ["route 254 10.5.0.0/16 metric 7 proto 4"]);
      await room.ip("link", "add", "cali1", "type", "veth", "peer", "cali2");
      await room.ip("link", "set", "cali1", "up");
      await room.ip("route", "add", "10.6.0.1/32", "dev", "cali1");
      await lab.until("the workload's route is heard", () => told.includes("route 254 10.6.0.1/32 metric 0 proto 3"));
      told.splice(0);
      await room.ip("link", "del", "cali1");
      await lab.until("its silent end is told", () => told.includes("route 254 10.6.0.1/32 metric 0 proto 3 gone"));
      host.link("eth0", "down");
      await lab.until("routes of a link that went down are told gone", () =>
        told.includes("route 254 10.5.0.0/16 metric 7 proto 4 gone"),
      );
      t.ok(told.includes("route 254 10.0.0.0/24 metric 0 proto 2 gone"));
    }),
  );
});
