import t from "tap";
import { PolicySet } from "../../src/export/export-ports.ts";
import type { GroupKey } from "../../src/export/group-key.ts";
import { explain } from "../../src/export/views.ts";
import { LOCAL_SOURCE } from "../../src/rib/source-table.ts";
import type { PathAttributes } from "../../src/wire/attribute/types.ts";
import {
  CLUSTER_ID,
  clientKey,
  externalKey,
  LOCAL_AS,
  nonClientKey,
  Receiver,
  Router,
  route,
  SELF4,
} from "./support.ts";

/** Many prefixes of one length, all different. */
const prefixes = (count: number, length = 24): string[] =>
  Array.from({ length: count }, (_, i) => `20.${i >>> 8}.${i & 255}.0/${length}`);

t.test("joining and leaving", async (t) => {
  await t.test("a member of a new group hears the table, then End-of-RIB (RFC 4724 §2)", async (t) => {
    const router = new Router();
    const feeder = router.source();
    for (const prefix of prefixes(3)) router.announce(feeder, prefix, route());
    router.settle();
    const member = new Receiver(router.source(), clientKey).join(router.group(clientKey));
    t.same(member.marks, []);
    router.settle();
    t.equal(member.table.size, 3);
    t.same(member.marks, ["EoR"]);
  });

  await t.test("End-of-RIB is sent for an empty table, too", async (t) => {
    const router = new Router();
    const member = new Receiver(router.source(), clientKey).join(router.group(clientKey));
    router.settle();
    t.same(member.marks, ["EoR"]);
    t.equal(member.bytes, 23);
  });

  await t.test("End-of-RIB waits for what was pending when the member joined, not for later changes", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const feeder = router.source();
    router.settle();
    for (const prefix of prefixes(50)) router.announce(feeder, prefix, route());
    router.rib.flush(1000);
    const member = new Receiver(router.source(), clientKey).join(group);
    group.flush(40);
    t.same(member.marks, [], "20 of 50 are told");
    router.announce(feeder, "99.0.0.0/8", route());
    router.rib.flush(1000);
    while (member.marks.length === 0) group.flush(20);
    t.equal(member.table.size >= 50, true);
  });

  await t.test("End-of-RIB waits while selection is deferred after a restart (RFC 4724 §4.1)", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const member = new Receiver(router.source(), clientKey).join(group);
    router.table().deferred = true;
    router.announce(router.source(), "10.0.0.0/8", route());
    router.settle();
    t.equal(member.bytes, 0);
    router.table().deferred = false;
    group.flush(1000);
    t.equal(member.bytes, 0, "the decision is still to come");
    router.settle();
    t.same(member.marks, ["EoR"]);
    t.equal(member.table.size, 1);
  });

  await t.test("a member that has left is written nothing more", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const member = new Receiver(router.source(), clientKey, false).join(group);
    router.settle();
    group.leave(member.member!);
    router.announce(router.source(), "10.0.0.0/8", route());
    router.settle();
    member.take();
    router.settle();
    t.equal(member.table.size, 0);
    t.equal(group.members.length, 0);
  });

  await t.test("a group that ends gives back every attribute set and every prefix", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const feeder = router.source();
    for (const prefix of prefixes(30)) router.announce(feeder, prefix, route({ communities: [prefix.length] }));
    const member = new Receiver(router.source(), clientKey).join(group);
    router.settle();
    const { attributes } = router.rib;
    const set = router.table().bestAttributes(router.prefixId("20.0.0.0/24"));
    const held = attributes.holders(set);
    t.throws(() => group.close(1000), /members/);
    group.leave(member.member!);
    router.remove(group);
    t.equal(group.close(10), false, "in slices");
    while (!group.close(10));
    t.ok(attributes.holders(set) < held);
    t.equal(group.told, 0);
    for (const prefix of prefixes(30)) router.withdraw(feeder, prefix);
    router.settle();
    t.equal(router.table().prefixes.size, 0, "no prefix stays pinned");
  });
});

t.test("split horizon: a peer is told everything but its own routes", async (t) => {
  await t.test(
    "a route is not sent back to the client it came from, which a reflector need not (RFC 4456 §8)",
    async (t) => {
      const router = new Router();
      const group = router.group(clientKey);
      const [a, b] = [0, 1].map(() => new Receiver(router.source(), clientKey).join(group));
      router.announce(a!.source, "10.0.0.0/8", route());
      router.settle();
      t.same([...a!.table.keys()], []);
      t.same([...b!.table.keys()], ["10.0.0.0/8"]);
      t.equal(a!.bytes, 23, "End-of-RIB alone");
    },
  );

  await t.test("when the best path moves to a peer, that peer alone is sent a withdrawal", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const [a, b, c] = [0, 1, 2].map(() => new Receiver(router.source(), clientKey).join(group));
    router.announce(a!.source, "10.0.0.0/8", route({ localPref: 100 }));
    router.settle();
    router.announce(b!.source, "10.0.0.0/8", route({ localPref: 200 }));
    router.settle();
    t.same(
      [a, b, c].map((peer) => peer!.withdrawn),
      [0, 1, 0],
    );
    t.same(
      [a, b, c].map((peer) => peer!.table.get("10.0.0.0/8")?.localPref),
      [200, undefined, 200],
    );
    router.withdraw(b!.source, "10.0.0.0/8");
    router.settle();
    t.same(
      [a, b, c].map((peer) => peer!.table.get("10.0.0.0/8")?.localPref),
      [undefined, 100, 100],
    );
  });

  await t.test("a withdrawal is not sent to the peer that withdrew", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const [a, b] = [0, 1].map(() => new Receiver(router.source(), clientKey).join(group));
    router.announce(a!.source, "10.0.0.0/8", route());
    router.settle();
    router.withdraw(a!.source, "10.0.0.0/8");
    router.settle();
    t.same([a!.withdrawn, b!.withdrawn], [0, 1]);
  });

  await t.test(
    "a session that restarts with its routes kept (RFC 4724) forgets what another announced before",
    async (t) => {
      const router = new Router();
      const group = router.group(clientKey);
      const other = router.source();
      const peer = router.source();
      router.announce(other, "10.0.0.0/8", route({ localPref: 200 }));
      router.announce(peer, "10.0.0.0/8", route({ localPref: 100 }));
      const witness = new Receiver(router.source(), clientKey).join(group);
      router.settle();
      // A catch-up begins; then the peer's stale path becomes the best while it is away; then it joins that same catch-up.
      new Receiver(router.source(), clientKey).join(group);
      router.settle();
      router.announce(other, "10.0.0.0/8", route({ localPref: 50 }));
      router.settle();
      const back = new Receiver(peer, clientKey).join(group);
      router.settle();
      t.equal(group.catchUpsBegun, 1, "the catch-up was shared");
      t.equal(witness.table.get("10.0.0.0/8")!.localPref, 100);
      t.same([...back.table.keys()], []);
    },
  );
});

