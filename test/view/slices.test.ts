import t, { type Test } from "tap";
import { ControlClient } from "../../src/api/client.ts";
import { startControlServer } from "../../src/api/server.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { NeighborDetail, RouteRow, Summary } from "../../src/view/model.ts";
import type { RoutePiece } from "../../src/view/view-port.ts";
import { node, question, TestWorld } from "../speaker/harness.ts";
import { shortDirectory } from "../support/control-socket.ts";
import { FakeSpeaker } from "../support/fake-speaker.ts";

const reflector = `
router: {as: 65001, router-id: 10.0.0.250, address: 10.0.0.250}
limits: {paths-per-prefix: 2000}
kernel: {fib: none}
originate: [{prefix: 10.250.0.0/16}]
neighbors:
  - {address: 10.0.0.1, remote-as: internal, passive: true, route-reflector-client: true}
${Array.from({ length: 300 }, (_, i) => `  - {address: 10.2.${i >> 8}.${i & 255}, remote-as: internal, passive: true}`).join("\n")}
`;

/** A reflector with a client and 300 neighbors that never come, and a way to put paths of the client into its table. */
async function world() {
  const world = new TestWorld();
  const rr = world.start("rr", "10.0.0.250", reflector);
  world.start("a", "10.0.0.1", node("10.0.0.1", "172.17.8.0/24"));
  await world.advance(20);
  const table = rr.speaker.tables.byFamily[0]!;
  const { source } = rr.speaker.peers.get("10.0.0.1")!;
  const known = table.prefixes.find([0xac110800], 24);
  const set = table.pathReceived(table.firstPath(known));
  return {
    rr,
    table,
    announce: (address: number, length: number, pathId: number) =>
      table.announce4(source, address, length, pathId, set),
    withdraw: (address: number, length: number, pathId: number) => table.withdraw4(source, address, length, pathId),
    settle: async () => {
      // Nobody told the speaker that there is work.
      while (!rr.speaker.tables.rib.flush(1 << 20));
      await world.advance(5);
    },
  };
}

/** The same over a real socket: what the client gets is whole rows. */
async function ask<T>(t: Test, view: Awaited<ReturnType<typeof world>>["rr"]["view"], path: string): Promise<T> {
  const socket = `${shortDirectory(t)}/s`;
  const server = await startControlServer({
    path: socket,
    view,
    control: new FakeSpeaker(),
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => server.close());
  return new ControlClient(socket).get<T>(path);
}

const numberOf = (prefix: string) =>
  prefix
    .split("/")[0]!
    .split(".")
    .reduce((word, octet) => word * 256 + Number(octet), 0);

t.test("a table of 51,000 prefixes comes in order, as does what was received from and told to a peer", async (t) => {
  const { rr, table, announce, settle } = await world();
  for (let i = 0; i < 51_000; i++) announce((0x14000000 + ((i * 7919) % 51_000) * 256) >>> 0, 24, 0);
  await settle();
  const rows: RouteRow[] = [];
  let most = 0;
  for (const slice of rr.view.routes({})) {
    most = Math.max(most, slice.length);
    rows.push(...slice);
  }
  t.ok(most <= 512, `${most} rows in a slice`);
  t.equal(rows.length, 51_002);
  const numbers = rows.map(({ prefix }) => numberOf(prefix));
  t.ok(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!));
  const inside = { prefix: question("20.1.0.0/16"), longer: true };
  const expected = Array.from({ length: 256 }, (_, i) => `20.1.${i}.0/24`);
  for (const slices of [rr.view.routes(inside), rr.view.received("10.0.0.1", inside)!])
    t.same(
      [...slices].flat().map(({ prefix }) => prefix),
      expected,
    );
  t.same(
    [...rr.view.advertised("10.0.0.1", {})!].flat().map(({ prefix }) => prefix),
    ["10.250.0.0/16"],
  );
  t.equal(table.order.bytes, 0, "nothing is held afterwards");
});

