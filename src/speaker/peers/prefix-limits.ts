import type { LimitsConfig, MaximumPrefixConfig } from "../../config/model.ts";
import { afiOf, type Family, families, familyName, SAFI_UNICAST } from "../../lib/family.ts";
import type { Log } from "../../lib/log.ts";
import { maximumPrefixesReached } from "../../wire/errors.ts";
import type { Peer } from "../peer.ts";
import type { Tables } from "../tables.ts";
import { logOfPeer } from "./session-log.ts";

/**
 * `maximum-prefix` of a peer (RFC 4271 §6.7, RFC 4486 §4) and `limits.paths-per-prefix`: the table refuses what is over them, and what
 * follows from that is seen to here.
 */

const maximumOf = (peer: Peer, family: Family): MaximumPrefixConfig | null =>
  peer.settings.families[family]?.maximumPrefix ?? null;

/** How many the table takes in. */
const boundOf = (maximum: MaximumPrefixConfig | null): number => {
  if (maximum === null || maximum.action === "warn") return Number.POSITIVE_INFINITY;
  return maximum.action === "restart" ? maximum.limit + 1 : maximum.limit;
};

/**
 * What is over the limit is never taken in: with `discard` that is all there is to it; with `restart` the first one that is too many
 * tells that the session has to end, and no more than that has been stored by then. True if paths of one prefix were turned away that would
 * be taken in now.
 */
export function setLimits(peer: Peer, tables: Tables, limits: LimitsConfig): boolean {
  let room = false;
  for (const family of families) {
    const maximum = maximumOf(peer, family);
    const bound = boundOf(maximum);
    const received = maximum?.count === "accepted" ? Number.POSITIVE_INFINITY : bound;
    const accepted = maximum?.count === "accepted" ? bound : Number.POSITIVE_INFINITY;
    tables.byFamily[family]!.setLimit(peer.source, received, accepted);
    if (tables.byFamily[family]!.setPathLimit(peer.source, limits.pathsPerPrefix)) room = true;
  }
  if (room) peer.crowded.fill(false);
  return room;
}

/** Whether there is anything to check. */
export function isLimited(peer: Peer): boolean {
  for (const family of families) if (maximumOf(peer, family) !== null) return true;
  return false;
}

/** Compares with maximum-prefix what there is now. */
export function checkLimits(peer: Peer, tables: Tables, log: Log): void {
  if (peer.live === null) return;
  for (const family of families) {
    const maximum = maximumOf(peer, family);
    if (maximum !== null) checkLimit(peer, family, maximum, tables, log);
    if (!peer.crowded[family] && tables.byFamily[family]!.counts(peer.source).crowded > 0)
      sayCrowded(peer, family, tables, log);
  }
}

/** Once a session and family: the neighbor is left alone otherwise, as its other routes are. */
function sayCrowded(peer: Peer, family: Family, tables: Tables, log: Log): void {
  peer.crowded[family] = true;
  const { crowdedAt } = tables.byFamily[family]!.counts(peer.source);
  const text = `${peer.address} sends more ${familyName(family)} paths for one prefix than ${crowdedAt} (limits.paths-per-prefix): the others are not taken in`;
  logOfPeer(log, peer, "warn", "paths-per-prefix", text, { limit: crowdedAt });
}

function checkLimit(peer: Peer, family: Family, limit: MaximumPrefixConfig, tables: Tables, log: Log): void {
  const table = tables.byFamily[family]!;
  const count = table.counts(peer.source)[limit.count];
  // With `discard` the count stops at the limit; what was turned away tells.
  const refused = limit.action === "discard" && table.counts(peer.source).refused > 0;
  const over = refused ? count >= limit.limit : count > limit.limit;
  if (over === peer.overLimit[family]) return;
  peer.overLimit[family] = over;
  if (!over) return;
  const text = `${peer.address} has ${count} ${familyName(family)} routes, the limit is ${limit.limit}`;
  logOfPeer(log, peer, "warn", "maximum-prefix", text, { action: limit.action });
  if (limit.action !== "restart") return;
  peer.rest = { why: "maximum-prefix", family, limit: limit.limit, count: limit.count };
  peer.session.fail(maximumPrefixesReached(afiOf(family), SAFI_UNICAST, limit.limit), limit.restartAfterSeconds * 1000);
}

/** Whether routes were turned away that would be taken in now, the limit being higher than it was. */
export function hasRoom(peer: Peer, tables: Tables): boolean {
  return families.some((family) => {
    if (peer.live === null) return false;
    const maximum = maximumOf(peer, family);
    const counts = tables.byFamily[family]!.counts(peer.source);
    return counts.refused > 0 && counts[maximum?.count ?? "received"] < boundOf(maximum);
  });
}