t.test("the bytes are made once", async (t) => {
  await t.test("100 members get the same buffers, encoded once for all", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const feeder = router.source();
    const members = Array.from({ length: 100 }, () => new Receiver(router.source(), clientKey).join(group));
    router.settle();
    for (const [i, prefix] of prefixes(1000).entries())
      router.announce(feeder, prefix, route({ communities: [Math.floor(i / 10)] }));
    router.settle();
    t.equal(group.advertiser.encoder.encodedSets, 100, "one encoding per attribute set");
    for (const { table } of members) t.equal(table.size, 1000);
    const place = ({ buffer, byteOffset, length }: Uint8Array) => [buffer, byteOffset, length];
    const [first, ...others] = members.map(({ buffers }) => buffers.slice(1).map(place)); // End-of-RIB is each one's own
    t.ok(
      others.every((other) => other.flat().every((value, i) => value === first!.flat()[i])),
      "the very same memory",
    );
  });

  await t.test("members that join one after the other share the catch-up over the table", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const feeder = router.source();
    for (const [i, prefix] of prefixes(1000).entries())
      router.announce(feeder, prefix, route({ communities: [Math.floor(i / 10)] }));
    new Receiver(router.source(), clientKey).join(group);
    router.settle();
    const before = group.advertiser.encoder.encodedSets;
    const late: Receiver[] = [];
    for (let i = 0; i < 10; i++) {
      late.push(new Receiver(router.source(), clientKey).join(group));
      router.settle();
      router.announce(feeder, `30.0.${i}.0/24`, route());
      router.settle();
      if (i % 4 === 3) group.tick();
    }
    t.equal(group.catchUpsBegun, 1);
    t.equal(group.advertiser.encoder.encodedSets - before, 100 + 10, "the table once, each change once");
    for (const member of late) {
      t.equal(member.table.size, 1010);
      t.same(member.marks, ["EoR"]);
    }
  });

  await t.test("a catch-up is not kept for latecomers longer than a second or two", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    router.announce(router.source(), "10.0.0.0/8", route());
    for (let i = 0; i < 3; i++) {
      new Receiver(router.source(), clientKey).join(group);
      router.settle();
      group.tick();
      group.tick();
    }
    t.equal(group.catchUpsBegun, 2, "the first member needed none");
  });

  await t.test("prefixes are packed by attribute set up to the message size", async (t) => {
    const router = new Router();
    const [small, large] = [4096, 65535].map((maxMessage) => {
      const key: GroupKey = { ...clientKey, maxMessage };
      return new Receiver(router.source(), key).join(router.group(key));
    });
    const feeder = router.source();
    for (const prefix of prefixes(4000)) router.announce(feeder, prefix, route());
    router.settle();
    const attributes = 4 + 3 + 7 + 7 + 7 + 7;
    const perMessage = Math.floor((4096 - 23 - attributes) / 4);
    t.equal(small!.messages, 1 + Math.ceil(4000 / perMessage));
    t.equal(large!.messages, 2);
    for (const prefix of prefixes(4000)) router.withdraw(feeder, prefix);
    const announced = small!.messages;
    router.settle();
    t.equal(small!.messages - announced, Math.ceil(4000 / Math.floor((4096 - 23) / 4)));
    t.same([small!.table.size, large!.table.size], [0, 0]);
  });

  await t.test("withdrawals leave before announcements", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const feeder = router.source();
    router.announce(feeder, "10.0.0.0/8", route());
    const member = new Receiver(router.source(), clientKey).join(group);
    router.settle();
    router.announce(feeder, "11.0.0.0/8", route());
    router.withdraw(feeder, "10.0.0.0/8");
    router.settle();
    const last = Buffer.from(member.buffers.at(-1)!);
    t.equal(last.readUInt16BE(19), 2, "the first message of the last write has a withdrawn route");
  });

  await t.test("a prefix that changes and changes back before the flush is not mentioned", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const feeder = router.source();
    router.announce(feeder, "10.0.0.0/8", route());
    const member = new Receiver(router.source(), clientKey).join(group);
    router.settle();
    const before = member.bytes;
    router.withdraw(feeder, "10.0.0.0/8");
    router.rib.flush(10);
    router.announce(feeder, "10.0.0.0/8", route());
    router.settle();
    t.equal(member.bytes, before);
  });
});