t.test("a prefix with thousands of paths comes in pieces, and over the socket as one row", async (t) => {
  const { rr, announce, settle } = await world();
  for (let id = 1; id <= 1500; id++) announce(0x14000000, 24, id);
  announce(0x14000100, 24, 0);
  await settle();
  const slices = [...rr.view.routes({})];
  const most = Math.max(...slices.map((slice) => slice.reduce((sum, { paths }) => sum + paths.length, 0)));
  t.ok(most <= 512, `${most} paths in a slice`);
  const pieces = slices.flat().filter(({ prefix }) => prefix === "20.0.0.0/24") as RoutePiece[];
  t.ok(pieces.length >= 6 && pieces.slice(0, -1).every(({ more }) => more) && pieces.at(-1)!.more === undefined);
  const { routes } = await ask<{ routes: RouteRow[] }>(t, rr.view, "/route");
  t.same(
    routes.map(({ prefix, paths }) => [prefix, paths.length]),
    [
      ["10.250.0.0/16", 1],
      ["20.0.0.0/24", 1500],
      ["20.0.1.0/24", 1],
      ["172.17.8.0/24", 1],
    ],
  );
  t.equal(new Set(routes[1]!.paths.map(({ pathId }) => pathId)).size, 1500, "none twice");
  t.same(Object.keys(routes[1]!), ["prefix", "paths"]);
  const explanation = rr.view.explain(question("20.0.0.0/24"));
  t.equal(explanation.received.length, 1500);
  t.equal(explanation.advertised.length, 301);
});

t.test(
  "paths that leave between two pieces are left out, and their prefix's id is nobody else's meanwhile",
  async (t) => {
    const { rr, table, announce, withdraw, settle } = await world();
    for (let id = 1; id <= 1000; id++) announce(0x14000000, 24, id);
    await settle();
    const pinned = table.prefixes.find([0x14000000], 24);
    const slices = rr.view.routes({ prefix: question("20.0.0.0/24") })[Symbol.iterator]();
    const seen: RoutePiece[] = [];
    while (seen.length === 0) seen.push(...(slices.next().value as RoutePiece[]));
    for (let id = 1; id <= 1000; id++) withdraw(0x14000000, 24, id);
    await settle();
    for (let i = 0; i < 100; i++) announce(0x15000000 + i * 256, 24, 0);
    await settle();
    t.equal(table.prefixes.find([0x14000000], 24), pinned);
    for (let step = slices.next(); !step.done; step = slices.next()) seen.push(...(step.value as RoutePiece[]));
    t.ok(seen.every(({ prefix }) => prefix === "20.0.0.0/24"));
    t.equal(seen.flatMap(({ paths }) => paths).length, 256, "the first slice, and nothing of what left");
    t.equal(seen.at(-1)!.more, undefined, "the row has an end");
    t.equal(table.prefixes.find([0x14000000], 24), 0, "and the id is free again");
  },
);

t.test("an explanation that is given up lets its prefix go", async (t) => {
  const { rr, table, announce, withdraw, settle } = await world();
  for (let id = 1; id <= 1000; id++) announce(0x14000000, 24, id);
  await settle();
  const making = rr.view.explainSlices(question("20.0.0.0/24"));
  t.equal(making.next().done, false);
  for (let id = 1; id <= 1000; id++) withdraw(0x14000000, 24, id);
  await settle();
  t.not(table.prefixes.find([0x14000000], 24), 0);
  making.return({} as never);
  t.equal(table.prefixes.find([0x14000000], 24), 0);
});

t.test("neighbors come by address, a few in a slice; who goes meanwhile is left out", async (t) => {
  const { rr } = await world();
  const slices = [...rr.view.neighborSlices()];
  t.ok(slices.every((slice) => slice.length <= 64));
  const numbers = slices.flat().map(({ address }) => numberOf(address));
  t.equal(numbers.length, 301);
  t.same(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  const summary = await ask<Summary>(t, rr.view, "/summary");
  t.match(summary.router, { as: 65001, routes: { "ipv4-unicast": 2 } });
  t.equal(summary.neighbors.length, 301);
  const walk = rr.view.neighborSlices()[Symbol.iterator]();
  const seen: NeighborDetail[] = [...(walk.next().value as NeighborDetail[])];
  rr.reload(reflector.split("\n").slice(0, 40).join("\n"));
  for (let step = walk.next(); !step.done; step = walk.next()) seen.push(...step.value);
  t.equal(seen.length, 64);
});
