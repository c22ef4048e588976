import t from "tap";
import { type ControlPacket, Diagnostic, SessionState } from "../../src/bfd/packet.ts";
import { BfdSession, type SessionSettings } from "../../src/bfd/session.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";

const usual: SessionSettings = { transmit: 300, receive: 300, multiplier: 3 };

interface End {
  readonly session: BfdSession;
  readonly sent: { at: number; packet: ControlPacket }[];
  readonly states: string[];
}

/** Two ends and the path between them, which may be cut in each direction. */
function pair(a: SessionSettings = usual, b: SessionSettings = usual, isCut = false) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const cut = { ab: isCut, ba: isCut };
  const delay = 1;
  const ends: End[] = [];
  const end = (own: number, settings: SessionSettings, lost: () => boolean): End => {
    const sent: End["sent"] = [];
    const states: string[] = [];
    const session = new BfdSession({
      clock,
      random,
      settings,
      discriminator: own + 100,
      send: (packet) => {
        sent.push({ at: clock.now(), packet });
        if (!lost()) clock.setTimer(delay, () => ends[1 - own]?.session.receive(packet));
      },
      onChange: ({ state, diagnostic }) => states.push(`${state}/${diagnostic}`),
    });
    return { session, sent, states };
  };
  ends.push(end(0, a, () => cut.ab));
  ends.push(end(1, b, () => cut.ba));
  const [first, second] = ends as [End, End];
  for (const { session } of ends) session.start();
  return { clock, cut, a: first, b: second };
}

const { Down, Init, Up, AdminDown } = SessionState;

t.test("a session comes up through Down, Init and Up, and both ends end on the agreed times", async (t) => {
  const { clock, a, b } = pair(
    { transmit: 100, receive: 200, multiplier: 3 },
    { transmit: 150, receive: 400, multiplier: 5 },
  );
  clock.advance(5000);
  for (const { session } of [a, b]) {
    t.equal(session.state, Up);
    t.equal(session.remoteState, Up);
    t.equal(session.diagnostic, Diagnostic.None);
  }
  t.equal(a.session.transmitMs, 400, "the other end takes no more");
  t.equal(b.session.transmitMs, 200);
  t.equal(
    a.session.detectMs,
    5 * 200,
    "its multiplier by the greater of what we take and what it sends (RFC 5880 §6.8.4)",
  );
  t.equal(b.session.detectMs, 3 * 400);
  t.equal(a.session.remoteDiscriminator, b.session.discriminator);
  t.same(a.states.at(-1), `${Up}/0`);
});

t.test("no more than a packet a second while the session is down (RFC 5880 §6.8.3)", async (t) => {
  const { clock, a } = pair(usual, usual, true);
  clock.advance(60_000);
  t.ok(a.sent.length >= 59 && a.sent.length <= 81, `${a.sent.length} in a minute, 750 to 1000 ms apart`);
  t.ok(a.sent.every(({ packet }) => packet.desiredMinTx === 1_000_000 && packet.state === Down));
  t.equal(a.session.detectMs, 0);
});

t.test(
  "packets go 75 to 100 % of the agreed time apart; with multiplier 1 at most 90 % (RFC 5880 §6.8.7)",
  async (t) => {
    for (const [multiplier, most] of [
      [3, 300],
      [1, 270],
    ] as const) {
      const { clock, a } = pair({ ...usual, multiplier });
      clock.advance(3000);
      a.sent.length = 0;
      clock.advance(60_000);
      const gaps = a.sent.slice(1).map(({ at }, i) => at - a.sent[i]!.at);
      t.ok(Math.min(...gaps) >= 225, `at least ${Math.min(...gaps)}`);
      t.ok(Math.max(...gaps) <= most + 1e-6, `at most ${Math.max(...gaps)}`);
      t.ok(new Set(gaps.map((gap) => Math.round(gap))).size > 20, "and not the same each time");
    }
  },
);

t.test("silence ends the session when the detection time is over, and not before", async (t) => {
  const { clock, cut, a, b } = pair();
  clock.advance(5000);
  cut.ab = cut.ba = true;
  const last = b.sent.at(-1)!.at + 1; // it still arrives
  clock.advance(last + 899 - clock.now());
  t.equal(a.session.state, Up);
  clock.advance(last + 901 - clock.now());
  t.equal(a.session.state, Down);
  t.equal(a.session.diagnostic, Diagnostic.DetectionTimeExpired);
  t.equal(a.session.downs, 1);
  t.equal(a.sent.at(-1)!.packet.state, Down, "and says so at once");
  t.equal(a.sent.at(-1)!.packet.yourDiscriminator, 0, "the other end's discriminator is forgotten (RFC 5880 §6.8.1)");
  cut.ab = cut.ba = false;
  clock.advance(10_000);
  t.equal(a.session.state, Up, "and comes up again");
  t.equal(b.session.downs, 1);
});

