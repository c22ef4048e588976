import t from "tap";
import { CeaseError, cease, ceaseWithText, UpdateError, updateError } from "../../src/wire/errors.ts";
import { encodeNotification } from "../../src/wire/message/notification.ts";
import { decodeOpen } from "../../src/wire/message/open.ts";
import { encodeRouteRefresh } from "../../src/wire/message/route-refresh.ts";
import {
  established,
  LEFT,
  pair,
  puppetEstablished,
  type Side,
  seconds,
  updateOf,
  type Wanted,
  withPuppet,
} from "./harness.ts";

t.test("two speakers that know each other reach Established by way of every state (RFC 4271 §8.2.2)", (t) => {
  const { left, right } = established();
  t.same(left.log, [
    "Idle > Connect",
    "Connect > OpenSent",
    "OpenSent > OpenConfirm",
    "OpenConfirm > Established",
    "established",
  ]);
  t.equal(right.state, "Established");
  t.same(left.session.counters.sent, [2, 1, 0, 0, 1, 0], "an OPEN and a KEEPALIVE each");
  t.same(left.session.counters.received, [2, 1, 0, 0, 1, 0]);
  t.equal(left.session.lastError, null);
  t.end();
});

t.test("a dial that nobody answers gives a reason, though the state stays Connect", (t) => {
  const { left, right, net } = pair();
  net.cut(left.host, right.host);
  left.session.start();
  net.clock.advance(seconds(20));
  t.equal(left.state, "Connect");
  t.match(left.session.lastError?.text, "no answer to our SYN");
  t.end();
});

t.test("bytes may be cut anywhere on their way", (t) => {
  const { left, right, net } = established({}, {}, { split: true });
  left.session.send(updateOf(500));
  net.clock.advance(seconds(1));
  t.equal(right.updates.length, 1);
  t.equal(right.updates[0]!.length, 504);
  t.end();
});

// --- hold time ---

t.test("a silent peer is dropped when the hold time has passed (RFC 4271 §6.5)", (t) => {
  const { net, left, right } = established({ holdTimeSeconds: 90 });
  net.cut(left.host, right.host); // bytes vanish and TCP reports nothing
  const lastHeard = left.session.timers().sinceLastMessageMs!;
  net.clock.advance(seconds(90) - lastHeard - 1);
  t.equal(left.state, "Established", "one millisecond before");
  net.clock.advance(1);
  t.equal(left.state, "Idle");
  t.same(left.lastNotification, { direction: "sent", code: 4, subcode: 0, data: [] });
  t.equal(left.session.lastDown!.text, "Hold Timer Expired");
  t.equal(left.session.flaps, 1);
  t.end();
});

t.test("attempts to come up again leave the time and the reason of the drop as they are", (t) => {
  const { net, left, right } = established({ holdTimeSeconds: 90 });
  net.cut(left.host, right.host);
  net.clock.runUntil(() => left.state !== "Established");
  const turned = left.session.turnedAt;
  const drop = left.session.lastDrop;
  net.heal(left.host, right.host);
  right.host.refusing = true;
  net.clock.advance(seconds(300));
  t.not(left.session.stateSince, turned, "it was tried again meanwhile");
  t.equal(left.session.turnedAt, turned);
  t.equal(left.session.lastError!.text, "connection refused");
  t.equal(left.session.lastDrop, drop);
  t.equal(drop!.text, "Hold Timer Expired");
  right.host.refusing = false;
  net.clock.runUntil(() => left.state === "Established");
  t.equal(left.session.turnedAt, net.clock.now());
  t.end();
});

t.test("a KEEPALIVE or an UPDATE just before the end starts the hold time anew (RFC 4271 §8.2.2 Established)", (t) => {
  for (const kind of ["keepalive", "update"] as const) {
    const { net, side, puppet } = puppetEstablished({ holdTimeSeconds: 30 });
    net.clock.advance(seconds(30) - 3);
    if (kind === "keepalive") puppet.keepalive();
    else puppet.send(updateOf());
    net.clock.advance(1); // under way
    net.clock.advance(seconds(30) - 1);
    t.equal(side.state, "Established", kind);
    net.clock.advance(1);
    t.equal(side.state, "Idle");
  }
  t.end();
});

