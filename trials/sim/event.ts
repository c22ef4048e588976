import type { Random } from "../../src/lib/random.ts";
import { between, pick, type SimTopology } from "./topology.ts";

/** Attributes that a node originates a prefix with. */
export interface Origination {
  readonly prefix: string;
  readonly med: number | null;
  readonly community: string | null;
}

/** One thing that happens in a simulation, `afterMs` behind the one before. Plain data: a list of them replays exactly. */
export type SimEvent = { readonly afterMs: number } & (
  | { readonly kind: "originate"; readonly node: string; readonly route: Origination }
  | { readonly kind: "withdraw"; readonly node: string; readonly prefix: string }
  | { readonly kind: "cut" | "heal" | "reset"; readonly a: string; readonly b: string }
  | { readonly kind: "kill" | "stop" | "start"; readonly node: string }
  | { readonly kind: "reset-session" | "refresh"; readonly node: string; readonly peer: string }
);

const communities = [null, null, null, null, "65001:7", "65535:65281", "65535:65282"];

/** Events by chance: mostly routes that come and go, some trouble. Prefixes are few, so that nodes compete for them. */
export function drawEvents(random: Random, topology: SimTopology, count: number): SimEvent[] {
  const { nodes } = topology;
  const prefixes = Array.from({ length: 12 }, (_, i) => `172.16.${i}.0/24`);
  const events: SimEvent[] = [];
  const link = () => {
    const node = pick(random, nodes);
    return { a: node.name, b: pick(random, node.neighbors).node };
  };
  for (let i = 0; i < count; i++) {
    const afterMs = random.next() < 0.5 ? between(random, 0, 30) : between(random, 100, 20_000);
    const node = pick(random, nodes);
    const luck = random.next();
    if (luck < 0.4) {
      const route = {
        prefix: pick(random, prefixes),
        med: random.next() < 0.2 ? between(random, 1, 3) : null,
        community: pick(random, communities),
      };
      events.push({ afterMs, kind: "originate", node: node.name, route });
    } else if (luck < 0.65) events.push({ afterMs, kind: "withdraw", node: node.name, prefix: pick(random, prefixes) });
    else if (luck < 0.72) events.push({ afterMs, kind: "cut", ...link() });
    else if (luck < 0.8) events.push({ afterMs, kind: "heal", ...link() });
    else if (luck < 0.85) events.push({ afterMs, kind: "reset", ...link() });
    else if (luck < 0.88) events.push({ afterMs, kind: "kill", node: node.name });
    else if (luck < 0.9) events.push({ afterMs, kind: "stop", node: node.name });
    else if (luck < 0.95) events.push({ afterMs, kind: "start", node: node.name });
    else {
      const peer = pick(random, node.neighbors).node;
      events.push({ afterMs, kind: random.next() < 0.5 ? "reset-session" : "refresh", node: node.name, peer });
    }
  }
  return events;
}
