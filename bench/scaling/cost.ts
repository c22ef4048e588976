/** What a speaker, a session and a simulated connection cost in memory, each alone, in one process. Prints one JSON object. */

import { seededRandom } from "../../src/lib/random.ts";
import type { Speaker } from "../../src/speaker/speaker.ts";
import { SimulatedNetwork } from "../../testbed/simulated-network.ts";
import { plan } from "./plan.ts";
import type { CostRun } from "./result.ts";
import { memory, simulatedSpeaker } from "./simulated-speaker.ts";

const newNetwork = () => new SimulatedNetwork({ random: seededRandom(1), delayMs: 1 });

/** KB a speaker that is started and alone. */
async function speakerCost(routes: number): Promise<number> {
  const count = 500;
  const network = newNetwork();
  const kept: Speaker[] = [];
  const before = memory();
  for (const node of plan("mesh", count, routes).nodes) {
    const speaker = simulatedSpeaker({ ...node, dials: [] }, network);
    kept.push(speaker);
    await speaker.start();
  }
  network.clock.advance(1000);
  const cost = (memory() - before) / 1024 / kept.length;
  return cost;
}

/** KB an end of an idle session between two speakers, from a mesh without routes. */
async function sessionCost(): Promise<number> {
  const network = newNetwork();
  const { nodes, sessions } = plan("mesh", 100, 0);
  const speakers = nodes.map((node) => simulatedSpeaker(node, network));
  const before = memory();
  for (const speaker of speakers) await speaker.start();
  network.clock.advance(40_000); // past the first KEEPALIVEs
  const up = speakers.reduce(
    (sum, speaker) => sum + [...speaker.peers].filter((p) => p.session.state === "Established").length,
    0,
  );
  if (up !== 2 * sessions) throw new Error(`${up} of ${2 * sessions} session ends are established`);
  const cost = (memory() - before) / 1024 / up;
  return cost;
}

/** KB an end of an idle simulated TCP connection. */
function connectionCost(): number {
  const connections = 20_000;
  const network = newNetwork();
  const [left, right] = [network.host("10.0.0.1"), network.host("10.0.0.2")];
  const receiver = { data() {}, closed() {} } as never;
  void right.listen({
    addresses: ["10.0.0.2"],
    port: 179,
    accepted: (end: { attach(r: never): void }) => end.attach(receiver),
  } as never);
  const before = memory();
  for (let i = 0; i < connections; i++)
    left.connect({ remoteAddress: "10.0.0.2", remotePort: 179 } as never, {
      connected: (end) => end.attach(receiver),
      failed() {},
    });
  network.clock.advance(1000);
  if (left.ends.size !== connections) throw new Error(`${left.ends.size} of ${connections} connections are up`);
  return (memory() - before) / 1024 / (2 * connections);
}

const run: CostRun = {
  kbPerSimulatedTcpEnd: connectionCost(),
  kbPerSessionEnd: await sessionCost(),
  kbPerSpeaker: await speakerCost(0),
  kbPerSpeakerWithTenRoutes: await speakerCost(10),
};
process.stdout.write(JSON.stringify(run));
