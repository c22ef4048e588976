import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { update } from "../../testbed/speaker/octets.ts";
import { Daemon, until } from "./daemon.ts";

const to = "127.0.63.1";
const port = 21_003;
const config = (
  prefixes: number,
) => `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
originate: [${Array.from({ length: prefixes }, (_, i) => `{prefix: 21.0.${i}.0/24}`).join(", ")}]
dynamic-neighbors:
  - {range: 127.10.0.0/16, remote-as: internal}
  - {range: 127.11.0.0/16, remote-as: internal, graceful-restart: false}`;

/** Dials that are under way at a time: as many as the daemon lets shake hands at once. */
const AT_ONCE = 200;
/** Of so many sessions one doesn't read any more when the daemon is stopped for the last time: one that is to be told why. */
const DEAF = 10;
const isDeaf = (i: number) => i % DEAF === 1;

const endOfRib = update();

/** One session of the crowd: every other one with graceful restart, each with a route of its own. */
class Member {
  readonly peer: NumberedSpeaker;
  /** Without graceful restart a session ends with a word. */
  readonly hears: boolean;

  constructor(i: number, connected: () => void) {
    this.hears = i % 2 === 1;
    const from = `127.${10 + (i & 1)}.${1 + (i >>> 8)}.${i & 255}`;
    this.peer = new NumberedSpeaker({
      from,
      to,
      port,
      ...(!this.hears && { gracefulRestart: { seconds: 120, restarted: false } }),
      onEstablished: () => {
        void this.peer.announce({ first: i, count: 1, together: 1, version: 1 });
        this.peer.send(endOfRib);
        connected();
      },
    });
  }
}

async function crowd(sessions: number): Promise<Member[]> {
  const members: Member[] = [];
  let up = 0;
  while (members.length < sessions) {
    await until("there is room for another", () => members.length - up < AT_ONCE);
    for (let i = Math.min(AT_ONCE / 2, sessions - members.length); i > 0; i--)
      members.push(new Member(members.length, () => up++));
  }
  await until("all sessions are up", () => up === sessions);
  return members;
}

const told = (members: readonly Member[], prefixes: number) =>
  until("all have been told", () => members.every(({ peer }) => peer.announced >= prefixes), 120_000);

/** What became of a stop: how long it took, how it ended, and how many of those who were to be told why have read it. */
async function stop(daemon: Daemon, members: readonly Member[]): Promise<string> {
  const seconds = await daemon.end();
  const readers = members.filter(({ peer }) => !peer.socket.isPaused());
  await until("all connections are over", () => readers.every(({ peer }) => peer.closed));
  const wanted = readers.filter(({ hears }) => hears);
  const heard = wanted.filter(({ peer }) => peer.lastWord === "6/2");
  return `${seconds.toFixed(1)} s, exit code ${daemon.exitCode}, ${heard.length} of ${wanted.length} heard 6/2`;
}

/**
 * One daemon after the other with 1, 257, 1,000 and 5,000 sessions is started, reads its config again, is stopped, comes back with its journal, and is
 * stopped while a tenth of its peers doesn't read. Bounded, and with 0, at every size.
 */
export async function stops(): Promise<Record<string, number | string>> {
  const figures: Record<string, number | string> = {};
  for (const sessions of [1, 257, 1_000, 5_000]) {
    const timed = async (work: () => Promise<unknown>) => {
      const begin = performance.now();
      await work();
      return `${((performance.now() - begin) / 1000).toFixed(1)} s`;
    };
    const say = (what: string, figure: string) => {
      figures[`${sessions} sessions: ${what}`] = figure;
    };
    let daemon = await Daemon.start(config(1), { metricsPort: 21_904 });
    let members: Member[] = [];
    const begins = async () => {
      members = await crowd(sessions);
      await told(members, 1);
    };
    say("up and told", await timed(begins));
    daemon.configure(config(2));
    const reloaded = await timed(async () => {
      daemon.hangUp();
      await told(members, 2);
    });
    say("config read again and told", `${reloaded}, ${members.filter(({ peer }) => !peer.established).length} lost`);
    say("stopped", await stop(daemon, members));
    daemon.configure(config(1));
    daemon = await daemon.again();
    say("back, up and told", await timed(begins));
    for (const [i, { peer }] of members.entries()) if (isDeaf(i)) peer.socket.pause();
    say("stopped while a tenth doesn't read", await stop(daemon, members));
    for (const { peer } of members) peer.close();
    daemon.remove();
  }
  return figures;
}
