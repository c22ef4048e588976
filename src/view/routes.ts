import { formatPrefix } from "../lib/address.ts";
import { families } from "../lib/family.ts";
import { prefixAt } from "../lib/prefix-words.ts";
import type { RouteTable } from "../rib/route-table.ts";
import { LOCAL_SOURCE } from "../rib/source-table.ts";
import type { Peer } from "../speaker/peer.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import type { PathRow, PolicyVerdict } from "./model.ts";
import { attributeColumns } from "./path-row.ts";
import type { PrefixQuestion, RoutePiece, RouteQuery } from "./view-port.ts";

/** Prefixes looked at in one slice, and paths shown in one, but for those of the last prefix. */
const SLICE = 256;

export const prefixText = (table: RouteTable, prefixId: number): string =>
  formatPrefix(prefixAt(table.prefixes, prefixId));

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

/** What a query shows of these paths of a prefix. */
export type ShowPaths = (table: RouteTable, id: number, paths: readonly number[]) => PathRow[];

/** Rows of the prefixes that a query is about, in slices of bounded work, however many paths they have. */
export function* rowsAsked(speaker: SpeakerState, query: RouteQuery, show: ShowPaths): Generator<RoutePiece[]> {
  for (const family of families) {
    const table = speaker.tables.byFamily[family]!;
    for (const ids of prefixesAsked(table, query)) {
      let rows: RoutePiece[] = [];
      let looked = 0;
      for (const id of ids) {
        const paths = pathsOf(table, id);
        looked += paths.length;
        if (looked > SLICE) {
          yield rows;
          rows = [];
          looked = paths.length;
        }
        if (paths.length > SLICE) {
          yield* longRow(table, id, show);
          looked = 0;
          continue;
        }
        const shown = show(table, id, paths);
        if (shown.length > 0) rows.push({ prefix: prefixText(table, id), paths: shown });
      }
      yield rows;
    }
  }
}

/** The row of a prefix with very many paths, in pieces. */
function* longRow(table: RouteTable, id: number, show: ShowPaths): Generator<RoutePiece[]> {
  const prefix = prefixText(table, id);
  // Between two slices the id must not come to stand for another prefix.
  table.prefixes.retain(id);
  try {
    let some = false;
    for (const slice of pathSlices(table, id)) {
      const paths = show(table, id, slice);
      some ||= paths.length > 0;
      yield paths.length > 0 ? [{ prefix, paths, more: true }] : [];
    }
    if (some) yield [{ prefix, paths: [] }];
  } finally {
    table.prefixes.release(id);
  }
}

function pathsOf(table: RouteTable, id: number): number[] {
  const paths: number[] = [];
  for (let path = table.firstPath(id); path !== 0; path = table.nextPath(path)) paths.push(path);
  return paths;
}

/** The paths of a prefix in slices. Each is good until the next is asked for: meanwhile paths come and go. */
export function* pathSlices(table: RouteTable, id: number): Generator<readonly number[]> {
  const all = pathsOf(table, id);
  yield all.length > SLICE ? all.slice(0, SLICE) : all;
  for (let at = SLICE; at < all.length; at += SLICE) {
    const there = new Set(pathsOf(table, id));
    yield all.slice(at, at + SLICE).filter((path) => there.has(path));
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
  const { verdict, name, line, reason } = peer.pipeline.explain(
    table.pathReceived(path),
    peer.policySource,
    table.prefixes,
    table.prefixOf(path),
  );
  return { verdict, name, line, reason };
}

const multipathOut = new Int32Array(64);

/** Paths of a prefix as rows. */
export function pathRows(
  speaker: SpeakerState,
  table: RouteTable,
  prefixId: number,
  paths: readonly number[] = pathsOf(table, prefixId),
): PathRow[] {
  const best = table.best(prefixId);
  const width = Math.min(speaker.config.kernel.maximumPaths, multipathOut.length);
  const shared = width > 1 ? [...multipathOut.subarray(0, table.multipath(prefixId, width, multipathOut))] : [];
  return paths.map((path) => {
    const effective = table.pathAttributes(path);
    const row = pathRow(speaker, table, path, effective === 0 ? table.pathReceived(path) : effective, path === best);
    row.multipath = shared.length > 1 && shared.includes(path);
    return row;
  });
}

/** Loc-RIB with all candidate paths. */
export function routeSlices(speaker: SpeakerState, query: RouteQuery): Generator<RoutePiece[]> {
  const { from } = query;
  return rowsAsked(speaker, query, (table, id, paths) =>
    pathRows(speaker, table, id, paths).filter((path) => from === undefined || path.from === from),
  );
}

/** Adj-RIB-In of a peer: as received, rejected routes too, each with the policy's verdict. */
export function* receivedSlices(speaker: SpeakerState, peer: Peer, query: RouteQuery): Generator<RoutePiece[]> {
  if (peer.source === 0) return;
  yield* rowsAsked(speaker, query, (table, id, paths) => {
    const best = table.best(id);
    return paths
      .filter((path) => table.pathSource(path) === peer.source)
      .map((path) => ({
        ...pathRow(speaker, table, path, table.pathReceived(path), path === best),
        policy: importVerdict(speaker, table, path),
      }));
  });
}