t.test("ROUTE-REFRESH leaves the hold time alone", (t) => {
  const { net, side, puppet } = puppetEstablished({ holdTimeSeconds: 30 });
  net.clock.advance(seconds(29));
  puppet.send(encodeRouteRefresh(0));
  net.clock.advance(seconds(2));
  t.equal(side.refreshes.length, 1);
  t.equal(side.lastNotification!.code, 4);
  t.end();
});

t.test("hold time zero: no keepalives, and silence is no reason to end (RFC 4271 §4.4)", (t) => {
  const { net, left, right } = established({ holdTimeSeconds: 0 }, { holdTimeSeconds: 90 });
  const sent = left.session.counters.sent[4];
  net.clock.advance(seconds(100_000));
  t.equal(left.state, "Established");
  t.equal(right.state, "Established");
  t.equal(left.session.counters.sent[4], sent);
  t.end();
});

t.test(
  "the smaller hold time of both counts, and keepalives leave at a third of it, jittered (RFC 4271 §4.2, §10)",
  (t) => {
    const { net, left } = established({ holdTimeSeconds: 90, keepaliveSeconds: 30 }, { holdTimeSeconds: 9 });
    t.equal(left.agreed!.holdTimeSeconds, 9);
    t.equal(left.agreed!.keepaliveSeconds, 3);
    const before = left.session.counters.sent[4]!;
    net.clock.advance(seconds(300));
    const sent = left.session.counters.sent[4]! - before;
    t.ok(sent >= 100 && sent <= 134, `every 2.25 to 3 seconds: ${sent} in 300 s`);
    t.equal(left.state, "Established");
    t.end();
  },
);

t.test("in OpenSent the large hold timer runs (RFC 4271 §8.2.2), or the shorter one that the settings ask for", (t) => {
  for (const openHoldMs of [240_000, 20_000]) {
    const { net, side, puppet } = withPuppet({ passive: true, openHoldMs });
    side.session.start();
    puppet.dial(LEFT);
    net.clock.runUntil(() => side.state === "OpenSent");
    net.clock.advance(openHoldMs - 1);
    t.equal(side.state, "OpenSent");
    net.clock.advance(1);
    t.equal(side.lastNotification?.code, 4);
    net.clock.advance(10);
    t.ok(puppet.read.includes("NOTIFICATION 4/0"));
  }
  t.end();
});

t.test("a peer that stops half-way is dropped in OpenConfirm too (RFC 4271 §6.5)", (t) => {
  const { net, side, puppet } = withPuppet({ passive: true, holdTimeSeconds: 30 });
  side.session.start();
  puppet.dial(LEFT);
  net.clock.advance(10);
  puppet.open();
  net.clock.advance(10);
  t.equal(side.state, "OpenConfirm");
  net.clock.advance(seconds(30));
  t.same(side.downs, [], "it never was up");
  t.equal(side.lastNotification?.code, 4);
  t.end();
});

t.test("after a stall of ours, KEEPALIVEs that wait unread are read before the peer is judged", (t) => {
  const { net, side, puppet } = puppetEstablished({ holdTimeSeconds: 9 });
  net.clock.advance(seconds(4));
  puppet.keepalive();
  net.clock.stall(seconds(20)); // the hold timer is due, and so is the KEEPALIVE
  net.clock.advance(100);
  t.equal(side.state, "Established");
  net.clock.stall(seconds(20)); // nothing waits this time
  net.clock.advance(0);
  t.equal(side.state, "Idle");
  t.end();
});

t.test("while we pause reading, the hold clock stands still", (t) => {
  const { net, side, puppet } = puppetEstablished({ holdTimeSeconds: 30 });
  net.clock.advance(seconds(20));
  side.session.pauseReading();
  t.equal(Math.round(side.session.timers().holdMs! / 1000), 10);
  puppet.send(updateOf());
  net.clock.advance(seconds(1_000));
  t.equal(side.state, "Established", "our silence is not the peer's");
  t.equal(side.updates.length, 0, "nothing is read");
  side.session.resumeReading();
  net.clock.advance(1);
  t.equal(side.updates.length, 1);
  net.clock.advance(seconds(29));
  t.equal(side.state, "Established");
  net.clock.advance(seconds(2));
  t.equal(side.lastNotification?.code, 4, "the clock runs again");
  t.end();
});

