import fc from "fast-check";
import t from "tap";
import { seededRandom } from "../../src/lib/random.ts";
import { type Contender, judge, patienceMs, weDominate } from "../../src/session/collision.ts";
import { type State, states } from "../../src/session/fsm/state.ts";
import { encodeKeepalive as keepalive } from "../../src/wire/message/keepalive.ts";
import {
  established,
  LEFT,
  type Pair,
  pair,
  puppetEstablished,
  openOf as puppetOpen,
  RIGHT,
  seconds,
  updateOf,
  type Wanted,
  withPuppet,
} from "./harness.ts";

t.test(
  "the higher identifier dominates, and the higher AS where identifiers are equal (RFC 4271 §6.8, RFC 6286 §2.3)",
  (t) => {
    t.ok(weDominate({ routerId: 2, as: 1 }, { routerId: 1, as: 9 }));
    t.notOk(weDominate({ routerId: 1, as: 9 }, { routerId: 2, as: 1 }));
    t.ok(weDominate({ routerId: 0xffffffff, as: 1 }, { routerId: 0x7fffffff, as: 1 }), "as unsigned numbers");
    t.ok(weDominate({ routerId: 1, as: 9 }, { routerId: 1, as: 8 }));
    t.notOk(weDominate({ routerId: 1, as: 8 }, { routerId: 1, as: 9 }));
    t.end();
  },
);

t.test("every verdict of the collision machine, by what the other connection is (RFC 4271 §6.8)", (t) => {
  const verdicts = (self: Partial<Contender>, other: Partial<Contender>, dominant: boolean) =>
    states.map((state: State) =>
      judge(
        { state: "OpenSent", initiatedByUs: false, newer: true, ...self },
        { state, initiatedByUs: true, newer: false, ...other },
        dominant,
      ),
    );
  t.equal(judge({ state: "OpenSent", initiatedByUs: true, newer: false }, null, true), "proceed");
  //                                          Idle,   Connect, Active, OpenSent, OpenConfirm, Established
  t.same(verdicts({}, {}, false), ["take", "take", "take", "proceed", "take", "yield"], "theirs, and they dominate");
  t.same(verdicts({}, {}, true), ["take", "take", "take", "wait", "yield", "yield"], "theirs, and we dominate");
  const ours = [
    { initiatedByUs: true, newer: false },
    { initiatedByUs: false, newer: true },
  ] as const;
  t.same(verdicts(...ours, true), ["take", "take", "take", "proceed", "take", "yield"], "ours, and we dominate");
  t.same(verdicts(...ours, false), ["take", "take", "take", "wait", "yield", "yield"], "ours, and they dominate");
  const twice = { initiatedByUs: false };
  for (const dominant of [true, false]) {
    t.same(
      verdicts({ newer: true }, { ...twice, newer: false }, dominant),
      ["take", "take", "take", "take", "take", "yield"],
      "two of theirs: the newer one is the one that they still hold",
    );
    t.same(verdicts({ newer: false }, { ...twice, newer: true }, dominant), [
      "take",
      "take",
      "take",
      "proceed",
      "yield",
      "yield",
    ]);
  }
  t.end();
});

t.test("a loser's patience ends before any hold timer does", (t) => {
  t.equal(patienceMs(3_000), 1_000);
  t.equal(patienceMs(90_000), 5_000);
  t.equal(patienceMs(0), 5_000);
  t.end();
});

// --- two of ours ---

const up = ({ left, right }: Pair) => left.state === "Established" && right.state === "Established";
/** Connections that both ends hold. */
const connections = ({ left }: Pair) => left.host.ends.size;
const ups = (side: Pair["left"]) => side.log.filter((word) => word === "established").length;

/** Both sides dial when they are told to, over links of these delays; then quiet. */
function meet(all: Pair, plan: { leftAt: number; rightAt: number; delayMs: number }) {
  all.net.delay(all.left.host, all.right.host, plan.delayMs);
  all.net.clock.setTimer(plan.leftAt, () => all.left.session.start());
  all.net.clock.setTimer(plan.rightAt, () => all.right.session.start());
}

