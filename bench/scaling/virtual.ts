/**
 * Beyond sockets: the same speakers on a simulated network under virtual time, in one process: `virtual.js TOPOLOGY N ROUTES ORIGINS`. Links take one
 * millisecond, computing takes none: seconds here are round trips, and CPU is the simulation's. Prints one JSON object.
 */

import { seededRandom } from "../../src/lib/random.ts";
import { originatedRouteOf } from "../../src/speaker/originated-routes.ts";
import type { Speaker } from "../../src/speaker/speaker.ts";
import { SimulatedNetwork } from "../../testbed/simulated-network.ts";
import { joiner, type PlannedNode, plan, type Topology } from "./plan.ts";
import type { VirtualRun } from "./result.ts";
import { memory, simulatedSpeaker } from "./simulated-speaker.ts";

const [topology, count, routesPerNode, origins] = process.argv.slice(2) as [Topology, string, string, string];
const network = new SimulatedNetwork({ random: seededRandom(1), delayMs: 1 });
const { clock } = network;
const speakers: Speaker[] = [];
const UPDATE = 2;

const planned = plan(topology, Number(count), Number(routesPerNode), Number(origins));
const empty = memory();
for (const node of planned.nodes) build(node);
for (const speaker of speakers) await speaker.start();
const startedMs = clock.now();
untilAllHold(planned.routes);
const coldSeconds = (clock.now() - startedMs) / 1000;
settle();
const coldMessages = messages();
const full = memory();

const flapping = speakers[planned.nodes.findIndex((node) => node.routes.length > 0)]!;
const own = flapping.config.originate.map(originatedRouteOf);
flapping.originate("config", own.slice(1));
settle();
flapping.originate("config", own);
settle();
const flapMessages = messages() - coldMessages;

build(joiner(planned, Number(routesPerNode)));
const before = messages();
await speakers.at(-1)!.start();
untilAllHold(planned.routes + Number(routesPerNode));
settle();
const { user, system } = process.cpuUsage();
const run: VirtualRun = {
  topology,
  nodes: Number(count),
  routes: planned.routes,
  sessions: planned.sessions,
  coldMessages,
  joinMessages: messages() - before,
  flapMessages,
  coldSeconds,
  cpuSeconds: (user + system) / 1e6,
  heldMb: (full - empty) / 2 ** 20,
  residentMb: process.memoryUsage().rss / 2 ** 20,
};
process.stdout.write(JSON.stringify(run));

function build(node: PlannedNode): void {
  speakers.push(simulatedSpeaker(node, network));
}

/** Runs until every node has a best path for `routes` prefixes. Nobody who has them all loses one meanwhile. */
function untilAllHold(routes: number): void {
  let first = 0;
  clock.runUntil(() => {
    while (first < speakers.length && speakers[first]!.tables.rib.ipv4.bestCount === routes) first++;
    return first === speakers.length;
  });
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
