import fc from "fast-check";
import t from "tap";
import type { FibPort, FibResult } from "../../src/fib/fib-port.ts";
import { openFib } from "../../src/fib/open.ts";
import type { KernelRoute } from "../../src/kernel/reader.ts";
import type { FibHop, FibTarget } from "../../src/kernel/records.ts";
import { formatPrefix, parsePrefix } from "../../src/lib/address.ts";
import { onePrefix } from "../../src/lib/prefix-words.ts";
import { blocks } from "../../testbed/blocks.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";
import { ModelKernel } from "./model-kernel.ts";

const from11 = blocks(0x0b000000, 24);

const METRIC = 32;
const BGP = 186;
const STATIC = 4;

const hop = (last: number, ifindex = 2): FibHop => ({ via: [0x0a000000 + last], ifindex, onlink: true, weight: 1 });
const through = (...nextHops: FibHop[]): FibTarget => ({ type: "unicast", nextHops });
const blackhole: FibTarget = { type: "blackhole", nextHops: [] };

interface Setup {
  clock: VirtualClock;
  kernel: ModelKernel;
  fib: FibPort;
  results: FibResult[];
  set(prefix: string, target: FibTarget): void;
  remove(prefix: string): void;
  state(prefix: string): string;
  /** Lets everything that is due happen. */
  settle(): void;
}

async function setup(kernel?: ModelKernel, clock = new VirtualClock()): Promise<Setup> {
  if (kernel === undefined) {
    kernel = new ModelKernel(clock);
    kernel.addLink(2, "eth0");
    kernel.addLink(3, "eth1");
  }
  const { fib } = openFib({
    mode: "kernel",
    table: 254,
    protocol: BGP,
    metric: METRIC,
    nexthopObjects: false,
    writer: "inside",
    clock,
    os: kernel,
  });
  const results: FibResult[] = [];
  fib.onResult((result) => results.push(result));
  clock.advance(1);
  await fib.ready;
  return {
    clock,
    kernel,
    fib,
    results,
    set: (prefix, target) => fib.set({ ...parsePrefix(prefix), ...target }),
    remove: (prefix) => fib.remove(parsePrefix(prefix)),
    state: (prefix) => fib.row(parsePrefix(prefix))?.state ?? "none",
    settle: () => clock.advance(1),
  };
}

t.test("only the latest intent of a prefix is written, however often it changed before its turn came", async (t) => {
  const { kernel, set, remove, settle } = await setup();
  for (let i = 1; i < 100; i++) set("172.17.9.0/24", through(hop(i)));
  set("172.17.10.0/24", through(hop(1)));
  remove("172.17.10.0/24");
  settle();
  t.same(kernel.at("172.17.9.0/24", METRIC)?.hops[0]?.via, [0x0a000063]);
  t.same(kernel.writes, { added: 1, replaced: 0, deleted: 0, refused: 0 });
});

t.test("a route that is ours is replaced in place and removed by its mark", async (t) => {
  const { kernel, fib, set, remove, settle } = await setup();
  set("172.17.9.0/24", through(hop(1)));
  set("2001:db8::/64", blackhole);
  settle();
  set("172.17.9.0/24", through(hop(1), hop(2)));
  settle();
  t.equal(kernel.at("172.17.9.0/24", METRIC)?.hops.length, 2);
  t.equal(kernel.at("2001:db8::/64", METRIC)?.type, 6);
  remove("172.17.9.0/24");
  settle();
  t.equal(kernel.at("172.17.9.0/24", METRIC), undefined);
  t.same(fib.counters.operations, {
    add: { ok: 2, failed: 0, overridden: 0 },
    replace: { ok: 1, failed: 0, overridden: 0 },
    delete: { ok: 1, failed: 0, overridden: 0 },
  });
  t.equal(fib.counters.installed, 1);
});

t.test("what is set again unchanged writes nothing", async (t) => {
  const { kernel, set, settle } = await setup();
  set("172.17.9.0/24", through(hop(1), hop(2)));
  settle();
  set("172.17.9.0/24", through(hop(2), hop(1)));
  settle();
  t.same(kernel.writes, { added: 1, replaced: 0, deleted: 0, refused: 0 });
});

