import type { PathRow, RouteRow } from "../../src/view/model.ts";
import {
  bestOf,
  type Candidate,
  exportOf,
  isAcceptable,
  nodeAt,
  ownRoute,
  routeOf,
  type SimRoute,
} from "./reference.ts";
import type { RunningNode, Simulation } from "./simulation.ts";

/** What is wrong, by the name of the invariant. */
export interface Violation {
  readonly invariant: InvariantName;
  readonly text: string;
}

export type InvariantName =
  | "no stuck session"
  | "everyone is told what the reference says"
  | "best paths are the reference's"
  | "no stale route"
  | "no forwarding loop"
  | "no loop is ever accepted"
  | "kernel intent is Loc-RIB";

/** Looks at a simulation that has settled. */
export function violations(simulation: Simulation): Violation[] {
  const found: Violation[] = [];
  const nodes = [...simulation.running.values()];
  const rowsOf = new Map(nodes.map((running) => [running.node.name, [...running.view.routes({})].flat()]));
  for (const running of nodes) {
    found.push(...sessions(running));
    found.push(...decisions(simulation, running, rowsOf.get(running.node.name)!));
    found.push(...tellings(simulation, running));
    found.push(...staleness(simulation, running, rowsOf.get(running.node.name)!));
    found.push(...kernel(running, rowsOf.get(running.node.name)!));
    found.push(...forwarding(simulation, running, rowsOf));
  }
  return found;
}

/** Holds at every moment, not only when all is quiet: a loop by AS, originator or cluster takes no part in any decision. */
export function acceptedLoops(simulation: Simulation): Violation[] {
  const found: Violation[] = [];
  for (const { node, view } of simulation.running.values())
    for (const { node: name } of node.neighbors) {
      const from = simulation.topology.nodes.find((other) => other.name === name)!;
      for (const row of [...(view.received(from.address, {}) ?? [])].flat())
        for (const path of row.paths)
          if (path.rejectedBy === null && !isAcceptable(node, routeOf(row.prefix, path)))
            found.push({
              invariant: "no loop is ever accepted",
              text: `${node.name} accepts ${row.prefix} from ${name}`,
            });
    }
  return found;
}

const bestRow = (row: RouteRow | undefined): PathRow | undefined => row?.paths.find((path) => path.best);

function* sessions({ node, view }: RunningNode): Generator<Violation> {
  const states = new Map(view.summary().neighbors.map(({ address, state }) => [address, state]));
  if (states.size !== node.neighbors.length)
    yield {
      invariant: "no stuck session",
      text: `${node.name} has ${states.size} peers instead of ${node.neighbors.length}`,
    };
  for (const [address, state] of states)
    if (state !== "Established")
      yield { invariant: "no stuck session", text: `${node.name} to ${address} is ${state}` };
}

/** What a node could choose from, as its Adj-RIBs-In stand, less what the reference finds to be loops. */
function candidatesOf(simulation: Simulation, { node, view }: RunningNode, prefix: string): Candidate[] {
  const own = simulation.originated.get(node.name)!.get(prefix);
  const candidates: Candidate[] = own ? [ownRoute(node, own)] : [];
  for (const { node: name } of node.neighbors) {
    const from = simulation.topology.nodes.find((other) => other.name === name)!;
    for (const row of [...(view.received(from.address, {}) ?? [])].flat())
      if (row.prefix === prefix)
        for (const path of row.paths) {
          const route = routeOf(prefix, path);
          if (isAcceptable(node, route)) candidates.push({ route, from });
        }
  }
  return candidates;
}

function* decisions(simulation: Simulation, running: RunningNode, rows: readonly RouteRow[]): Generator<Violation> {
  const { node } = running;
  for (const prefix of new Set([...rows.map((row) => row.prefix), ...simulation.originated.get(node.name)!.keys()])) {
    const wanted = bestOf(node, candidatesOf(simulation, running, prefix));
    const found = bestRow(rows.find((row) => row.prefix === prefix));
    const from = wanted === null ? "nobody" : (wanted.from?.address ?? "self");
    if ((found?.from ?? "nobody") !== from)
      yield {
        invariant: "best paths are the reference's",
        text: `${node.name} takes ${prefix} from ${found?.from ?? "nobody"} instead of ${from}`,
      };
  }
}

