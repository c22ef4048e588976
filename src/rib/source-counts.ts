import { PAGE_MASK } from "../lib/columns/record-pages.ts";
import { PATH_ORIGIN, PATH_RECEIVED, PATH_STRIDE, type PathTable } from "./path-table.ts";

/** Epochs of a source have 16 bits in the record of a path. */
const MAX_EPOCH = 0xffff;

/** Plain numbers about one source in one table. */
export class SourceCounts {
  /** Paths held. */
  received = 0;
  /** Of these, accepted by the import policy. */
  accepted = 0;
  /** Announcements of martian prefixes: ignored. */
  martians = 0;
  /** Announcements refused because the source had reached a limit, or the table was full. */
  refused = 0;
  /** Paths that the source may have, and how many of them accepted: what is beyond is refused (maximum-prefix with `discard`). */
  limit = Number.POSITIVE_INFINITY;
  acceptLimit = Number.POSITIVE_INFINITY;
  /** Paths that it may have for one prefix (RFC 7911); announcements of more are refused. */
  pathLimit = Number.POSITIVE_INFINITY;
  /** Announcements that were refused for that, and the limit of the last one. */
  crowded = 0;
  crowdedAt = 0;
  /** Epoch of its paths: those of an earlier one are stale. It only grows, but for `nextEpoch`. */
  epoch = 0;
  /** Paths of an epoch before this one are to be swept. */
  sweptEpoch = 0;
}

/**
 * Begins a new epoch, to which no path of the source belongs yet. Epochs are never used twice: who came round to an early one would
 * take paths that nobody told again for fresh ones. Three kinds of path are all that anyone can tell apart (to be swept, stale,
 * fresh), so when the numbers are used up the paths are numbered anew: one pass per 65,000 restarts or refreshes of a peer.
 */
export function nextEpoch(counts: SourceCounts, source: number, paths: PathTable): void {
  if (counts.epoch === MAX_EPOCH) renumber(counts, source, paths);
  counts.epoch++;
}

function renumber(counts: SourceCounts, source: number, paths: PathTable): void {
  const { epoch: fresh, sweptEpoch } = counts;
  for (const page of paths.records.pages)
    for (let record = 0, at = 0; record <= PAGE_MASK && at < page.length; record++, at += PATH_STRIDE) {
      const origin = page[at + PATH_ORIGIN]!;
      if (page[at + PATH_RECEIVED] === 0 || (origin & 0xffff) !== source) continue;
      const epoch = origin >>> 16;
      page[at + PATH_ORIGIN] = ((epoch < sweptEpoch ? 0 : epoch < fresh ? 1 : 2) << 16) | source;
    }
  counts.sweptEpoch = 1;
  counts.epoch = 2;
}
