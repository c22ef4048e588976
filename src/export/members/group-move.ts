import type { Advertiser } from "../told/advertiser.ts";
import { ALL } from "../told/update-log.ts";
import type { Visit } from "./catch-up.ts";

const UNKNOWN = -1;

/**
 * What a member that moves to another group holds: all that its old group was told before `epoch`, but for its own routes.
 * Of entries that changed later nobody knows how much it has heard.
 */
export interface GroupMove {
  readonly advertiser: Advertiser;
  readonly epoch: number;
  readonly source: number;
  /** It moved on before it had heard all of the difference to the group before: of that one's entries nothing is known. */
  readonly earlier: GroupMove | null;
  /** Call when the move is over: until then the old group keeps what it was told, tombstones too. */
  release(): void;
}

/** The members that have moved away from a group and of which another one still has to know what they hold. */
export class GroupMoves {
  readonly #advertiser: Advertiser;
  readonly #released: () => void;
  readonly #open = new Set<GroupMove>();

  /** @param released called whenever a move is over. */
  constructor(advertiser: Advertiser, released: () => void) {
    this.#advertiser = advertiser;
    this.#released = released;
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** A member has gone that had heard everything before `epoch`; `earlier`: what it held from the group before, if that counts yet. */
  begin(epoch: number, source: number, earlier: GroupMove | null): GroupMove {
    const move: GroupMove = {
      advertiser: this.#advertiser,
      epoch,
      source,
      earlier,
      release: () => {
        this.#open.delete(move);
        earlier?.release();
        this.#released();
      },
    };
    this.#open.add(move);
    return move;
  }

  /** The oldest epoch whose tombstones a move still needs; infinite if none does. */
  oldestNeed(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { epoch } of this.#open) oldest = Math.min(oldest, epoch);
    return oldest;
  }
}

/**
 * Says the difference between what a member holds from its old group and what it is to hold in the new one. Works by prefix:
 * both groups stand on the same table. Entries of which both would send the same bytes are left alone.
 */
export function sayDifference(advertiser: Advertiser, from: GroupMove): Visit {
  const old = from.advertiser;
  const same = sameBytes(old, advertiser);
  const { told, packer } = advertiser;
  /** The set that the member holds of an entry: 0 none, -1 unknown. */
  const held = (entry: number): number => {
    if (entry === 0) return 0;
    const epoch = old.told.epoch(entry);
    if (epoch === 0) return 0;
    if (epoch >= from.epoch) return UNKNOWN;
    const set = old.told.set(entry);
    return set === 0 || old.outSets.source[set] === from.source ? 0 : set;
  };
  const wanted = (entry: number): number => {
    const set = told.set(entry);
    return set === 0 || advertiser.outSets.source[set] === from.source ? 0 : set;
  };
  const say = (before: number, now: number, prefixId: number, pathId: number): number => {
    if (now === 0) {
      if (before === 0) return 0;
      packer.withdraw(ALL, prefixId, pathId);
      return 1;
    }
    if (before > 0 && same(before, now)) return 0;
    packer.announce(now, prefixId, pathId);
    return 1;
  };
  const paths = told.paths;
  const oldPaths = old.told.paths;
  if (paths === null || oldPaths === null)
    return (prefixId) => {
      const before = knewEarlier(from, prefixId) ? UNKNOWN : held(prefixId);
      return say(before, wanted(prefixId), prefixId, 0);
    };
  return (prefixId) => {
    let said = 0;
    for (let entry = paths.first(prefixId); entry !== 0; entry = paths.next(entry)) {
      const now = wanted(entry);
      if (now === 0) continue;
      const pathId = paths.pathId[entry]!;
      said += say(held(oldPaths.find(prefixId, pathId)), now, prefixId, pathId);
    }
    for (let entry = oldPaths.first(prefixId); entry !== 0; entry = oldPaths.next(entry)) {
      const pathId = oldPaths.pathId[entry]!;
      if (wanted(paths.find(prefixId, pathId)) === 0) said += say(held(entry), 0, prefixId, pathId);
    }
    for (let earlier = from.earlier; earlier !== null; earlier = earlier.earlier) {
      const { paths: known } = earlier.advertiser.told;
      if (known === null) continue;
      for (let entry = known.first(prefixId); entry !== 0; entry = known.next(entry)) {
        const pathId = known.pathId[entry]!;
        const entryNow = paths.find(prefixId, pathId);
        said += say(UNKNOWN, wanted(entryNow), prefixId, pathId);
      }
    }
    return said;
  };
}

/** Whether a group before the last one was ever told of a prefix, without ADD-PATH. */
function knewEarlier(from: GroupMove, prefixId: number): boolean {
  for (let earlier = from.earlier; earlier !== null; earlier = earlier.earlier) {
    const { told } = earlier.advertiser;
    if (told.epoch(prefixId) !== 0) return true;
  }
  return false;
}

/** All prefixes that any of the groups was told are below. */
export function moveEnd(advertiser: Advertiser, from: GroupMove): number {
  let end = prefixEnd(advertiser);
  for (let group: GroupMove | null = from; group !== null; group = group.earlier)
    end = Math.max(end, prefixEnd(group.advertiser));
  return end;
}

const prefixEnd = ({ told }: Advertiser): number => (told.paths === null ? told.end : told.paths.prefixEnd);

/** Whether a set of one group and a set of the other are sent as the same bytes; remembered by pair. */
function sameBytes(old: Advertiser, advertiser: Advertiser): (before: number, now: number) => boolean {
  const known = new Map<number, boolean>();
  return (before, now) => {
    const pair = before * 2 ** 26 + now;
    let same = known.get(pair);
    if (same === undefined) {
      same = Buffer.compare(old.encoder.copyOf(before), advertiser.encoder.copyOf(now)) === 0;
      known.set(pair, same);
    }
    return same;
  };
}
