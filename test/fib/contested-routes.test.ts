import t from "tap";
import { openFib } from "../../src/fib/open.ts";
import type { FibHop, FibTarget } from "../../src/kernel/records.ts";
import { parsePrefix } from "../../src/lib/address.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";
import { ModelKernel } from "./model-kernel.ts";

const METRIC = 32;
const PREFIX = "172.17.9.0/24";
const hop: FibHop = { via: [0x0a000001], ifindex: 2, onlink: true, weight: 1 };
const target: FibTarget = { type: "unicast", nextHops: [hop] };

function open(clock = new VirtualClock(), kernel = new ModelKernel(clock)) {
  kernel.addLink(2, "eth0");
  const lines: string[] = [];
  const { fib } = openFib({
    mode: "kernel",
    table: 254,
    protocol: 186,
    metric: METRIC,
    nexthopObjects: false,
    writer: "inside",
    clock,
    os: kernel,
    log: { event: (_level, name, message) => void lines.push(`${name}: ${message}`) },
  });
  const row = (prefix = PREFIX) => fib.row(parsePrefix(prefix));
  return { clock, kernel, fib, lines, row };
}

async function withRoutes(...prefixes: string[]) {
  const room = open();
  room.clock.advance(1);
  await room.fib.ready;
  for (const prefix of prefixes) room.fib.set({ ...parsePrefix(prefix), ...target });
  room.clock.advance(1);
  return room;
}

t.test(
  "a route that somebody removes all the time is repaired less and less often, and that is said once",
  async (t) => {
    const { clock, kernel, fib, lines, row } = await withRoutes(PREFIX, "172.17.10.0/24");
    /** Somebody who looks each 10 ms. */
    const fight = (ms: number) => {
      const before = kernel.writes.added;
      for (let i = 0; i < ms; i += 10) {
        if (kernel.at(PREFIX, METRIC) !== undefined) kernel.outsiderDeletes(PREFIX, METRIC);
        clock.advance(10);
      }
      return kernel.writes.added - before;
    };
    t.equal(fight(80), 8, "the first are put right at once");
    t.same(lines, []);
    t.equal(fight(60_000), 6, "the others after 0.5, 1, 2, 4, 8 and 16 s");
    t.equal(fight(600_000), 10, "then after 32 s, and once a minute for as long as it lasts");
    t.equal(lines.length, 1);
    t.match(lines[0], /^fib-contested: 172.17.9.0\/24 was removed or changed by somebody else 9 times since/);
    t.match(row(), {
      state: "pending",
      contested: /has removed or changed it \d+ times; it is put right after pauses/,
    });
    t.equal(row("172.17.10.0/24")?.contested, undefined, "others are not meant");
    t.equal(fib.counters.queued, 0, "what waits for its pause isn't waited for");
    clock.advance(60_000);
    t.match(row(), { state: "installed", contested: /removed or changed/ });
    clock.advance(1_200_000);
    t.equal(row()?.contested, undefined, "who is left alone is forgotten");
    t.match(lines[1], "fib-left-alone");
    t.equal(fight(80), 8, "and has all its chances again");
  },
);

t.test("what the kernel takes away with a link is no fight, however often the link flaps", async (t) => {
  const { clock, kernel, lines, row } = await withRoutes(PREFIX, "fd00:9::/64");
  for (let i = 0; i < 30; i++) {
    kernel.setLink(2, false);
    clock.advance(400);
    kernel.setLink(2, true);
    clock.advance(400);
    t.ok(row()?.state === "installed" && row("fd00:9::/64")?.state !== "pending");
  }
  t.same(
    lines.filter((line) => line.startsWith("fib-contested")),
    [],
  );
});

t.test("a contested route that is withdrawn goes at once, and its place is new for whoever comes next", async (t) => {
  const { clock, kernel, fib, row } = await withRoutes(PREFIX);
  for (let i = 0; i < 9; i++) {
    kernel.outsiderDeletes(PREFIX, METRIC);
    clock.advance(1);
  }
  t.equal(row()?.state, "pending");
  fib.remove(parsePrefix(PREFIX));
  clock.advance(1);
  t.equal(row(), undefined);
  fib.set({ ...parsePrefix(PREFIX), ...target });
  clock.advance(1);
  t.match(row(), { state: "installed", contested: undefined });
});

t.test("a start where another process writes the same mark waits a moment for its end, and is refused", async (t) => {
  const clock = new VirtualClock();
  const kernel = new ModelKernel(clock);
  const first = open(clock, kernel);
  clock.advance(1);
  await first.fib.ready;
  const second = open(clock, kernel);
  clock.advance(4900);
  t.match(second.lines, [
    /^fib-mark-taken: another process .* already writes routes of table 254, protocol 186, metric 32/,
  ]);
  clock.advance(1000);
  await t.rejects(
    second.fib.ready,
    /^Cannot write kernel routes: another process .*; stop it, or give this daemon another/,
  );
  t.equal(second.lines.length, 1);
  void first.fib.close(true);
  clock.advance(1);
  const third = open(clock, kernel);
  clock.advance(1);
  await third.fib.ready;
  const fourth = open(clock, kernel);
  clock.advance(1000);
  void third.fib.close(true); // as a writer ends whose daemon was killed
  clock.advance(8000);
  await fourth.fib.ready;
});
