import t from "tap";
import { systemClock } from "../../src/lib/clock.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { TcpNetwork } from "../../src/os/tcp.ts";
import { Alarms } from "../../src/session/alarms.ts";
import { KeepaliveLag } from "../../src/session/counters.ts";
import type { DownReason, SessionHandlers } from "../../src/session/handlers.ts";
import { PeerSession } from "../../src/session/peer-session.ts";
import { waitFor } from "../../testbed/wait.ts";
import { profileOf, updateOf, type Wanted } from "../session/harness.ts";

const key = (text: string) => new TextEncoder().encode(text);

/** A speaker of one session on real sockets. */
class Speaker implements SessionHandlers {
  /** Who ends waits long for the other to read it: on a busy machine that takes its time. */
  readonly network = new TcpNetwork(120_000);
  readonly downs: DownReason[] = [];
  ups = 0;
  updates = 0;
  octets = 0;
  session!: PeerSession;
  close: () => Promise<void> = async () => {};

  established(): void {
    this.ups++;
  }
  down(reason: DownReason): void {
    this.downs.push(reason);
  }
  update(_bytes: Uint8Array, start: number, end: number): void {
    this.updates++;
    this.octets += end - start;
  }
  routeRefresh(): void {}
}

type Side = Awaited<ReturnType<typeof speakers>>["left"];

/** Waits for something that has to do with both; what they have come to is shown if it doesn't come. */
const waitForBoth = (what: string, sides: { left: Side; right: Side }, condition: () => boolean): Promise<true> =>
  waitFor(what, condition, {
    seen: () =>
      [sides.left, sides.right].map(({ session, updates, downs }) => [session.state, `${updates} UPDATEs`, downs]),
  });

const bothUp = ({ left, right }: { left: Side; right: Side }): Promise<true> =>
  waitForBoth(
    "both are Established",
    { left, right },
    () => left.session.state === "Established" && right.session.state === "Established",
  );

/** Two of them, at 127.0.`net`.1 and .2, on one port; neither has started. */
async function speakers(net: number, left: Wanted, right: Wanted) {
  const both = [new Speaker(), new Speaker()] as const;
  const address = (i: number) => `127.0.${net}.${i + 1}`;
  const port = 20_179;
  for (const [i, speaker] of both.entries()) {
    const profile = profileOf({ routerId: 100 + i, connectRetryMs: 60_000, ...[left, right][i]! });
    speaker.session = new PeerSession(
      { profile, remoteAddress: address(1 - i), remotePort: port, localAddress: address(i) },
      {
        clock: systemClock,
        alarms: new Alarms(systemClock),
        random: seededRandom(net),
        network: speaker.network,
        keepaliveLag: new KeepaliveLag(),
      },
      speaker,
    );
    const listener = await speaker.network.listen({
      addresses: [address(i)],
      port,
      accepted: (transport) => speaker.session.accept(transport),
    });
    const { md5Key } = profile.socket;
    if (md5Key) listener.setMd5Key(address(1 - i), md5Key);
    speaker.close = () => listener.close();
  }
  const stop = async () => {
    for (const speaker of both) speaker.session.stop();
    await Promise.all(both.map((speaker) => speaker.network.drained()));
    await Promise.all(both.map((speaker) => speaker.close()));
  };
  return { left: both[0], right: both[1], stop };
}

t.test("two speakers that dial at once over real sockets have one session each time, and at once", async (t) => {
  for (let round = 0; round < 25; round++) {
    const { left, right, stop } = await speakers(50 + round, {}, {});
    left.session.start();
    right.session.start();
    await bothUp({ left, right });
    left.session.send(updateOf());
    await waitForBoth("the UPDATE has come", { left, right }, () => right.updates === 1);
    const one = left.session.ends!.localPort === right.session.ends!.remotePort;
    if (!one || left.ups !== 1 || right.ups !== 1) t.fail(`round ${round}: ${left.ups} and ${right.ups} sessions`);
    await stop();
    t.same(left.downs.length + right.downs.length, 2, `round ${round}`);
  }
});

t.test("what is written in bulk arrives whole and in order of its messages", async (t) => {
  const { left, right, stop } = await speakers(80, {}, { passive: true });
  right.session.start();
  left.session.start();
  await bothUp({ left, right });
  const message = updateOf(1_000);
  const chunk = new Uint8Array(message.length * 250);
  for (let i = 0; i < 250; i++) chunk.set(message, i * message.length);
  let written = 0;
  const pump = () => {
    if (written++ < 20) left.session.writeBulk([chunk, message], pump);
  };
  pump();
  await waitForBoth("all UPDATEs have come", { left, right }, () => right.updates === 20 * 251);
  t.equal(right.octets, 20 * 251 * 1_004);
  t.equal(left.session.counters.sent[2], 20 * 251);
  await stop();
});

t.test(
  "a password that both sides change is no reason to lose a session (RFC 2385)",
  { skip: process.platform !== "linux" && "needs Linux" },
  async (t) => {
    const wanted: Wanted = { socket: { md5Key: key("old") } };
    const { left, right, stop } = await speakers(81, wanted, { ...wanted, passive: true });
    right.session.start();
    left.session.start();
    await bothUp({ left, right });
    for (const { session } of [left, right]) {
      const { settings } = session;
      session.update({ ...settings, profile: { ...settings.profile, socket: { md5Key: key("new") } } });
    }
    left.session.send(updateOf());
    await waitForBoth("the UPDATE has come", { left, right }, () => right.updates === 1);
    t.same([left.downs, right.downs], [[], []]);
    await stop();
  },
);

t.test("the other side reads why a session ended, even in the middle of its own burst", async (t) => {
  const { left, right, stop } = await speakers(82, {}, { passive: true });
  right.session.start();
  left.session.start();
  await bothUp({ left, right });
  right.session.pauseReading();
  const chunk = updateOf(4_000);
  left.session.writeBulk(
    Array.from({ length: 500 }, () => chunk),
    () => {},
  );
  right.session.stop({ text: "for the night" });
  await waitForBoth("the left one is told of the end", { left, right }, () => left.downs.length > 0);
  t.equal(left.downs[0]!.text, 'Cease / Administrative Shutdown: "for the night"');
  await stop();
});
