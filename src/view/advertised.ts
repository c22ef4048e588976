import type { ExportGroup } from "../export/export-group.ts";
import { type AdvertisedRoute, advertised, sentAttributes, sentBy } from "../export/views.ts";
import { families } from "../lib/family.ts";
import { LOCAL_SOURCE } from "../rib/source-table.ts";
import type { Peer } from "../speaker/peer.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import type { PathRow, PolicyVerdict, RouteRow } from "./model.ts";
import { attributeColumns } from "./path-row.ts";
import { prefixesAsked, prefixText } from "./routes.ts";
import type { RouteQuery } from "./view-port.ts";

/** Adj-RIB-Out of a peer: each route with the attributes that were sent. */
export function* advertisedSlices(speaker: SpeakerState, peer: Peer, query: RouteQuery): Generator<RouteRow[]> {
  for (const family of families) {
    const table = speaker.tables.byFamily[family]!;
    // A prefix that a group has told stays in the table until the group has told otherwise.
    for (const ids of prefixesAsked(table, query)) {
      const place = peer.membership(family);
      if (place === undefined) break;
      const rows: RouteRow[] = [];
      for (const id of ids) {
        const paths: PathRow[] = [];
        for (const route of advertised(place.group, place.member, id))
          paths.push({
            ...emptyColumns,
            from:
              route.source === LOCAL_SOURCE ? "self" : (speaker.tables.sources.info(route.source)?.peer ?? "unknown"),
            ...columnsOf(place.group, route.set),
            pathId: route.pathId === 0 ? null : route.pathId,
            policy: verdictOn(peer, place.group, route),
          });
        if (paths.length > 0) rows.push({ prefix: prefixText(table, id), paths });
      }
      yield rows;
    }
  }
}

const emptyColumns = { best: true, valid: true, multipath: false, stale: false, rejectedBy: null } as const;

/** Of a route that has changed since it was sent the names of the policies are all that is known. */
function verdictOn({ settings: { exportPolicy } }: Peer, group: ExportGroup, route: AdvertisedRoute): PolicyVerdict {
  const names = exportPolicy?.join(", ") ?? "default";
  const said = sentBy(group, route);
  if (said === null)
    return { verdict: "accept", name: names, line: null, reason: "it has changed since and is about to be told anew" };
  return { verdict: "accept", name: said.name ?? names, line: said.line, reason: said.reason };
}

function columnsOf(group: ExportGroup, set: number) {
  const attributes = sentAttributes(group, set);
  return attributeColumns(attributes, attributes.nextHop?.words ?? [], false);
}
