import fc from "fast-check";
import t from "tap";
import type { Clock } from "../../src/lib/clock.ts";
import { Alarms } from "../../src/session/alarms.ts";
import { KeepaliveLag } from "../../src/session/counters.ts";
import { countFailures, forgivenAfterMs, idleHoldMs } from "../../src/session/damping.ts";
import { Deadlines } from "../../src/session/deadlines.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";

t.test("each deadline fires once, at its own time, however often it was moved", (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          wait: fc.integer({ min: 0, max: 50 }),
          index: fc.integer({ min: 0, max: 3 }),
          delay: fc.integer({ min: 0, max: 100 }),
        }),
      ),
      (plan) => {
        const clock = new VirtualClock();
        const expected = new Map<number, number>();
        const wrong: string[] = [];
        const deadlines = new Deadlines(new Alarms(clock), 4, {
          expired(index, lateMs) {
            if (expected.get(index) !== clock.now() || lateMs !== 0) wrong.push(`${index} at ${clock.now()}`);
            expected.delete(index);
          },
        });
        for (const { wait, index, delay } of plan) {
          clock.advance(wait);
          deadlines.arm(index, delay);
          if (delay === 0) expected.delete(index);
          else expected.set(index, clock.now() + delay);
          for (const [each, at] of expected) if (deadlines.left(each) !== at - clock.now()) wrong.push(`left ${each}`);
        }
        clock.advance(200);
        return wrong.length === 0 && expected.size === 0 && clock.waiting === 0;
      },
    ),
  );
  t.pass();
  t.end();
});

t.test("moving a deadline further away costs no timer of the clock", (t) => {
  const clock = new VirtualClock();
  let armed = 0;
  const counting: Clock = {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    defer: (run) => clock.defer(run),
    setTimer(delayMs, fire) {
      armed++;
      return clock.setTimer(delayMs, fire);
    },
  };
  const deadlines = new Deadlines(new Alarms(counting), 2, { expired() {} });
  deadlines.arm(0, 1_000);
  for (let i = 0; i < 900; i++) {
    clock.advance(1);
    deadlines.arm(0, 1_000);
    deadlines.arm(1, 5_000);
  }
  t.equal(armed, 1);
  clock.advance(200);
  t.equal(armed, 2, "the early one found nothing expired and armed itself for the rest");
  t.end();
});

t.test("an owner that stops everything from within is obeyed", (t) => {
  const clock = new VirtualClock();
  const fired: number[] = [];
  const deadlines: Deadlines = new Deadlines(new Alarms(clock), 3, {
    expired(index) {
      fired.push(index);
      deadlines.clear();
    },
  });
  for (const index of [0, 1, 2]) deadlines.arm(index, 10);
  clock.advance(100);
  t.same(fired, [0]);
  t.equal(clock.waiting, 0);
  t.end();
});

t.test("lateness after a stall is told", (t) => {
  const clock = new VirtualClock();
  const late: number[] = [];
  const deadlines = new Deadlines(new Alarms(clock), 1, { expired: (_, lateMs) => void late.push(lateMs) });
  deadlines.arm(0, 10);
  clock.stall(25);
  clock.advance(0);
  t.same(late, [15]);
  t.end();
});

t.test("damping: the first failure is free, then 100 ms doubled each time up to the cap (RFC 4271 §8.1.1)", (t) => {
  t.same(
    [1, 2, 3, 4, 5, 6, 60].map((failures) => idleHoldMs(failures, true, 1_000)),
    [1, 100, 200, 400, 800, 1_000, 1_000],
  );
  t.equal(idleHoldMs(60, false, 1_000), 1, "an outage is not damped");
  t.equal(idleHoldMs(60, true, 0), 1, "damping is off");
  t.equal(countFailures(3, true, 0), 4);
  t.equal(countFailures(3, false, 0), 3);
  t.equal(countFailures(3, true, forgivenAfterMs), 1, "a session that stood a minute has forgiven what was before");
  t.end();
});

t.test("keepalive lag goes into buckets", (t) => {
  const lag = new KeepaliveLag();
  for (const ms of [-1, 0, 1, 2, 60, 100_000]) lag.record(ms);
  t.equal(lag.count, 6);
  t.equal(lag.maxMs, 100_000);
  t.equal(lag.totalMs, 100_063);
  t.same(lag.buckets, [3, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  t.end();
});
