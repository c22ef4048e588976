import t from "tap";
import { WriteQueue } from "../../src/fib/write-queue.ts";

/** Keys of IPv4 prefixes are even, those of IPv6 odd. */
const four = (id: number): number => id * 2;
const six = (id: number): number => id * 2 + 1;

function takeAll(queue: WriteQueue): number[] {
  const keys: number[] = [];
  while (queue.length > 0) keys.push(queue.take());
  return keys;
}

t.test("everything that was put in comes out, once, whatever comes meanwhile", (t) => {
  const queue = new WriteQueue();
  const out: number[] = [];
  let next = 1;
  for (let round = 0; round < 400; round++) {
    for (let i = 0; i < (round * 37) % 101; i++, next++) queue.push(next, next % 7);
    for (let i = 0; i < (round * 53) % 89 && queue.length > 0; i++) out.push(queue.take());
  }
  out.push(...takeAll(queue));
  t.equal(out.length, next - 1);
  t.equal(new Set(out).size, next - 1);
  t.end();
});

t.test("one change is written within a round of somebody else's hundred thousand", (t) => {
  const queue = new WriteQueue();
  for (let id = 1; id <= 50_000; id++) queue.push(four(id), 1);
  queue.push(four(60_000), 2);
  for (let id = 50_001; id <= 59_999; id++) queue.push(four(id), 1);
  t.ok(takeAll(queue).indexOf(four(60_000)) < 600);
  t.end();
});

t.test("the newest change of a flow passes what waits in it", (t) => {
  const queue = new WriteQueue();
  for (let id = 1; id <= 50_000; id++) queue.push(four(id), 1);
  for (let i = 0; i < 1000; i++) queue.take();
  queue.push(four(60_000), 1);
  t.ok(takeAll(queue).indexOf(four(60_000)) < 20);
  t.end();
});

t.test("a sorted IPv4 table is taken from all over, evenly at every moment", (t) => {
  const queue = new WriteQueue();
  const count = 65_536;
  for (let id = 0; id < count; id++) queue.push(four(id), 1);
  const inEighth = new Array<number>(8).fill(0);
  for (let i = 1; i <= count / 2; i++) {
    inEighth[Math.floor(((queue.take() >>> 1) / count) * 8)]!++;
    if (i % 4096 === 0) t.ok(Math.max(...inEighth) < 2 * (i / 8), `${inEighth} after ${i}`);
  }
  t.end();
});

t.test("IPv6 is taken in the order that it came in: the kernel's IPv6 table doesn't mind", (t) => {
  const queue = new WriteQueue();
  const keys = Array.from({ length: 300 }, (_, i) => six(i));
  for (const key of keys) queue.push(key, 1);
  t.same(takeAll(queue), keys);
  t.end();
});

t.test("nothing starves: what waits is taken before what comes after the next generation has begun", (t) => {
  const queue = new WriteQueue();
  for (let id = 1; id <= 1000; id++) queue.push(four(id), 1);
  const waiting = new Set(Array.from({ length: 1000 }, (_, i) => four(i + 1)));
  for (let id = 1001; waiting.size > 0; id++) {
    waiting.delete(queue.take());
    queue.push(four(id), 1); // as fast as they are taken
    if (id > 4000) break;
  }
  t.equal(waiting.size, 0);
  t.end();
});

t.test("a ticket has passed when all that waited was taken, and not before", (t) => {
  const queue = new WriteQueue();
  const waiting = new Set<number>();
  for (let id = 1; id <= 900; id++) {
    queue.push(four(id), id % 3);
    waiting.add(four(id));
    if (id % 3 === 0) waiting.delete(queue.take());
  }
  const ticket = queue.ticket();
  for (let id = 1000; waiting.size > 0; id++) {
    t.notOk(queue.passed(ticket), "some of it waits") || t.bailout();
    waiting.delete(queue.take());
    queue.push(four(id), id % 3);
  }
  for (let i = 0; i < 3000 && !queue.passed(ticket); i++) {
    queue.take();
    queue.push(four(5000 + i), i % 3);
  }
  t.ok(queue.passed(ticket), "it passes though others keep coming");
  t.ok(new WriteQueue().passed(new WriteQueue().ticket()), "nothing waits in an empty queue");
  t.end();
});
