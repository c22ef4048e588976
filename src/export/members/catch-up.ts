import type { Advertiser } from "../told/advertiser.ts";
import { ALL, type Chunk, Cursor, Log, only } from "../told/update-log.ts";

/** Entries that a catch-up encodes at a time: enough that the prefixes of one attribute set mostly meet. */
const WINDOW = 8192;
/** Entries without anything to say that cost as much as one that is encoded. */
const IDLE_PER_UNIT = 8;
/** Turns of `ExportGroup.tick` for which a catch-up is kept for those who come later. */
const YOUNG = 2;

/** Looks at one entry and puts what is to be said of it into the packer; returns how many items that were. */
export type Visit = (entry: number) => number;

/** Positions from..to-1 under one rule. */
export interface Arc {
  readonly from: number;
  readonly to: number;
  readonly visit: Visit;
}

/**
 * A catch-up over what a group was told, encoded into a log of its own, for members whom the group's log alone can't bring up to
 * date: they read the catch-up from its beginning and then go on in the group's log, at the place where that stood when the
 * catch-up began (`pin`). It is encoded as its fastest reader asks for more, and its bytes are kept for a second or two for those
 * who come later. If meanwhile too much was said for the pin to be held, its readers need another catch-up, from `start` on.
 */
export class CatchUp {
  readonly log = new Log(true);
  /** 0: everything that is told. Otherwise: what changed in this epoch or later, withdrawals too. */
  readonly since: number;
  /** Epoch of the group's log when the catch-up began. */
  readonly start: number;
  pin: Cursor | null;
  /** The oldest change that a reader may still have to hear of. */
  readonly needs: number;
  readers = 0;
  readonly #advertiser: Advertiser;
  readonly #arcs: readonly Arc[];
  #arc = 0;
  #position: number;
  #first: Chunk | null;
  #young = YOUNG;

  constructor(advertiser: Advertiser, since: number, start: number, needs: number, pin: Cursor, arcs: readonly Arc[]) {
    this.since = since;
    this.start = start;
    this.needs = needs;
    this.pin = pin;
    this.#advertiser = advertiser;
    this.#arcs = arcs;
    this.#position = arcs[0]!.from;
    this.#first = this.log.end().chunk;
    this.#first.position = this.#position;
  }

  get done(): boolean {
    return this.#arc === this.#arcs.length;
  }

  /** Whether its first bytes are still there for another reader. */
  get isYoung(): boolean {
    return this.#first !== null;
  }

  /** Takes one more reader, which begins at the first byte. */
  enter(): Cursor {
    this.readers++;
    this.#young = YOUNG;
    return new Cursor(this.#first!, 0, 0, 0);
  }

  /** Takes one reader, and keeps nothing for others. */
  enterAlone(): Cursor {
    const cursor = this.enter();
    this.#first = null;
    return cursor;
  }

  /** Returns true when it stops being young: from then on its readers alone keep its bytes alive. */
  tick(): boolean {
    if (this.#first === null || --this.#young > 0) return false;
    this.#first = null;
    return true;
  }

  /** No more readers, though the pin may be there. */
  close(): void {
    this.#first = null;
  }

  /** Encodes the next piece; returns the units of work it took. */
  build(budget: number): number {
    const { packer } = this.#advertiser;
    this.log.startAt(this.#position);
    let items = 0;
    let idle = 0;
    const enough = Math.min(WINDOW, Math.max(1, budget));
    const idleEnough = IDLE_PER_UNIT * budget;
    while (this.#arc < this.#arcs.length && items < enough && idle < idleEnough) {
      const { to, visit } = this.#arcs[this.#arc]!;
      while (this.#position < to && items < enough && idle < idleEnough) {
        const said = visit(this.#position++);
        if (said === 0) idle++;
        else items += said;
      }
      if (this.#position < to) break;
      this.#arc++;
      if (this.#arc < this.#arcs.length) this.#position = this.#arcs[this.#arc]!.from;
    }
    packer.flush(this.log);
    return items + Math.ceil(idle / IDLE_PER_UNIT);
  }

  /** The first position of which a reader at `cursor` has not read. */
  reached(cursor: Cursor): number {
    const { chunk, offset } = cursor;
    if (offset < chunk.filled) return chunk.position;
    return chunk.next === null ? this.#position : chunk.next.position;
  }

  /** Where the only arc of a shared catch-up ends. */
  get end(): number {
    return this.#arcs[0]!.to;
  }
}

/** Says every entry that is told. */
export function sayAll(advertiser: Advertiser): Visit {
  const { told, packer } = advertiser;
  return (entry) => {
    const set = told.set(entry);
    if (set === 0) return 0;
    packer.announce(set, told.prefix(entry), told.pathId(entry));
    return 1;
  };
}

/**
 * Says what changed in epoch `since` or later. A reader may have been told anything of such an entry before, so its own
 * routes are withdrawn from it: it may hold another's. `live` 0: entries that are told now are said in any case.
 */
export function sayChanges(
  advertiser: Advertiser,
  since: number,
  live: number,
  mayHold: (source: number) => boolean,
): Visit {
  const { told, packer, outSets } = advertiser;
  return (entry) => {
    const set = told.set(entry);
    const epoch = told.epoch(entry);
    if (epoch === 0 || epoch < (set === 0 ? since : live)) return 0;
    const prefix = told.prefix(entry);
    const pathId = told.pathId(entry);
    if (set === 0) {
      packer.withdraw(ALL, prefix, pathId);
      return 1;
    }
    packer.announce(set, prefix, pathId);
    const source = outSets.source[set]!;
    if (epoch < since || !mayHold(source)) return 1;
    packer.withdraw(only(source), prefix, pathId);
    return 2;
  };
}
