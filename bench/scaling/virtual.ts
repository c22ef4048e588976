/**
 * Beyond sockets: the same speakers on a simulated network under virtual time, in one process: `virtual.js TOPOLOGY N ROUTES`. Links take one
 * millisecond, computing takes none: seconds here are round trips, and CPU is the simulation's. Prints one JSON object.
 */

import { openFib } from "../../src/fib/open.ts";
import { silentLog } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { ownRouteOf } from "../../src/speaker/own-routes.ts";
import { Speaker } from "../../src/speaker/speaker.ts";
import { SimulatedNetwork } from "../../test/support/simulated-network.ts";
import { joiner, type PlannedNode, plan, type Topology } from "./plan.ts";
import type { VirtualRun } from "./result.ts";
import { speakerConfig } from "./speaker-config.ts";

const [topology, count, routesPerNode] = process.argv.slice(2) as [Topology, string, string];
const network = new SimulatedNetwork({ random: seededRandom(1), delayMs: 1 });
const { clock } = network;
const speakers: Speaker[] = [];
const UPDATE = 2;

const planned = plan(topology, Number(count), Number(routesPerNode));
const empty = memory();
for (const node of planned.nodes) build(node);
const built = memory();
for (const speaker of speakers) await speaker.start();
const startedMs = clock.now();
clock.runUntil(() => allHold(planned.routes));
const coldSeconds = (clock.now() - startedMs) / 1000;
settle();
const coldMessages = messages();
const full = memory();

const flapping = speakers[planned.reflectors]!;
const own = flapping.config.originate.map(ownRouteOf);
flapping.originate("config", own.slice(1));
settle();
flapping.originate("config", own);
settle();
const flapMessages = messages() - coldMessages;

build(joiner(planned, Number(routesPerNode)));
const before = messages();
await speakers.at(-1)!.start();
clock.runUntil(() => allHold(planned.routes + Number(routesPerNode)));
settle();
const { user, system } = process.cpuUsage();
const run: VirtualRun = {
  topology,
  nodes: Number(count),
  sessions: planned.sessions,
  coldMessages,
  joinMessages: messages() - before,
  flapMessages,
  coldSeconds,
  cpuSeconds: (user + system) / 1e6,
  kbPerSpeaker: (built - empty) / 1024 / planned.nodes.length,
  kbPerSessionEnd: (full - built) / 1024 / (planned.sessions * 2),
  residentMb: process.memoryUsage().rss / 2 ** 20,
};
process.stdout.write(JSON.stringify(run));

function build(node: PlannedNode): void {
  speakers.push(
    new Speaker(speakerConfig(node, planned.reflectors), {
      clock,
      random: seededRandom(node.index + 1),
      network: network.host(node.address),
      log: silentLog,
      journal: { read: () => null, write: () => {} },
      openFib: (kernel) => openFib({ ...kernel, mode: "none", writer: "inside", clock, os: null }),
    }),
  );
}

/** Whether every node has a best path for `routes` prefixes; asks those first that had not. */
function allHold(routes: number): boolean {
  return speakers.every((speaker) => speaker.tables.rib.ipv4.bestCount === routes);
}

/** Lets everything arrive that is under way, without waiting for timers of sessions. */
function settle(): void {
  clock.advance(500);
}

function messages(): number {
  let sent = 0;
  for (const speaker of speakers) for (const peer of speaker.peers) sent += peer.session.counters.sent[UPDATE]!;
  return sent;
}

function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
