import t from "tap";
import { ApiError } from "../../src/api/client.ts";
import { type Goal, type Waited, waitUntil } from "../../src/cli/wait.ts";
import type { Readiness } from "../../src/view/model.ts";
import { VirtualClock } from "../../testbed/virtual-clock.ts";

const calm: Readiness = { ready: true, reasons: [], pending: [], warnings: [], writer: null, changes: 1 };
const busy: Readiness = { ...calm, ready: false, reasons: ["deferred"], pending: ["deferred"] };
const error = (code: string, status = 0) => new ApiError(status, [{ message: `no: ${code}`, place: null }], code);

/** Waits under virtual time for a daemon that stands as `at` says so many milliseconds after the start. */
function waiting(goal: Goal, seconds: number, at: (ms: number) => Readiness | Error) {
  const clock = new VirtualClock();
  const start = clock.now();
  const state: { waited: Waited | null; error: unknown } = { waited: null, error: null };
  const ask = async () => {
    const answer = at(clock.now() - start);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  waitUntil(goal, seconds * 1000, { clock, ask }).then(
    (waited) => {
      state.waited = waited;
    },
    (thrown) => {
      state.error = thrown;
    },
  );
  /** Goes on to that moment. */
  const until = async (ms: number) => {
    for (;;) {
      for (let i = 0; i < 10; i++) await Promise.resolve();
      const left = start + ms - clock.now();
      if (left <= 0) return state;
      clock.advance(Math.min(left, 50));
    }
  };
  return until;
}

t.test("wait ready returns at once when the start is over, whatever is under way now", async (t) => {
  const until = waiting("ready", 60, () => ({ ...calm, reasons: ["1 kernel change"], pending: ["1 kernel change"] }));
  t.match(await until(0), { waited: { done: true } });
});

t.test("wait ready waits to the last moment of its time, and says what it waited for", async (t) => {
  const late = waiting("ready", 5, (ms) => (ms < 5000 ? busy : calm));
  t.equal((await late(4_999)).waited, null);
  t.match((await late(5_000)).waited, { done: true });
  const never = waiting("ready", 5, () => busy);
  t.equal((await never(4_999)).waited, null);
  t.same((await never(5_000)).waited, { done: false, there: true, left: ["deferred"] });
});

t.test(
  "a socket that isn't there yet is waited for, as is a daemon that starts; without one it is no daemon",
  async (t) => {
    const comes = waiting("ready", 60, (ms) => (ms < 1000 ? error("ENOENT") : ms < 2000 ? error("", 503) : calm));
    t.equal((await comes(1_999)).waited, null);
    t.match((await comes(2_100)).waited, { done: true });
    const nobody = waiting("ready", 3, () => error("ECONNREFUSED"));
    t.same((await nobody(3_000)).waited, { done: false, there: false, left: ["no: ECONNREFUSED"] });
    const starting = waiting("ready", 3, () => error("", 503));
    t.match((await starting(3_000)).waited, { done: false, there: true });
  },
);

t.test("a socket that may not be opened, or is none, isn't waited for", async (t) => {
  for (const code of ["EACCES", "ENOTSOCK"])
    t.match((await waiting("ready", 60, () => error(code))(0)).error, { code }, code);
});

t.test("wait converged takes one whole second without anything pending", async (t) => {
  const until = waiting("converged", 60, (ms) => (ms < 500 ? busy : calm));
  t.equal((await until(1_499)).waited, null);
  t.match((await until(1_500)).waited, { done: true });
});

t.test("what came and went between two looks begins the second anew", async (t) => {
  const until = waiting("converged", 60, (ms) => ({ ...calm, changes: ms < 900 ? 1 : 2 }));
  t.equal((await until(1_899)).waited, null);
  t.match((await until(1_900)).waited, { done: true });
});

t.test("converged waits for what is pending though the daemon is ready, and a broken look begins anew", async (t) => {
  const news = waiting("converged", 2, () => ({ ...calm, pending: ["news is on its way"] }));
  t.same((await news(2_000)).waited, { done: false, there: true, left: ["news is on its way"] });
  const restless = waiting("converged", 2, (ms) => ({ ...calm, changes: ms }));
  t.match((await restless(2_000)).waited, { done: false, left: ["something changed within the last second"] });
  const broken = waiting("converged", 60, (ms) => (ms === 900 ? error("ECONNRESET") : calm));
  t.equal((await broken(1_999)).waited, null);
  t.match((await broken(2_000)).waited, { done: true });
});
