import { openFib } from "../../src/fib/open.ts";
import { silentLog } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { Speaker } from "../../src/speaker/speaker.ts";
import type { SimulatedNetwork } from "../../testbed/simulated-network.ts";
import type { PlannedNode } from "./plan.ts";
import { speakerConfig } from "./speaker-config.ts";

/** A planned node as a whole speaker on a simulated network; not started. */
export function simulatedSpeaker(node: PlannedNode, network: SimulatedNetwork): Speaker {
  const { clock } = network;
  return new Speaker(speakerConfig(node), {
    clock,
    random: seededRandom(node.index + 1),
    network: network.host(node.address),
    log: silentLog,
    journal: { read: () => null, write: () => {} },
    openFib: (kernel) => openFib({ ...kernel, mode: "none", writer: "inside", clock, os: null }),
  });
}

/** Octets that are reachable now; run with --expose-gc. */
export function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