t.test("a pause just before the end leaves the peer what was left, and its word is read first", (t) => {
  const { net, side, puppet } = puppetEstablished({ holdTimeSeconds: 30 });
  net.clock.advance(seconds(30) - 5);
  side.session.pauseReading();
  puppet.keepalive();
  net.clock.advance(seconds(60));
  side.session.resumeReading();
  net.clock.advance(seconds(29));
  t.equal(side.state, "Established");
  side.session.pauseReading();
  net.clock.advance(seconds(60));
  side.session.resumeReading();
  net.clock.advance(seconds(2));
  t.equal(side.lastNotification?.code, 4);
  t.end();
});

// --- keepalives and writing ---

t.test("an UPDATE is as good as a KEEPALIVE: the timer starts anew (RFC 4271 §4.4)", (t) => {
  const { net, left, right } = established({ holdTimeSeconds: 90, keepaliveSeconds: 30 });
  const before = left.session.counters.sent[4];
  for (let i = 0; i < 30; i++) {
    net.clock.advance(seconds(10));
    left.session.writeBulk([updateOf(), updateOf()], () => {});
  }
  t.equal(left.session.counters.sent[4], before, "no KEEPALIVE in 300 s of UPDATEs every 10 s");
  net.clock.advance(10);
  t.equal(left.session.counters.sent[2], 60, "messages are counted, not writes");
  t.equal(right.updates.length, 60);
  t.equal(right.state, "Established");
  t.end();
});

t.test("how late keepalives leave is recorded", (t) => {
  const { net, left } = established({ holdTimeSeconds: 90, keepaliveSeconds: 30 });
  net.clock.advance(seconds(40));
  t.ok(left.lag.count > 0);
  t.equal(left.lag.maxMs, 0);
  net.clock.stall(seconds(45));
  net.clock.advance(0);
  t.ok(left.lag.maxMs >= seconds(10), `${left.lag.maxMs} ms`);
  t.equal(
    left.lag.buckets.reduce((sum, n) => sum + n),
    left.lag.count,
  );
  t.end();
});

t.test("taken is told once, when the kernel has it all, and never after the session is down", (t) => {
  const { net, side, puppet } = puppetEstablished({ holdTimeSeconds: 90 }, {}, { window: 1_000 });
  puppet.transport.pause();
  let taken = 0;
  side.session.writeBulk([updateOf(600)], () => taken++);
  t.equal(taken, 1, "there was room");
  side.session.writeBulk([updateOf(600), updateOf(600)], () => taken++);
  t.equal(taken, 1);
  t.ok(side.session.backlog >= 623);
  puppet.transport.resume();
  net.clock.advance(10);
  t.equal(taken, 2);
  t.equal(side.session.backlog, 0);
  puppet.transport.pause();
  side.session.writeBulk([updateOf(600), updateOf(600)], () => taken++);
  side.session.reset();
  puppet.transport.resume();
  net.clock.advance(10);
  t.equal(taken, 2);
  side.session.writeBulk([updateOf()], () => taken++);
  side.session.send(updateOf());
  t.equal(taken, 2, "a session that is down takes nothing");
  t.end();
});

t.test("behind a peer that takes nothing at most one KEEPALIVE waits", (t) => {
  const { net, side, puppet } = puppetEstablished({ holdTimeSeconds: 90, keepaliveSeconds: 3 }, {}, { window: 100 });
  const feed = () => puppet.keepalive();
  puppet.transport.pause();
  side.session.writeBulk([updateOf(), updateOf(500)], () => {});
  const before = side.session.counters.sent[4]!;
  for (let i = 0; i < 30; i++) {
    feed();
    net.clock.advance(seconds(10));
  }
  t.equal(side.session.counters.sent[4], before + 1);
  t.end();
});

t.test(
  "a peer that reads nothing is dropped by the send hold timer, one that reads a little is not (RFC 9687)",
  (t) => {
    const setUp = () => {
      const all = puppetEstablished({ holdTimeSeconds: 90, sendHoldMs: seconds(60) }, {}, { window: 1_000 });
      all.puppet.transport.pause();
      const chunks = Array.from({ length: 20 }, () => updateOf(500));
      all.side.session.writeBulk(chunks, () => {});
      return all;
    };
    const stuck = setUp();
    for (let i = 0; i < 59; i++) {
      stuck.puppet.keepalive();
      stuck.net.clock.advance(seconds(1));
    }
    t.equal(stuck.side.state, "Established", "one second before");
    stuck.net.clock.advance(seconds(1));
    t.equal(stuck.side.state, "Idle");
    t.same(stuck.side.lastNotification, { direction: "sent", code: 8, subcode: 0, data: [] });

    const slow = setUp();
    for (let i = 0; i < 10; i++) {
      slow.puppet.keepalive();
      slow.net.clock.advance(seconds(50));
      slow.puppet.transport.resume();
      slow.net.clock.step(); // reads what is there
      slow.puppet.transport.pause();
    }
    t.equal(slow.side.state, "Established");
    t.end();
  },
);

