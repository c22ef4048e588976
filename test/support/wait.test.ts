import t from "tap";
import { measurePace, Patience, pace, stretched } from "../../testbed/pace.ts";
import { holds, NotYet, Stopwatch, waitFor } from "../../testbed/wait.ts";

const soon = { withinSeconds: 0.01 };

t.test("what is waited for is returned as soon as it is there, whatever came before", async (t) => {
  const answers = [
    () => undefined,
    () => false,
    () => [],
    () => {
      throw new Error("not there");
    },
    () => "here",
    () => "too late",
  ];
  t.equal(await waitFor("it is there", () => answers.shift()!()), "here");
  t.equal(answers.length, 1, "and not looked for again");
});

t.test("a failure says what was waited for, how long, and what was seen last", async (t) => {
  await t.rejects(
    waitFor("the route is there", () => false, soon),
    { message: /^waited .*0\.01 s.* until the route is there; last seen: false$/ },
  );
  const unfinished = () => {
    throw new NotYet("10.0.0.2 is Active");
  };
  await t.rejects(waitFor("it is up", unfinished, soon), { message: /last seen: 10\.0\.0\.2 is Active$/ });
  const seen = () => ({ state: "Idle" });
  await t.rejects(
    waitFor("it is up", () => false, { ...soon, seen }),
    { message: /last seen: \{"state":"Idle"\}$/ },
  );
});

t.test("a look that never comes back is no reason to wait for ever", async (t) => {
  await t.rejects(
    waitFor("it answers", () => new Promise<never>(() => {}), soon),
    { message: /until it answers; last seen: nothing, and the last look did not come back$/ },
  );
});

t.test("nobody waits on where that has no sense", async (t) => {
  const abort = () => {
    throw new Error("the daemon has ended");
  };
  await t.rejects(
    waitFor("it is up", () => false, { abort }),
    { message: "the daemon has ended" },
  );
});

t.test("what stops being so while it is looked at is told", async (t) => {
  let looks = 0;
  await t.rejects(
    holds("the route stays", 0.4, () => ++looks < 2),
    { message: "it stopped being so: the route stays" },
  );
  await holds("the route stays", 0, () => true);
});

t.test("a slow machine has more patience, and a quiet one as much as is written", async (t) => {
  t.ok(pace >= 1 && measurePace() >= 1);
  t.ok(stretched(9) >= 9 && Number.isInteger(stretched(0.3)));
  t.equal(stretched(1_000_000, 30), 30, "within its bound");
  t.ok(new Patience(0).over);
  t.notOk(new Patience(3600).over);
  t.equal(new Patience(30).spent, "30 s");
});

t.test("a stopwatch is a text", async (t) => {
  t.match(`${new Stopwatch()}`, /^\d+ ms$/);
});
