import type { Clock } from "../lib/clock.ts";
import { families } from "../lib/family.ts";
import { MrtEncoder } from "../mrt/encode.ts";
import type { RouteTable } from "../rib/route-table.ts";
import { LOCAL_SOURCE } from "../rib/source-table.ts";
import type { Speaker } from "../speaker/speaker.ts";
import { DumpFile, namesFor } from "./dump-file.ts";

/** Prefixes in one slice, and paths looked at in one: some tenths of a millisecond. */
const SLICE = 128;
/** Paths in one record: a prefix with more has several. */
const MAX_PATHS = 1024;

/** Who stands where in the PEER_INDEX_TABLE. */
interface Told {
  readonly index: number;
  readonly peer: string;
  /** Since when its session is up, in seconds since 1970. */
  readonly since: number;
}

export interface TableFileOptions {
  readonly speaker: Speaker;
  readonly clock: Clock;
  readonly directory: string;
  readonly compress: boolean;
  /** Resolves when the next slice may be done. */
  readonly turn: () => Promise<void>;
  readonly isStopped: () => boolean;
}

/**
 * Writes the tables as they are: all paths that policy took, as `peerage route` shows them. A slice, then a turn of the loop, and no slice
 * before the disk has taken the last: meanwhile routes come and go, each is right at its own time. Returns the file's name, null if it was stopped.
 * @throws what the disk said; no file is left then
 */
export async function writeTables(options: TableFileOptions): Promise<string | null> {
  const { speaker, clock, directory, compress, turn, isStopped } = options;
  const now = clock.wallTime();
  const names = namesFor(directory, "rib", now, compress);
  const file = new DumpFile(names, `${names[0]}.part`);
  await file.open(compress);
  try {
    const encoder = new MrtEncoder();
    const seconds = Math.floor(now / 1000);
    const told = writePeers(speaker, encoder, seconds, now - clock.now());
    const flush = async () => {
      const { out } = encoder;
      if (out.length > 0) {
        file.write(out.copy());
        out.clear();
      }
      await file.drained();
      await turn();
    };
    for (const family of families) {
      const table = speaker.tables.byFamily[family]!;
      for (const ids of table.order.walk(SLICE)) {
        let paths = 0;
        for (const id of ids) {
          paths += writePrefix(speaker, table, id, told, encoder, seconds);
          if (paths < SLICE) continue;
          paths = 0;
          await flush();
        }
        await flush();
        if (isStopped()) {
          await file.discard();
          return null;
        }
      }
    }
    return await file.finish();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** The own router first, under address 0.0.0.0 as other daemons have it, then everybody whose routes are in the tables. */
function writePeers(speaker: Speaker, encoder: MrtEncoder, seconds: number, epoch: number): Map<number, Told> {
  const { router } = speaker.config;
  const told = new Map<number, Told>();
  const local = speaker.tables.sources.info(LOCAL_SOURCE)!;
  const at = (ms: number) => Math.floor((epoch + ms) / 1000);
  const peers = [{ routerId: local.routerId, address: [0] as readonly number[], as: router.as }];
  told.set(LOCAL_SOURCE, { index: 0, peer: local.peer, since: at(speaker.startedAt) });
  for (const peer of speaker.peers) {
    const info = peer.source === 0 ? undefined : speaker.tables.sources.info(peer.source);
    if (info === undefined || peers.length > 0xffff) continue;
    told.set(peer.source, { index: peers.length, peer: info.peer, since: at(peer.session.turnedAt) });
    peers.push({ routerId: info.routerId, address: info.address, as: info.remoteAs });
  }
  encoder.peerIndex(seconds, local.routerId, "", peers);
  return told;
}

/** Writes a prefix: paths with an identifier (RFC 8050 §4) in a record of their own. Returns how many paths were looked at. */
function writePrefix(
  speaker: Speaker,
  table: RouteTable,
  id: number,
  told: ReadonlyMap<number, Told>,
  encoder: MrtEncoder,
  seconds: number,
): number {
  let looked = 1;
  for (const addPath of [false, true]) {
    let open = 0;
    for (let path = table.firstPath(id); path !== 0; path = table.nextPath(path)) {
      looked++;
      const pathId = table.pathReceivedId(path);
      const set = table.pathAttributes(path);
      if (set === 0 || (pathId !== 0) !== addPath) continue;
      const source = table.pathSource(path);
      const from = told.get(source);
      // Who has come since is in the next dump.
      if (from === undefined || speaker.tables.sources.info(source)?.peer !== from.peer) continue;
      if (open === 0) {
        const words = (table.family === 0 ? [0] : [0, 1, 2, 3]).map((i) => table.prefixes.word(id, i));
        encoder.beginPrefix(seconds, table.family, words, table.prefixes.length(id), addPath);
      }
      const { store } = speaker.tables;
      const { nextHops } = speaker.kernel;
      const nextHop = store.nextHop[set]!;
      const words = nextHop === 0 ? (table.family === 0 ? [0] : [0, 0, 0, 0]) : nextHops.words(nextHop);
      const linkLocal = nextHop === 0 ? null : nextHops.linkLocal(nextHop);
      encoder.path(
        from.index,
        from.since,
        pathId,
        store.chunk(set),
        store.start(set),
        store.end(set),
        words,
        linkLocal,
      );
      if (++open === MAX_PATHS) {
        encoder.endPrefix();
        open = 0;
      }
    }
    if (open > 0) encoder.endPrefix();
    if (!table.paths.hasPathIds) break;
  }
  return looked;
}
