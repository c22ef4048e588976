import t from "tap";
import type { ExportGroup } from "../../src/export/export-group.ts";
import { type ExportPolicyPort, PolicySet } from "../../src/export/export-ports.ts";
import { type GroupKey, keyText } from "../../src/export/group-key.ts";
import { advertised, sentAttributes } from "../../src/export/views.ts";
import { formatPrefix } from "../../src/lib/address.ts";
import { Family } from "../../src/lib/family.ts";
import { prefixAt } from "../../src/lib/prefix-words.ts";
import { type Random, seededRandom } from "../../src/lib/random.ts";
import { LOCAL_SOURCE } from "../../src/rib/source-table.ts";
import type { PathAttributes } from "../../src/wire/attribute/types.ts";
import { expectedTable, lines, type PlainPolicy } from "./reference.ts";
import { clientKey, externalKey, nonClientKey, Receiver, Router, route, type Table } from "./support.ts";

/**
 * The group against a reference that computes every peer for itself. Any interleaving of routes, peers that join, leave,
 * read slowly, ask for a refresh or move to another group, and policies that change: afterwards each peer holds exactly what
 * the reference says. Each run follows from its seed alone.
 */

const HIDE = 0xfde90001;
const SET_MED = 0xfde90002;
const SET_NEXT_HOP = 0xfde90003;
const POLICY_NEXT_HOP = [0xc6336401];

/** A policy in both languages. Mode 0 accepts all; odd modes hide and set; modes above 1 also look at the prefix. */
class TestPolicy implements ExportPolicyPort {
  modified = 0;
  readonly usesPrefix: boolean;
  readonly #router: Router;
  readonly #family: Family;
  readonly #mode: number;

  constructor(router: Router, family: Family, mode: number) {
    this.#router = router;
    this.#family = family;
    this.#mode = mode;
    this.usesPrefix = mode > 1;
  }

