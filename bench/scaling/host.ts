/**
 * A process with several real speakers, over real sockets: a part of a topology. It obeys its parent over the IPC channel; each
 * order is answered by one message.
 */

import { openFib } from "../../src/fib/open.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { TcpNetwork } from "../../src/os/tcp.ts";
import { originatedRouteOf } from "../../src/speaker/originated-routes.ts";
import { Speaker } from "../../src/speaker/speaker.ts";
import { monotonicMs } from "./farm.ts";
import type { PlannedNode } from "./plan.ts";
import { speakerConfig } from "./speaker-config.ts";

export type Order =
  | { readonly do: "build"; readonly nodes: readonly PlannedNode[] }
  | { readonly do: "start" }
  | { readonly do: "held"; readonly routes: number; readonly timeoutMs: number }
  | { readonly do: "announce"; readonly index: number; readonly announced: boolean }
  | { readonly do: "counts" };

export interface Answer {
  readonly atMs?: number;
  readonly messagesSent?: number;
  readonly updatesSent?: number;
  readonly error?: string;
}

interface Running {
  readonly node: PlannedNode;
  readonly speaker: Speaker;
  started: boolean;
}

const running: Running[] = [];
const network = new TcpNetwork();
const UPDATE = 2;

function build(node: PlannedNode): void {
  const speaker = new Speaker(speakerConfig(node), {
    clock: systemClock,
    random: systemRandom,
    network,
    log: silentLog,
    journal: { read: () => null, write: () => {} },
    openFib: (kernel) => openFib({ ...kernel, mode: "none", writer: "inside", clock: systemClock, os: null }),
  });
  running.push({ node, speaker, started: false });
}

async function start(): Promise<void> {
  for (const each of running) {
    if (each.started) continue;
    each.started = true;
    await each.speaker.start();
  }
}

/** Looks every two milliseconds at those that were not right yet; once right, a node stays out of it. */
function held(routes: number, timeoutMs: number): Promise<number> {
  const deadline = monotonicMs() + timeoutMs;
  let open = running;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      open = open.filter(({ speaker }) => speaker.tables.rib.ipv4.bestCount !== routes);
      const now = monotonicMs();
      if (open.length === 0) resolve(now);
      else if (now > deadline)
        reject(
          new Error(`${open.length} nodes hold ${open[0]!.speaker.tables.rib.ipv4.bestCount} of ${routes} routes`),
        );
      else setTimeout(look, 2);
    };
    look();
  });
}

function announce(index: number, announced: boolean): void {
  const each = running.find(({ node }) => node.index === index)!;
  const routes = each.speaker.config.originate.map(originatedRouteOf);
  each.speaker.originate("config", announced ? routes : routes.slice(1));
}

function counts(): Answer {
  let [messagesSent, updatesSent] = [0, 0];
  for (const { speaker } of running)
    for (const peer of speaker.peers) {
      messagesSent += peer.session.counters.sent[0]!;
      updatesSent += peer.session.counters.sent[UPDATE]!;
    }
  return { messagesSent, updatesSent };
}

async function obey(order: Order): Promise<Answer> {
  switch (order.do) {
    case "build":
      for (const node of order.nodes) build(node);
      return {};
    case "start":
      await start();
      return {};
    case "held":
      return { atMs: await held(order.routes, order.timeoutMs) };
    case "announce":
      announce(order.index, order.announced);
      return {};
    case "counts":
      return counts();
  }
}

process.on("message", (order: Order) => {
  obey(order).then(
    (answer) => process.send!(answer),
    (error: unknown) => process.send!({ error: String(error) } satisfies Answer),
  );
});
process.on("disconnect", () => process.exit(0));
process.send!({});
