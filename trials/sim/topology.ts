import type { Random } from "../../src/lib/random.ts";

/** A neighbor of a simulated node, from the node's side. */
export interface SimNeighbor {
  readonly node: string;
  readonly kind: "internal" | "external";
  /** The neighbor is our client (RFC 4456). */
  readonly client: boolean;
  /** What external peers told us goes to this one with our own address as next hop. */
  readonly nextHopSelf: boolean;
  readonly passive: boolean;
}

export interface SimNode {
  readonly name: string;
  readonly address: string;
  readonly as: number;
  /** Keeps routes of peers that restart, and asks them to keep its own (RFC 4724). */
  readonly gracefulRestart: boolean;
  readonly neighbors: readonly SimNeighbor[];
}

export type Shape = "mesh" | "one reflector" | "two reflectors" | "racks";

export interface SimTopology {
  readonly shape: Shape;
  readonly nodes: readonly SimNode[];
}

export const shapes: readonly Shape[] = ["mesh", "one reflector", "two reflectors", "racks"];

export const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!;
export const between = (random: Random, least: number, most: number): number =>
  least + Math.floor(random.next() * (most - least + 1));

interface Draft {
  readonly name: string;
  readonly as: number;
  readonly neighbors: SimNeighbor[];
}

/** A topology by chance: a mesh, reflectors with clients, or racks with an AS each whose reflectors peer. */
export function drawTopology(random: Random): SimTopology {
  const shape = pick(random, shapes);
  const drafts: Draft[] = [];
  const add = (name: string, as: number): Draft => {
    const draft: Draft = { name, as, neighbors: [] };
    drafts.push(draft);
    return draft;
  };
  const link = (a: Draft, b: Draft, clientOfA: boolean, clientOfB = false) => {
    const kind = a.as === b.as ? "internal" : "external";
    // Both sides may dial, or only one: collisions and passive peers alike.
    const passive = pick(random, ["none", "a", "b"]);
    const nextHopSelf = kind === "internal" && shape === "racks";
    a.neighbors.push({ node: b.name, kind, client: clientOfA, nextHopSelf, passive: passive === "a" });
    b.neighbors.push({ node: a.name, kind, client: clientOfB, nextHopSelf: false, passive: passive === "b" });
  };
  if (shape === "mesh") {
    const nodes = Array.from({ length: between(random, 3, 7) }, (_, i) => add(`n${i}`, 65001));
    for (const [i, a] of nodes.entries()) for (const b of nodes.slice(i + 1)) link(a, b, false);
  } else if (shape === "racks") {
    const reflectors: Draft[] = [];
    for (let rack = 0; rack < between(random, 2, 3); rack++) {
      const reflector = add(`r${rack}`, 65001 + rack);
      reflectors.push(reflector);
      for (let i = 0; i < between(random, 1, 3); i++) link(reflector, add(`r${rack}n${i}`, 65001 + rack), true);
    }
    for (const [i, a] of reflectors.entries()) for (const b of reflectors.slice(i + 1)) link(a, b, false);
  } else {
    const reflectors = [add("rr0", 65001)];
    if (shape === "two reflectors") reflectors.push(add("rr1", 65001));
    if (reflectors.length === 2) link(reflectors[0]!, reflectors[1]!, false);
    for (let i = 0; i < between(random, 2, 6); i++) {
      const node = add(`n${i}`, 65001);
      // One in five is no client: it hears what clients say, and clients hear it.
      const client = random.next() < 0.8;
      for (const reflector of reflectors) link(reflector, node, client);
    }
  }
  return {
    shape,
    nodes: drafts.map((draft, i) => ({ ...draft, address: `10.0.${i}.1`, gracefulRestart: random.next() < 0.5 })),
  };
}
