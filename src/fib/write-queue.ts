import { IdQueue } from "../lib/columns/id-queue.ts";

/** Lanes per family. Two flows share one by chance; then they wait for each other, as they would with a single queue. */
const LANES_PER_FAMILY = 32;
const LANES = LANES_PER_FAMILY * 2;
/** Keys that one round takes from all lanes together, and from each at least. */
const ROUND = 512;
const LEAST_QUANTUM = 8;
/** In a lane that is longer than a round, one of so many taken is the newest. */
const NEWEST_OF = 16;
/** The golden ratio as a fraction of 2^32: multiples of it fall evenly, and ever more densely, between 0 and 1. */
const GOLDEN = 0x9e3779b9;

/** The keys of one flow: those of this generation, and those that came since it began. */
class Lane {
  #now = new IdQueue();
  #later = new IdQueue();
  /** Generations that were begun; both of an empty lane are over. */
  generation = 0;

  get length(): number {
    return this.#now.length + this.#later.length;
  }

  /** Whether some came since this generation began. */
  get hasLater(): boolean {
    return this.#later.length > 0;
  }

  push(key: number): void {
    this.#later.push(key);
  }

  newest(): number {
    return this.#later.length > 0 ? this.#later.pop() : this.#now.pop();
  }

  /** The key at a share (0 to 2^32-1) of this generation; the last takes its place. */
  at(share: number): number {
    if (this.#now.length === 0) this.#begin();
    return this.#now.takeAt(Math.floor((share / 0x100000000) * this.#now.length));
  }

  /** The first of this generation. */
  first(): number {
    if (this.#now.length === 0) this.#begin();
    return this.#now.shift();
  }

  #begin(): void {
    [this.#now, this.#later] = [this.#later, this.#now];
    this.generation++;
  }
}

/** Stands for all that waited at one moment. */
export type Ticket = { readonly lane: number; readonly generation: number }[];

/**
 * Prefixes that wait to be written. They know no order among each other, so the order is ours to choose:
 *
 * - **In turns.** Each flow (a source of changes and what its routes go through) has a lane, and lanes take turns: one
 *   changed route does not stand behind somebody else's hundred thousand. Of a long lane some of the newest go first, so
 *   that it does not stand behind those of its own source either.
 * - **Spread out (IPv4).** Tables come in sorted, and the kernel's IPv4 table is a trie that grows and shrinks its nodes
 *   as they fill: fed in order it rebuilds the same nodes again and again, one message of a hundred thousand takes 50 ms
 *   and more, and deleting costs two to three times as much as in an order that fills all of it evenly. So each lane is
 *   taken from all over. (A C program that sends nothing but the messages shows the same: docs/kernel.md.)
 *
 * Nothing starves: a lane is taken in generations, and what comes during one waits for the next.
 */
export class WriteQueue {
  readonly #lanes: (Lane | undefined)[] = new Array(LANES).fill(undefined);
  /** Lanes that hold something; the one at `#turn` is being taken from. */
  readonly #active: number[] = [];
  #turn = 0;
  /** What the lane whose turn it is may still give. */
  #quantum = 0;
  #share = 0;
  #taken = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `flow`: equal for keys that may wait for each other. The lowest bit of a key is its family. */
  push(key: number, flow: number): void {
    const number = ((Math.imul(flow, GOLDEN) >>> 27) << 1) | (key & 1);
    let lane = this.#lanes[number];
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes[number] = lane;
    }
    if (lane.length === 0) this.#active.push(number);
    lane.push(key);
    this.#length++;
  }

  /** The next; the queue must not be empty. */
  take(): number {
    const active = this.#active;
    if (this.#quantum === 0) {
      this.#turn = this.#turn + 1 < active.length ? this.#turn + 1 : 0;
      this.#quantum = Math.max(LEAST_QUANTUM, Math.floor(ROUND / active.length));
    }
    this.#quantum--;
    this.#length--;
    const number = active[this.#turn]!;
    const lane = this.#lanes[number]!;
    let key: number;
    if (lane.length > ROUND && this.#taken++ % NEWEST_OF === 0) key = lane.newest();
    else if ((number & 1) === 1) key = lane.first();
    else {
      this.#share = (this.#share + GOLDEN) >>> 0;
      key = lane.at(this.#share);
    }
    if (lane.length === 0) {
      lane.generation += 2;
      const last = active.pop()!;
      if (last !== number) active[this.#turn] = last;
      this.#quantum = 0;
    }
    return key;
  }

  /** For `passed`: all that waits now. */
  ticket(): Ticket {
    return this.#active.map((number) => {
      const lane = this.#lanes[number]!;
      return { lane: number, generation: lane.generation + (lane.hasLater ? 2 : 1) };
    });
  }

  /** Whether everything that waited when the ticket was given has been taken. What has passed is struck off the ticket. */
  passed(ticket: Ticket): boolean {
    while (ticket.length > 0) {
      const { lane, generation } = ticket.at(-1)!;
      if (this.#lanes[lane]!.generation < generation) return false;
      ticket.pop();
    }
    return true;
  }
}