t.test("members that read slowly", async (t) => {
  const limits = { turnBytes: 2000, backlogBytes: 1_000_000, lagBytes: 3000, lagBytesPerRoute: 0 };

  await t.test("one write is outstanding per member, and the others go on", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const slow = new Receiver(router.source(), clientKey, false).join(group);
    const quick = new Receiver(router.source(), clientKey).join(group);
    const feeder = router.source();
    router.settle();
    for (const prefix of prefixes(20)) {
      router.announce(feeder, prefix, route());
      router.settle();
    }
    t.equal(quick.table.size, 20);
    t.equal(slow.table.size, 0, "its End-of-RIB is not taken yet");
    t.ok(group.queuedFor(slow.member!) > 0);
    slow.take();
    t.equal(slow.table.size, 20, "then everything in one write");
    slow.take();
    t.equal(group.queuedFor(slow.member!), 0);
  });

  await t.test(
    "a laggard leaves the log; once it reads again it hears what changed, as it is now, and nothing else",
    async (t) => {
      const router = new Router();
      const lagging: [number, boolean][] = [];
      const group = router.group(clientKey, { limits, events: { lagging: (...now) => lagging.push(now) } });
      const feeder = router.source();
      for (const prefix of prefixes(2000)) router.announce(feeder, prefix, route());
      const slow = new Receiver(router.source(), clientKey).join(group);
      const quick = new Receiver(router.source(), clientKey).join(group);
      router.settle();
      slow.eager = false;
      // 100 prefixes change, some several times, ten of them go away.
      for (let round = 0; round < 20; round++) {
        for (const prefix of prefixes(100)) router.announce(feeder, prefix, route({ med: round }));
        router.settle();
      }
      for (const prefix of prefixes(10)) router.withdraw(feeder, prefix);
      router.settle();
      t.equal(slow.member!.state, "lagging");
      t.equal(group.queuedFor(slow.member!), 0, "nothing is kept for it");
      const { announced, withdrawn } = slow;
      slow.eager = true;
      slow.take();
      router.settle();
      t.equal(slow.member!.state, "following");
      t.same(lagging, [
        [slow.source, true],
        [slow.source, false],
      ]);
      t.equal(slow.withdrawn - withdrawn, 10);
      t.ok(
        slow.announced - announced <= 90 + 100,
        `${slow.announced - announced}: the 90 once, after one write it had begun`,
      );
      t.same(slow.table, quick.table);
    },
  );

  await t.test("tombstones go when nobody can have missed the withdrawal, and the prefixes with them", async (t) => {
    const router = new Router();
    const group = router.group(clientKey, { limits });
    const feeder = router.source();
    const slow = new Receiver(router.source(), clientKey).join(group);
    for (const prefix of prefixes(500)) router.announce(feeder, prefix, route());
    router.settle();
    slow.eager = false;
    router.announce(feeder, "99.0.0.0/8", route());
    router.settle();
    for (const prefix of prefixes(500)) router.withdraw(feeder, prefix);
    router.settle();
    t.equal(group.advertiser.told.tombstones, 500);
    t.equal(router.table().prefixes.size, 501);
    slow.eager = true;
    slow.take();
    group.tick();
    router.settle();
    t.equal(group.advertiser.told.tombstones, 0);
    t.equal(router.table().prefixes.size, 1);
    t.equal(slow.table.size, 1);
  });

  await t.test(
    "while every member has enough to read, changes wait unencoded: what is queued is what is dirty",
    async (t) => {
      const router = new Router();
      let woken = 0;
      const group = router.group(clientKey, {
        limits: { ...limits, backlogBytes: 500, lagBytes: 1_000_000 },
        events: { wake: () => void woken++ },
      });
      const slow = new Receiver(router.source(), clientKey, false).join(group);
      const feeder = router.source();
      for (let round = 0; round < 50; round++) {
        for (const prefix of prefixes(100)) router.announce(feeder, prefix, route({ med: round }));
        router.settle();
      }
      t.equal(group.pending, 100);
      t.ok(group.bytesEncoded < 2000, `${group.bytesEncoded} octets encoded, of 50 rounds of 400`);
      const before = woken;
      slow.eager = true;
      slow.take();
      t.equal(woken, before + 1, "it asks for a flush when it can go on");
      router.settle();
      t.equal(group.pending, 0);
      for (const { med } of slow.table.values()) t.equal(med, 49);
    },
  );

  await t.test("a turn in which the members that held changes up have read on is not the last one", async (t) => {
    const router = new Router();
    const group = router.group(clientKey, { limits: { ...limits, backlogBytes: 100, lagBytes: 1_000_000 } });
    const member = new Receiver(router.source(), clientKey).join(group);
    router.settle();
    const feeder = router.source();
    for (const [i, prefix] of prefixes(4).entries()) router.announce(feeder, prefix, route({ communities: [i] }));
    router.rib.flush(100);
    // One unit a turn: encoding, and no time for writing.
    for (let turn = 0; turn < 2; turn++) t.equal(group.flush(1), false);
    t.equal(member.table.size, 0);
    t.equal(group.flush(1), false, "two are read, two wait");
    t.equal(member.table.size, 2);
    router.settle();
    t.equal(member.table.size, 4);
  });

  await t.test(
    "a slow reader of a shared catch-up goes on alone when the catch-up is no longer kept for others",
    async (t) => {
      const router = new Router();
      const group = router.group(clientKey, { limits });
      const feeder = router.source();
      const table = prefixes(3000);
      for (const prefix of table) router.announce(feeder, prefix, route());
      new Receiver(router.source(), clientKey).join(group);
      router.settle(200);
      const slow = new Receiver(router.source(), clientKey, false).join(group);
      const quick = new Receiver(router.source(), clientKey).join(group);
      for (let i = 0; quick.member!.state !== "following" && i < 1000; i++) group.flush(200);
      const held = slow.table.size;
      t.ok(held > 0 && held < 3000, `it has ${held} of 3000`);
      // What it has read changes, what it has not read changes, something new comes.
      router.announce(feeder, table[0]!, route({ med: 1 }));
      router.withdraw(feeder, table[1]!);
      router.announce(feeder, table[2999]!, route({ med: 1 }));
      router.withdraw(feeder, table[2998]!);
      for (const prefix of prefixes(3000, 25)) router.announce(feeder, prefix, route());
      router.settle(200);
      group.tick();
      group.tick();
      router.settle(200);
      slow.eager = true;
      slow.take();
      router.settle(200);
      t.same(slow.table, quick.table);
      t.equal(slow.table.size, 5998);
      t.same(slow.marks, ["EoR"]);
      t.ok(slow.announced < 6100, `${slow.announced}: nothing is sent twice but what changed`);
    },
  );
});