t.test("a path that is cut in one direction is down for both", async (t) => {
  const { clock, cut, a, b } = pair();
  clock.advance(5000);
  cut.ab = true;
  clock.advance(1000);
  t.equal(b.session.diagnostic, Diagnostic.DetectionTimeExpired);
  t.equal(a.session.state === Up, false);
  t.equal(a.session.diagnostic, Diagnostic.NeighborSignaledDown, "b has told it");
  clock.advance(60_000);
  t.not(a.session.state, Up, "nor does it come up over half a path");
  t.equal(b.session.state, Down);
});

t.test("an end that is taken down on purpose says so, and the other knows it from a fault", async (t) => {
  const { clock, a, b } = pair();
  clock.advance(5000);
  a.session.disable();
  clock.advance(2);
  t.equal(b.session.state, Down);
  t.equal(b.session.remoteState, AdminDown);
  t.equal(b.session.diagnostic, Diagnostic.NeighborSignaledDown);
  clock.advance(10_000);
  t.equal(a.session.state, AdminDown);
  t.equal(a.session.downs, 1);
  a.session.enable();
  clock.advance(5000);
  t.equal(a.session.state, Up);
  t.equal(b.session.state, Up);
});

t.test(
  "other times of a session that is up are agreed on by a Poll Sequence, and no packet is missed (RFC 5880 §6.8.3)",
  async (t) => {
    const { clock, a, b } = pair();
    clock.advance(5000);
    b.sent.length = 0;
    a.session.change({ transmit: 2000, receive: 50, multiplier: 4 });
    t.equal(a.sent.at(-1)!.packet.poll, true);
    t.equal(a.session.transmitMs, 300, "slower only when the other end knows");
    t.equal(a.session.receiveMs, 300, "and stricter, too");
    clock.advance(3);
    t.equal(b.sent.at(-1)!.packet.final, true);
    t.equal(a.session.transmitMs, 2000);
    t.equal(a.session.receiveMs, 50);
    t.equal(b.session.detectMs, 4 * 2000);
    clock.advance(60_000);
    t.equal(a.session.downs + b.session.downs, 0);
    a.session.change({ transmit: 50, receive: 1000, multiplier: 3 });
    t.equal(a.session.receiveMs, 1000, "more patient at once");
    clock.advance(60_000);
    t.equal(a.session.downs + b.session.downs, 0);
    t.equal(b.session.transmitMs, 1000);
  },
);

t.test("an answer to a poll comes at once, whatever the time between packets", async (t) => {
  const { clock, a, b } = pair();
  clock.advance(5000);
  const before = a.sent.length;
  const poll = { ...b.sent.at(-1)!.packet, poll: true };
  a.session.receive(poll);
  t.equal(a.sent.length, before + 1);
  t.match(a.sent.at(-1)!.packet, { final: true, poll: false });
});

t.test(
  "an end that wants no packets gets none (bfd.RemoteMinRxInterval 0), nor one in Demand mode while both are up",
  async (t) => {
    for (const quiet of [{ requiredMinRx: 0 }, { demand: true }]) {
      const { clock, cut, a, b } = pair();
      clock.advance(5000);
      cut.ba = true; // b is played by hand
      const packet = { ...b.sent.at(-1)!.packet, poll: false, final: false, ...quiet };
      a.session.receive(packet);
      a.sent.length = 0;
      for (let i = 0; i < 20; i++) {
        clock.advance(200);
        a.session.receive(packet);
      }
      t.same(a.sent, []);
      a.session.receive({ ...b.sent.at(-1)!.packet, poll: false, final: false });
      clock.advance(301);
      t.ok(a.sent.length > 0, "and gets them again when it wants them");
    }
  },
);

t.test("whatever the other end sends, packets go on as agreed and the state machine stays in its states", async (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const clock = new VirtualClock();
    const random = seededRandom(seed);
    let sent = 0;
    const session = new BfdSession({
      clock,
      random,
      settings: usual,
      discriminator: 7,
      send: () => void sent++,
      onChange: () => {},
    });
    session.start();
    const pick = (n: number) => Math.floor(random.next() * n);
    let received = 0;
    for (let i = 0; i < 300; i++) {
      clock.advance(pick(400));
      received++;
      session.receive({
        diagnostic: pick(32),
        state: pick(4) as SessionState,
        poll: pick(4) === 0,
        final: pick(4) === 0,
        controlPlaneIndependent: pick(2) === 0,
        demand: pick(8) === 0,
        multiplier: 1 + pick(255),
        myDiscriminator: 1 + pick(3),
        yourDiscriminator: 7,
        desiredMinTx: [0, 1, 50_000, 0xffffffff][pick(4)]!,
        requiredMinRx: [0, 1, 50_000, 0xffffffff][pick(4)]!,
        requiredMinEchoRx: 0,
      });
      if (![Down, Init, Up].includes(session.state as 1)) t.fail(`seed ${seed}: state ${session.state}`);
    }
    const most = clock.now() / 225 + 3 * received + 2;
    if (sent > most) t.fail(`seed ${seed}: ${sent} packets in ${clock.now()} ms for ${received}`);
    session.close();
    const before = sent;
    clock.advance(10_000);
    t.equal(sent, before, "nothing after its end");
  }
});