t.test("a foreign route in the place is left alone, named as the owner, and followed when it leaves", async (t) => {
  const { kernel, fib, set, settle, results } = await setup();
  kernel.outsiderAdds("172.17.9.0/24", STATIC, METRIC, [hop(9)]);
  set("172.17.9.0/24", through(hop(1)));
  settle();
  t.equal(kernel.at("172.17.9.0/24", METRIC)?.protocol, STATIC);
  t.match(fib.list(), [{ prefix: "172.17.9.0/24", state: "overridden", owner: "static", kernel: null }]);
  kernel.outsiderDeletes("172.17.9.0/24", METRIC);
  settle();
  t.equal(kernel.at("172.17.9.0/24", METRIC)?.protocol, BGP);
  t.same(
    results.map(({ state, owner }) => [state, owner]),
    [
      ["overridden", "static"],
      ["installed", null],
    ],
  );
});

t.test("a foreign route is never displaced by a change of ours that could not be written before", async (t) => {
  const { kernel, set, settle } = await setup();
  kernel.outsiderAdds("172.17.9.0/24", STATIC, METRIC, [hop(9)]);
  for (let i = 1; i < 5; i++) {
    set("172.17.9.0/24", through(hop(i)));
    settle();
  }
  t.equal(kernel.at("172.17.9.0/24", METRIC)?.protocol, STATIC);
});

t.test("somebody's replace of our route makes it theirs: it is overridden, not fought over", async (t) => {
  const { kernel, set, settle, state } = await setup();
  set("172.17.9.0/24", through(hop(1)));
  settle();
  kernel.outsiderAdds("172.17.9.0/24", STATIC, METRIC, [hop(9)], true);
  settle();
  t.equal(state("172.17.9.0/24"), "overridden");
  set("172.17.9.0/24", through(hop(2)));
  settle();
  t.equal(kernel.at("172.17.9.0/24", METRIC)?.protocol, STATIC);
});

t.test("a foreign route with a better metric is shown as overriding, though ours stands behind it", async (t) => {
  const { kernel, set, settle, state } = await setup();
  set("172.17.9.0/24", through(hop(1)));
  settle();
  kernel.outsiderAdds("172.17.9.0/24", STATIC, 0, [hop(9)]);
  settle();
  t.equal(state("172.17.9.0/24"), "overridden");
  t.equal(kernel.at("172.17.9.0/24", METRIC)?.protocol, BGP);
  kernel.outsiderDeletes("172.17.9.0/24", 0);
  settle();
  t.equal(state("172.17.9.0/24"), "installed");
});

t.test("an outside deletion or change of a route of ours is put right and counted", async (t) => {
  const { kernel, fib, set, settle } = await setup();
  set("172.17.9.0/24", through(hop(1)));
  set("172.17.10.0/24", through(hop(1)));
  settle();
  kernel.outsiderDeletes("172.17.9.0/24", METRIC);
  kernel.outsiderAdds("172.17.10.0/24", BGP, METRIC, [hop(7)], true);
  settle();
  t.same(kernel.at("172.17.9.0/24", METRIC)?.hops[0]?.via, [0x0a000001]);
  t.same(kernel.at("172.17.10.0/24", METRIC)?.hops[0]?.via, [0x0a000001]);
  t.equal(fib.counters.repaired, 2);
});

t.test("IPv4 routes that die in silence with their link are noticed, and come back with it", async (t) => {
  const { kernel, fib, set, state, settle, clock } = await setup();
  set("172.17.9.0/24", through(hop(1)));
  set("172.17.10.0/24", through(hop(1, 3)));
  settle();
  kernel.setLink(2, false);
  settle();
  t.equal(state("172.17.9.0/24"), "failed");
  t.match(fib.list()[0]?.error, /errno 100: said the model/);
  t.equal(state("172.17.10.0/24"), "installed");
  kernel.setLink(2, true);
  clock.advance(50);
  t.equal(state("172.17.9.0/24"), "installed");
  t.ok(kernel.at("172.17.9.0/24", METRIC));
});