t.test("fairness", async (t) => {
  await t.test("a member is written so much a turn, then others have theirs", async (t) => {
    const router = new Router();
    let woken = 0;
    const group = router.group(clientKey, {
      limits: { turnBytes: 3000 },
      events: { wake: () => void woken++ },
    });
    const feeder = router.source();
    for (const [i, prefix] of prefixes(2000).entries()) router.announce(feeder, prefix, route({ communities: [i] }));
    router.rib.flush(1e6);
    const members = [0, 1].map(() => new Receiver(router.source(), clientKey).join(group));
    let most = 0;
    for (let turn = 0; turn < 1000; turn++) {
      const before = members.map((member) => member.bytes);
      const done = group.flush(1000);
      const written = members.map((member, i) => member.bytes - before[i]!);
      most = Math.max(most, ...written);
      if (done) break;
      t.ok(Math.abs(written[0]! - written[1]!) < 70_000, "both move on");
    }
    t.equal(members[0]!.table.size, 2000);
    t.ok(most < 40_000, `${most} octets in one turn at most: the share, and what a chunk exceeds it by`);
  });

  await t.test("work is cut into turns by the budget, and says when there is more", async (t) => {
    const router = new Router();
    const group = router.group(clientKey);
    const feeder = router.source();
    const member = new Receiver(router.source(), clientKey).join(group);
    for (const prefix of prefixes(1000)) router.announce(feeder, prefix, route());
    router.rib.flush(1e6);
    let turns = 1;
    while (!group.flush(300)) turns++;
    t.ok(turns >= 7, `${turns} turns`);
    t.equal(member.table.size, 1000);
  });

  await t.test(
    "with an advertisement interval changes wait, and members are served all the same (RFC 4271 §9.2.1.1)",
    async (t) => {
      const router = new Router();
      const group = router.group(clientKey);
      const member = new Receiver(router.source(), clientKey).join(group);
      router.settle();
      router.announce(router.source(), "10.0.0.0/8", route());
      router.rib.flush(10);
      t.equal(group.flush(1000, false), true);
      t.equal(member.table.size, 0);
      group.flush(1000);
      t.equal(member.table.size, 1);
    },
  );

  await t.test("it wakes its owner once until the next flush", async (t) => {
    const router = new Router();
    let woken = 0;
    const group = router.group(clientKey, { events: { wake: () => void woken++ } });
    router.settle();
    woken = 0;
    for (const prefix of prefixes(10)) router.announce(router.source(), prefix, route());
    router.rib.flush(100);
    t.equal(woken, 1);
    group.flush(1000);
    router.announce(router.source(), "10.0.0.0/8", route());
    router.rib.flush(100);
    t.equal(woken, 2);
  });
});

t.test("a change counts as delivered when all members that keep up have handed it to their sockets", async (t) => {
  const router = new Router();
  const delivered: number[] = [];
  const group = router.group(clientKey, { events: { delivered: (stamp) => delivered.push(stamp) } });
  const [a, b] = [0, 1].map(() => new Receiver(router.source(), clientKey).join(group));
  const feeder = router.source();
  router.settle();
  const change = (stamp: number) => {
    router.announce(feeder, `10.${stamp}.0.0/16`, route());
    router.rib.flush(10);
    group.mark(stamp);
  };
  change(1);
  t.same(delivered, []);
  router.settle();
  t.same(delivered, [1]);
  b!.eager = false;
  change(2);
  router.settle();
  t.same(delivered, [1], "one member has not taken it");
  change(3);
  router.settle();
  b!.take();
  t.same(delivered, [1, 2], "it has taken the second, the third is on its way");
  b!.take();
  t.same(delivered, [1, 2, 3]);
  change(4);
  router.settle();
  group.leave(b!.member!);
  t.same(delivered, [1, 2, 3, 4], "who leaves is not waited for");
  t.equal(a!.table.size, 4);
  group.mark(5);
  router.settle();
  t.same(delivered.at(-1), 5, "nothing to say is said at once");
});

