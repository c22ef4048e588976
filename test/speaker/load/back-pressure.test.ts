import t from "tap";
import type { Clock } from "../../../src/lib/clock.ts";
import { type Job, WorkLoop } from "../../../src/lib/work-loop.ts";
import { BackPressure } from "../../../src/speaker/load/back-pressure.ts";

/** A clock whose time passes only where a test says so, and whose turns it begins. */
class Turns implements Clock {
  time = 0;
  #deferred: (() => void)[] = [];

  now(): number {
    return this.time;
  }
  wallTime(): number {
    return this.time;
  }
  setTimer() {
    return { cancel() {} };
  }
  defer(run: () => void): void {
    this.#deferred.push(run);
  }
  /** The next turn of the loop; false when nothing waits for it. */
  turn(): boolean {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
    return deferred.length > 0;
  }
}

class Reader {
  isPaused = false;
  pauseReading(): void {
    this.isPaused = true;
  }
  resumeReading(): void {
    this.isPaused = false;
  }
}

function backPressure(backlog = { size: 0 }) {
  const clock = new Turns();
  const readers = Array.from({ length: 100 }, () => new Reader());
  const room = new BackPressure(clock, () => backlog.size);
  /** Everybody who may be read delivers a chunk that takes so long. */
  const deliver = (ms: number, among = readers) => {
    let chunks = 0;
    for (const reader of among) {
      if (reader.isPaused) continue;
      clock.time += ms;
      room.chunkRead(reader);
      chunks++;
    }
    return chunks;
  };
  return { clock, readers, room, backlog, deliver };
}

t.test("whoever delivers when a turn's time is used up is read on later, in order, so that turns stay short", (t) => {
  const { clock, readers, room, deliver } = backPressure();
  t.equal(deliver(2), 100, "nobody knows before");
  t.equal(room.paused, 97, "from the first one's chunk on it is counted: 5 ms");
  const chunks: number[] = [];
  for (let i = 0; i < 30; i++) {
    clock.turn();
    chunks.push(deliver(2));
  }
  t.ok(Math.max(...chunks.slice(3)) <= 8, `about 10 ms a turn: ${chunks}`);
  const heard = new Set<Reader>();
  for (let i = 0; i < 60; i++) {
    clock.turn();
    for (const reader of readers) if (!reader.isPaused) heard.add(reader);
    deliver(2);
  }
  t.equal(heard.size, 100, "and everybody has a turn");
  while (clock.turn());
  t.ok(
    readers.every((reader) => !reader.isPaused),
    "who has no more to say stays readable",
  );
  t.end();
});

t.test("who sends little is never paused", (t) => {
  const { clock, readers, room, deliver } = backPressure();
  for (let i = 0; i < 100; i++) {
    t.equal(deliver(0.01, readers.slice(0, 50)), 50);
    clock.turn();
  }
  t.equal(room.pauses, 0);
  t.end();
});

t.test("while too many prefixes wait for their decision nobody who sends UPDATEs is read", (t) => {
  const { clock, readers, backlog, deliver } = backPressure();
  backlog.size = 200_000;
  t.equal(deliver(0), 100);
  t.ok(readers.every((reader) => reader.isPaused));
  for (const size of [150_000, 100_000, 65_536]) {
    backlog.size = size;
    t.ok(clock.turn());
    t.equal(deliver(0), 0, `${size} wait`);
  }
  backlog.size = 65_535;
  for (let i = 0; i < 40; i++) {
    clock.turn();
    deliver(0);
  }
  t.ok(readers.every((reader) => !reader.isPaused));
  t.end();
});

t.test("a session that is held for its memory is read on when it is released, and only then", (t) => {
  const { clock, readers, room, deliver } = backPressure();
  const [heavy] = readers as [Reader];
  deliver(10);
  room.hold(heavy);
  room.hold(heavy);
  for (let i = 0; i < 40; i++) {
    clock.turn();
    deliver(0);
  }
  t.same(
    readers.filter((reader) => reader.isPaused),
    [heavy],
  );
  room.release(heavy);
  t.notOk(heavy.isPaused);
  room.hold(heavy);
  room.forget(heavy);
  t.equal(room.paused, 0, "what has ended is forgotten");
  t.end();
});

/** Costs `msPerUnit` of the clock's time. */
class Costly implements Job {
  readonly step?: number;
  left = 0;
  msPerUnit = 0;
  longest = 0;
  readonly #clock: Turns;

  constructor(clock: Turns, step: number | null) {
    this.#clock = clock;
    if (step !== null) this.step = step;
  }

  run(units: number): boolean {
    const done = Math.min(units, this.left);
    this.left -= done;
    this.#clock.time += done * this.msPerUnit;
    this.longest = Math.max(this.longest, done);
    return this.left === 0;
  }
}

t.test("a slice of work takes about 3 ms, also where units suddenly cost more than they did", (t) => {
  const clock = new Turns();
  const [cut, whole] = [new Costly(clock, 1024), new Costly(clock, null)];
  const loop = new WorkLoop(clock);
  for (const job of [cut, whole]) loop.add(job);
  const longestTurn = () => {
    let longest = 0;
    for (let before = clock.time; clock.turn(); before = clock.time) longest = Math.max(longest, clock.time - before);
    return longest;
  };
  // So cheap that slices grow as far as they may.
  for (const job of [cut, whole]) Object.assign(job, { left: 2_000_000, msPerUnit: 0.000_01 });
  loop.touch();
  t.ok(longestTurn() < 2);
  t.equal(cut.longest, 1024);
  t.equal(whole.longest, 65_536, "what is better done together is");

  Object.assign(cut, { left: 100_000, msPerUnit: 0.001 });
  loop.touch();
  t.ok(longestTurn() < 5, "a hundred times as expensive, and noticed within the slice");
  Object.assign(whole, { left: 500_000, msPerUnit: 0.001 });
  loop.touch();
  t.ok(longestTurn() > 60, "or with the next slices");
  whole.left = 500_000;
  loop.touch();
  t.ok(longestTurn() < 5);
  t.end();
});
