import t from "tap";
import { parseAddress, parsePrefix } from "../../src/lib/address.ts";
import {
  type ExtendedCommunity,
  formatExtendedCommunity,
  linkBandwidth,
  tryParseExtendedCommunity,
} from "../../src/lib/extended-communities.ts";
import { Family } from "../../src/lib/family.ts";
import { atOnce } from "../../src/lib/in-slices.ts";
import type { KernelMarks } from "../../src/lib/kernel-marks.ts";
import { onePrefix } from "../../src/lib/prefix-words.ts";
import type { AttributeSets, NextHopIds } from "../../src/policy/attribute-sets.ts";
import type { Match, Modify, PolicySource, Term, TermOrigin } from "../../src/policy/definition.ts";
import { PolicyHits } from "../../src/policy/hits.ts";
import { ImportPipeline, type ImportSettings } from "../../src/policy/import-pipeline.ts";
import { compilingSteps, Policy } from "../../src/policy/policy.ts";
import { compilePrefixRules, compilingPrefixList } from "../../src/policy/prefix-matcher.ts";
import { emptyAttributes, type PathAttributes } from "../../src/wire/attribute/types.ts";
import { blocks } from "../../testbed/blocks.ts";

/** The obvious store: a list of sets, equal by their JSON. `views` counts how often a set was looked into. */
class ObviousSets implements AttributeSets, NextHopIds {
  readonly generation = new Uint32Array(64);
  readonly nextHop = new Uint32Array(64);
  readonly #sets: PathAttributes[] = [emptyAttributes];
  readonly #nextHops: (readonly number[])[] = [[]];
  views = 0;

  view(set: number): PathAttributes {
    this.views++;
    return this.#sets[set]!;
  }