t.test("ROUTE-REFRESH", async (t) => {
  const router = new Router();
  const group = router.group(clientKey);
  const feeder = router.source();
  const [a, b] = [0, 1].map(() => new Receiver(router.source(), clientKey).join(group));
  for (const prefix of prefixes(100)) router.announce(feeder, prefix, route());
  router.settle();

  await t.test("sends the whole table once more, to the member that asked (RFC 2918 §4)", async (t) => {
    group.refresh(a!.member!, false);
    router.settle();
    t.same([a!.announced, b!.announced], [200, 100]);
    t.same(a!.marks, ["EoR"], "no second End-of-RIB");
  });

  await t.test("stands between BoRR and EoRR where that was agreed (RFC 7313 §4)", async (t) => {
    group.tick();
    group.tick();
    group.refresh(a!.member!, true);
    group.refresh(a!.member!, false);
    router.settle();
    t.same(a!.marks, ["EoR", "BoRR", "EoRR"]);
    t.equal(a!.announced, 300, "asked twice before it began, sent once");
  });

  await t.test("a change during the refresh is in what the member ends with, before EoRR", async (t) => {
    group.refresh(b!.member!, true);
    router.withdraw(feeder, prefixes(100)[3]!);
    router.settle();
    t.equal(b!.table.size, 99);
    t.same(b!.marks, ["EoR", "BoRR", "EoRR"]);
  });
});

t.test("a new policy", async (t) => {
  const HIDDEN = 0xfde90001;
  const router = new Router();
  const group = router.group(clientKey);
  const feeder = router.source();
  const member = new Receiver(router.source(), clientKey).join(group);
  for (const [i, prefix] of prefixes(100).entries())
    router.announce(feeder, prefix, route({ communities: i < 30 ? [HIDDEN] : [] }));
  router.settle();
  let asked = 0;
  const hide = {
    usesPrefix: false,
    evaluate(attributes: number) {
      asked++;
      return router.rib.attributes.view(attributes).communities.includes(HIDDEN) ? 0 : attributes;
    },
    explain: () => ({ name: "hide", line: 3, reason: "term 3" }),
  };
  group.reevaluate(hide);
  router.settle();
  t.same([member.announced, member.withdrawn], [100, 30], "sends only what differs");
  t.ok(asked <= 4, `asked ${asked} times for 100 prefixes: once per run of one attribute set`);
  t.equal(
    explain(group, member.member!, router.prefixId(prefixes(1)[0]!))[0]!.reason,
    "rejected by the export policy: policy hide: term 3",
  );
});

t.test("a member that moves to another group", async (t) => {
  await t.test("hears the difference only: what both groups send alike is left alone", async (t) => {
    const router = new Router();
    const clients = router.group(clientKey);
    const others = router.group(nonClientKey);
    const [client, nonClient] = [router.source({ client: true }), router.source({ client: false })];
    const external = router.source({ kind: "external", remoteAs: 65100 });
    const path = [{ type: 2, asns: [65100] }] as const;
    for (const prefix of prefixes(10)) router.announce(client, prefix, route());
    for (const prefix of prefixes(20, 25)) router.announce(nonClient, prefix, route());
    for (const prefix of prefixes(30, 26)) router.announce(external, prefix, route({ asPath: path }));
    const member = new Receiver(router.source(), clientKey).join(clients);
    router.settle();
    t.equal(member.table.size, 60);
    const { announced } = member;
    member.member = others.moveFrom(clients, member.member!);
    router.settle();
    t.equal(member.announced, announced, "nothing is said again");
    t.equal(member.withdrawn, 20, "routes of non-clients are not for a non-client (RFC 4456 §6)");
    t.same(member.marks, ["EoR"], "no second End-of-RIB");
    member.member = clients.moveFrom(others, member.member!);
    router.settle();
    t.same([member.announced - announced, member.withdrawn], [20, 20]);
  });

  await t.test("hears routes whose bytes differ", async (t) => {
    const router = new Router();
    const plain = router.group(clientKey);
    const key: GroupKey = { ...clientKey, nextHop: "force-self" };
    const self = router.group(key);
    const member = new Receiver(router.source(), clientKey).join(plain);
    router.announce(router.source(), "10.0.0.0/8", route());
    router.announce(LOCAL_SOURCE, "11.0.0.0/8", route(), 0);
    router.settle();
    member.member = self.moveFrom(plain, member.member!);
    router.settle();
    t.equal(member.announced, 3, "the own route had our next hop before");
    t.same(member.table.get("10.0.0.0/8")!.nextHop!.words, [SELF4]);
  });

  await t.test("loses nothing that it had not read, and the old group keeps what is needed until then", async (t) => {
    const router = new Router();
    const clients = router.group(clientKey);
    const others = router.group(nonClientKey);
    const feeder = router.source();
    for (const prefix of prefixes(10)) router.announce(feeder, prefix, route());
    const member = new Receiver(router.source(), clientKey).join(clients);
    router.settle();
    member.eager = false;
    router.announce(feeder, "10.0.0.0/8", route());
    router.settle();
    router.withdraw(feeder, prefixes(1)[0]!);
    router.settle();
    member.member = others.moveFrom(clients, member.member!);
    router.remove(clients);
    t.equal(clients.close(1000), false, "still needed");
    t.ok(clients.isNeeded);
    t.notOk(others.isCurrent(member.member));
    router.withdraw(feeder, prefixes(2)[1]!);
    router.settle();
    member.eager = true;
    member.take();
    router.settle();
    t.same([...member.table.keys()].sort(), ["10.0.0.0/8", ...prefixes(10).slice(2)].sort());
    t.ok(others.isCurrent(member.member));
    t.equal(clients.close(1000), true);
  });

  await t.test("and moves on before it has heard the difference, forgets no withdrawal", async (t) => {
    const router = new Router();
    const limits = { turnBytes: 200 };
    const keys: GroupKey[] = [clientKey, nonClientKey, { ...nonClientKey, nextHop: "force-self" }];
    const [first, second, third] = keys.map((key) => router.group(key, { limits }));
    const feeder = router.source({ client: false });
    for (const prefix of prefixes(3000)) router.announce(feeder, prefix, route());
    const member = new Receiver(router.source(), clientKey).join(first!);
    router.settle();
    t.equal(member.table.size, 3000);
    // A non-client hears nothing of another: 3000 withdrawals, of which it hears some and moves on.
    member.eager = false;
    member.member = second!.moveFrom(first!, member.member!);
    for (let i = 0; i < 100 && member.withdrawn === 0; i++) second!.flush(400);
    t.equal(member.member.state, "walking");
    t.ok(member.withdrawn > 0 && member.table.size > 0, `${member.withdrawn} of 3000 withdrawn`);
    member.member = third!.moveFrom(second!, member.member!);
    member.eager = true;
    member.take();
    router.settle();
    t.equal(member.table.size, 0);
    for (const group of [first!, second!]) {
      router.remove(group);
      t.equal(group.close(1e6), true);
    }
  });
});

