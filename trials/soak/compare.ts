import type { Client } from "./client.ts";
import type { Room } from "./room.ts";

/** Routes that a client holds otherwise from our daemon than from the reference, over all clients. */
export function differences(clients: readonly Client[]): number {
  let count = 0;
  for (const { ours, reference } of clients)
    for (let route = 0; route < ours.table.length; route++) if (ours.table[route] !== reference.table[route]) count++;
  return count;
}

/** A comparison, in a sentence. */
export interface Verdict {
  readonly ok: boolean;
  readonly text: string;
}

const unequal = (left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): string[] =>
  [...new Set([...left.keys(), ...right.keys()])].filter((prefix) => left.get(prefix) !== right.get(prefix));

const count = (wrong: readonly string[], say: (prefix: string) => string): string =>
  wrong.length === 0 ? "0 differ" : `${wrong.length} differ, for example ${wrong[0]}: ${say(wrong[0]!)}`;

/** At rest: the table of ours beside the reference's, beside what the clients announce, and beside the kernel. */
export async function compareTables(room: Room, clients: readonly Client[]): Promise<Verdict[]> {
  const { ours, reference, nextHops } = await room.bestRoutes();
  const announced = new Set(clients.flatMap((client) => [...client.routes.keys()]));
  const table = unequal(ours, reference);
  const kernel = await room.kernelRoutes();
  const written = unequal(kernel, nextHops);
  const held = clients.reduce((sum, client) => sum + client.ours.table.reduce((n, it) => n + (it === 0 ? 0 : 1), 0), 0);
  const told = differences(clients);
  return [
    {
      ok: table.length === 0 && ours.size === announced.size,
      text: `best routes of ours and of BIRD: ${ours.size} and ${reference.size}, ${announced.size} prefixes are announced; ${count(table, (prefix) => `ours ${ours.get(prefix)}, BIRD ${reference.get(prefix)}`)}`,
    },
    {
      ok: told === 0 && held > 0,
      text: `routes that the ${clients.length} clients hold from ours and from BIRD, attribute by attribute: ${held}, ${told} differ`,
    },
    {
      ok: written.length === 0,
      text: `our kernel routes beside our best routes: ${kernel.size}, ${count(written, (prefix) => `kernel ${kernel.get(prefix)}, next hop ${nextHops.get(prefix)}`)}`,
    },
  ];
}
