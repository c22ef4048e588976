import t from "tap";
import { seededRandom } from "../../src/lib/random.ts";
import type { RouteRow } from "../../src/view/model.ts";
import { type TestSpeaker, TestWorld } from "./harness.ts";

const HUB = "127.0.0.250";

/** A die with a seed. */
function dice(seed: number) {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random.next() * n);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const some = <T>(items: readonly T[]): T[] => items.filter(() => below(2) === 0);
  return { below, pick, some, chance: (percent: number) => below(100) < percent };
}
type Dice = ReturnType<typeof dice>;

const peers = [
  { address: "127.0.0.1", as: 65001 },
  { address: "127.0.0.2", as: 65001 },
  { address: "127.0.0.3", as: 65001 },
  { address: "127.0.0.4", as: 65002 },
  { address: "127.0.0.5", as: 65002 },
];
const prefixes = ["172.17.1.0/24", "172.17.2.0/24", "172.17.3.0/24", "172.17.4.0/24", "172.18.0.0/16"];
const communities = ["65001:1", "65001:2", "no-export", "no-advertise"];

function peerConfig({ below, pick, some, chance }: Dice, index: number): string {
  const { address, as } = peers[index]!;
  const originate = some(prefixes).map(
    (prefix) => `{prefix: ${prefix}, med: ${below(3)}, communities: [${chance(40) ? pick(communities) : ""}]}`,
  );
  const kind = as === 65001 ? "remote-as: 65001" : "remote-as: external, import-policy: [all], export-policy: [all]";
  return `
router: {as: ${as}, router-id: ${address}, address: ${address}}
kernel: {fib: none}
originate: [${originate.join(", ")}]
policies: {all: [{then: accept}]}
neighbors: [{address: ${HUB}, local-address: ${address}, ${kind}, allowas-in: 5, enforce-first-as: false, add-path: {send: all, receive: true}}]
`;
}

function term({ below, pick, chance }: Dice): string {
  const match = pick([
    "",
    "match: {prefix-list: l}, ",
    `match: {communities: [${pick(communities)}]}, `,
    `match: {learned-from: ${pick(["own", "internal", "external", "client"])}}, `,
    `match: {neighbor: ${pick(peers).address}}, `,
    `match: {peer-group: ${pick(["g1", "g2"])}}, `,
  ]);
  const set = pick([
    `local-pref: ${100 + below(3)}`,
    `med: ${pick(["none", "7"])}`,
    "add-communities: ['65001:9']",
    "prepend: 1",
    "next-hop: self",
    "remove-communities: ['65001:*']",
  ]);
  if (chance(40)) return `{${match}then: ${pick(["accept", "accept", "reject"])}}`;
  return `{${match}then: {set: {${set}}${chance(50) ? ", accept: true" : ""}}}`;
}

function settings({ below, pick, some, chance }: Dice, external: boolean): string {
  const policy = () => `[${some(["p", "q"]).concat("all").join(", ")}]`;
  return [
    `remote-as: ${external ? "external" : "internal"}`,
    ...(chance(60) ? [`import-policy: ${policy()}`] : []),
    ...(chance(60) ? [`export-policy: ${policy()}`] : []),
    ...(chance(50) ? [external ? "next-hop-unchanged: true" : `next-hop-self: ${pick(["true", "force"])}`] : []),
    ...(chance(50) && !external ? ["route-reflector-client: true"] : []),
    ...(chance(20) && external ? ["local-as: 64999"] : []),
    ...(chance(30) ? [`add-path: {send: ${pick(["0", "2", "all"])}, receive: ${chance(50)}}`] : []),
    ...(chance(30) ? [`timers: {advertisement-interval: ${below(3)}, hold-time: ${chance(80) ? 90 : 60}}`] : []),
    ...(chance(20) ? [`allowas-in: ${below(2)}`] : []),
    ...(chance(20) ? ["graceful-restart: false"] : []),
    ...(chance(20)
      ? [`address-families: {ipv4-unicast: {maximum-prefix: {limit: ${2 + below(4)}, action: warn}}}`]
      : []),
    ...(chance(20) ? ["drop-attributes: [8]"] : []),
    ...(chance(10) ? ["extended-messages: false"] : []),
  ].join(", ");
}