t.test(
  "IPv6 routes that lose hops with a link, told hop by hop, keep the others and get them back with it",
  async (t) => {
    const { kernel, set, state, settle, clock } = await setup();
    const hop6 = (last: number, ifindex: number): FibHop => ({
      via: [0xfd000000, 0, 0, last],
      ifindex,
      onlink: true,
      weight: 1,
    });
    const prefixes = Array.from({ length: 9 }, (_, i) => `2001:db8:${i}::/48`);
    for (const prefix of prefixes) set(prefix, through(hop6(1, 2), hop6(2, 3), hop6(3, 3)));
    kernel.outsiderAdds("198.51.100.0/24", STATIC, 0, [hop(9)]);
    settle();
    const hops = () => prefixes.map((prefix) => kernel.at(prefix, METRIC)?.hops.length ?? 0);
    t.same(
      hops(),
      prefixes.map(() => 3),
    );
    kernel.setLink(3, false);
    clock.advance(50);
    t.ok(hops().every((count) => count <= 1));
    kernel.setLink(3, true);
    clock.advance(5000);
    t.same(
      hops(),
      prefixes.map(() => 3),
    );
    t.same(new Set(prefixes.map(state)), new Set(["installed"]));
    kernel.removeLink(3);
    clock.advance(50);
    kernel.addLink(3, "eth1");
    clock.advance(5000);
    t.same(
      hops(),
      prefixes.map(() => 3),
    );
  },
);

t.test("routes whose device was removed are written again when it is there again under its number", async (t) => {
  const { kernel, set, state, settle, clock } = await setup();
  set("172.17.9.0/24", through(hop(1)));
  settle();
  kernel.removeLink(2);
  settle();
  t.equal(state("172.17.9.0/24"), "failed");
  kernel.addLink(2, "eth0");
  clock.advance(50);
  t.equal(state("172.17.9.0/24"), "installed");
});

t.test("many routes behind one dead link cost the kernel one try each time, not one per route", async (t) => {
  const { kernel, fib, settle, clock } = await setup();
  const group = fib.openGroup(through(hop(1)));
  for (let i = 0; i < 1000; i++) fib.want(from11, i, group);
  settle();
  kernel.setLink(2, false);
  settle();
  const refused = kernel.writes.refused;
  t.ok(refused <= 512, `${refused} refused at first: at most what one turn had under way`);
  clock.advance(60_000);
  t.ok(kernel.writes.refused - refused < 20, `${kernel.writes.refused - refused} more in a minute`);
  kernel.setLink(2, true);
  clock.advance(100);
  t.equal(fib.counters.installed, 1000);
  t.ok(fib.list().every((row) => row.state === "installed"));
});

t.test("an overrun of the event queue loses nothing: everything is read again", async (t) => {
  const { kernel, fib, set, clock } = await setup();
  for (let i = 0; i < 50; i++) set(`172.17.${i}.0/24`, through(hop(1)));
  clock.advance(1);
  kernel.eventCapacity = 5;
  for (let i = 0; i < 20; i++) kernel.outsiderDeletes(`172.17.${i}.0/24`, METRIC);
  for (let i = 20; i < 30; i++) kernel.outsiderAdds(`172.17.${i}.0/24`, STATIC, METRIC, [hop(9)], true);
  clock.advance(20);
  t.ok(fib.counters.resyncs > 0);
  t.equal(fib.list().filter((row) => row.state === "installed").length, 40);
  t.equal(fib.list().filter((row) => row.state === "overridden").length, 10);
  t.equal([...kernel.routes.values()].filter((route) => route.protocol === BGP).length, 40);
});