t.test("routes that can't be sent", async (t) => {
  await t.test(
    "what outgrows the message is withdrawn, counted, said once, and holds nothing else up (RFC 4271 §9.2)",
    async (t) => {
      const router = new Router();
      const withheld: [number, string][] = [];
      const group = router.group(clientKey, { events: { withheld: (...now) => withheld.push(now) } });
      const bigKey: GroupKey = { ...clientKey, maxMessage: 65535 };
      const bigger = new Receiver(router.source(), bigKey).join(router.group(bigKey));
      const member = new Receiver(router.source(), clientKey).join(group);
      const feeder = router.source();
      // 23 octets of message, ORIGIN 4, AS_PATH 3, NEXT_HOP 7, LOCAL_PREF 7, our ORIGINATOR_ID and CLUSTER_LIST 14, NLRI 5.
      const room = 4096 - 23 - 4 - 3 - 7 - 7 - 14 - 5 - 4;
      const communities = (octets: number) => Array.from({ length: Math.floor(octets / 4) }, (_, i) => i + 1);
      router.announce(feeder, "10.0.0.0/8", route({ communities: communities(room) }));
      router.announce(feeder, "11.0.0.0/8", route());
      router.settle();
      t.equal(member.table.size, 2, "just fits");
      router.announce(feeder, "10.0.0.0/8", route({ communities: communities(room + 4) }));
      router.announce(feeder, "12.0.0.0/8", route());
      router.settle();
      t.same([...member.table.keys()].sort(), ["11.0.0.0/8", "12.0.0.0/8"]);
      t.equal(bigger.table.size, 3);
      const id = router.prefixId("10.0.0.0/8");
      t.same(withheld, [[id, "too-big"]]);
      t.equal(group.withheld["too-big"], 1);
      const [explained] = explain(group, member.member!, id);
      t.equal(explained!.sent, false);
      t.match(explained!.reason, /larger than the peer's largest message: 4099 octets, it takes 4096/);
      router.announce(feeder, "10.0.0.0/8", route());
      router.settle();
      t.equal(group.withheld["too-big"], 0);
      t.equal(member.table.size, 3);
    },
  );

  await t.test("without a next hop of the family it is not sent, and explain says what to do", async (t) => {
    const router = new Router();
    const key: GroupKey = { ...clientKey, self4: null };
    const withheld: string[] = [];
    const group = router.group(key, { events: { withheld: (_, reason) => withheld.push(reason) } });
    const member = new Receiver(router.source(), key).join(group);
    router.announce(LOCAL_SOURCE, "10.0.0.0/8", route(), 0);
    router.announce(router.source(), "11.0.0.0/8", route(), [0x20010db8, 0, 0, 1]);
    router.settle();
    t.equal(member.table.size, 0);
    t.equal(group.withheld["no-next-hop"], 2);
    t.same(withheld, ["no-next-hop"], "one piece of news");
    const said = (prefix: string) => explain(group, member.member!, router.prefixId(prefix))[0]!.reason;
    t.equal(said("10.0.0.0/8"), "we have no IPv4 address to be its next hop: set router.address");
    t.match(said("11.0.0.0/8"), /other family/);
  });
});

t.test("ADD-PATH (RFC 7911)", async (t) => {
  const router = new Router();
  const two: GroupKey = { ...clientKey, addPath: 2 };
  const all: GroupKey = { ...clientKey, addPath: Number.POSITIVE_INFINITY };
  const group = router.group(two);
  const feeders = [0, 1, 2].map(() => router.source());
  const member = new Receiver(router.source(), two).join(group);
  const whole = new Receiver(router.source(), all).join(router.group(all));
  const selfish = new Receiver(feeders[0]!, two).join(group);
  for (const [i, feeder] of feeders.entries())
    router.announce(feeder, "10.0.0.0/8", route({ localPref: 300 - i }), i + 1);
  router.settle();
  const prefs = ({ table }: Receiver) => [...table.values()].map((path) => path.localPref).sort();

  await t.test("sends the best N, or all, and nobody its own", async (t) => {
    t.same(prefs(member), [299, 300]);
    t.same(prefs(whole), [298, 299, 300]);
    t.same(prefs(selfish), [299]);
  });

  await t.test("a path keeps its id while others come and go before it: ids are never ranks", async (t) => {
    const idOf = (pref: number) => [...whole.table].find(([, path]) => path.localPref === pref)?.[0];
    const before = idOf(298);
    router.withdraw(feeders[0]!, "10.0.0.0/8");
    router.settle();
    t.equal(idOf(298), before);
    t.same(prefs(member), [298, 299], "the third moves up");
    router.announce(feeders[0]!, "10.0.0.0/8", route({ localPref: 300 }), 1);
    router.settle();
    t.equal(idOf(298), before);
    t.same(prefs(member), [299, 300]);
    t.equal(group.told, 2);
  });

  await t.test("explain answers for each path", async (t) => {
    const answers = explain(group, member.member!, router.prefixId("10.0.0.0/8"));
    t.same(
      answers.map(({ sent }) => sent),
      [true, true, false],
    );
    t.match(answers[2]!.reason, /better paths fill the 2/);
  });
});

t.test("who hears what (RFC 4456 §6, RFC 4271 §9.2)", async (t) => {
  const router = new Router();
  const sources: Record<string, number> = {
    own: LOCAL_SOURCE,
    external: router.source({ kind: "external", remoteAs: 65100 }),
    client: router.source({ client: true }),
    "non-client": router.source({ client: false }),
  };
  const asPath: PathAttributes["asPath"] = [{ type: 2, asns: [65100] }];
  for (const [i, [name, source]] of Object.entries(sources).entries())
    router.announce(
      source,
      `1${i}.0.0.0/8`,
      route(name === "external" ? { asPath } : {}),
      source === LOCAL_SOURCE ? 0 : 9,
    );
  router.settle();
  const to: Record<string, GroupKey> = { external: externalKey, client: clientKey, "non-client": nonClientKey };
  const expected: Record<string, Record<string, "yes" | "reflected" | "no">> = {
    own: { external: "yes", client: "yes", "non-client": "yes" },
    external: { external: "yes", client: "yes", "non-client": "yes" },
    client: { external: "yes", client: "reflected", "non-client": "reflected" },
    "non-client": { external: "yes", client: "reflected", "non-client": "no" },
  };
  for (const [target, key] of Object.entries(to)) {
    const member = new Receiver(router.source(), key).join(router.group(key));
    router.settle();
    for (const [i, from] of Object.keys(sources).entries()) {
      const got = member.table.get(`1${i}.0.0.0/8`);
      const how = got === undefined ? "no" : got.clusterList.length > 0 ? "reflected" : "yes";
      t.equal(how, expected[from]![target], `learned from ${from}, sent to ${target}: ${expected[from]![target]}`);
      if (how !== "reflected") continue;
      t.equal(got!.originatorId, router.rib.sources.info(sources[from]!)!.routerId, "ORIGINATOR_ID is the client's");
      t.same(got!.clusterList, [CLUSTER_ID]);
      t.same(got!.nextHop!.words, [0xc0000209], "and the next hop stays");
    }
  }
});

t.test("what a reload changes about a source is told after `reevaluate`, and only that", async (t) => {
  const router = new Router();
  const group = router.group(nonClientKey);
  const source = router.source({ client: false, routerId: 1 });
  const info = router.rib.sources.info(source)!;
  const member = new Receiver(router.source(), nonClientKey).join(group);
  router.announce(source, "10.0.0.0/8", route());
  router.announce(router.source(), "11.0.0.0/8", route());
  router.settle();
  t.same([...member.table.keys()], ["11.0.0.0/8"]);
  router.rib.sources.update(source, { ...info, client: true });
  group.reevaluate();
  router.settle();
  t.equal(member.table.get("10.0.0.0/8")?.originatorId, 1, "it is a client now, its routes are for all");
  router.rib.sources.update(source, { ...info, client: true, routerId: 2 });
  group.reevaluate();
  router.settle();
  t.equal(member.table.get("10.0.0.0/8")?.originatorId, 2, "and its identifier is another");
  t.equal(member.announced, 3, "the other client's route was not said again");
});

t.test("a policy that sets MED and next hop has the last word towards external peers", async (t) => {
  const router = new Router();
  const { attributes } = router.rib;
  const policy = {
    usesPrefix: false,
    modified: PolicySet.MED | PolicySet.NEXT_HOP,
    evaluate: (set: number) =>
      attributes.intern({ ...attributes.view(set), med: 7 }, router.nextHops.intern([0xc6336401])),
  };
  const member = new Receiver(router.source(), externalKey).join(router.group(externalKey, { policy }));
  router.announce(router.source(), "10.0.0.0/8", route({ med: 7 }));
  router.settle();
  const got = member.table.get("10.0.0.0/8")!;
  t.equal(got.med, 7, "even if it sets what was there before");
  t.same(got.nextHop!.words, [0xc6336401]);
  t.same(got.asPath, [{ type: 2, asns: [LOCAL_AS] }]);
});

t.test("what our rules change on the way out, octet by octet", async (t) => {
  const attributes = route({
    asPath: [{ type: 2, asns: [65100, 4_200_000_000] }],
    med: 5,
    localPref: 150,
    communities: [0xfde90001],
    extendedCommunities: [
      [0x0002fde9, 1],
      [0x4004fde9, 2],
    ],
    unknown: [{ code: 99, flags: 0xe0, value: new Uint8Array([1]) }],
  });
  const sent = (key: GroupKey, prefix = "10.0.0.0/8", nextHop: number | readonly number[] = 9): string[] => {
    const router = new Router();
    router.announce(router.source({ routerId: 0x0a000001 }), prefix, attributes, nextHop);
    const member = new Receiver(router.source(), key).join(router.group(key));
    router.settle();
    const message = Buffer.from(member.buffers[0]!);
    const parts: string[] = [];
    const attributesEnd = 23 + message.readUInt16BE(21);
    for (let at = 23; at < attributesEnd; ) {
      const long = (message[at]! & 0x10) !== 0;
      const end = at + (long ? 4 + message.readUInt16BE(at + 2) : 3 + message[at + 2]!);
      parts.push(message.toString("hex", at, end));
      at = end;
    }
    return [...parts, message.toString("hex", attributesEnd)];
  };
  const communities = "c00804fde90001";
  const unknown = "e0630101";

  await t.test("reflected: ORIGINATOR_ID and CLUSTER_LIST come in, all else stays (RFC 4456 §8)", async (t) => {
    t.same(sent(clientKey), [
      "40010100",
      "40020a02020000fe4cfa56ea00",
      "400304c0000209",
      "80040400000005",
      "40050400000096",
      communities,
      "8009040a000001",
      "800a040a0000fa",
      "c010100002fde9000000014004fde900000002",
      unknown,
      "080a",
    ]);
  });

  await t.test(
    "external: own AS in front, next hop self, no LOCAL_PREF, MED or intra-AS extended community",
    async (t) => {
      t.same(sent(externalKey), [
        "40010100",
        "40020e02030000fde90000fe4cfa56ea00",
        "400304c0000201",
        communities,
        "c010080002fde900000001",
        unknown,
        "080a",
      ]);
    },
  );

  await t.test("two-octet ASes: AS_TRANS in AS_PATH, the whole path in AS4_PATH (RFC 6793 §4.2.2)", async (t) => {
    const parts = sent({ ...externalKey, fourOctetAs: false });
    t.equal(parts[1], "4002080203fde9fe4c5ba0");
    t.equal(parts[5], "c0110e02030000fde90000fe4cfa56ea00");
  });

  await t.test(
    "an IPv4 route with an IPv6 next hop goes into MP_REACH_NLRI, first of all (RFC 8950 §4, RFC 7606 §5.1)",
    async (t) => {
      const parts = sent({ ...clientKey, extendedNextHop: true }, "10.0.0.0/8", [0x20010db8, 0, 0, 9]);
      t.equal(parts[0], "900e001700010110" + "20010db8000000000000000000000009" + "00" + "080a");
      t.equal(parts.at(-1), "");
      t.notOk(
        parts.some((part) => part.startsWith("4003")),
        "no NEXT_HOP",
      );
    },
  );

  await t.test("a link-local next hop is not reflected: it means nothing on another link (RFC 2545 §3)", async (t) => {
    for (const key of [clientKey, { ...externalKey, nextHop: "unchanged" } as const]) {
      const router = new Router();
      router.announce(router.source(), "2001:db8:1::/48", route(), [0xfe800000, 0, 0, 9]);
      const member = new Receiver(router.source(), { ...key, family: 1 }).join(router.group({ ...key, family: 1 }));
      router.settle();
      t.equal(member.table.size, 0);
    }
  });

  await t.test(
    "an external neighbor's link-local next hop is hidden behind ours, also without next-hop-self",
    async (t) => {
      const router = new Router();
      const key = { ...clientKey, family: 1 } as const;
      router.announce(router.source({ kind: "external" }), "2001:db8:1::/48", route(), [0xfe800000, 0, 0, 9]);
      const member = new Receiver(router.source(), key).join(router.group(key));
      router.settle();
      t.same(member.table.get("2001:db8:1::/48")?.nextHop?.words, key.self6);
    },
  );

  await t.test("IPv6 carries the global next hop alone (RFC 2545 §3)", async (t) => {
    const parts = sent({ ...clientKey, family: 1 }, "2001:db8:1::/48");
    t.equal(parts[0], "900e001c00020110" + "20010db8000000000000000000000109" + "00" + "3020010db80001");
  });
});

t.test("after a burst a group gives back what it has grown", async (t) => {
  const router = new Router();
  const group = router.group(clientKey);
  const feeder = router.source();
  const members = [0, 1].map(() => new Receiver(router.source(), clientKey).join(group));
  router.announce(feeder, "10.0.0.0/8", route());
  router.settle();
  for (const prefix of prefixes(20_000)) router.announce(feeder, prefix, route({ communities: [1] }));
  router.settle();
  for (const prefix of prefixes(20_000)) router.withdraw(feeder, prefix);
  router.settle();
  t.ok(group.advertiser.told.end > 20_000);
  for (let second = 0; second < 4; second++) {
    group.tick();
    router.settle();
  }
  t.ok(group.advertiser.told.end < 20_000);
  t.equal(members[0]!.member!.cursor!.chunk.bytes.length, 0, "the large chunk is gone");
  t.equal(group.advertiser.outSets.size, 1);
  router.announce(feeder, "11.0.0.0/8", route());
  router.withdraw(feeder, "10.0.0.0/8");
  router.settle();
  for (const member of members) t.same([...member.table.keys()], ["11.0.0.0/8"], "and goes on as before");
});
