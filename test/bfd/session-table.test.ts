import t from "tap";
import { type ControlPacket, encodePacket, SessionState } from "../../src/bfd/packet.ts";
import type { BfdNeighbor, BfdStatus } from "../../src/bfd/port.ts";
import { type Path, SessionTable } from "../../src/bfd/session-table.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";

const neighbor = (over: Partial<BfdNeighbor> = {}): BfdNeighbor => ({
  transmit: 300,
  receive: 300,
  multiplier: 3,
  local: null,
  hops: "single",
  ...over,
});

function table() {
  const clock = new VirtualClock();
  const sent: { path: Path; packet: ControlPacket }[] = [];
  const told = new Map<string, BfdStatus>();
  const sessions = new SessionTable({
    clock,
    random: seededRandom(1),
    isConnected: (address) => address.startsWith("10.0.0."),
    send: (path, packet) => void sent.push({ path, packet }),
    onChange: (address, status) => void told.set(address, status),
  });
  return { clock, sent, told, sessions };
}

const theirs = (over: Partial<ControlPacket> = {}): Uint8Array =>
  encodePacket({
    diagnostic: 0,
    state: SessionState.Down,
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    multiplier: 3,
    myDiscriminator: 9,
    yourDiscriminator: 0,
    desiredMinTx: 300_000,
    requiredMinRx: 300_000,
    requiredMinEchoRx: 0,
    ...over,
  });

t.test("a session is found by its address at first, by our discriminator from then on (RFC 5880 §6.8.6)", async (t) => {
  const { sessions, sent, told } = table();
  sessions.set("10.0.0.2", neighbor());
  sessions.set("10.0.0.3", neighbor());
  const ours = sent[0]!.packet.myDiscriminator;
  t.not(ours, sent[1]!.packet.myDiscriminator);
  sessions.receive("10.0.0.2", false, theirs());
  t.equal(told.get("10.0.0.2")?.state, SessionState.Init);
  sessions.receive("10.0.0.2", false, theirs({ state: SessionState.Init, yourDiscriminator: ours }));
  t.equal(told.get("10.0.0.2")?.state, SessionState.Up);
  t.equal(told.get("10.0.0.3"), undefined);
});

t.test("what is for no session, or of another sender or port than its session's, is dropped and counted", async (t) => {
  const { sessions, sent, told } = table();
  sessions.set("10.0.0.2", neighbor());
  const ours = sent[0]!.packet.myDiscriminator;
  sessions.receive("10.0.0.9", false, theirs());
  sessions.receive("10.0.0.2", false, theirs({ yourDiscriminator: ours ^ 1 }));
  sessions.receive("10.0.0.9", false, theirs({ yourDiscriminator: ours }));
  sessions.receive("10.0.0.2", true, theirs({ yourDiscriminator: ours }));
  sessions.receive("10.0.0.2", false, theirs().subarray(1));
  t.same(
    [...sessions.dropped],
    [
      ["no-session", 2],
      ["sender", 1],
      ["hops", 1],
      ["length", 1],
    ],
  );
  t.equal(sessions.droppedInAll, 5);
  t.equal(told.size, 0);
});

t.test(
  "where both are possible, a connected address is one hop away, and the other end's port is followed",
  async (t) => {
    const { sessions, sent, told, clock } = table();
    sessions.set("10.0.0.2", neighbor({ hops: "auto" }));
    sessions.set("10.9.0.2", neighbor({ hops: "auto" }));
    t.same(
      sent.map(({ path }) => path.multihop),
      [false, true],
    );
    sessions.receive("10.0.0.2", true, theirs());
    clock.advance(1000);
    t.equal(sent.at(-1)!.path.multihop || sent.at(-2)!.path.multihop, true);
    const ours = sent[0]!.packet.myDiscriminator;
    sessions.receive("10.0.0.2", true, theirs({ state: SessionState.Init, yourDiscriminator: ours }));
    t.match(told.get("10.0.0.2"), { state: SessionState.Up, multihop: true });
    sessions.receive("10.0.0.2", false, theirs({ yourDiscriminator: ours }));
    t.equal(told.get("10.0.0.2")?.state, SessionState.Up, "not any more while it is up");
  },
);

t.test("a session that is taken away says that this is on purpose, and is silent from then on", async (t) => {
  const { sessions, sent, clock } = table();
  sessions.set("10.0.0.2", neighbor());
  sessions.remove("10.0.0.2");
  t.equal(sent.at(-1)!.packet.state, SessionState.AdminDown);
  const before = sent.length;
  clock.advance(60_000);
  t.equal(sent.length, before);
  t.equal(clock.waiting, 0, "no timer is left");
});

t.test("other times change a session where it is; another source address makes another session", async (t) => {
  const { sessions, sent } = table();
  sessions.set("10.0.0.2", neighbor());
  const ours = sent[0]!.packet.myDiscriminator;
  sessions.set("10.0.0.2", neighbor({ multiplier: 5 }));
  t.equal(sent.at(-1)!.packet.myDiscriminator, ours);
  sessions.set("10.0.0.2", neighbor({ local: "10.0.0.1" }));
  t.not(sent.at(-1)!.packet.myDiscriminator, ours);
  t.equal(sent.at(-1)!.path.local, "10.0.0.1");
});