t.test("with nothing to send, the send hold timer never ends a session", (t) => {
  const { net, left } = established({ holdTimeSeconds: 30, sendHoldMs: seconds(10) });
  net.clock.advance(seconds(1_000));
  t.equal(left.state, "Established");
  t.end();
});

// --- ends ---

t.test("a NOTIFICATION is always readable: each end of ours is written, half-closed and drained", (t) => {
  const ends: [string, (side: Side) => void][] = [
    ["NOTIFICATION 6/2", (side) => side.session.stop()],
    ["NOTIFICATION 6/3", (side) => side.session.stop({ subcode: CeaseError.PeerDeconfigured })],
    ["NOTIFICATION 6/4", (side) => side.session.reset()],
    ["NOTIFICATION 6/1", (side) => side.session.fail(cease(CeaseError.MaximumPrefixes))],
  ];
  for (const [expected, act] of ends) {
    const { net, side, puppet } = puppetEstablished();
    // The peer is in the middle of a burst: a plain close with unread data would reset the connection and lose our word.
    for (let i = 0; i < 10; i++) puppet.send(updateOf(1000));
    act(side);
    net.clock.advance(10);
    t.ok(puppet.read.includes(expected), expected);
    t.same(puppet.closes, ["connection closed by peer"]);
    t.equal(side.log.filter((word) => word === "down").length, 1);
  }
  t.end();
});

t.test("a shutdown text travels and is shown (RFC 9003)", (t) => {
  const { net, left, right } = established();
  left.session.stop({ text: "back at noon" });
  net.clock.advance(10);
  t.equal(right.session.lastDown!.kind, "received");
  t.equal(right.session.lastDown!.text, 'Cease / Administrative Shutdown: "back at noon"');
  t.same(
    { ...right.session.lastError!, at: 0 },
    { at: 0, direction: "received", code: 6, subcode: 2, text: 'Cease / Administrative Shutdown: "back at noon"' },
  );
  t.match(left.session.lastDown!.text, "back at noon");
  t.end();
});

t.test("a stop without a word closes the connection and nothing more: the planned restart of RFC 4724", (t) => {
  const { net, side, puppet } = puppetEstablished();
  side.session.stop({ quiet: true });
  net.clock.advance(10);
  t.same(puppet.read, ["OPEN", "KEEPALIVE"]);
  t.same(puppet.closes, ["connection closed by peer"]);
  t.same(side.downs, [{ kind: "closed", notification: null, text: "stopped without a word, for a restart" }]);
  t.end();
});

t.test("a stopped session refuses who connects with Cease 6/5, and starts again when asked (RFC 4486)", (t) => {
  const { net, side, puppet } = withPuppet({ passive: true });
  puppet.dial(LEFT);
  net.clock.advance(10);
  t.same(puppet.read, ["NOTIFICATION 6/5"]);
  t.same(puppet.closes, ["connection closed by peer"]);
  side.session.start();
  puppet.dial(LEFT);
  net.clock.advance(10);
  t.equal(puppet.read.at(-1), "OPEN");
  t.end();
});

t.test("an UPDATE that the speaker condemns ends the session with its NOTIFICATION, and the rest is not read", (t) => {
  const { net, side, puppet } = puppetEstablished();
  side.onUpdate = () => {
    throw updateError(UpdateError.MalformedAttributeList, Uint8Array.of(7), "as a test");
  };
  puppet.send(updateOf(), updateOf(), updateOf());
  net.clock.advance(10);
  t.equal(side.updates.length, 1);
  t.same(puppet.lastNotification, { code: 3, subcode: 1, data: [7] });
  t.same(side.log.slice(-2), ["down", "Idle > Active"], "and waits for the peer again");
  t.end();
});

t.test("a bug of ours ends the session with Cease, is reported, and is not dressed as the peer's fault", (t) => {
  const { net, side, puppet } = puppetEstablished();
  const bug = new TypeError("ours");
  side.onUpdate = () => {
    throw bug;
  };
  puppet.send(updateOf());
  net.clock.advance(10);
  t.same(side.bugs, [bug]);
  t.same(puppet.lastNotification, { code: 6, subcode: 0, data: [] });
  t.end();
});