t.test("an event that comes while everything is read is believed over the older reading", async (t) => {
  const { kernel, fib, set, state, clock } = await setup();
  for (let i = 0; i < 200; i++) set(`10.9.${i}.0/24`, through(hop(1)));
  clock.advance(1);
  kernel.eventCapacity = 1;
  kernel.outsiderDeletes("10.9.0.0/24", METRIC);
  kernel.outsiderDeletes("10.9.1.0/24", METRIC); // overrun: a reading starts, in many pieces
  kernel.eventCapacity = 1000;
  for (let i = 0; i < 40 && fib.counters.resyncs === 0; i++) clock.step();
  for (let i = 0; i < 3; i++) clock.step();
  kernel.outsiderDeletes("10.9.150.0/24", METRIC);
  kernel.outsiderDeletes("10.9.3.0/24", METRIC);
  clock.advance(20);
  for (const prefix of ["10.9.0.0/24", "10.9.1.0/24", "10.9.150.0/24", "10.9.3.0/24"]) {
    t.equal(state(prefix), "installed", prefix);
    t.ok(kernel.at(prefix, METRIC), prefix);
  }
});

t.test("a restart with unchanged routes writes nothing, and sweeps what nobody wants any more", async (t) => {
  const first = await setup();
  first.set("172.17.9.0/24", through(hop(1), hop(2)));
  first.set("172.17.10.0/24", blackhole);
  first.set("172.17.11.0/24", through(hop(3)));
  first.set("2001:db8::/48", through({ via: [0x20010db8, 0, 0, 1], ifindex: 2, onlink: true, weight: 1 }));
  first.settle();
  void first.fib.close(true);
  first.clock.advance(1);
  const { kernel } = first;
  t.equal(kernel.routes.size, 4, "kept on exit");

  const second = await setup(kernel, first.clock);
  const before = { ...kernel.writes };
  t.equal(second.fib.adopted(0), 3);
  t.equal(second.fib.adopted(1), 1);
  second.set("172.17.9.0/24", through(hop(2), hop(1)));
  second.set("172.17.10.0/24", blackhole);
  second.set("2001:db8::/48", through({ via: [0x20010db8, 0, 0, 1], ifindex: 2, onlink: true, weight: 1 }));
  second.settle();
  t.same(kernel.writes, before, "nothing was written");
  t.match(second.fib.row(parsePrefix("172.17.11.0/24")), { state: "installed", stale: true });
  second.fib.sweep(0);
  second.settle();
  t.equal(kernel.at("172.17.11.0/24", METRIC), undefined);
  t.equal(kernel.writes.deleted, before.deleted + 1);
  t.equal(second.fib.counters.swept, 1);
});

t.test("two restarts in a row lose none of our routes", async (t) => {
  const first = await setup();
  for (let i = 0; i < 20; i++) first.set(`172.17.${i}.0/24`, through(hop(1)));
  first.settle();
  const { kernel, clock } = first;
  // neither run ends in order: their sockets just stay as they are
  kernel.claimed.clear();
  await setup(kernel, clock);
  kernel.claimed.clear();
  const third = await setup(kernel, clock);
  t.equal(third.fib.adopted(0), 20);
  t.equal(kernel.routes.size, 20);
});

t.test("without keep-on-exit our routes go first, and only ours", async (t) => {
  const { kernel, fib, set, settle, clock } = await setup();
  kernel.outsiderAdds("172.17.1.0/24", STATIC, METRIC, [hop(9)]);
  kernel.outsiderAdds("172.17.2.0/24", BGP, 20, [hop(9)]); // another daemon of the same protocol, as FRR is
  set("172.17.1.0/24", through(hop(1)));
  set("172.17.2.0/24", through(hop(1)));
  settle();
  const closed = fib.close(false);
  clock.advance(5);
  await closed;
  t.same(
    [...kernel.routes.values()].map((route) => [route.protocol, route.metric]),
    [
      [STATIC, METRIC],
      [BGP, 20],
    ],
  );
});

