import t from "tap";
import { seededRandom } from "../../src/lib/random.ts";
import { type Candidate, judge, ladder } from "../../src/rib/decision/ladder.ts";
import { type DecisionOptions, defaultDecision } from "../../src/rib/decision/options.ts";
import { LOCAL_SOURCE } from "../../src/rib/source-table.ts";
import { ribKit, type SetSpec, type SourceSpec } from "../support/rib-kit.ts";

const PREFIX = 0x0a090000;

/** Announces 10.9.0.0/16 from each in turn, decides, and tells which won (-1: none). */
function contest(
  paths: readonly (SetSpec & SourceSpec & { own?: boolean; metric?: number; reachable?: boolean; pathId?: number })[],
  decision: DecisionOptions = defaultDecision,
) {
  const kit = ribKit({ decision });
  const { rib, nextHops } = kit;
  const table = rib.ipv4;
  const sources = paths.map(({ own, kind, routerId, address }, i) =>
    own === true
      ? LOCAL_SOURCE
      : kit.source({
          ...(kind === undefined ? {} : { kind }),
          routerId: routerId ?? 0x01000001 + i,
          address: address ?? [0x0a000101 + i],
        }),
  );
  paths.forEach(({ own, kind: _kind, routerId: _id, address: _address, metric, reachable, pathId, ...spec }, i) => {
    const hop = 0x0a000001 + i;
    const set = kit.set({ hop, ...spec });
    table.announce4(sources[i]!, PREFIX, 16, pathId ?? 0, set);
    nextHops.metric[rib.attributes.nextHop[set]!] = metric ?? 0;
    if (reachable === false) nextHops.reachable[rib.attributes.nextHop[set]!] = 0;
  });
  rib.flush(1e9);
  const id = table.prefixes.find4(PREFIX, 16);
  const index = (path: number) =>
    sources.findIndex(
      (source, i) => source === table.pathSource(path) && (paths[i]!.pathId ?? 0) === table.pathReceivedId(path),
    );
  const best = table.best(id);
  const out = new Int32Array(32);
  return {
    kit,
    table,
    id,
    winner: best === 0 ? -1 : index(best),
    explanation: table
      .explain(id)
      .map(({ candidate, lostAt, text }) => ({ index: index(candidate.path), lostAt, text })),
    multipath: (max: number) => Array.from(out.subarray(0, table.multipath(id, max, out)), index),
    rank: () => Array.from(out.subarray(0, table.rank(id, out)), index),
  };
}

type Contestant = Parameters<typeof contest>[0][number];

/** Candidates written out by hand, with none of the RIB's code. */
const reference = (paths: readonly Contestant[]): (Candidate & { index: number })[] =>
  paths.map((path, index) => ({
    index,
    state: path.reachable === false ? "unreachable" : "usable",
    longLivedStale: path.communities?.includes(0xffff0006) ?? false,
    own: path.own === true,
    localPref: path.localPref ?? 100,
    asPathLength: path.path?.length ?? 0,
    origin: path.origin ?? 0,
    med: path.med ?? 0,
    neighborAs: path.path?.[0] ?? 0,
    external: path.kind === "external" && path.own !== true,
    metric: path.metric ?? 0,
    routerId: path.originatorId ?? (path.own === true ? 0x0a0000fe : path.routerId!),
    clusterListLength: path.clusterList?.length ?? 0,
    address: path.own === true ? [] : path.address!,
    source: index,
    pathId: 0,
  }));

const MULTIPATH = ladder.findIndex(({ behindMultipath }) => behindMultipath);

/** Number of the step at which a path loses; that of the last step and one more for the best. */
function lastStep(paths: readonly Contestant[], decision: DecisionOptions, index: number): number {
  const { lostAt } = judge(reference(paths), decision).find(({ candidate }) => candidate.index === index)!;
  return lostAt === null ? ladder.length : ladder.findIndex(({ name }) => name === lostAt);
}