t.test("header errors carry what was wrong (RFC 4271 §6.1)", (t) => {
  const { net, side, puppet } = puppetEstablished();
  const bad = updateOf();
  bad[16] = 0;
  bad[17] = 18;
  puppet.send(bad);
  net.clock.advance(10);
  t.same(puppet.lastNotification, { code: 1, subcode: 2, data: [0, 18] });
  t.equal(side.session.lastError!.direction, "sent");
  t.end();
});

t.test("messages at the wrong time get RFC 6608's subcodes with their type as data", (t) => {
  const cases: [string, (all: ReturnType<typeof withPuppet>) => void, object][] = [
    ["UPDATE in OpenSent", ({ puppet }) => puppet.send(updateOf()), { code: 5, subcode: 1, data: [2] }],
    ["KEEPALIVE in OpenSent", ({ puppet }) => puppet.keepalive(), { code: 5, subcode: 1, data: [4] }],
    [
      "UPDATE in OpenConfirm",
      ({ puppet }) => {
        puppet.open();
        puppet.send(updateOf());
      },
      { code: 5, subcode: 2, data: [2] },
    ],
    [
      "a second OPEN in OpenConfirm",
      ({ puppet }) => {
        puppet.open();
        puppet.open();
      },
      { code: 5, subcode: 2, data: [1] },
    ],
    [
      "OPEN in Established",
      ({ puppet }) => {
        puppet.open();
        puppet.keepalive();
        puppet.open();
      },
      { code: 5, subcode: 3, data: [1] },
    ],
  ];
  for (const [name, act, notification] of cases) {
    const all = withPuppet({ passive: true });
    all.side.session.start();
    all.puppet.dial(LEFT);
    all.net.clock.advance(10);
    act(all);
    all.net.clock.advance(10);
    t.same(all.puppet.lastNotification, notification, name);
  }
  t.end();
});

t.test("a NOTIFICATION is never answered, in no state (RFC 4271 §6.4)", (t) => {
  for (const upTo of ["OpenSent", "OpenConfirm", "Established"] as const) {
    const { net, side, puppet } = withPuppet({ passive: true });
    side.session.start();
    puppet.dial(LEFT);
    net.clock.advance(10);
    if (upTo !== "OpenSent") puppet.open();
    if (upTo === "Established") puppet.keepalive();
    net.clock.advance(10);
    t.equal(side.state, upTo);
    puppet.send(encodeNotification(ceaseWithText(CeaseError.AdministrativeShutdown, "bye")));
    net.clock.advance(10);
    t.notOk(puppet.read.some((name) => name.startsWith("NOTIFICATION")));
    t.equal(side.session.lastError!.direction, "received");
    t.same(puppet.closes, ["connection closed by peer"]);
  }
  t.end();
});

t.test("a lost connection is told in words", (t) => {
  const { net, left, right } = established();
  net.reset(left.host, right.host);
  t.same(left.downs, [{ kind: "closed", notification: null, text: "connection reset by peer" }]);
  t.same(
    { ...left.session.lastError!, at: 0 },
    { at: 0, direction: "local", code: null, subcode: null, text: "connection reset by peer" },
  );
  const both = established();
  both.left.session.disconnect("interface eth0 is down");
  t.equal(both.left.downs[0]!.text, "interface eth0 is down");
  t.equal(both.left.state, "Idle");
  t.end();
});

// --- coming back ---

t.test("after a lost connection both sides listen at once and dial within connect-retry, so they meet again", (t) => {
  const { net, left, right } = established({ connectRetryMs: 5_000, passive: false });
  net.reset(left.host, right.host);
  t.equal(left.state, "Idle");
  net.clock.advance(1);
  t.equal(left.state, "Active");
  net.clock.advance(5_000 + 20);
  t.equal(left.state, "Established");
  t.equal(right.state, "Established");
  t.equal(left.session.flaps, 1);
  t.end();
});

