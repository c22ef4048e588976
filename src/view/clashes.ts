import { formatIpv4 } from "../lib/address.ts";
import { families } from "../lib/family.ts";
import type { RouteTable } from "../rib/route-table.ts";
import { LOCAL_SOURCE } from "../rib/source-table.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import type { Clash } from "./model.ts";
import { prefixText } from "./routes.ts";

/** Prefixes and their paths looked at in one slice. */
const SLICE = 1024;
/** Prefixes that a row names. */
const SHOWN = 3;

/** What two routers can't both be right about: found by a walk of the tables when somebody asks; the rows come at its end. */
export function* clashSlices(speaker: SpeakerState): Generator<Clash[]> {
  const rows = new Map<string, Clash>();
  let looked = 0;
  for (const family of families) {
    const table = speaker.tables.byFamily[family]!;
    for (let id = table.prefixes.next(0); id !== 0; id = table.prefixes.next(id)) {
      for (const found of clashesAt(speaker, table, id)) {
        const key = `${found.kind} ${found.from} ${found.originator}`;
        const row = rows.get(key) ?? { ...found, count: 0, prefixes: [] };
        rows.set(key, row);
        row.count++;
        if (row.prefixes.length < SHOWN) row.prefixes.push(prefixText(table, id));
      }
      looked += 1 + pathCount(table, id);
      if (looked < SLICE) continue;
      yield [];
      looked = 0;
    }
  }
  const found = [...rows.values()];
  for (let at = 0; at < found.length; at += SLICE) yield found.slice(at, at + SLICE);
}

type Found = Pick<Clash, "kind" | "from" | "originator">;

function clashesAt(speaker: SpeakerState, table: RouteTable, id: number): Found[] {
  const { store, sources } = speaker.tables;
  const ownId = sources.routerId[LOCAL_SOURCE]!;
  const found: Found[] = [];
  const ours = hasOwn(table, id);
  let first = 0;
  for (let path = table.firstPath(id); path !== 0; path = table.nextPath(path)) {
    const source = table.pathSource(path);
    const info = sources.info(source);
    if (source === LOCAL_SOURCE || info === undefined) continue;
    const received = table.pathReceived(path);
    const reflected = store.originatorId[received]!;
    const from = info.peer;
    if (reflected === ownId) {
      // Our own route that comes back is no clash: a second reflector may send it.
      if (!ours) found.push({ kind: "own-originator", from, originator: formatIpv4(ownId) });
      continue;
    }
    // Of external peers what counts is accepted: our own routes come back with our AS in their path.
    if (ours && (info.kind === "internal" || table.pathAttributes(path) !== 0))
      found.push({ kind: "own-prefix", from, originator: formatIpv4(reflected || info.routerId) });
    const asItsOwn = info.client && reflected === 0 && store.asPathLength[received] === 0;
    if (!asItsOwn || ours) continue;
    if (first === 0) first = source;
    else if (sources.routerId[first] !== info.routerId)
      found.push({ kind: "two-clients", from: sources.info(first)?.peer ?? "unknown", originator: from });
  }
  return found;
}

function hasOwn(table: RouteTable, id: number): boolean {
  for (let path = table.firstPath(id); path !== 0; path = table.nextPath(path))
    if (table.pathSource(path) === LOCAL_SOURCE) return true;
  return false;
}

function pathCount(table: RouteTable, id: number): number {
  let count = 0;
  for (let path = table.firstPath(id); path !== 0; path = table.nextPath(path)) count++;
  return count;
}