const textOf = (route: SimRoute): string => JSON.stringify(Object.entries(route).sort());

/** Each peer holds exactly what the reference says that this node tells it, computed for that peer alone. */
function* tellings(simulation: Simulation, running: RunningNode): Generator<Violation> {
  const { node, view } = running;
  const prefixes = [...view.routes({})].flat().map((row) => row.prefix);
  for (const to of node.neighbors) {
    const receiver = simulation.running.get(to.node)!;
    const wanted = new Set<string>();
    for (const prefix of prefixes) {
      const best = bestOf(node, candidatesOf(simulation, running, prefix));
      const told = best && exportOf(node, best, to);
      // LOCAL_PREF is shown as it counts at the receiver.
      if (told) wanted.add(textOf({ ...told, localPref: told.localPref ?? 100 }));
    }
    const held = new Set<string>();
    for (const row of [...(receiver.view.received(node.address, {}) ?? [])].flat())
      for (const path of row.paths) held.add(textOf(routeOf(row.prefix, path)));
    const describe = (routes: Iterable<string>) => [...routes].slice(0, 2).join(" ");
    const missing = [...wanted].filter((text) => !held.has(text));
    const extra = [...held].filter((text) => !wanted.has(text));
    if (missing.length + extra.length > 0)
      yield {
        invariant: "everyone is told what the reference says",
        text: `${node.name} to ${to.node}: lacks ${describe(missing) || "nothing"}; has too much ${describe(extra) || "nothing"}`,
      };
  }
}

function* staleness(simulation: Simulation, { node }: RunningNode, rows: readonly RouteRow[]): Generator<Violation> {
  const alive = new Set([...simulation.originated.values()].flatMap((routes) => [...routes.keys()]));
  for (const row of rows) {
    if (!alive.has(row.prefix))
      yield { invariant: "no stale route", text: `${node.name} has ${row.prefix}, which nobody originates` };
    if (row.paths.some((path) => path.stale))
      yield { invariant: "no stale route", text: `${node.name} still has ${row.prefix} as stale` };
  }
}

function* kernel({ node, speaker }: RunningNode, rows: readonly RouteRow[]): Generator<Violation> {
  const wanted = new Map<string, string>();
  for (const row of rows) {
    const best = bestRow(row);
    if (best && best.from !== "self") wanted.set(row.prefix, best.nextHop!);
  }
  const held = new Map(
    speaker.kernel.fib
      .list()
      .map((row) => [row.prefix, `${row.nextHops[0]?.via}${row.state === "installed" ? "" : ` ${row.state}`}`]),
  );
  for (const prefix of new Set([...wanted.keys(), ...held.keys()]))
    if (wanted.get(prefix) !== held.get(prefix))
      yield {
        invariant: "kernel intent is Loc-RIB",
        text: `${node.name}: ${prefix} is via ${held.get(prefix) ?? "nothing"} instead of ${wanted.get(prefix) ?? "nothing"}`,
      };
}

/** From each node, a packet to each prefix that it knows arrives at one who originates it. */
function* forwarding(
  simulation: Simulation,
  { node }: RunningNode,
  rowsOf: ReadonlyMap<string, readonly RouteRow[]>,
): Generator<Violation> {
  for (const { prefix } of rowsOf.get(node.name)!) {
    let at = node;
    const way = [node.name];
    for (;;) {
      const best = bestRow(rowsOf.get(at.name)?.find((row) => row.prefix === prefix));
      if (best === undefined || best.from === "self") break;
      const next = nodeAt(simulation.topology, best.nextHop!);
      if (next === undefined || way.includes(next.name)) {
        const why = next === undefined ? `${best.nextHop} is nobody` : "a loop";
        yield {
          invariant: "no forwarding loop",
          text: `${prefix}: ${[...way, next?.name ?? "?"].join(" > ")}: ${why}`,
        };
        break;
      }
      way.push(next.name);
      at = next;
    }
    const last = bestRow(rowsOf.get(at.name)?.find((row) => row.prefix === prefix));
    const hasBest = bestRow(rowsOf.get(node.name)!.find((row) => row.prefix === prefix)) !== undefined;
    if (hasBest && last === undefined)
      yield { invariant: "no forwarding loop", text: `${prefix}: ${way.join(" > ")} ends nowhere` };
  }
}