t.test("both sides dial in the same moment: one session, that of the higher identifier, and no flap", (t) => {
  for (const wanted of [
    [{}, {}],
    [{ routerId: 9 }, { routerId: 2 }],
    [
      { routerId: 7, localAs: 65001, remoteAs: 65002 },
      { routerId: 7, localAs: 65002, remoteAs: 65001 },
    ],
  ] as [Wanted, Wanted][]) {
    const all = pair(...wanted);
    meet(all, { leftAt: 5, rightAt: 5, delayMs: 10 });
    all.net.clock.advance(seconds(2));
    t.ok(up(all));
    t.equal(connections(all), 1);
    t.same([ups(all.left), ups(all.right)], [1, 1]);
    const [left, right] = wanted;
    const leftWins = weDominate(
      { routerId: left.routerId ?? 1, as: left.localAs ?? 1 },
      { routerId: right.routerId ?? 2, as: right.localAs ?? 1 },
    );
    t.equal(all.left.session.ends!.remotePort === 179, leftWins, "whose dial it was");
    t.equal(all.left.session.lastError, null, "the end of the loser is no error");
  }
  t.end();
});

t.test(
  "in whatever order both sides dial and bytes arrive, there is exactly one session, at once and for good",
  (t) => {
    fc.assert(
      fc.property(
        fc.record({
          leftAt: fc.integer({ min: 0, max: 60 }),
          rightAt: fc.integer({ min: 0, max: 60 }),
          delayMs: fc.integer({ min: 0, max: 20 }),
          seed: fc.integer(),
          split: fc.boolean(),
          leftDelayOpen: fc.constantFrom(0, 0, 15, 40),
          rightDelayOpen: fc.constantFrom(0, 0, 15, 40),
          holdTimeSeconds: fc.constantFrom(0, 3, 90),
          leftHigher: fc.boolean(),
          graceful: fc.boolean(),
          /** The link changes its mind while both are talking. */
          slower: fc.array(
            fc.record({ at: fc.integer({ min: 0, max: 150 }), delayMs: fc.integer({ min: 0, max: 40 }) }),
            { maxLength: 6 },
          ),
        }),
        (plan) => {
          const common = {
            holdTimeSeconds: plan.holdTimeSeconds,
            offer: { gracefulRestart: plan.graceful ? { restartTimeSeconds: 120, notification: true } : null },
          };
          const all = pair(
            { ...common, delayOpenMs: plan.leftDelayOpen, routerId: plan.leftHigher ? 9 : 1 },
            { ...common, delayOpenMs: plan.rightDelayOpen, routerId: 5 },
            { random: seededRandom(plan.seed), split: plan.split },
          );
          meet(all, plan);
          for (const { at, delayMs } of plan.slower)
            all.net.clock.setTimer(at, () => all.net.delay(all.left.host, all.right.host, delayMs));
          // Well before connect-retry could mend anything: nothing was killed on both sides.
          all.net.clock.advance(seconds(3));
          if (!up(all))
            throw new Error(`${all.left.state} and ${all.right.state} after 3 s: ${all.left.log} / ${all.right.log}`);
          all.net.clock.advance(seconds(60));
          if (!up(all) || connections(all) !== 1) throw new Error(`${connections(all)} connections`);
          if (ups(all.left) !== 1 || ups(all.right) !== 1)
            throw new Error(`flapped: ${all.left.log} / ${all.right.log}`);
          if (all.left.session.ends!.localPort !== all.right.session.ends!.remotePort)
            throw new Error("not the same one");
        },
      ),
      { numRuns: 400 },
    );
    t.pass("400 orders");
    t.end();
  },
);

