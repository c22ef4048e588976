import { formatPrefix } from "../lib/address.ts";
import { families } from "../lib/family.ts";
import type { RouteTable } from "../rib/route-table.ts";
import { LOCAL_SOURCE } from "../rib/source-table.ts";
import type { Peer } from "../speaker/peer.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import type { PathRow, PolicyVerdict, RouteRow } from "./model.ts";
import { attributeColumns } from "./path-row.ts";
import type { PrefixQuestion, RouteQuery } from "./view-port.ts";

/** Prefixes looked at in one slice, and paths shown in one, but for those of the last prefix. */
const SLICE = 512;

export const wordsOf = (table: RouteTable, prefixId: number): number[] =>
  (table.family === 0 ? [0] : [0, 1, 2, 3]).map((index) => table.prefixes.word(prefixId, index));

export const prefixText = (table: RouteTable, prefixId: number): string =>
  formatPrefix(wordsOf(table, prefixId), table.prefixes.length(prefixId));

/** The prefix that a question means: itself, or for an address the longest one that holds it. 0: there's none. */
export function prefixAsked(table: RouteTable, question: PrefixQuestion): number {
  if (question.family !== table.family) return 0;
  const { prefixes } = table;
  return question.isAddress
    ? prefixes.longestMatch(question.words, question.length, (id) => table.firstPath(id) !== 0)
    : prefixes.find(question.words, question.length);
}

/** Ids of the prefixes that a query is about, in order, in slices. */
export function* prefixesAsked(
  table: RouteTable,
  { prefix: question, longer, family }: RouteQuery,
): Generator<readonly number[]> {
  if ((family ?? table.family) !== table.family) return;
  if (question === undefined) return yield* table.order.walk(SLICE);
  if (question.family !== table.family) return;
  const { prefixes } = table;
  if (longer) return yield* table.order.walkSome(SLICE, (id) => prefixes.within(id, question.words, question.length));
  const id = prefixAsked(table, question);
  if (id !== 0) yield [id];
}

/** Rows of the prefixes that a query is about, in slices that many paths don't make long. */
export function* rowsAsked(
  speaker: SpeakerState,
  query: RouteQuery,
  pathsOf: (table: RouteTable, id: number) => PathRow[],
): Generator<RouteRow[]> {
  for (const family of families) {
    const table = speaker.tables.byFamily[family]!;
    for (const ids of prefixesAsked(table, query)) {
      let rows: RouteRow[] = [];
      let shown = 0;
      for (const id of ids) {
        const paths = pathsOf(table, id);
        if (paths.length === 0) continue;
        rows.push({ prefix: prefixText(table, id), paths });
        shown += paths.length;
        if (shown < SLICE) continue;
        yield rows;
        rows = [];
        shown = 0;
      }
      yield rows;
    }
  }
}

/** A path of the table as a row; `set` is the attribute set to show. */
function pathRow(speaker: SpeakerState, table: RouteTable, path: number, set: number, best: boolean): PathRow {
  const { store } = speaker.tables;
  const source = table.pathSource(path);
  const rejected = table.pathAttributes(path) === 0;
  const nextHop = store.nextHop[set]!;
  const pathId = table.pathReceivedId(path);
  return {
    best,
    from: source === LOCAL_SOURCE ? "self" : (speaker.tables.sources.info(source)?.peer ?? "unknown"),
    ...attributeColumns(store.view(set), nextHop === 0 ? [] : speaker.kernel.nextHops.words(nextHop), true),
    valid: !rejected && table.isUsable(path),
    multipath: false,
    stale: table.isStale(path),
    pathId: pathId === 0 ? null : pathId,
    rejectedBy: rejected ? importVerdict(speaker, table, path).name : null,
  };
}

/** What the way in said of a path, asked once more. */
export function importVerdict(speaker: SpeakerState, table: RouteTable, path: number): PolicyVerdict {
  const source = table.pathSource(path);
  if (source === LOCAL_SOURCE)
    return { verdict: "accept", name: "own", line: null, reason: "originated by this router" };
  const peer = speaker.tables.peerOf(source);
  if (peer?.pipeline == null)
    return {
      verdict: "reject",
      name: "purging",
      line: null,
      reason: "the session has ended and its routes are being removed",
    };
  const words = wordsOf(table, table.prefixOf(path));
  const { verdict, name, line, reason } = peer.pipeline.explain(
    table.pathReceived(path),
    peer.policySource,
    table.family,
    words[0]!,
    words[1] ?? 0,
    words[2] ?? 0,
    words[3] ?? 0,
    table.prefixes.length(table.prefixOf(path)),
  );
  return { verdict, name, line, reason };
}

const multipathOut = new Int32Array(64);

/** All paths of a prefix, the best first; of one source alone if it is given. */
export function pathRows(
  speaker: SpeakerState,
  table: RouteTable,
  prefixId: number,
  onlySource: number | null = null,
): PathRow[] {
  const rows: PathRow[] = [];
  const best = table.best(prefixId);
  const width = Math.min(speaker.config.kernel.maximumPaths, multipathOut.length);
  const shared = width > 1 ? [...multipathOut.subarray(0, table.multipath(prefixId, width, multipathOut))] : [];
  for (let path = table.firstPath(prefixId); path !== 0; path = table.nextPath(path)) {
    if (onlySource !== null && table.pathSource(path) !== onlySource) continue;
    const effective = table.pathAttributes(path);
    const row = pathRow(speaker, table, path, effective === 0 ? table.pathReceived(path) : effective, path === best);
    row.multipath = shared.length > 1 && shared.includes(path);
    rows.push(row);
  }
  return rows;
}

/** Loc-RIB with all candidate paths. */
export function routeSlices(speaker: SpeakerState, query: RouteQuery): Generator<RouteRow[]> {
  const { from } = query;
  return rowsAsked(speaker, query, (table, id) =>
    pathRows(speaker, table, id).filter((path) => from === undefined || path.from === from),
  );
}

/** Adj-RIB-In of a peer: as received, rejected routes too, each with the policy's verdict. */
export function* receivedSlices(speaker: SpeakerState, peer: Peer, query: RouteQuery): Generator<RouteRow[]> {
  const { source } = peer;
  if (source === 0) return;
  yield* rowsAsked(speaker, query, (table, id) => {
    const paths: PathRow[] = [];
    for (let path = table.firstPath(id); path !== 0; path = table.nextPath(path)) {
      if (table.pathSource(path) !== source) continue;
      const row = pathRow(speaker, table, path, table.pathReceived(path), path === table.best(id));
      paths.push({ ...row, policy: importVerdict(speaker, table, path) });
    }
    return paths;
  });
}
