import fc from "fast-check";
import t from "tap";
import { seededRandom } from "../../src/lib/random.ts";
import { type Alarm, Alarms } from "../../src/session/alarms.ts";
import { jittered } from "../../src/session/jitter.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";

class Bell implements Alarm {
  due = 0;
  place = 0;
  readonly ringing: number[] = [];
  onRing: () => void = () => {};
  ring(now: number): void {
    this.ringing.push(now);
    this.onRing();
  }
}

t.test("however alarms are set, moved and cancelled, each rings once, at its time, and no timer is left over", (t) => {
  const step = fc.record({
    bell: fc.integer({ min: 0, max: 5 }),
    delay: fc.integer({ min: 0, max: 60 }),
    wait: fc.integer({ min: 0, max: 25 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (plan) => {
      const clock = new VirtualClock();
      const alarms = new Alarms(clock);
      const bells = Array.from({ length: 6 }, () => new Bell());
      const expected = bells.map((): number[] => []);
      const due = bells.map(() => 0);
      const pass = (ms: number) => {
        const until = clock.now() + ms;
        for (const [i, at] of due.entries())
          if (at !== 0 && at <= until) {
            expected[i]!.push(at);
            due[i] = 0;
          }
        clock.advance(ms);
      };
      clock.advance(1);
      for (const { bell, delay, wait } of plan) {
        if (delay === 0) alarms.cancel(bells[bell]!);
        else alarms.set(bells[bell]!, clock.now() + delay);
        due[bell] = delay === 0 ? 0 : clock.now() + delay;
        pass(wait);
      }
      pass(100);
      return clock.waiting === 0 && JSON.stringify(bells.map((b) => b.ringing)) === JSON.stringify(expected);
    }),
  );
  t.pass();
  t.end();
});

t.test("five thousand alarms are one timer of the clock", (t) => {
  const clock = new VirtualClock();
  const alarms = new Alarms(clock);
  for (let i = 5_000; i > 0; i--) alarms.set(new Bell(), i);
  t.equal(clock.waiting, 1);
  t.end();
});

t.test("a bell that fails does not silence the others", (t) => {
  const clock = new VirtualClock();
  const alarms = new Alarms(clock);
  const [broken, sound] = [new Bell(), new Bell()];
  broken.onRing = () => {
    throw new Error("cracked");
  };
  alarms.set(broken, 10);
  alarms.set(sound, 20);
  t.throws(() => clock.advance(15), /cracked/);
  clock.advance(15);
  t.same(sound.ringing, [20]);
  t.end();
});

t.test("jitter stays within 0.75 to 1 of the time (RFC 4271 §10), and brings sessions together where it can", (t) => {
  const random = seededRandom(1);
  for (const ms of [10, 300, 1_000, 30_000]) {
    const times = new Set<number>();
    for (let i = 0; i < 2_000; i++) {
      const now = 1_000_000 * random.next();
      const delay = jittered(ms, random, now);
      if (delay < ms * 0.75 - 1e-6 || delay > ms + 1e-6) t.fail(`${delay} of ${ms}`);
    }
    for (let i = 0; i < 2_000; i++) times.add(Math.round(50 + jittered(ms, random, 50)));
    if (ms === 30_000)
      t.ok(times.size <= 100 && times.size > 60, "spread over 7.5 s, hardly more than ten times a second");
  }
  t.end();
});