t.test("with lost links, resets and restarts in between, it still ends in exactly one session", (t) => {
  const event = fc.oneof(
    fc.record({ what: fc.constant("reset" as const) }),
    fc.record({ what: fc.constant("cut" as const) }),
    fc.record({ what: fc.constant("heal" as const) }),
    fc.record({ what: fc.constant("stop" as const), left: fc.boolean() }),
    fc.record({ what: fc.constant("start" as const), left: fc.boolean() }),
    fc.record({ what: fc.constant("kick" as const), left: fc.boolean() }),
    fc.record({ what: fc.constant("disconnect" as const), left: fc.boolean() }),
    fc.record({ what: fc.constant("crash" as const), left: fc.boolean() }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 4_000 }), event), { maxLength: 25 }),
      fc.integer(),
      fc.boolean(),
      (events, seed, graceful) => {
        const wanted: Wanted = {
          holdTimeSeconds: 9,
          connectRetryMs: 2_000,
          offer: { gracefulRestart: graceful ? { restartTimeSeconds: 120, notification: true } : null },
        };
        const all = pair(wanted, wanted, { random: seededRandom(seed), split: seed % 2 === 0 });
        const { left, right, net } = all;
        left.session.start();
        right.session.start();
        for (const [delayMs, what] of events) {
          net.clock.advance(delayMs);
          const side = "left" in what && what.left ? left : right;
          if (what.what === "reset") net.reset(left.host, right.host);
          else if (what.what === "cut") net.cut(left.host, right.host);
          else if (what.what === "heal") net.heal(left.host, right.host);
          else if (what.what === "stop") side.session.stop();
          else if (what.what === "start") side.session.start();
          else if (what.what === "kick") side.session.reset();
          else if (what.what === "disconnect") side.session.disconnect("as a test");
          else {
            // The machine forgets its connections; its daemon starts anew.
            side.host.crash();
            side.session.stop({ quiet: true });
            side.listen().session.start();
          }
          const invariant = [left, right].every(
            (each) =>
              (each.state === "Established") === (each.agreed !== null) &&
              ups(each) - each.downs.length === (each.agreed === null ? 0 : 1),
          );
          if (!invariant) throw new Error(`${left.log} / ${right.log}`);
        }
        net.heal(left.host, right.host);
        left.session.start();
        right.session.start();
        net.clock.advance(seconds(60));
        if (!up(all)) throw new Error(`${left.state} / ${right.state}: ${left.log} / ${right.log}`);
        net.clock.advance(seconds(600));
        if (!up(all) || connections(all) !== 1 || right.host.ends.size !== 1)
          throw new Error(`${left.host.ends.size} and ${right.host.ends.size} connections: ${left.log} / ${right.log}`);
        left.session.send(updateOf());
        const before = right.updates.length;
        net.clock.advance(seconds(1));
        if (right.updates.length !== before + 1) throw new Error("it carries nothing");
        if (left.bugs.length + right.bugs.length > 0) throw new Error(String(left.bugs[0] ?? right.bugs[0]));
      },
    ),
    { numRuns: 300 },
  );
  t.pass("300 histories");
  t.end();
});

// --- one of ours and a stranger ---

t.test("a second connection while Established is closed with 6/7 once its OPEN has come (RFC 4271 §6.8)", (t) => {
  const { net, side, puppet } = puppetEstablished();
  const first = puppet.transport;
  puppet.dial(LEFT);
  net.clock.advance(10);
  t.equal(puppet.read.filter((name) => name === "OPEN").length, 2, "it is heard out");
  puppet.open();
  net.clock.advance(10);
  t.equal(puppet.read.at(-1), "NOTIFICATION 6/7");
  t.equal(side.state, "Established");
  t.equal(side.session.flaps, 0);
  first.write([updateOf()]);
  net.clock.advance(10);
  t.equal(side.updates.length, 1, "the first one lives on");
  t.equal(side.session.lastError, null);
  t.end();
});

const gracefulCapabilities = [
  { kind: "multiprotocol", afi: 1, safi: 1, family: 0 },
  { kind: "four-octet-as", as: 65001 },
  {
    kind: "graceful-restart",
    restarted: true,
    notification: false,
    restartTimeSeconds: 90,
    families: [{ afi: 1, safi: 1, family: 0, forwarding: true }],
  },
] as const;

/** Established with a peer that has graceful restart. */
const gracefulPuppet = () =>
  puppetEstablished(
    { offer: { gracefulRestart: { restartTimeSeconds: 120, notification: false } } },
    { capabilities: gracefulCapabilities },
  );

t.test("a peer with graceful restart that connects anew replaces its old connection at once (RFC 4724 §5)", (t) => {
  const { net, side, puppet } = gracefulPuppet();
  const first = puppet.transport;
  net.clock.advance(seconds(2));
  puppet.dial(LEFT);
  net.clock.advance(10);
  t.same(side.downs, [{ kind: "replaced", notification: null, text: "the peer has connected anew" }]);
  t.equal(side.state, "OpenSent");
  t.notOk(
    puppet.read.some((name) => name.startsWith("NOTIFICATION")),
    "without a word",
  );
  puppet.open({ capabilities: gracefulCapabilities });
  puppet.keepalive();
  net.clock.advance(10);
  t.equal(side.state, "Established");
  t.equal(side.agreed!.gracefulRestart!.restarting, true);
  t.equal(first === puppet.transport, false);
  t.equal(side.host.ends.size, 1);
  t.end();
});

t.test(
  "what connects within two seconds of Established is the other half of a collision, also with graceful restart (RFC 4271 §6.8)",
  (t) => {
    for (const { afterMs, stays } of [
      { afterMs: 100, stays: true },
      { afterMs: 1990, stays: true },
      { afterMs: 2000, stays: false },
    ]) {
      const { net, side, puppet } = gracefulPuppet();
      net.clock.advance(afterMs - (net.clock.now() - side.session.stateSince));
      puppet.dial(LEFT);
      net.clock.advance(10);
      puppet.open({ capabilities: gracefulCapabilities });
      net.clock.advance(10);
      t.equal(side.downs.length, stays ? 0 : 1, `${afterMs} ms`);
      t.equal(puppet.read.at(-1) === "NOTIFICATION 6/7", stays);
    }
    t.end();
  },
);

