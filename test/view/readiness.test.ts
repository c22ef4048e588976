import t from "tap";
import { judge, type ReadinessFacts } from "../../src/view/readiness.ts";

const settled: ReadinessFacts = {
  listening: true,
  startOver: true,
  deferred: [],
  undecided: 0,
  untold: [],
  behind: [],
  kernelWaiting: 0,
  writer: null,
  keepingFor: [],
  down: [],
  changes: 7,
};

t.test("a daemon with nothing left to do is ready and has converged", (t) => {
  const nothing = { ready: true, reasons: [], pending: [], warnings: [], writer: null, changes: 7 };
  t.same(judge(settled), nothing);
  t.end();
});

t.test("what the daemon can still come to is a reason, and pending too", (t) => {
  const cases: [Partial<ReadinessFacts>, string][] = [
    [{ listening: false }, "the daemon is still starting"],
    [{ deferred: ["nothing is decided yet", "nothing is decided yet"] }, "nothing is decided yet"],
    [{ undecided: 1 }, "1 prefix not decided yet"],
    [{ untold: ["10.0.0.1"] }, "not all routes have been told to 10.0.0.1 yet"],
    [{ kernelWaiting: 2 }, "2 kernel changes not answered yet"],
    [{ startOver: false }, "the first kernel routes are not answered yet"],
    [{ writer: "the kernel writer hangs" }, "the kernel writer hangs"],
    [{ writer: "the kernel writer hangs", kernelWaiting: 3 }, "the kernel writer hangs; 3 changes wait for it"],
  ];
  for (const [facts, reason] of cases) {
    const { reasons, pending } = judge({ ...settled, ...facts });
    t.same([reasons, pending], [[reason], [reason]], reason);
  }
  t.end();
});

t.test("news on its way keeps it from having converged, and costs no readiness", (t) => {
  const { reasons, pending } = judge({ ...settled, behind: ["a", "b", "c", "d", "e", "f", "g"] });
  t.same([reasons, pending], [[], ["news is on its way to a, b, c, d, e and 2 more"]]);
  t.end();
});

t.test("what it can't help is a warning: neighbors that are down, routes kept for those that restart", (t) => {
  const down = Array.from({ length: 23 }, (_, i) => `10.0.0.${i} is Active`);
  const { ready, reasons, pending, warnings } = judge({ ...settled, down, keepingFor: ["10.0.9.9 ipv4-unicast"] });
  t.same([ready, reasons], [true, []]);
  t.equal(warnings.length, 22);
  t.equal(warnings[0], "kernel routes of before the restart stay until 10.0.9.9 ipv4-unicast told all routes");
  t.equal(warnings[1], "neighbor 10.0.0.0 is Active");
  t.equal(warnings.at(-1), "3 more neighbors are down");
  t.same(pending, [warnings[0]], "until then the sweep is to come");
  t.end();
});

t.test("readiness that was reached stays, whatever happens later", (t) => {
  t.match(judge({ ...settled, writer: "the kernel writer hangs" }), {
    ready: true,
    reasons: ["the kernel writer hangs"],
  });
  t.end();
});