function hubConfig(die: Dice): string {
  const { below, pick, some, chance } = die;
  const listed = peers.filter(() => chance(75));
  const ranges = [
    ...(chance(50) ? [`{range: 127.0.0.0/30, peer-group: g1, ${settings(die, false)}}`] : []),
    ...(chance(30) ? [`{range: 127.0.0.2/31, peer-group: g2, ${settings(die, false)}}`] : []),
    ...(chance(50) ? [`{range: 127.0.0.4/31, peer-group: g2, ${settings(die, true)}}`] : []),
  ];
  const group = (name: string) => `  ${name}: {description: ${name}}`;
  const originate = some(prefixes).map(
    (prefix) => `{prefix: ${prefix}, blackhole: ${chance(50)}, communities: [${chance(30) ? pick(communities) : ""}]}`,
  );
  return `
router: {as: 65001, router-id: ${chance(90) ? HUB : "127.0.0.251"}, address: ${HUB}, cluster-id: ${pick([HUB, HUB, "9.9.9.9"])}, best-path: {always-compare-med: ${chance(20)}, deterministic-med: ${chance(80)}}}
kernel: {fib: memory, maximum-paths: ${1 + below(3)}}
originate: [${originate.join(", ")}]
prefix-lists: {l: [${some(prefixes).concat("10.0.0.0/8").join(", ")}]}
policies:
  p: [${Array.from({ length: 1 + below(2) }, () => term(die)).join(", ")}]
  q: [${Array.from({ length: 1 + below(2) }, () => term(die)).join(", ")}]
  all: [{then: accept}]
peer-groups:
${group("g1")}
${group("g2")}
neighbors: [${listed.map(({ address, as }) => `{address: ${address}, local-address: ${HUB}, peer-group: ${pick(["g1", "g2"])}, ${settings(die, as !== 65001)}}`).join(", ")}]
dynamic-neighbors: [${ranges.join(", ")}]
`;
}

/** All that can be seen of the hub from inside and from its peers, without what may differ: counters, times and path ids. */
function seen(hub: TestSpeaker, others: readonly TestSpeaker[]): string[] {
  const lines: string[] = [];
  const add = (what: string, rows: Iterable<unknown>) => {
    for (const row of rows) lines.push(`${what} ${JSON.stringify(row, leaveOut)}`);
  };
  const flat = (slices: Iterable<readonly RouteRow[]> | undefined): unknown[] =>
    [...(slices ?? [])].flat().flatMap(({ prefix, paths }) => paths.map((path) => ({ prefix, ...path })));
  add(
    "neighbor",
    hub.view.summary().neighbors.map(({ address, state, dynamic, routeReflectorClient, prefixes }) => {
      return { address, state, dynamic, routeReflectorClient, prefixes };
    }),
  );
  add("route", flat(hub.view.routes({})));
  add(
    "fib",
    [...hub.view.fib()]
      .flat()
      .map((row) => ({ ...row, nextHops: row.nextHops.map((hop) => JSON.stringify(hop)).sort() })),
  );
  for (const { address } of peers) add(`to ${address}`, flat(hub.view.advertised(address, {})));
  // Which of several paths of one peer is its best is a matter of path ids, which are of no order.
  for (const other of others)
    add(
      `at ${other.name}`,
      flat(other.view.received(HUB, {})).map((path) => ({ ...(path as object), best: null })),
    );
  return lines.sort();
}

const leaveOut = (key: string, value: unknown) => (["pathId", "line"].includes(key) ? undefined : value);

/** SEED=1291 RUNS=1 does one again; VERBOSE=1 prints its configs. */
const runs = Number(process.env.RUNS ?? 20);
const first = Number(process.env.SEED ?? 1);
t.test("after any row of reloads everything is as if the last config had been the first", async (t) => {
  for (let seed = first; seed < first + runs; seed++) {
    const die = dice(seed);
    const texts = peers.map((_, i) => peerConfig(die, i));
    let config = hubConfig(die);
    const world = new TestWorld();
    const hub = world.start("hub", HUB, config);
    const others = texts.map((text, i) => world.start(`p${i}`, peers[i]!.address, text));
    await world.advance(die.pick([0, 0.5, 5, 30]));
    const steps = 1 + die.below(8);
    for (let step = 0; step < steps; step++) {
      const what = die.below(10);
      if (what < 7) {
        config = hubConfig(die);
        if (process.env.VERBOSE) console.log("-----", step, config);
        hub.reload(config);
      } else if (what < 9) {
        const i = die.below(peers.length);
        texts[i] = peerConfig(die, i);
        others[i]!.reload(texts[i]!);
      } else
        for (const peer of die.some([...hub.speaker.peers])) hub.speaker.reset(peer, die.pick([null, "in", "out"]));
      await world.advance(die.pick([0, 0.001, 0.01, 0.5, 2, 10, 30]));
    }
    for (let i = 0; i < 50; i++) await world.advance(10);
    const fresh = new TestWorld();
    const freshHub = fresh.start("hub", HUB, config);
    const freshOthers = texts.map((text, i) => fresh.start(`p${i}`, peers[i]!.address, text));
    for (let i = 0; i < 50; i++) await fresh.advance(10);
    const [have, want] = [seen(hub, others), seen(freshHub, freshOthers)];
    const [left, missing] = [have.filter((line) => !want.includes(line)), want.filter((line) => !have.includes(line))];
    t.same([left, missing], [[], []], `seed ${seed}`);
    if (left.length + missing.length > 0) t.comment(`${steps} ${config}`);
    if (!t.passing() && !process.env.KEEP_GOING) return;
  }
  t.pass(`${runs} rows`);
});