t.test("a peer that has rebooted in the middle of a handshake is not held up by its dead connection", (t) => {
  const { net, side, puppet } = withPuppet({ passive: true });
  side.session.start();
  puppet.dial(LEFT);
  net.clock.advance(10);
  puppet.host.crash(); // OpenSent here, and nobody there any more
  puppet.dial(LEFT);
  net.clock.advance(10);
  puppet.open();
  puppet.keepalive();
  net.clock.advance(10);
  t.equal(side.state, "Established");
  t.equal(side.host.ends.size, 1);
  t.end();
});

t.test("who opens connection after connection holds two of ours at most", (t) => {
  const { net, side, puppet } = withPuppet({ passive: true });
  side.session.start();
  for (let i = 0; i < 20; i++) {
    puppet.dial(LEFT);
    net.clock.advance(10);
  }
  net.clock.advance(seconds(10));
  t.equal(side.host.ends.size, 2);
  puppet.open();
  puppet.keepalive();
  net.clock.advance(10);
  t.equal(side.state, "Established", "and the newest is heard");
  net.clock.advance(seconds(10));
  t.equal(side.host.ends.size, 1);
  t.end();
});

t.test("a winner that never opens does not hold the loser up for long", (t) => {
  // We have the higher identifier and have dialled; the peer answers on its own connection alone.
  const { net, side, puppet } = withPuppet({ routerId: 0x0a0000ff, holdTimeSeconds: 30 });
  side.session.start();
  net.clock.advance(5);
  t.equal(puppet.transports.length, 1, "ours, which the peer leaves unanswered");
  puppet.dial(LEFT);
  net.clock.advance(10);
  puppet.open();
  puppet.keepalive();
  net.clock.advance(4_900);
  t.equal(side.state, "OpenSent", "the loser waits");
  net.clock.advance(200);
  t.equal(side.state, "Established", "and goes on");
  net.clock.advance(5_000);
  t.equal(side.host.ends.size, 1, "the other has waited in vain for its end");
  t.end();
});

t.test("when the winner's connection breaks, the loser that waited goes on at once", (t) => {
  const { net, side, puppet } = withPuppet({ routerId: 0x0a0000ff, holdTimeSeconds: 30 });
  side.session.start();
  net.clock.advance(5);
  const winner = puppet.transport;
  puppet.dial(LEFT);
  net.clock.advance(10);
  puppet.open();
  puppet.keepalive();
  net.clock.advance(10);
  t.equal(side.state, "OpenSent");
  winner.destroy();
  net.clock.advance(10);
  t.equal(side.state, "Established");
  t.end();
});

t.test("while the loser waits it may still end or misbehave", (t) => {
  for (const misdeed of ["close", "open", "update"] as const) {
    const { net, side, puppet } = withPuppet({ routerId: 0x0a0000ff, holdTimeSeconds: 30 });
    side.session.start();
    net.clock.advance(5);
    const winner = puppet.transport;
    puppet.dial(LEFT);
    net.clock.advance(10);
    puppet.open();
    net.clock.advance(10);
    if (misdeed === "close") puppet.transport.destroy();
    else if (misdeed === "open") puppet.open();
    else puppet.send(updateOf());
    net.clock.advance(10);
    if (misdeed !== "close")
      t.same(puppet.lastNotification, { code: 5, subcode: 1, data: [misdeed === "open" ? 1 : 2] });
    winner.write([puppetOpen(), keepalive()]);
    net.clock.advance(10);
    t.equal(side.state, "Established", `${misdeed}: the winner is untouched`);
  }
  t.end();
});

t.test("a passive side and a dialling side never collide", (t) => {
  const all = pair({ passive: false }, { passive: true });
  meet(all, { leftAt: 0, rightAt: 0, delayMs: 5 });
  all.net.clock.advance(seconds(20));
  t.ok(up(all));
  t.equal(all.left.notifications.length + all.right.notifications.length, 0);
  t.end();
});

t.test("a session that is up is not disturbed when the other side forgets to stop dialling", (t) => {
  const { net, left, right } = established();
  for (let i = 0; i < 5; i++) {
    right.host.connect(
      { remoteAddress: LEFT, remotePort: 179, localAddress: RIGHT },
      { connected: (transport) => transport.write([puppetOpen()]), failed() {} },
    );
    net.clock.advance(seconds(1));
  }
  t.equal(left.state, "Established");
  t.equal(left.session.flaps, 0);
  t.end();
});