t.test(
  "without the privilege every route is failed with one clear sentence, and works once it is granted",
  async (t) => {
    const { kernel, fib, set, settle, clock } = await setup();
    kernel.denied = true;
    set("172.17.9.0/24", through(hop(1)));
    settle();
    t.match(fib.list(), [{ state: "failed", error: "errno 1: writing kernel routes needs CAP_NET_ADMIN" }]);
    kernel.denied = false;
    clock.advance(60_000);
    t.match(fib.list(), [{ state: "installed" }]);
  },
);

t.test(
  "an IPv6 route through an IPv4 gateway is refused by us, and the other family of the group is written",
  async (t) => {
    const { fib, clock } = await setup();
    const group = fib.openGroup(through(hop(1)));
    fib.want(from11, 0, group);
    fib.want(onePrefix(parsePrefix("2001:db8::/64")), 0, group);
    clock.advance(1);
    t.match(fib.list(), [
      { prefix: "11.0.0.0/24", state: "installed" },
      { prefix: "2001:db8::/64", state: "failed", error: "An IPv6 route cannot go through an IPv4 gateway" },
    ]);
  },
);

t.test("a group without a way fails its routes in words, and they go as soon as it has one", async (t) => {
  const { kernel, fib, clock } = await setup();
  const group = fib.openGroup(through());
  fib.want(from11, 0, group);
  clock.advance(1);
  t.match(fib.list(), [{ state: "failed", error: "No next hop of the route resolves", kernel: null }]);
  t.same(kernel.writes, { added: 0, replaced: 0, deleted: 0, refused: 0 });
  fib.retarget(group, through(hop(1)));
  clock.advance(1);
  t.match(fib.list(), [{ state: "installed" }]);
  fib.retarget(group, through());
  clock.advance(1);
  t.match(fib.list(), [{ state: "failed", kernel: { nextHops: [{ via: "10.0.0.1" }] } }], "what is there stays");
});

t.test("retarget moves every route of the group and no other", async (t) => {
  const { kernel, fib, clock } = await setup();
  const moving = fib.openGroup(through(hop(1)));
  const staying = fib.openGroup(through(hop(1)));
  fib.want(from11, 0, moving);
  fib.want(from11, 1, moving);
  fib.want(from11, 2, staying);
  clock.advance(1);
  fib.retarget(moving, through(hop(5)));
  clock.advance(1);
  t.same(
    ["11.0.0.0/24", "11.0.1.0/24", "11.0.2.0/24"].map((prefix) => kernel.at(prefix, METRIC)!.hops[0]!.via![0]! & 0xff),
    [5, 5, 1],
  );
});

t.test("a barrier is told when the kernel has answered all that was asked before", async (t) => {
  const { kernel, fib, clock } = await setup();
  const group = fib.openGroup(through(hop(1)));
  for (let i = 0; i < 3000; i++) fib.want(from11, i, group);
  let told = -1;
  fib.barrier(() => {
    told = kernel.routes.size;
  });
  clock.advance(1);
  t.equal(told, 3000);
});