  intern(value: readonly number[] | PathAttributes, nextHop: unknown): number {
    if (Array.isArray(value)) return this.#find(this.#nextHops as unknown[], value);
    const wanted = JSON.stringify([value, nextHop]);
    const found = this.#sets.findIndex((set, id) => id > 0 && JSON.stringify([set, this.nextHop[id]]) === wanted);
    if (found > 0) return found;
    this.nextHop[this.#sets.length] = nextHop as number;
    return this.#sets.push(value as PathAttributes) - 1;
  }

  /** Gives the id of a set to another one, as a store does after the last user of the first has gone. */
  replace(set: number, attributes: PathAttributes): void {
    this.#sets[set] = attributes;
    this.generation[set]!++;
  }

  retain(): void {}

  release(): void {}

  readonly #marks = new Map<number, KernelMarks>();

  marks(id: number): KernelMarks | null {
    return this.#marks.get(id) ?? null;
  }

  marked(id: number, more: KernelMarks): number {
    const marks = { ...this.#marks.get(id), ...more };
    const words = this.#nextHops[id]!;
    for (const [known, its] of this.#marks)
      if (JSON.stringify([its, this.#nextHops[known]]) === JSON.stringify([marks, words])) return known;
    const made = this.#nextHops.push([...words]) - 1;
    this.#marks.set(made, marks);
    return made;
  }

  words(id: number): readonly number[] {
    return this.#nextHops[id]!;
  }

  #find(list: unknown[], value: unknown): number {
    const found = list.findIndex((entry) => JSON.stringify(entry) === JSON.stringify(value));
    return found >= 0 ? found : list.push(value) - 1;
  }
}

const source = (given: Partial<PolicySource> = {}): PolicySource => ({
  address: parseAddress("192.0.2.1"),
  peerGroup: null,
  learnedFrom: "internal",
  interface: null,
  blocks: [],
  ...given,
});

interface PlacedTerm extends Term, TermOrigin {}

const term = (match: Match | null, set: Modify | null, verdict: Term["verdict"], line = 1): PlacedTerm => ({
  match,
  set,
  verdict,
  place: { file: "bgp.yaml", line, column: 5 },
});

const named = (name: string, ...terms: PlacedTerm[]) => ({ name, terms, origins: terms });
const policy = (sets: ObviousSets, ...terms: PlacedTerm[]) => new Policy([named("test", ...terms)], sets, sets);

/** Evaluates for a prefix given as text. */
function ask(compiled: Policy, set: number, prefix = "10.0.0.0/24", from = source()): number {
  return compiled.evaluate(set, from, onePrefix(parsePrefix(prefix)), 0);
}

const extended = (text: string): ExtendedCommunity => tryParseExtendedCommunity(text)!;

const attributes = (given: Partial<PathAttributes>): PathAttributes => ({ ...emptyAttributes, ...given });
const sequence = (...asns: number[]) => [{ type: 2 as const, asns }];

t.test("the first term that matches and has a verdict decides; the end rejects", async (t) => {
  const sets = new ObviousSets();
  const plain = sets.intern(attributes({}), 0);
  const tagged = sets.intern(attributes({ communities: [(65001 << 16) | 100] }), 0);
  const compiled = policy(
    sets,
    term({ communities: [[65001, 100]] }, null, "accept"),
    term({ communities: [[65001, null]] }, null, "reject"),
  );
  t.equal(ask(compiled, tagged), tagged);
  t.equal(ask(compiled, plain), 0);
});

t.test("keys of one match are ANDed, a list under a key is ORed", async (t) => {
  const sets = new ObviousSets();
  const compiled = policy(
    sets,
    term({ origins: [0, 1], asPath: [{ contains: [64500] }, { startsWith: [64501] }] }, null, "accept"),
  );
  const set = (origin: 0 | 1 | 2, ...path: number[]) =>
    sets.intern(attributes({ origin, asPath: sequence(...path) }), 0);
  t.ok(ask(compiled, set(0, 1, 64500, 2)), "first path condition");
  t.ok(ask(compiled, set(1, 64501, 2)), "second path condition");
  t.notOk(ask(compiled, set(2, 64501, 2)), "wrong origin");
  t.notOk(ask(compiled, set(0, 2, 64501)), "neither path condition");
});

t.test("each condition matches and fails to match", async (t) => {
  const sets = new ObviousSets();
  const gateway = sets.intern(parseAddress("10.9.0.1"), null);
  const set = sets.intern(
    attributes({
      asPath: [...sequence(64500, 64501), { type: 1, asns: [7, 8] }, ...sequence(64510)],
      localPref: 150,
      med: 20,
      largeCommunities: [[65001, 1, 2]],
      extendedCommunities: [extended("rt:65001:100")],
    }),
    gateway,
  );
  const from = source({
    interface: "eth0",
    peerGroup: "racks",
    learnedFrom: "client",
    blocks: [parsePrefix("10.0.0.0/16")],
  });
  const holds = (match: Match) => ask(policy(sets, term(match, null, "accept")), set, "10.0.3.0/24", from) === set;
  const rows: [Match, Match][] = [
    [{ asPath: [{ startsWith: [64500] }] }, { asPath: [{ startsWith: [64501] }] }],
    [{ asPath: [{ originatedBy: [64510] }] }, { asPath: [{ originatedBy: [8] }] }],
    [{ asPath: [{ contains: [8] }] }, { asPath: [{ contains: [9] }] }],
    [{ asPath: [{ regex: ["^9", "^64500_64501 \\{7,8\\}_64510$"] }] }, { asPath: [{ regex: ["_6450_"] }] }],
    [{ asPath: [{ regex: ["_64510$"], startsWith: [64500] }] }, { asPath: [{ regex: ["^64"], startsWith: [1] }] }],
    [{ asPath: [{ length: { min: 4, max: 4 } }] }, { asPath: [{ length: { min: 5, max: 9 } }] }],
    [{ localPref: { min: 150, max: 150 } }, { localPref: { min: 0, max: 149 } }],
    [{ med: { min: 20, max: 30 } }, { med: { min: 21, max: 30 } }],
    [{ largeCommunities: [[65001, null, 2]] }, { largeCommunities: [[65001, null, 3]] }],
    [
      { extendedCommunities: [extended("rt:65001:7"), extended("rt:65001:100")] },
      { extendedCommunities: [extended("soo:65001:100")] },
    ],
    [{ interfaces: ["eth1", "eth0"] }, { interfaces: ["eth"] }],
    [{ nextHops: [parsePrefix("10.9.0.0/24")] }, { nextHops: [parsePrefix("10.8.0.0/24")] }],
    [{ neighbors: [parsePrefix("192.0.2.0/28")] }, { neighbors: [parsePrefix("192.0.2.2/32")] }],
    [{ peerGroups: ["racks"] }, { peerGroups: ["gateways"] }],
    [{ learnedFrom: ["client", "own"] }, { learnedFrom: ["external"] }],
    [{ families: [Family.Ipv4Unicast] }, { families: [Family.Ipv6Unicast] }],
    [{ neighborBlocks: true }, { neighborBlocks: false }],
    [
      { prefixRules: [{ prefix: parsePrefix("10.0.0.0/8"), ge: 24, le: 26 }] },
      { prefixRules: [{ prefix: parsePrefix("10.0.0.0/8"), ge: 25, le: 26 }] },
    ],
  ];
  for (const [yes, no] of rows) {
    t.ok(holds(yes), JSON.stringify(yes));
    t.notOk(holds(no), JSON.stringify(no));
  }
});

t.test("a term that only sets goes on, and later terms see what it has set", async (t) => {
  const sets = new ObviousSets();
  const set = sets.intern(attributes({ communities: [1] }), 0);
  const compiled = policy(
    sets,
    term(null, { localPref: 200, addCommunities: [(65001 << 16) | 7], removeCommunities: [[0, 1]] }, null),
    term({ communities: [[0, 1]] }, null, "reject"),
    term(
      { communities: [[65001, 7]], localPref: { min: 200, max: 200 } },
      { prepend: { as: 65001, count: 2 } },
      "accept",
    ),
  );
  const result = sets.view(ask(compiled, set));
  t.same(result.communities, [(65001 << 16) | 7]);
  t.equal(result.localPref, 200);
  t.same(result.asPath, sequence(65001, 65001));
  t.same(sets.view(set).communities, [1], "the received set stays as it was");
});

t.test("LOCAL_PREF and MED are changed from what they are, or from their defaults, within four octets", async (t) => {
  const sets = new ObviousSets();
  const after = (given: Partial<PathAttributes>, modify: Modify) => {
    const compiled = policy(sets, term(null, modify, "accept"));
    const { localPref, med } = sets.view(ask(compiled, sets.intern(attributes(given), 0)));
    return [localPref, med];
  };
  t.same(after({ localPref: 200, med: 7 }, { localPrefChange: 50, medChange: -3 }), [250, 4]);
  t.same(after({}, { localPrefChange: -1, medChange: 10 }), [99, 10], "a missing LOCAL_PREF is 100, a missing MED 0");
  t.same(after({ localPref: 5, med: 5 }, { localPrefChange: -6, medChange: -6 }), [0, 0]);
  t.same(
    after({ localPref: 0xfffffff0, med: 1 }, { localPrefChange: 99, medChange: 0xffffffff }),
    [0xffffffff, 0xffffffff],
  );
});

t.test("communities of each kind are replaced, then removed, then added", async (t) => {
  const sets = new ObviousSets();
  const before = {
    communities: [1, 2],
    largeCommunities: [[1, 2, 3]] as const,
    extendedCommunities: [extended("rt:1:1"), extended("lb:65001:5"), extended("soo:1:1")],
  };
  const after = (modify: Modify) =>
    sets.view(ask(policy(sets, term(null, modify, "accept")), sets.intern(attributes(before), 0)));
  t.match(after({ communities: [], largeCommunities: [], extendedCommunities: [] }), {
    communities: [],
    largeCommunities: [],
    extendedCommunities: [],
  });
  t.same(after({ communities: [9, 8], removeCommunities: [[0, 9]], addCommunities: [7] }).communities, [7, 8]);
  t.same(after({ largeCommunities: [[9, 9, 9]], addLargeCommunities: [[1, 1, 1]] }).largeCommunities, [
    [1, 1, 1],
    [9, 9, 9],
  ]);
  const texts = (modify: Modify) => after(modify).extendedCommunities.map(formatExtendedCommunity);
  t.same(texts({ removeExtendedCommunities: [extended("rt:1:1")], addExtendedCommunities: [extended("rt:0:1")] }), [
    "rt:0:1",
    "soo:1:1",
    "lb:65001:5",
  ]);
  t.same(texts({ linkBandwidth: linkBandwidth(65002, 1_000_000) }), ["rt:1:1", "soo:1:1", "lb:65002:1000000"]);
  t.equal(formatExtendedCommunity(linkBandwidth(4_200_000_000, 8)), "lb:23456:8", "an AS of four octets has no room");
});

t.test(
  "a policy that is called accepts and rejects for good, and its end goes on here with what it has set",
  async (t) => {
    const sets = new ObviousSets();
    const called = named(
      "called",
      term({ localPref: { min: 1, max: 1 } }, null, "reject", 11),
      term({ localPref: { min: 2, max: 2 } }, null, "accept", 12),
      term(null, { med: 5 }, null, 13),
    );
    const many = Array.from({ length: 31 }, () => term({ med: { min: 1000, max: 1000 } }, null, "reject"));
    for (const before of [[], many]) {
      const compiled = policy(
        sets,
        ...before,
        { ...term({ origins: [0] }, null, null, 1), call: called },
        term({ med: { min: 5, max: 5 } }, { localPref: 9 }, "accept", 2),
        term({ origins: [1] }, null, "accept", 3),
      );
      const run = (given: Partial<PathAttributes>) => {
        const set = sets.intern(attributes(given), 0);
        const result = ask(compiled, set);
        const trace = compiled.explain(set, source(), onePrefix(parsePrefix("10.0.0.0/24")), 0);
        t.equal(trace.result, result, "explain and evaluate agree");
        return { ...trace, after: sets.view(result) };
      };
      t.match(run({ localPref: 1 }), { verdict: "reject", name: "called", line: 11 });
      t.match(run({ localPref: 2 }), { verdict: "accept", name: "called", line: 12, after: { med: null } });
      const through = run({ localPref: 3 });
      t.match(through, { verdict: "accept", name: "test", line: 2, after: { med: 5, localPref: 9 } });
      t.match(through.steps, [
        /policy test, match .*: call called/,
        /policy called, .*set med 5, go on/,
        /policy test/,
      ]);
      t.match(run({ localPref: 1, origin: 1 }), { verdict: "accept", name: "test", line: 3 }, "not called at all");
      t.match(run({ localPref: 3, origin: 2 }), { verdict: "reject", line: null });
    }
  },
);

t.test("a full AS_SEQUENCE of 255 gets a new segment in front (RFC 4271 §5.1.2)", async (t) => {
  const sets = new ObviousSets();
  const full = sets.intern(attributes({ asPath: sequence(...new Array<number>(254).fill(9)) }), 0);
  const compiled = policy(sets, term(null, { prepend: { as: 1, count: 3 } }, "accept"));
  const path = sets.view(ask(compiled, full)).asPath;
  t.same(
    path.map((segment) => segment.asns.length),
    [2, 255],
  );
});

t.test("next-hop self takes our address of the family that the next hop has", async (t) => {
  const sets = new ObviousSets();
  const own4 = parseAddress("10.0.0.1");
  const own6 = parseAddress("2001:db8::1");
  const compiled = policy(sets, term(null, { nextHopSelf: [own4, own6] }, "accept"));
  const nextHopAfter = (before: string) =>
    sets.words(sets.nextHop[ask(compiled, sets.intern(attributes({}), sets.intern(parseAddress(before), null)))]!);
  t.same(nextHopAfter("10.0.0.99"), own4);
  t.same(nextHopAfter("2001:db8::99"), own6);
  const ownRoute = sets.intern(attributes({}), 0);
  t.equal(sets.nextHop[ask(compiled, ownRoute)], 0, "an own route has none, and carries our address in any case");
});

t.test(
  "what is said of the kernel route stands beside the next hop, and stays with it through later terms",
  async (t) => {
    const sets = new ObviousSets();
    const before = sets.intern(parseAddress("10.0.0.9"), null);
    const set = sets.intern(attributes({}), before);
    const after = (...terms: PlacedTerm[]) => {
      const result = ask(policy(sets, ...terms), set);
      const nextHop = sets.nextHop[result]!;
      return { words: sets.words(nextHop), marks: sets.marks(nextHop), result };
    };
    const marked = after(
      term(null, { kernel: { weight: 5 } }, null),
      term(null, { kernel: { install: false } }, "accept"),
    );
    t.match(marked, { words: parseAddress("10.0.0.9"), marks: { weight: 5, install: false } });
    t.not(marked.result, set, "another set: the FIB must hear of it");
    const other = parseAddress("10.0.0.8");
    const both = after(
      term(null, { kernel: { blackhole: true } }, null),
      term(null, { nextHop: other, kernel: { weight: 2 } }, null),
      term(null, { localPref: 5 }, "accept"),
    );
    t.match(both, { words: other, marks: { blackhole: true, weight: 2 } });
    t.equal(after(term(null, { localPref: 5 }, "accept")).marks, null);
  },
);

t.test("each route judged counts for the terms that it fits, remembered or not", async (t) => {
  const filler = Array.from({ length: 31 }, () => term({ med: { min: 9, max: 9 } }, null, "reject"));
  const called = named("called", term({ localPref: { min: 1, max: 1 } }, null, "reject"));
  const byPrefix = term({ prefixRules: [{ prefix: parsePrefix("10.0.0.0/24"), ge: 24, le: 24 }] }, null, "reject");
  for (const before of [[], filler])
    for (const behind of [[], [byPrefix]]) {
      const sets = new ObviousSets();
      const hits = new PolicyHits();
      const definition = named(
        "test",
        ...before,
        { ...term(null, null, null), call: called },
        term({ origins: [0] }, { localPref: 7 }, null),
        term({ med: { min: 5, max: 5 } }, null, "accept"),
        ...behind,
      );
      const compiled = new Policy([definition], sets, sets, atOnce(compilingSteps([definition], hits)));
      const set = (given: Partial<PathAttributes>) => sets.intern(attributes(given), 0);
      const taken = set({ med: 5 });
      for (let i = 0; i < 3; i++) ask(compiled, taken, "10.1.0.0/24");
      compiled.count(compiled.trail, 10);
      for (let i = 0; i < 2; i++) ask(compiled, set({ localPref: 1 }), "10.1.0.0/24");
      ask(compiled, set({ origin: 1 }), "10.1.0.0/24");
      compiled.explain(taken, source(), onePrefix(parsePrefix("10.1.0.0/24")), 0);
      const n = before.length;
      t.same(
        [...hits.rows()]
          .filter(({ count }) => count > 0)
          .map(({ policy, term, verdict, count }) => [policy, term, verdict, count]),
        [
          ["test", n + 1, "next", 16],
          ["called", 1, "reject", 2],
          ["test", n + 2, "next", 13],
          ["test", n + 3, "accept", 13],
        ],
        `${before.length} terms before, ${behind.length} that look at the prefix`,
      );
      hits.keep(new Set(["called"]));
      t.same(
        [...hits.rows()].map(({ policy }) => policy),
        ["called"],
      );
    }
});

t.test("a verdict is remembered per attribute set, and forgotten when its id is given to another set", async (t) => {
  const sets = new ObviousSets();
  const set = sets.intern(attributes({ localPref: 50 }), 0);
  const compiled = policy(sets, term({ localPref: { min: 0, max: 60 } }, null, "accept"));
  t.equal(ask(compiled, set), set);
  const views = sets.views;
  t.equal(ask(compiled, set, "10.1.0.0/16"), set);
  t.equal(sets.views, views, "not looked into again");
  sets.replace(set, attributes({ localPref: 70 }));
  t.equal(ask(compiled, set), 0);
});

t.test("more terms than fit into a mask are evaluated all the same", async (t) => {
  const sets = new ObviousSets();
  const terms = Array.from({ length: 40 }, (_, i) => term({ localPref: { min: i, max: i } }, null, "accept", i));
  const compiled = policy(sets, ...terms);
  t.ok(ask(compiled, sets.intern(attributes({ localPref: 39 }), 0)));
  t.notOk(ask(compiled, sets.intern(attributes({ localPref: 40 }), 0)));
});

t.test("a policy that only moved to other lines is told with today's", async (t) => {
  const sets = new ObviousSets();
  const set = sets.intern(attributes({}), 0);
  const compiled = new Policy(
    [named("mark", term(null, { localPref: 10 }, null, 3)), named("all", term(null, null, "accept", 8))],
    sets,
    sets,
  );
  const explain = () => compiled.explain(set, source(), onePrefix(parsePrefix("10.0.1.0/24")), 0);
  t.match(explain(), { line: 8, reason: /bgp\.yaml:8:5/ });
  compiled.relocate([term(null, null, null, 13), term(null, null, null, 28)]);
  t.match(explain(), { line: 28, reason: /bgp\.yaml:28:5/ });
  t.match(explain().steps[0], /bgp\.yaml:13:5/);
});

t.test("a prefix list that many terms name is compiled once, beside what stands in the term itself", async (t) => {
  const sets = new ObviousSets();
  const set = sets.intern(attributes({}), 0);
  const rule = (prefix: string) => ({ prefix: parsePrefix(prefix), ge: 24, le: 24 });
  const list = atOnce(compilingPrefixList(["10.0.0.0/8", "10.9.0.0/16"].map(rule)));
  const compiled = policy(
    sets,
    term({ prefixLists: [list], prefixRules: [rule("192.0.2.0/24")] }, null, "accept"),
    term({ prefixLists: [list] }, null, "reject"),
  );
  t.ok(ask(compiled, set, "10.1.1.0/24"));
  t.ok(ask(compiled, set, "192.0.2.0/24"));
  t.notOk(ask(compiled, set, "198.51.100.0/24"));
  t.match(
    compiled.explain(set, source(), onePrefix(parsePrefix("10.0.1.0/24")), 0).reason,
    /prefix 10\.0\.0\.0\/8 ge 24 le 24 or 10\.9\.0\.0\/16 ge 24 le 24 or 192\.0\.2\.0\/24/,
  );
});

t.test("explain names the policy, the line and the terms on the way, and agrees with evaluate", async (t) => {
  const sets = new ObviousSets();
  const set = sets.intern(attributes({}), 0);
  const definitions = [
    named("mark", term(null, { localPref: 10 }, null, 3)),
    named("blocks", term({ prefixRules: [{ prefix: parsePrefix("10.0.0.0/8"), ge: 24, le: 24 }] }, null, "accept", 8)),
  ];
  const compiled = new Policy(definitions, sets, sets);
  const inside = compiled.explain(set, source(), onePrefix(parsePrefix("10.0.1.0/24")), 0);
  t.match(inside, { verdict: "accept", name: "blocks", line: 8 });
  t.equal(inside.steps.length, 2);
  t.equal(inside.result, ask(compiled, set, "10.0.1.0/24"));
  const outside = compiled.explain(set, source(), onePrefix(parsePrefix("11.0.0.0/24")), 0);
  t.match(outside, { verdict: "reject", name: "blocks", line: null, reason: /end rejects/ });
});

t.test("a prefix list of many lengths finds exactly what a linear search finds", async (t) => {
  const rules = [];
  for (let i = 0; i < 500; i++) {
    const length = 8 + (i % 17);
    const word = (((i * 2654435761) >>> 0) & (-1 << (32 - length))) >>> 0;
    rules.push({
      prefix: { family: Family.Ipv4Unicast, words: [word], length },
      ge: length,
      le: Math.min(32, length + (i % 5)),
    });
  }
  const matcher = compilePrefixRules(rules);
  const differing: string[] = [];
  for (let i = 0; i < 5000; i++) {
    const rule = rules[i % rules.length]!;
    const length = 8 + ((i * 7) % 25);
    const word = ((rule.prefix.words[0]! ^ (i % 3 === 0 ? i : 0)) & (-1 << (32 - length))) >>> 0;
    const slow = rules.some(
      ({ prefix, ge, le }) =>
        length >= ge && length <= le && (((word ^ prefix.words[0]!) >>> 0) & (-1 << (32 - prefix.length))) === 0,
    );
    if (matcher(onePrefix({ family: Family.Ipv4Unicast, words: [word], length }), 0) !== slow)
      differing.push(`${word}/${length}`);
  }
  t.same(differing, []);
});

t.test("the way in", async (t) => {
  const own = parseAddress("10.0.0.1")[0]!;
  const cluster = parseAddress("10.0.0.250")[0]!;
  const settings: ImportSettings = {
    peerKind: "internal",
    ownAsns: [65001],
    allowasIn: 0,
    routerId: own,
    clusterId: cluster,
    role: null,
    remoteAs: 65001,
    policy: null,
    refuseDefaultRoute: false,
  };
  const run = (given: Partial<PathAttributes>, changes: Partial<ImportSettings> = {}, length = 24) => {
    const sets = new ObviousSets();
    const pipeline = new ImportPipeline({ ...settings, ...changes }, sets);
    const received = sets.intern(attributes(given), 0);
    const result = pipeline.evaluate(received, source(), blocks(0, length), 0);
    const trace = pipeline.explain(received, source(), blocks(0, length), 0);
    t.equal(trace.result, result, "explain and evaluate agree");
    return { accepted: result !== 0, by: trace.name, attributes: sets.view(result) };
  };

  t.test("drops AS loops, but allows what allowas-in allows (RFC 4271 §9.1.2)", async (t) => {
    t.match(run({ asPath: sequence(1, 65001, 2) }), { accepted: false, by: "as-path-loop" });
    t.match(run({ asPath: [{ type: 1, asns: [65001, 3] }] }), { accepted: false }, "in an AS_SET, too");
    t.ok(run({ asPath: sequence(1, 65001, 2) }, { allowasIn: 1 }).accepted);
    t.notOk(run({ asPath: sequence(65001, 65001) }, { allowasIn: 1 }).accepted);
  });

  t.test("drops our own ORIGINATOR_ID and CLUSTER_ID (RFC 4456 §8)", async (t) => {
    t.match(run({ originatorId: own }), { accepted: false, by: "own-originator-id" });
    t.match(run({ originatorId: 7, clusterList: [8, cluster] }), { accepted: false, by: "own-cluster-id" });
    t.ok(run({ originatorId: 7, clusterList: [8] }).accepted);
  });

  t.test("an eBGP session without policy accepts nothing, an iBGP session everything (RFC 8212)", async (t) => {
    t.match(run({}, { peerKind: "external" }), { accepted: false, by: "ebgp-without-policy" });
    t.ok(run({}).accepted);
  });

  t.test("GRACEFUL_SHUTDOWN over eBGP sets LOCAL_PREF 0, over iBGP it changes nothing (RFC 8326)", async (t) => {
    const sets = new ObviousSets();
    const all = new Policy([named("all", term(null, null, "accept"))], sets, sets);
    const received = sets.intern(attributes({ communities: [0xffff0000], localPref: 300 }), 0);
    const external = new ImportPipeline({ ...settings, peerKind: "external", policy: all }, sets);
    const evaluated = external.evaluate(received, source(), blocks(0, 24), 0);
    t.equal(sets.view(evaluated).localPref, 0);
    const internal = new ImportPipeline(settings, sets);
    t.equal(internal.evaluate(received, source(), blocks(0, 24), 0), received);
  });

  t.test("BLACKHOLE over eBGP gets NO_EXPORT unless it stays anyway, over iBGP nothing (RFC 7999 §3.2)", async (t) => {
    const sets = new ObviousSets();
    const all = new Policy([named("all", term(null, null, "accept"))], sets, sets);
    const external = new ImportPipeline({ ...settings, peerKind: "external", policy: all }, sets);
    const taken = (pipeline: ImportPipeline, ...communities: number[]) => {
      const received = sets.intern(attributes({ communities }), 0);
      return sets.view(pipeline.evaluate(received, source(), blocks(0, 24), 0)).communities;
    };
    t.same(taken(external, 0xffff029a), [0xffff029a, 0xffffff01]);
    t.same(taken(external, 0xffff029a, 0xffffff02), [0xffff029a, 0xffffff02], "NO_ADVERTISE says more");
    t.same(taken(external, 1), [1]);
    t.same(taken(new ImportPipeline(settings, sets), 0xffff029a), [0xffff029a]);
  });

  t.test("a default route is refused where it is not allowed", async (t) => {
    t.match(run({}, { refuseDefaultRoute: true }, 0), { accepted: false, by: "default-route" });
    t.ok(run({}, { refuseDefaultRoute: true }, 1).accepted);
    t.ok(run({}, {}, 0).accepted);
  });

  t.test("OTC: leaks are dropped, and it is added to what may only go down (RFC 9234 §5)", async (t) => {
    t.match(run({ onlyToCustomer: 5 }, { role: "provider" }), { accepted: false, by: "route-leak" });
    t.match(run({ onlyToCustomer: 5 }, { role: "peer", remoteAs: 6 }), { accepted: false });
    t.ok(run({ onlyToCustomer: 6 }, { role: "peer", remoteAs: 6 }).accepted);
    t.equal(run({}, { role: "customer", remoteAs: 6 }).attributes.onlyToCustomer, 6);
    t.equal(run({}, { role: "provider", remoteAs: 6 }).attributes.onlyToCustomer, null);
    t.equal(run({ onlyToCustomer: 5 }).attributes.onlyToCustomer, 5, "without a role it is carried untouched");
  });
});