/** Each row: the winner, the loser, and the one step at which it loses. Later steps all speak for the loser. */
const rows: {
  step: string;
  text: string;
  win: Parameters<typeof contest>[0][number];
  lose: Parameters<typeof contest>[0][number];
}[] = [
  {
    step: "long-lived stale",
    text: "long-lived stale (LLGR_STALE), and there is a path that isn't",
    win: { localPref: 50 },
    lose: { localPref: 500, communities: [0xffff0006] },
  },
  {
    step: "own route",
    text: "learned from a peer, and the prefix is originated here",
    win: { own: true, localPref: 50 },
    lose: { localPref: 500 },
  },
  {
    step: "LOCAL_PREF",
    text: "LOCAL_PREF 100 is lower than 101",
    win: { localPref: 101, path: [1, 2, 3] },
    lose: { path: [1] },
  },
  {
    step: "AS_PATH length",
    text: "AS_PATH length 2 is more than 1",
    win: { path: [1], origin: 2 },
    lose: { path: [1, 2], origin: 0 },
  },
  {
    step: "ORIGIN",
    text: "ORIGIN incomplete is worse than egp",
    win: { path: [1], origin: 1, med: 9 },
    lose: { path: [1], origin: 2 },
  },
  {
    step: "MED",
    text: "MED 9 is higher than 8 of another path through AS 1",
    win: { path: [1, 2], med: 8 },
    lose: { path: [1, 3], med: 9, kind: "external" },
  },
  {
    step: "eBGP over iBGP",
    text: "learned over iBGP, and there is a path learned over eBGP",
    win: { path: [1], kind: "external", metric: 10 },
    lose: { path: [1], metric: 5 },
  },
  {
    step: "IGP metric",
    text: "IGP metric 11 of the next hop is higher than 10",
    win: { metric: 10, routerId: 9 },
    lose: { metric: 11, routerId: 8 },
  },
  {
    step: "router id",
    text: "ORIGINATOR_ID or router id 0.0.0.9 is higher than 0.0.0.8",
    win: { routerId: 8, clusterList: [1, 2] },
    lose: { routerId: 9 },
  },
  {
    step: "router id",
    text: "ORIGINATOR_ID or router id 0.0.0.9 is higher than 0.0.0.8",
    win: { routerId: 10, originatorId: 8, clusterList: [1, 2] },
    lose: { routerId: 1, originatorId: 9 },
  },
  {
    step: "CLUSTER_LIST length",
    text: "CLUSTER_LIST length 2 is more than 1",
    win: { originatorId: 8, clusterList: [1], address: [9] },
    lose: { originatorId: 8, clusterList: [1, 2], address: [8] },
  },
  {
    step: "peer address",
    text: "peer address 0.0.0.9 is higher than 0.0.0.8",
    win: { originatorId: 8, address: [8] },
    lose: { originatorId: 8, address: [9] },
  },
  {
    step: "peer address",
    text: "peer address ::9 is higher than 0.0.0.8",
    win: { originatorId: 8, address: [8] },
    lose: { originatorId: 8, address: [0, 0, 0, 9] },
  },
];

t.test(
  "the ladder: each pair is decided by exactly one step, whichever came first (RFC 4271 §9.1.2, RFC 4456 §9)",
  (t) => {
    for (const { step, text, win, lose } of rows) {
      const first = contest([win, lose]);
      t.equal(first.winner, 0, `${step}: ${text}`);
      t.same(first.explanation[1], { index: 1, lostAt: step, text });
      t.equal(contest([lose, win]).winner, 1, `${step}, the loser having come first`);
    }
    t.same(
      [...new Set(rows.map(({ step }) => step)), "path id"],
      ladder.map(({ name }) => name),
      "every step has its row",
    );
    t.end();
  },
);

t.test("two paths of one peer are told apart by their path id (RFC 7911)", (t) => {
  const kit = ribKit();
  const source = kit.source();
  const table = kit.rib.ipv4;
  table.announce4(source, PREFIX, 16, 7, kit.set({ hop: 2 }));
  table.announce4(source, PREFIX, 16, 3, kit.set({ hop: 3 }));
  kit.rib.flush(1e9);
  const id = table.prefixes.find4(PREFIX, 16);
  t.equal(table.pathReceivedId(table.best(id)), 3);
  t.equal(table.explain(id)[1]!.lostAt, "path id");
  t.end();
});

