import { formatPrefix } from "../lib/address.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import type { AnnouncedRow } from "./model.ts";

/** Rows made in one slice. */
const SLICE = 256;

/** What we originate, by whom. */
export function* announcedSlices({ originatedRoutes }: SpeakerState): Generator<AnnouncedRow[]> {
  let rows: AnnouncedRow[] = [];
  for (const { owner, route } of originatedRoutes.all()) {
    const first = originatedRoutes.ownersOf(route.prefix)[0];
    const active = first === owner;
    const reason = active ? null : `${first} originates it, too, and says how`;
    rows.push({ prefix: formatPrefix(route.prefix), by: owner, active, reason });
    if (rows.length < SLICE) continue;
    yield rows;
    rows = [];
  }
  yield rows;
}
