import t from "tap";
import { obstacle } from "../../../testbed/obstacle.ts";
import { catalogue } from "../../../trials/hostile/catalogue/index.ts";
import { ours } from "../../../trials/hostile/drivers/ours.ts";
import { type Row, runCatalogue } from "../../../trials/hostile/run.ts";

/**
 * The short form of `npm run hostile`: about a hundred of its cases against our own daemon, each judged by the RFC that it
 * names. Everything must be right here; the whole catalogue, and the other daemons, are in docs/reliability.md.
 */
const cases = catalogue.filter(({ short }) => short);
const reason = obstacle(ours.needs);

t.test("the catalogue has no two cases of one name", async (t) => {
  const names = catalogue.map(({ group, id }) => `${group} ${id}`);
  t.same(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
  t.ok(catalogue.length >= 150, `${catalogue.length} cases`);
});

if (reason !== null && !process.env.PEERAGE_REQUIRE_INTEROP)
  t.test("hostile input costs its own routes and nothing else", { skip: reason }, async () => {});
else {
  const rows: Row[] = [];
  await t.test("the daemon outlives hostile input of every kind, and no other session is touched", async (t) => {
    const [column] = await runCatalogue([ours], cases, (_, row) => rows.push(row), 60);
    t.equal(column!.rows.length, cases.length);
    t.equal(column!.starts, 1, "it was never started again");
    t.same(
      rows.filter(({ mark }) => mark === "died" || mark === "touched").map(({ hostile }) => hostile.id),
      [],
    );
  });
  for (const group of new Set(cases.map((hostile) => hostile.group)))
    t.test(`${group}: every verdict is the RFC's`, async (t) => {
      for (const { hostile, mark, outcome } of rows.filter((row) => row.hostile.group === group))
        t.ok(mark === "letter", `${hostile.id}: ${hostile.title} (RFC ${hostile.rfc})`, {
          seen: outcome.seen,
          wanted: hostile.expect,
          touched: outcome.touched,
        });
    });
}
