import t from "tap";
import { IdQueue } from "../../../src/lib/columns/id-queue.ts";
import { seededRandom } from "../../../src/lib/random.ts";

t.test("ids leave a queue in the order in which they came", (t) => {
  const queue = new IdQueue();
  const model: number[] = [];
  const random = seededRandom(4);
  for (let i = 1; i < 50_000; i++) {
    queue.push(i);
    model.push(i);
    if (random.next() < 0.45 && queue.shift() !== model.shift()) t.fail(`out of order at ${i}`);
  }
  t.equal(queue.length, model.length);
  while (model.length > 0) if (queue.shift() !== model.shift()) t.fail("out of order at the end");
  t.equal(queue.shift(), 0);
  t.end();
});

t.test("a queue follows a plain array, however it is taken from, full and empty by turns", (t) => {
  const queue = new IdQueue();
  const model: number[] = [];
  const random = seededRandom(5);
  let next = 1;
  for (const [steps, share] of [
    [30_000, 0.9],
    [60_000, 0.1],
    [9000, 0.5],
    [30_000, 0.7],
    [60_000, 0.2],
  ] as const)
    for (let i = 0; i < steps; i++) {
      if (random.next() < share) {
        queue.push(next);
        model.push(next++);
      } else if (model.length === 0) {
        if (queue.shift() !== 0 || queue.pop() !== 0) t.fail("there is something in an empty queue");
      } else if (i % 3 === 0) {
        if (queue.shift() !== model.shift()) t.fail(`not the oldest at ${next}`);
      } else if (i % 3 === 1) {
        if (queue.pop() !== model.pop()) t.fail(`not the newest at ${next}`);
      } else {
        const index = Math.floor(random.next() * model.length);
        if (queue.at(index) !== model[index]) t.fail(`another at ${index}`);
        const taken = model[index];
        const newest = model.pop()!;
        if (index < model.length) model[index] = newest;
        if (queue.takeAt(index) !== taken) t.fail(`not the one at ${index}`);
      }
      if (queue.length !== model.length) t.fail(`${queue.length} wait and not ${model.length}`);
    }
  t.end();
});
