import type { Clock, Timer } from "../src/lib/clock.ts";

/** One thing that is to happen; a binary heap orders them by time, then by age. */
class Entry implements Timer {
  at: number;
  order: number;
  readonly network: boolean;
  run: (() => void) | null;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, at: number, order: number, network: boolean, run: () => void) {
    this.#clock = clock;
    this.at = at;
    this.order = order;
    this.network = network;
    this.run = run;
  }

  cancel(): void {
    if (this.run === null) return;
    this.run = null;
    this.#clock.cancelled();
  }
}

const before = (a: Entry, b: Entry): boolean => (a.at === b.at ? a.order < b.order : a.at < b.at);

/**
 * Time that passes only when told to. Whatever is due runs in the order of its time, and of equal times in the order in which it
 * was asked for: a run is the same each time. `defer` runs at the same time, after all that was already due.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #cancelled = 0;
  #heap: Entry[] = [];
  /** Wall time at virtual time zero. */
  readonly epoch: number;

  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.epoch + this.#now;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    return this.#push(this.#now + Math.max(0, delayMs), false, fire);
  }

  defer(run: () => void): void {
    this.#push(this.#now, false, run);
  }

  /** Something comes in from the network. */
  arrive(delayMs: number, run: () => void): void {
    this.#push(this.#now + Math.max(0, delayMs), true, run);
  }

  /** Runs all that is due in the next `ms`, then stands there. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      while (this.#heap.length > 0 && this.#heap[0]!.run === null) this.#dropCancelled();
      if (this.#heap.length === 0 || this.#heap[0]!.at > until) break;
      this.step();
    }
    this.#now = until;
  }

  #dropCancelled(): void {
    this.#pop();
    this.#cancelled--;
  }

  /** Runs the next thing; false if there is nothing left. */
  step(): boolean {
    for (;;) {
      const entry = this.#pop();
      if (entry === undefined) return false;
      const run = entry.run;
      if (run === null) {
        this.#cancelled--;
        continue;
      }
      entry.run = null;
      this.#now = Math.max(this.#now, entry.at);
      run();
      return true;
    }
  }

  /** Runs until `done`; throws if that takes longer than `limitMs`, or if nothing is left to happen. */
  runUntil(done: () => boolean, limitMs = 3_600_000): void {
    const until = this.#now + limitMs;
    while (!done()) {
      if (this.#now > until) throw new Error(`not done after ${limitMs} ms of virtual time`);
      if (!this.step()) throw new Error("nothing is left to happen, and it is not done");
    }
  }

  /**
   * The loop stands still for `ms`, as under a long computation. Then, as in Node, it runs the timers that became due meanwhile,
   * and reads the sockets after them.
   */
  stall(ms: number): void {
    this.#now += ms;
    const due: Entry[] = [];
    while (this.#heap.length > 0 && this.#heap[0]!.at <= this.#now) due.push(this.#pop()!);
    // A stable sort: each kind keeps its order.
    for (const entry of due.sort((a, b) => Number(a.network) - Number(b.network))) this.#add(entry, this.#now);
  }

  /** Things that wait, for leak tests. */
  get waiting(): number {
    return this.#heap.length - this.#cancelled;
  }

  cancelled(): void {
    this.#cancelled++;
    if (this.#cancelled < 64 || this.#cancelled * 2 < this.#heap.length) return;
    this.#heap = this.#heap.filter((entry) => entry.run !== null).sort((a, b) => (before(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #push(at: number, network: boolean, run: () => void): Entry {
    const entry = new Entry(this, at, this.#order++, network, run);
    this.#add(entry, at);
    return entry;
  }

  #add(entry: Entry, at: number): void {
    if (entry.at !== at) {
      entry.at = at;
      entry.order = this.#order++;
    }
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}
