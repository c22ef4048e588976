import { NumberedSpeaker } from "../../testbed/speaker/numbered-speaker.ts";
import { Daemon, pause, until } from "./daemon.ts";

const ROUTES = 100_000;
const ROUNDS = 20;
const CHANGED = 5_000;

const to = "127.0.63.1";
const port = 21_003;
const config = `router: {as: 65001, router-id: ${to}, address: ${to}, listen: {address: ${to}, port: ${port}}}
kernel: {fib: none}
dynamic-neighbors:
  - {range: 127.0.63.0/24, remote-as: internal, route-reflector-client: true, timers: {hold-time: 9, send-hold-time: 20}}`;

interface Outcome {
  readonly seconds: number;
  readonly peakMib: number;
  readonly figures: Record<string, number | string>;
}

/** A table and churn for 60 clients, of which the last `stuck` never read. */
async function run(stuck: number, resumes: boolean): Promise<Outcome> {
  const daemon = await Daemon.start(config, { metricsPort: 21_904 });
  const feeder = new NumberedSpeaker({ from: "127.0.63.2", to, port });
  const clients = Array.from(
    { length: 60 },
    (_, i) => new NumberedSpeaker({ from: `127.0.63.${10 + i}`, to, port, routes: ROUTES, holdTime: 9 }),
  );
  await until("all are up", () => [feeder, ...clients].every((peer) => peer.established));
  await until("all know that there is nothing yet", () => clients.every((peer) => peer.endsOfRib > 0));
  const reading = clients.slice(0, 60 - stuck);
  const deaf = clients.slice(60 - stuck);
  for (const peer of deaf) peer.socket.pause();
  const begin = performance.now();
  await feeder.announce({ first: 0, count: ROUTES, together: 5, version: 1, ballast: 200 });
  for (let round = 2; round < 2 + ROUNDS; round++) {
    await feeder.announce({
      first: ((round * 7919) % 19) * CHANGED,
      count: CHANGED,
      together: 5,
      version: round,
      ballast: 200,
    });
    await pause(50);
  }
  await feeder.announce({ first: 0, count: ROUTES, together: 5, version: 99, ballast: 200 });
  const right = (peer: NumberedSpeaker) => peer.table.every((version) => version === 100);
  const told = (peer: NumberedSpeaker) => peer.table[ROUTES - 1] === 100;
  await until("the readers have it all", () => reading.every((peer) => told(peer) && right(peer)), 120_000);
  const seconds = (performance.now() - begin) / 1000;
  const peakMib = daemon.peakMib;
  const figures: Record<string, number | string> = {};
  if (stuck > 0) {
    const [resumed, ...others] = deaf as [NumberedSpeaker, ...NumberedSpeaker[]];
    if (resumes) {
      const before = resumed.announced;
      resumed.socket.resume();
      await until("the one that reads again has it all", () => told(resumed) && right(resumed), 60_000);
      figures["routes told to the one that read again, of a table of 100000"] = resumed.announced - before;
      figures["its table"] = "right";
    }
    const silentFor = await until(
      "the others are dropped",
      () => others.every((peer) => dropped(daemon, peer)),
      60_000,
    );
    figures["stuck ones dropped after another (s)"] = silentFor.toFixed(1);
    figures["by the send hold timer"] = [...daemon.log.matchAll(/sent NOTIFICATION to \S+ Send Hold Timer/gi)].length;
  }
  figures["readers' sessions lost"] = [feeder, ...reading].filter((peer) => !peer.established).length;
  for (const peer of [feeder, ...clients]) peer.close();
  await daemon.stop();
  return { seconds, peakMib, figures };
}

const dropped = (daemon: Daemon, peer: NumberedSpeaker): boolean =>
  daemon.log.includes(`session with ${peer.socket.localAddress} is down`) || peer.closed;

/** Three of sixty clients never read; one of them reads on at last. */
export async function readers(): Promise<Record<string, number | string>> {
  const plain = await run(0, false);
  const withStuck = await run(3, true);
  return {
    "seconds without stuck readers": plain.seconds.toFixed(2),
    "seconds with three of sixty": withStuck.seconds.toFixed(2),
    "RSS peak without, with (MiB)": `${plain.peakMib.toFixed(0)}, ${withStuck.peakMib.toFixed(0)}`,
    ...withStuck.figures,
  };
}
