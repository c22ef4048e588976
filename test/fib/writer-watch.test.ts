import t from "tap";
import { WriterWatch } from "../../src/fib/writer-watch.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";

function setup() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const owed = { answers: 0 };
  const log = { event: (_: string, name: string, message: string) => void lines.push(`${name}: ${message}`) };
  const watch = new WriterWatch(clock, log, () => owed.answers > 0);
  const ask = () => {
    owed.answers++;
    watch.asked();
  };
  const answer = () => {
    owed.answers = 0;
    watch.heard();
  };
  return { clock, lines, owed, watch, ask, answer };
}

t.test("a writer that owes an answer for five seconds hangs: said once, and again when it answers", (t) => {
  const { clock, lines, watch, ask, answer } = setup();
  ask();
  clock.advance(4_999);
  t.equal(watch.trouble, null);
  clock.advance(1);
  t.equal(watch.trouble, "the kernel writer has not answered for 5 s: it is stopped, or the kernel holds it");
  ask();
  clock.advance(20_000);
  t.match(watch.trouble, "for 25 s");
  t.equal(lines.length, 1);
  t.match(lines[0], "fib-writer-hung: the kernel writer has not answered for 5 s");
  answer();
  t.equal(watch.trouble, null);
  t.same(lines.slice(1), ["fib-writer-answers: the kernel writer answers again"]);
  t.end();
});

t.test("a writer with nothing to answer may be silent for ever, and each answer counts anew", (t) => {
  const { clock, owed, lines, watch, ask, answer } = setup();
  ask();
  clock.advance(100);
  answer();
  clock.advance(60_000);
  ask();
  clock.advance(4_900);
  owed.answers = 1; // more is asked all the time, and some of it answered
  watch.heard();
  ask();
  clock.advance(4_999);
  t.same([watch.trouble, lines], [null, []]);
  clock.advance(1);
  t.match(watch.trouble, "for 5 s");
  t.end();
});

t.test("a writer that is gone doesn't hang, and the next one has its own time", (t) => {
  const { clock, lines, watch, ask } = setup();
  ask();
  clock.advance(4_000);
  watch.gone();
  ask();
  clock.advance(4_999);
  t.equal(watch.trouble, null);
  watch.gone();
  clock.advance(60_000);
  t.same(lines, []);
  t.end();
});