t.test("a reset brings a session that rests or waits back at once", (t) => {
  const { net, left, right } = established({ connectRetryMs: 60_000 });
  net.reset(left.host, right.host);
  net.clock.advance(10);
  t.equal(left.state, "Active");
  left.session.reset();
  net.clock.advance(10);
  t.equal(left.state, "Established", "it has dialled");

  const damped = withPuppet({ passive: true, idleHoldMaxMs: 100_000 });
  damped.side.session.start();
  for (let i = 0; i < 8; i++) {
    damped.puppet.dial(LEFT);
    damped.net.clock.runUntil(() => damped.puppet.read.at(-1) === "OPEN");
    damped.puppet.open({ as: 7 });
    damped.net.clock.runUntil(() => damped.side.state === "Idle");
    if (i < 7) damped.net.clock.runUntil(() => damped.side.state === "Active");
  }
  t.ok(damped.side.session.timers().idleHoldMs! > 1_000);
  damped.side.session.reset();
  t.equal(damped.side.state, "Active", "damping is forgiven");
  damped.side.session.stop();
  damped.side.session.reset();
  t.equal(damped.side.state, "Idle", "but what was stopped stays so");
  t.end();
});

t.test("connect-retry is jittered: 0.75 to 1 of its time (RFC 4271 §10)", (t) => {
  const { net, side, puppet } = withPuppet({ connectRetryMs: 10_000 });
  puppet.host.refusing = true;
  side.session.start();
  const dials: number[] = [];
  for (let i = 0; i < 40; i++) {
    net.clock.runUntil(() => side.state === "Active");
    const from = net.clock.now();
    net.clock.runUntil(() => side.state === "Connect");
    dials.push(net.clock.now() - from);
  }
  t.ok(dials.every((ms) => ms >= 7_500 && ms <= 10_000));
  t.ok(Math.max(...dials) - Math.min(...dials) > 1_000, "spread");
  t.equal(side.session.lastError!.text, "connection refused");
  t.end();
});

t.test("a dial that nobody answers is given up and tried again when ConnectRetryTimer expires", (t) => {
  const { net, side, puppet } = withPuppet({ connectRetryMs: 10_000 });
  net.cut(side.host, puppet.host);
  side.session.start();
  net.clock.advance(seconds(30));
  t.equal(side.state, "Connect");
  net.heal(side.host, puppet.host);
  net.clock.advance(seconds(10));
  t.equal(side.state, "OpenSent");
  t.end();
});

t.test("a passive session waits for ever, and takes who comes", (t) => {
  const { net, side, puppet } = withPuppet({ passive: true });
  side.session.start();
  net.clock.advance(seconds(10_000));
  t.equal(side.state, "Active");
  t.equal(puppet.transports.length, 0);
  puppet.dial(LEFT);
  net.clock.advance(10);
  t.equal(side.state, "OpenSent");
  t.end();
});

t.test(
  "a peer whose sessions keep failing by errors rests in Idle, longer each time, up to the cap (RFC 4271 §8.1.1)",
  (t) => {
    const { net, side, puppet } = withPuppet({ passive: true, idleHoldMaxMs: 1_000 });
    side.session.start();
    const rests: number[] = [];
    for (let i = 0; i < 7; i++) {
      net.clock.runUntil(() => side.state === "Active");
      puppet.dial(LEFT);
      net.clock.runUntil(() => puppet.read.at(-1) === "OPEN");
      puppet.read.length = 0;
      puppet.open({ as: 7 });
      net.clock.runUntil(() => side.state === "Idle");
      rests.push(Math.round(side.session.timers().idleHoldMs!));
    }
    t.same(rests, [1, 100, 200, 400, 800, 1_000, 1_000]);
    net.clock.advance(10);
    t.same(puppet.read, ["NOTIFICATION 2/2"]);
    puppet.read.length = 0;
    puppet.dial(LEFT);
    net.clock.advance(10);
    t.same(puppet.read, ["NOTIFICATION 6/5"], "who connects meanwhile is told to go away");
    t.end();
  },
);

t.test("an outage is no fault: a peer that connects right after one is taken at once", (t) => {
  const { net, side, puppet } = puppetEstablished();
  for (let i = 0; i < 20; i++) {
    puppet.transport.destroy();
    puppet.dial(LEFT);
    net.clock.advance(5);
    puppet.open();
    puppet.keepalive();
    net.clock.advance(5);
    t.equal(side.state, "Established");
  }
  t.equal(side.session.flaps, 20);
  t.end();
});