t.test(
  "the reader tells what the kernel has of others, only differences after a resync, and never our own routes",
  async (t) => {
    const clock = new VirtualClock();
    const kernel = new ModelKernel(clock);
    kernel.addLink(2, "eth0");
    kernel.outsiderAdds("10.0.0.0/24", 2, 0, [{ via: null, ifindex: 2, onlink: false, weight: 1 }]);
    const { fib, reader } = openFib({
      mode: "kernel",
      table: 254,
      protocol: BGP,
      metric: METRIC,
      nexthopObjects: false,
      writer: "inside",
      clock,
      os: kernel,
    });
    const told: string[] = [];
    const name = (route: KernelRoute) =>
      `${route.table} ${formatPrefix(route)} metric ${route.metric} proto ${route.protocol}`;
    clock.advance(1);
    await fib.ready;
    reader.subscribe({
      link: (link) => told.push(`link ${link.name} ${link.up}`),
      linkGone: (link) => told.push(`no link ${link.name}`),
      route: (route) => told.push(name(route)),
      routeGone: (route) => told.push(`no ${name(route)}`),
      synced: () => told.push("synced"),
    });
    t.same(told.splice(0), ["link lo true", "link eth0 true", "254 10.0.0.0/24 metric 0 proto 2", "synced"]);
    fib.set({ ...parsePrefix("172.17.9.0/24"), ...through(hop(1)) });
    clock.advance(1);
    t.same(told.splice(0), []);
    kernel.outsiderAdds("10.1.0.0/16", STATIC, 5, [hop(9)]);
    clock.advance(1);
    t.same(told.splice(0), ["254 10.1.0.0/16 metric 5 proto 4", "synced"]);
    kernel.setLink(2, false);
    clock.advance(1);
    t.same(told.splice(0).sort(), [
      "link eth0 false",
      "no 254 10.0.0.0/24 metric 0 proto 2",
      "no 254 10.1.0.0/16 metric 5 proto 4",
      "synced",
    ]);
    clock.advance(1000);
    kernel.eventCapacity = 0;
    kernel.outsiderAdds("10.2.0.0/16", STATIC, 5, []);
    clock.advance(10);
    t.ok(fib.counters.resyncs > 0);
    t.same(told.splice(0), ["254 10.2.0.0/16 metric 5 proto 4", "synced"]);
  },
);

t.test(
  "mode none takes intents and keeps nothing; mode memory answers as a kernel that takes everything",
  async (t) => {
    const clock = new VirtualClock();
    const rest = { table: 254, protocol: BGP, metric: METRIC, nexthopObjects: false, writer: "inside" as const, clock };
    const none = openFib({ ...rest, mode: "none", os: null });
    none.fib.set({ ...parsePrefix("172.17.9.0/24"), ...through(hop(1)) });
    t.same(none.fib.list(), []);
    const memory = openFib({ ...rest, mode: "memory", os: null });
    memory.fib.set({ ...parsePrefix("172.17.9.0/24"), ...through(hop(1)) });
    t.match(memory.fib.list(), [{ state: "pending" }]);
    clock.advance(1);
    t.match(memory.fib.list(), [
      {
        prefix: "172.17.9.0/24",
        type: "unicast",
        nextHops: [{ via: "10.0.0.1", dev: "if2", onlink: true, weight: 1 }],
        table: 254,
        protocol: "bgp",
        metric: 32,
        state: "installed",
      },
    ]);
    const closed = memory.fib.close(false);
    clock.advance(1);
    await closed;
  },
);

// --- a property: whatever happens, in the end the kernel has what is wanted where nobody else is, and nothing else -------

const prefixes = ["10.1.0.0/16", "10.2.0.0/16", "10.3.3.0/24", "10.3.4.5/32", "2001:db8::/32", "2001:db8:1::/48"];
const prefix = fc.constantFrom(...prefixes);
const hops6 = (last: number): FibHop => ({ via: [0xfe800000, 0, 0, last], ifindex: 2, onlink: true, weight: 1 });
const anyTarget = (of: string) =>
  fc.oneof(
    fc.constant(blackhole),
    fc
      .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(2, 3)), {
        minLength: 1,
        maxLength: 3,
        selector: ([last, ifindex]) => `${last} ${ifindex}`,
      })
      .map((hops) =>
        through(
          ...hops.map(([last, ifindex]) => (of.includes(":") ? { ...hops6(last), ifindex } : hop(last, ifindex))),
        ),
      ),
  );
const event = fc.oneof(
  { weight: 6, arbitrary: prefix.chain((p) => anyTarget(p).map((target) => ({ kind: "set" as const, p, target }))) },
  { weight: 2, arbitrary: prefix.map((p) => ({ kind: "remove" as const, p })) },
  {
    weight: 2,
    arbitrary: fc.tuple(prefix, fc.boolean()).map(([p, replace]) => ({ kind: "foreign" as const, p, replace })),
  },
  { weight: 2, arbitrary: prefix.map((p) => ({ kind: "delete" as const, p })) },
  { weight: 1, arbitrary: prefix.map((p) => ({ kind: "meddle" as const, p })) },
  { weight: 1, arbitrary: fc.boolean().map((up) => ({ kind: "link" as const, up })) },
  { weight: 1, arbitrary: fc.constant({ kind: "flush" as const }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 1000).map((size) => ({ kind: "capacity" as const, size })) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 6 }).map((steps) => ({ kind: "steps" as const, steps })) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