t.test("a path whose next hop doesn't resolve takes no part, nor does a rejected one (RFC 4271 §9.1.2.1)", (t) => {
  const { winner, explanation, table, id } = contest([{ localPref: 500, reachable: false }, { localPref: 50 }]);
  t.equal(winner, 1);
  t.same(explanation, [
    { index: 1, lostAt: null, text: "the only usable path" },
    { index: 0, lostAt: null, text: "the next hop is unreachable" },
  ]);
  table.importPort = { evaluate: () => 0 };
  table.reevaluate(0);
  table.work(1e9);
  table.flush(1e9);
  t.equal(table.best(id), 0);
  t.equal(table.explain(id)[0]!.text, "rejected by the import policy");
  t.equal(contest([{ reachable: false }]).winner, -1);
  t.end();
});

t.test("age plays no part: the same paths give the same best, in any order of arrival", (t) => {
  const paths = [{ routerId: 3 }, { routerId: 1 }, { routerId: 2 }];
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ])
    t.equal(order[contest(order.map((i) => paths[i]!)).winner], 1);
  t.end();
});

t.test(
  "an absent MED counts as 0, and only paths through the same neighbor AS are compared (RFC 4271 §9.1.2.2 c)",
  (t) => {
    t.equal(contest([{ path: [1], med: 1 }, { path: [1] }]).winner, 1);
    t.equal(contest([{ path: [1], med: 9 }, { path: [2] }]).winner, 0, "another neighbor AS: the router id decides");
    t.equal(contest([{ path: [1], med: 9 }, { path: [2] }], { ...defaultDecision, alwaysCompareMed: true }).winner, 1);
    t.equal(contest([{ med: 9 }, {}]).winner, 1, "two paths of our own AS (empty AS_PATH)");
    t.end();
  },
);

t.test("MED is deterministic: a path removed by MED can't remove others by later steps", (t) => {
  // Through AS 1: a (MED 10, low router id) and b (MED 5, high router id); through AS 2: c in between.
  const a = { path: [1], med: 10, routerId: 1 };
  const b = { path: [1], med: 5, routerId: 9 };
  const c = { path: [2], med: 7, routerId: 5 };
  const all = [a, b, c];
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ])
    t.equal(order[contest(order.map((i) => all[i]!)).winner], 2, `order ${order}`);
  const inOrder = { ...defaultDecision, deterministicMed: false };
  const winners = new Set(
    [
      [0, 1, 2],
      [1, 2, 0],
      [2, 0, 1],
    ].map(
      (order) =>
        order[
          contest(
            order.map((i) => all[i]!),
            inOrder,
          ).winner
        ],
    ),
  );
  t.ok(winners.size > 1, "without it the order decides");
  t.equal(contest([a, b, c], inOrder).explanation.length, 3, "and explain still has an answer for each");
  t.end();
});

t.test("multipath: what is equal to the best up to the IGP metric and has another next hop (ECMP)", (t) => {
  const equal = contest([{ path: [1, 5] }, { path: [2, 5] }, { path: [3, 5] }, { path: [4, 5, 6] }]);
  t.same(equal.multipath(8), [0, 1, 2], "longer paths stay out, other ASes don't matter");
  t.same(equal.multipath(2), [0, 1]);
  t.same(equal.multipath(1), [0]);
  const strict = { ...defaultDecision, multipathAsPath: "neighbor-as" } as const;
  t.same(contest([{ path: [1, 5] }, { path: [2, 5] }, { path: [1, 6] }], strict).multipath(8), [0, 2]);
  t.same(contest([{ metric: 5 }, { metric: 6 }, { metric: 5 }]).multipath(8), [0, 2]);
  const kinds = [{ kind: "external", path: [1] }, { path: [1] }, { kind: "external", path: [1] }] as const;
  t.same(contest(kinds).multipath(8), [0, 2], "eBGP and iBGP don't mix");
  t.same(
    contest([
      { path: [1], med: 5 },
      { path: [1], med: 6 },
      { path: [2], med: 7 },
    ]).multipath(8),
    [0, 2],
    "MED",
  );
  t.same(contest([{ hop: 77 }, { hop: 77 }, { hop: 78 }]).multipath(8), [0, 2], "one next hop once");
  t.same(contest([{ reachable: false }]).multipath(8), []);
  t.same(
    contest([{ routerId: 9 }, { routerId: 3 }, { routerId: 5 }]).multipath(8),
    [1, 2, 0],
    "the best first, the others in order",
  );
  t.end();
});

