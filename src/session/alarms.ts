import type { Clock, Timer } from "../lib/clock.ts";

/** Something that is to be woken at a time. Both numbers belong to `Alarms`. */
export interface Alarm {
  /** Monotonic milliseconds; 0 = not set. */
  due: number;
  /** Where it stands in the heap. */
  place: number;
  /** Its time has come; it is no longer set. */
  ring(now: number): void;
}

/**
 * The alarms of all sessions of a speaker, on one timer of the clock: a binary heap by time. Five thousand timers of the machine's
 * are five thousand lists of Node's, and as many turns of the loop that wake up for one session each.
 */
export class Alarms {
  readonly clock: Clock;
  readonly #heap: Alarm[] = [];
  #timer: Timer | null = null;
  #firesAt = 0;
  #firing = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Sets an alarm, or moves it. */
  set(alarm: Alarm, due: number): void {
    const heap = this.#heap;
    if (alarm.due === 0) {
      alarm.place = heap.length;
      heap.push(alarm);
    }
    const earlier = alarm.due === 0 || due < alarm.due;
    alarm.due = due;
    if (earlier) this.#up(alarm);
    else this.#down(alarm);
    this.#schedule();
  }

  cancel(alarm: Alarm): void {
    if (alarm.due === 0) return;
    this.#remove(alarm);
    if (this.#heap.length > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #remove(alarm: Alarm): void {
    const { place } = alarm;
    alarm.due = 0;
    const last = this.#heap.pop()!;
    if (last === alarm) return;
    last.place = place;
    this.#heap[place] = last;
    this.#up(last);
    this.#down(last);
  }

  #schedule(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#firing || (this.#timer !== null && this.#firesAt <= first.due)) return;
    this.#timer?.cancel();
    this.#firesAt = first.due;
    this.#timer = this.clock.setTimer(Math.max(0, first.due - this.clock.now()), this.#fire);
  }

  readonly #fire = (): void => {
    this.#timer = null;
    this.#firing = true;
    try {
      const now = this.clock.now();
      for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
        this.#remove(first);
        first.ring(now);
      }
    } finally {
      this.#firing = false;
      this.#schedule();
    }
  };

  #up(alarm: Alarm): void {
    const heap = this.#heap;
    let at = alarm.place;
    while (at > 0) {
      const above = heap[(at - 1) >>> 1]!;
      if (above.due <= alarm.due) break;
      heap[at] = above;
      above.place = at;
      at = (at - 1) >>> 1;
    }
    heap[at] = alarm;
    alarm.place = at;
  }

  #down(alarm: Alarm): void {
    const heap = this.#heap;
    let at = alarm.place;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.due < heap[below]!.due) below++;
      const next = heap[below]!;
      if (next.due >= alarm.due) break;
      heap[at] = next;
      next.place = at;
      at = below;
    }
    heap[at] = alarm;
    alarm.place = at;
  }
}