t.test(
  "whatever happens in between, in the end the kernel has what is wanted wherever no other owner stands",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        let now = await setup();
        const { kernel, clock } = now;
        const wanted = new Map<string, FibTarget>();
        let foreign = new Map<string, number>();
        for (const each of events) {
          if (each.kind === "set") {
            wanted.set(each.p, each.target);
            now.set(each.p, each.target);
          } else if (each.kind === "remove") {
            wanted.delete(each.p);
            now.remove(each.p);
          } else if (each.kind === "foreign")
            kernel.outsiderAdds(each.p, STATIC, METRIC, each.p.includes(":") ? [hops6(9)] : [hop(9)], each.replace);
          else if (each.kind === "delete") kernel.outsiderDeletes(each.p, METRIC);
          else if (each.kind === "meddle") {
            if (kernel.at(each.p, METRIC)?.protocol === BGP) kernel.outsiderAdds(each.p, BGP, METRIC, [], true);
          } else if (each.kind === "link") kernel.setLink(3, each.up);
          else if (each.kind === "flush") kernel.outsiderFlushes();
          else if (each.kind === "capacity") kernel.eventCapacity = each.size;
          else if (each.kind === "steps") for (let i = 0; i < each.steps; i++) clock.step();
          else {
            void now.fib.close(true);
            clock.advance(1);
            now = await setup(kernel, clock);
            for (const [p, target] of wanted) now.set(p, target);
          }
        }
        kernel.eventCapacity = 1000;
        foreign = new Map(
          [...kernel.routes].filter(([, r]) => r.protocol === STATIC).map(([place]) => [place, STATIC]),
        );
        clock.advance(40_000);
        now.fib.sweep(0);
        now.fib.sweep(1);
        clock.advance(40_000);
        for (const place of foreign.keys())
          if (kernel.routes.get(place)?.protocol !== STATIC)
            throw new Error(`the foreign route ${place} was displaced`);
        for (const p of prefixes) {
          const route = kernel.at(p, METRIC);
          const target = wanted.get(p);
          const row = now.fib.row(parsePrefix(p));
          if (route !== undefined && route.protocol !== BGP) {
            if (target !== undefined && (row?.state !== "overridden" || row.owner !== "static"))
              throw new Error(`${p} is another's and shown as ${row?.state}`);
            continue;
          }
          const possible = target?.nextHops.every((each) => kernel.links.get(each.ifindex)!.up) ?? false;
          if (target !== undefined && possible) {
            if (route === undefined) throw new Error(`${p} is missing; shown as ${row?.state}`);
            if (text(route.hops) !== text(target.nextHops)) throw new Error(`${p} goes ${text(route.hops)}`);
            if (row?.state !== "installed")
              throw new Error(`${p} is installed and shown as ${row?.state} ${row?.error}`);
          } else if (target === undefined) {
            if (route !== undefined) throw new Error(`${p} is a leftover`);
            if (row !== undefined) throw new Error(`${p} is nothing and shown as ${row.state}`);
          } else if (route !== undefined && text(route.hops) === text(target.nextHops)) {
            // it was written before one of its links went down, and lives on by the others
            if (row?.state !== "installed") throw new Error(`${p} is installed and shown as ${row?.state}`);
          } else if (row?.state !== "failed") throw new Error(`${p} cannot be written and is shown as ${row?.state}`);
        }
      }),
      { numRuns: Number(process.env.PEERAGE_RUNS ?? 500), seed: Number(process.env.PEERAGE_SEED ?? 3) },
    );
  },
);

const text = (hops: readonly FibHop[]) =>
  hops
    .map((each) => `${each.via?.join(".")}%${each.ifindex}`)
    .sort()
    .join(" ");