  readonly plain: PlainPolicy = (attributes, length) => {
    if (this.#mode > 1 && length % 2 === this.#mode % 2) return null;
    if (this.#mode % 2 === 0) return { attributes, setsMed: false, setsNextHop: false };
    if (attributes.communities.includes(HIDE)) return null;
    const setsMed = attributes.communities.includes(SET_MED);
    const setsNextHop = this.#family === Family.Ipv4Unicast && attributes.communities.includes(SET_NEXT_HOP);
    const nextHop = setsNextHop ? { words: POLICY_NEXT_HOP, linkLocal: null } : attributes.nextHop;
    return { attributes: { ...attributes, med: setsMed ? 20 : attributes.med, nextHop }, setsMed, setsNextHop };
  };

  evaluate(attributes: number, prefixId: number): number {
    const { attributes: store } = this.#router.rib;
    const said = this.plain(store.view(attributes), this.#router.table(this.#family).prefixes.length(prefixId));
    if (said === null) return 0;
    this.modified = (said.setsMed ? PolicySet.MED : 0) | (said.setsNextHop ? PolicySet.NEXT_HOP : 0);
    const hop = said.setsNextHop ? this.#router.nextHops.intern(POLICY_NEXT_HOP) : store.nextHop[attributes]!;
    return store.intern(said.attributes, hop);
  }
}

interface Member {
  receiver: Receiver;
  group: number;
}

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!;
const below = (random: Random, bound: number): number => Math.floor(random.next() * bound);

function randomAttributes(random: Random): PathAttributes {
  const some = <T>(value: T, or: T): T => (random.next() < 0.3 ? value : or);
  return route({
    origin: below(random, 3) as 0 | 1 | 2,
    asPath: some([{ type: 2, asns: [65100 + below(random, 3), some(70000, 65200)] }], []),
    med: some(below(random, 3), null),
    localPref: some(100 + below(random, 3), null),
    communities: some([pick(random, [HIDE, SET_MED, SET_NEXT_HOP, 0xffffff01, 0xffffff02, 0xffff0006])], []),
    originatorId: some(0x0b000001, null),
    clusterList: some([0x0c000001], []),
    onlyToCustomer: some(65300, null),
    aggregator: some({ as: 80000, address: 0x0a000001 }, null),
    extendedCommunities: some(
      [
        [0x00020001, 1],
        [0x40040001, 2],
      ],
      [],
    ),
    unknown: some([{ code: 99, flags: 0xe0, value: new Uint8Array([1, 2]) }], []),
  });
}

const ANNOUNCE = 0;
const FLUSH = 60;
const TAKE = 75;
const LEAVE_AND_JOIN = 89;
const REFRESH = 90;
const TICK = 92;
const TURN_SLOW = 94;
const MOVE = 96;
/** Nothing special; catch-ups that are shared by readers of different speed; moves; sessions that restart with their routes kept. */
const habits: readonly (readonly number[])[] = [
  [],
  [TICK, REFRESH, REFRESH, FLUSH, TAKE, TURN_SLOW],
  [MOVE, MOVE, FLUSH],
  [LEAVE_AND_JOIN, LEAVE_AND_JOIN, ANNOUNCE, FLUSH],
];

const variants: readonly Partial<GroupKey>[] = [
  {},
  { fourOctetAs: false },
  { nextHop: "self" },
  { nextHop: "force-self" },
  { nextHop: "unchanged" },
  { longLived: "withhold" },
  { longLived: "no-export" },
  { role: "provider" },
  { role: "customer" },
  { role: "peer" },
  { self4: null },
  { self4: null, extendedNextHop: true },
  { maxMessage: 65535 },
];

class Scenario {
  readonly random: Random;
  readonly router = new Router();
  readonly family: Family;
  readonly prefixes: string[] = [];
  readonly feeders: number[] = [LOCAL_SOURCE];
  readonly groups: { group: ExportGroup; policy: TestPolicy }[] = [];
  members: Member[] = [];
  /** What this run does more often than others: steps of `step`. */
  readonly #habit: readonly number[];

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.random = random;
    this.#habit = habits[seed % habits.length]!;
    this.family = random.next() < 0.25 ? Family.Ipv6Unicast : Family.Ipv4Unicast;
    for (let i = 0; i < 50; i++)
      this.prefixes.push(
        this.family === Family.Ipv4Unicast
          ? `10.${i}.0.0/${16 + below(random, 9)}`
          : `2001:db8:${(i + 1).toString(16)}::/${48 + below(random, 17)}`,
      );
    const addPath = pick(random, [0, 0, 0, 2, Number.POSITIVE_INFINITY]);
    for (let i = 1 + below(random, 3); i > 0; i--) {
      const base = pick(random, [clientKey, nonClientKey, externalKey]);
      this.addGroup({ ...base, ...pick(random, variants), family: this.family, addPath });
    }
    for (let i = 0; i < 6; i++) this.addPeer();
  }

  addGroup(key: GroupKey): void {
    const policy = new TestPolicy(this.router, this.family, below(this.random, 2));
    const limits = { turnBytes: 600, backlogBytes: 400, lagBytes: 300, lagBytesPerRoute: 0 };
    this.groups.push({ group: this.router.group(key, { policy, limits }), policy });
  }

  /** A source that announces, and maybe listens. */
  addPeer(): void {
    const { random, router } = this;
    const kind = random.next() < 0.3 ? "external" : "internal";
    const source = router.source({ kind, client: random.next() < 0.5, remoteAs: kind === "external" ? 65100 : 65001 });
    this.feeders.push(source);
    if (random.next() < 0.7) this.join(source);
  }

  join(source: number): void {
    const group = below(this.random, this.groups.length);
    const { group: joined } = this.groups[group]!;
    const receiver = new Receiver(source, joined.key, this.random.next() < 0.5).join(joined);
    this.members.push({ receiver, group });
  }

  step(): void {
    const { random, router } = this;
    const member = this.members.length === 0 ? null : pick(random, this.members);
    const what = this.#habit.length > 0 && random.next() < 0.3 ? pick(random, this.#habit) : below(random, 100);
    if (what < 45) {
      const source = pick(random, this.feeders);
      const attributes = randomAttributes(random);
      const hop = source === LOCAL_SOURCE ? 0 : 1 + below(random, 3);
      for (let i = 1 + below(random, 4); i > 0; i--)
        router.announce(source, pick(random, this.prefixes), attributes, hop);
    } else if (what < 60) router.withdraw(pick(random, this.feeders), pick(random, this.prefixes));
    else if (what < 75) {
      router.rib.flush(1 + below(random, 50));
      for (const { group } of this.groups) if (random.next() < 0.7) router.flush(group, 1 + below(random, 300));
    } else if (what < 86) for (const { receiver } of this.members) if (random.next() < 0.5) receiver.take();
    if (what >= 86 && what < 88) this.addPeer();
    if (member === null) return;
    const { receiver } = member;
    const at = this.groups[member.group]!;
    if (what === 88 || what === LEAVE_AND_JOIN) {
      at.group.leave(receiver.member!);
      this.members.splice(this.members.indexOf(member), 1);
      if (what === LEAVE_AND_JOIN) this.join(receiver.source);
    } else if (what === REFRESH) at.group.refresh(receiver.member!, random.next() < 0.5);
    else if (what === 91) {
      at.policy = new TestPolicy(router, this.family, below(random, 4));
      at.group.reevaluate(at.policy);
    } else if (what < 94) at.group.tick();
    else if (what < 96) receiver.eager = !receiver.eager;
    else if (what < 98) this.move(member);
    else if (what === 98) this.announceBurst();
  }

  /** The session of a member goes on under the rules of another group; its NLRI format stays. */
  move(member: Member): void {
    const { random } = this;
    if (random.next() < 0.3) {
      const { addPath } = this.groups[0]!.group.key;
      const like = member.receiver.key.peerKind === "external" ? externalKey : pick(random, [clientKey, nonClientKey]);
      const { fourOctetAs, extendedNextHop, maxMessage } = member.receiver.key;
      this.addGroup({ ...like, addPath, family: this.family, fourOctetAs, extendedNextHop, maxMessage });
    }
    const to = below(random, this.groups.length);
    const { group } = this.groups[to]!;
    const { key } = member.receiver;
    const fits = (name: keyof GroupKey) => group.key[name] === key[name];
    if (to === member.group || !fits("fourOctetAs") || !fits("extendedNextHop") || !fits("maxMessage")) return;
    if (!fits("peerKind")) return;
    member.receiver.member = group.moveFrom(this.groups[member.group]!.group, member.receiver.member!);
    member.group = to;
  }

  announceBurst(): void {
    const source = pick(this.random, this.feeders);
    for (const prefix of this.prefixes)
      this.router.announce(source, prefix, randomAttributes(this.random), source === LOCAL_SOURCE ? 0 : 2);
  }

  /** Everybody reads until nothing comes any more. */
  settle(): void {
    for (const { receiver } of this.members) {
      receiver.eager = true;
      receiver.take();
    }
    this.router.settle(500);
  }

  expected({ receiver, group }: Member): Table {
    const { group: at, policy } = this.groups[group]!;
    return expectedTable(this.router, at.key, receiver.source, policy.plain);
  }
}

const SEEDS = Number(process.env.PEERAGE_SEEDS ?? 80);
const FIRST = Number(process.env.PEERAGE_FIRST_SEED ?? 1);
const STEPS = 250;

t.test("after any interleaving each member holds what the group was told, less its own routes", async (t) => {
  let catchUps = 0;
  let resyncs = 0;
  let compared = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const scenario = new Scenario(seed);
    try {
      for (let i = 0; i < STEPS; i++) {
        scenario.step();
        if (i % 83 !== 82) continue;
        scenario.settle();
        for (const member of scenario.members) {
          const expected = lines(scenario.expected(member));
          const found = lines(member.receiver.table);
          compared++;
          if (expected.join("\n") !== found.join("\n")) {
            const { group } = scenario.groups[member.group]!;
            const missing = expected.filter((line) => !found.includes(line));
            const extra = found.filter((line) => !expected.includes(line));
            t.same(extra, missing, `seed ${seed}, step ${i}, ${keyText(group.key)}`);
            return;
          }
          if (i < 200) continue;
          // What we say that we advertise is what the peer has.
          const known = new Set(found);
          const { group } = scenario.groups[member.group]!;
          let listed = 0;
          const { prefixes } = scenario.router.table(scenario.family);
          const ids: number[] = [];
          for (let id = prefixes.next(0); id !== 0; id = prefixes.next(id)) ids.push(id);
          for (const one of ids.flatMap((id) => advertised(group, member.receiver.member!, id))) {
            listed++;
            const text = formatPrefix(prefixAt(prefixes, one.prefixId));
            const name = group.key.addPath > 0 ? `${text}#${one.pathId}` : text;
            const sent = lines(new Map([[name, sentAttributes(group, one.set)]]));
            if (!known.has(sent[0]!)) throw new Error(`advertised: ${sent[0]}`);
          }
          if (listed !== found.length || group.advertisedTo(member.receiver.member!) !== found.length)
            throw new Error(`${listed} advertised, counted ${group.advertisedTo(member.receiver.member!)}`);
        }
      }
    } catch (error) {
      t.fail(`seed ${seed}: ${(error as Error).stack}`);
      return;
    }
    for (const { group } of scenario.groups) {
      catchUps += group.catchUpsBegun;
      resyncs += group.resyncs;
    }
  }
  t.comment(`${compared} tables compared, ${catchUps} catch-ups, ${resyncs} laggards`);
  t.ok(
    catchUps > SEEDS && (resyncs > SEEDS || SEEDS < 20),
    `${catchUps} catch-ups, ${resyncs} laggards: the test sees what it is for`,
  );
});
