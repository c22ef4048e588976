import { writeFileSync } from "node:fs";
import t from "tap";
import { diffConfig } from "../../../src/config/diff.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { openFib } from "../../../src/fib/open.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { TcpNetwork } from "../../../src/os/tcp.ts";
import { Speaker } from "../../../src/speaker/speaker.ts";
import { waitFor } from "../../../testbed/wait.ts";
import { dropped, untilDropped } from "../../support/kernel-counters.ts";

/** Real speakers on real sockets: what only the kernel can say about keys and TTLs. */
const linux = { skip: process.platform !== "linux" && "needs Linux" };
const PORT = 21_179;

async function start(file: string) {
  const network = new TcpNetwork(500);
  const speaker = new Speaker(loadConfig(file), {
    clock: systemClock,
    random: seededRandom(7),
    network,
    log: silentLog,
    journal: { read: () => null, write() {} },
    openFib: (kernel) => openFib({ ...kernel, mode: kernel.fib, writer: "inside", clock: systemClock, os: null }),
  });
  await speaker.start();
  return {
    speaker,
    reload() {
      const next = loadConfig(file);
      speaker.reconfigure(next, diffConfig(speaker.config, next));
    },
    stop: async () => {
      await speaker.stop();
      await network.drained();
    },
  };
}

const config = (own: string, peers: string) => `
router: {as: 65001, router-id: ${own}, address: ${own}, listen: {address: ${own}, port: ${PORT}}}
kernel: {fib: none}
originate: [{prefix: 10.${own.split(".")[3]}.0.0/24}]
${peers}`;

const neighbor = (address: string, own: string, more: string) =>
  `neighbors:\n  - {address: ${address}, port: ${PORT}, local-address: ${own}, remote-as: internal, timers: {connect-retry: 1}, ${more}}`;

const range = (more: string) => `dynamic-neighbors:\n  - {range: 127.0.90.0/24, remote-as: internal, ${more}}`;

const isUp = (speaker: Speaker) => [...speaker.peers].some((peer) => peer.session.state === "Established");

/** Waits until each of them has a session. */
const up = (what: string, ...sides: { readonly speaker: Speaker }[]) =>
  waitFor(what, () => sides.every(({ speaker }) => isUp(speaker)), {
    seen: () => sides.map(({ speaker }) => [...speaker.peers].map(({ session }) => session.state)),
  });

t.test("GTSM: a passive side answers with TTL 255, or its peer would never hear it (RFC 5082 §3)", linux, async (t) => {
  const dir = t.testdir({
    "left.yaml": config("127.0.90.1", range("ttl-security: 1")),
    "right.yaml": config("127.0.90.2", neighbor("127.0.90.1", "127.0.90.2", "ttl-security: 1")),
  });
  const left = await start(`${dir}/left.yaml`);
  const right = await start(`${dir}/right.yaml`);
  await up("both have a session", left, right);

  // Switched off and on again by a reload: the listener follows.
  writeFileSync(`${dir}/left.yaml`, config("127.0.90.1", range("passive: true")));
  writeFileSync(`${dir}/right.yaml`, config("127.0.90.2", neighbor("127.0.90.1", "127.0.90.2", "passive: false")));
  left.reload();
  right.reload();
  await up("both have a session without", left, right);
  writeFileSync(`${dir}/right.yaml`, config("127.0.90.2", neighbor("127.0.90.1", "127.0.90.2", "ttl-security: 1")));
  right.reload();
  const before = dropped("TCPMinTTLDrop");
  await untilDropped("TCPMinTTLDrop", before);
  t.notOk(isUp(right.speaker), "answers with a lower TTL are not heard");
  writeFileSync(`${dir}/left.yaml`, config("127.0.90.1", range("ttl-security: 1")));
  left.reload();
  await up("both have a session with it again", left, right);
  await right.stop();
  await left.stop();
});

t.test(
  "a password's file is read again at a reload: live sessions go on under the new key (RFC 2385)",
  linux,
  async (t) => {
    const withKey = "password: {file: key}";
    const dir = t.testdir({
      key: "one\n",
      "left.yaml": config("127.0.90.3", range(withKey)),
      "right.yaml": config("127.0.90.4", neighbor("127.0.90.3", "127.0.90.4", withKey)),
      "third.yaml": config("127.0.90.5", neighbor("127.0.90.3", "127.0.90.5", withKey)),
    });
    const left = await start(`${dir}/left.yaml`);
    const right = await start(`${dir}/right.yaml`);
    await up("both have a session", left, right);
    const since = [...left.speaker.peers][0]!.session.stateSince;
    const heard = () => [...left.speaker.peers][0]!.session.counters.received[2]!;

    const sameSession = async (what: string) => {
      const before = heard();
      const { speaker } = right;
      for (const peer of speaker.peers) speaker.reset(peer, "out");
      await waitFor(`bytes still get through (${what})`, () => heard() > before);
      t.equal([...left.speaker.peers][0]!.session.stateSince, since, `${what}: the same session`);
    };
    await sameSession("as it was");

    writeFileSync(`${dir}/key`, "two\n");
    left.reload();
    right.reload();
    await sameSession("key changed");

    // Who comes anew needs the new key, and has it.
    const third = await start(`${dir}/third.yaml`);
    await up("a new session signs with the new key", third);
    await third.stop();

    writeFileSync(`${dir}/left.yaml`, config("127.0.90.3", range("passive: true")));
    writeFileSync(`${dir}/right.yaml`, config("127.0.90.4", neighbor("127.0.90.3", "127.0.90.4", "passive: false")));
    left.reload();
    right.reload();
    await sameSession("key removed");
    const bare = config("127.0.90.5", neighbor("127.0.90.3", "127.0.90.5", "passive: false"));
    writeFileSync(`${dir}/third.yaml`, bare);
    const unsigned = await start(`${dir}/third.yaml`);
    await up("and nobody needs one any more", unsigned);

    writeFileSync(`${dir}/left.yaml`, config("127.0.90.3", range(withKey)));
    writeFileSync(`${dir}/right.yaml`, config("127.0.90.4", neighbor("127.0.90.3", "127.0.90.4", withKey)));
    left.reload();
    right.reload();
    await sameSession("key added");
    await unsigned.stop();
    await right.stop();
    await left.stop();
  },
);