t.test("a refusal of our optional parameters is met with an OPEN that has none, once (RFC 5492 §3)", (t) => {
  for (const subcode of [4, 7]) {
    const { net, side, puppet } = withPuppet({ passive: true });
    side.session.start();
    const attempt = () => {
      net.clock.runUntil(() => side.state === "Active");
      puppet.dial(LEFT);
      net.clock.runUntil(() => side.state === "OpenSent");
      net.clock.advance(5);
      return decodeOpen(puppet.opens.at(-1)!, 0, puppet.opens.at(-1)!.length).capabilities.length;
    };
    const refuse = () => puppet.send(encodeNotification({ code: 2, subcode, data: new Uint8Array(0) }));
    t.ok(attempt() > 0);
    refuse();
    t.equal(attempt(), 0, "without");
    puppet.open({ capabilities: [] });
    puppet.keepalive();
    net.clock.advance(5);
    t.equal(side.state, "Established");
    t.same(side.agreed!.families, [0], "no capability at all is IPv4 unicast (RFC 4760 §8)");
    t.equal(side.agreed!.codec.fourOctetAs, false);
    puppet.transport.destroy();
    net.clock.advance(5);
    t.ok(attempt() > 0, "and with them again next time");
    refuse();
    t.equal(attempt(), 0);
    refuse();
    t.ok(attempt() > 0, "they take turns");
  }
  t.end();
});

t.test("with DelayOpen our OPEN waits, unless the peer's comes first (RFC 4271 §8.1.1)", (t) => {
  const first = withPuppet({ passive: true, delayOpenMs: 2_000 });
  first.side.session.start();
  first.puppet.dial(LEFT);
  first.net.clock.advance(1_900);
  t.same(first.puppet.read, []);
  first.net.clock.advance(200);
  t.same(first.puppet.read, ["OPEN"]);

  const second = withPuppet({ passive: true, delayOpenMs: 2_000 });
  second.side.session.start();
  second.puppet.dial(LEFT);
  second.net.clock.advance(10);
  second.puppet.open();
  second.net.clock.advance(10);
  t.same(second.puppet.read, ["OPEN", "KEEPALIVE"]);
  t.equal(second.side.state, "OpenConfirm");
  t.end();
});

t.test("two speakers with DelayOpen still meet", (t) => {
  for (const wanted of [{ delayOpenMs: 2_000 }, { delayOpenMs: 2_000, passive: true }] as Wanted[]) {
    const { left } = established({ delayOpenMs: 2_000 }, wanted);
    t.equal(left.state, "Established");
  }
  t.end();
});

// --- who calls back ---

t.test("handlers may stop or reset the session from within any of their calls", (t) => {
  const hooks = ["onUpdate", "onEstablished", "onDown", "onNotification"] as const;
  for (const hook of hooks)
    for (const act of ["stop", "reset", "start"] as const) {
      const { net, side, puppet } = withPuppet({ passive: true });
      side[hook] = () => {
        side[hook] = null;
        side.session[act]();
      };
      side.session.start();
      puppet.dial(LEFT);
      net.clock.advance(10);
      puppet.open();
      puppet.keepalive();
      net.clock.advance(10);
      puppet.send(updateOf(), updateOf());
      net.clock.advance(10);
      puppet.send(encodeNotification(cease(CeaseError.AdministrativeReset)));
      net.clock.advance(seconds(10));
      const ups = side.log.filter((word) => word === "established").length;
      const downs = side.log.filter((word) => word === "down").length;
      t.equal(downs, ups, `${hook} ${act}: as many ends as beginnings`);
      t.equal(side.state, act === "stop" ? "Idle" : "Active", `${hook} ${act}`);
    }
  t.end();
});

t.test("nothing is left behind: a stopped session holds no timer and no connection", (t) => {
  const { net, left, right } = established();
  left.session.stop();
  right.session.stop();
  net.clock.advance(seconds(10));
  t.equal(left.host.ends.size, 0);
  t.equal(right.host.ends.size, 0);
  t.equal(net.clock.waiting, 0);
  t.end();
});

t.test("a changed setting holds from the next connection on", (t) => {
  const { net, left, right } = established({ holdTimeSeconds: 90 });
  const { settings } = left.session;
  left.session.update({ ...settings, profile: { ...settings.profile, holdTimeSeconds: 9 } });
  t.equal(left.agreed!.holdTimeSeconds, 90);
  net.reset(left.host, right.host);
  net.clock.runUntil(() => left.state === "Established");
  t.equal(left.agreed!.holdTimeSeconds, 9);
  t.end();
});