t.test("ranked for ADD-PATH: each is the best of what is left (RFC 7911)", (t) => {
  t.same(contest([{ localPref: 1 }, { localPref: 3 }, { localPref: 2 }, { reachable: false }]).rank(), [1, 2, 0]);
  // c beats a only while b is there to remove a by MED: then a comes before nobody.
  const ranked = contest([
    { path: [1], med: 10, routerId: 1 },
    { path: [1], med: 5, routerId: 9 },
    { path: [2], routerId: 5 },
  ]).rank();
  t.same(ranked, [2, 1, 0]);
  const { table, id } = contest([{}, {}, {}]);
  t.equal(table.rank(id, new Int32Array(2)), 2, "no more than fit");
  t.end();
});

t.test("the hot path and the ladder always agree, and the order of arrival never matters (seeded)", (t) => {
  const random = seededRandom(2026);
  const pick = <T>(...choices: T[]): T => choices[Math.floor(random.next() * choices.length)]!;
  for (let round = 0; round < 600; round++) {
    const alwaysCompareMed = random.next() < 0.2;
    const decision = { ...defaultDecision, alwaysCompareMed };
    const count = 1 + Math.floor(random.next() * 7);
    const paths = Array.from({ length: count }, (_, i) => {
      const kind = pick("internal", "external");
      return {
        own: random.next() < 0.02 && i === 0,
        kind,
        path: pick([], [1], [1, 2], [2, 1], [3, 3]),
        origin: pick<0 | 1>(0, 0, 1),
        med: pick(null, 0, 5, 10),
        localPref: pick(null, null, 100, 200),
        communities: random.next() < 0.1 ? [0xffff0006] : [],
        originatorId: pick(null, 5, 6),
        clusterList: pick([], [1], [1, 2]),
        metric: pick(0, 0, 7),
        reachable: random.next() > 0.1,
        routerId: pick(4, 5, 6),
        address: [1 + i],
      } as const;
    });
    const { table, id, winner, explanation, rank, multipath } = contest(paths, decision);
    const expected = judge(reference(paths), decision);
    const best =
      expected[0]?.lostAt === null && expected[0].candidate.state === "usable" ? expected[0].candidate.index : -1;
    if (winner !== best) t.fail(`round ${round}: ${winner}, the ladder says ${best}`);
    if (table.best(id) !== 0 && explanation[0]!.index !== winner) t.fail(`round ${round}: explained another`);
    const shuffled = paths.map((_, i) => i).sort(() => random.next() - 0.5);
    const other = contest(
      shuffled.map((i) => paths[i]!),
      decision,
    ).winner;
    if ((other < 0 ? -1 : shuffled[other]) !== winner) t.fail(`round ${round}: order of arrival matters`);
    const order = rank();
    let left = reference(paths).filter(({ state }) => state === "usable");
    for (const index of order) {
      if (judge(left, decision)[0]!.candidate.index !== index) t.fail(`round ${round}: rank`);
      left = left.filter((candidate) => candidate.index !== index);
    }
    if (left.length > 0) t.fail(`round ${round}: rank forgot some`);
    const sharing = multipath(16);
    if (winner >= 0 && sharing[0] !== winner) t.fail(`round ${round}: multipath doesn't start with the best`);
    for (const index of sharing) if (lastStep(paths, decision, index) < MULTIPATH) t.fail(`round ${round}: multipath`);
  }
  t.pass("600 rounds");
  t.end();
});
