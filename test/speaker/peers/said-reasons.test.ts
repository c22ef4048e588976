import t from "tap";
import { SaidReasons } from "../../../src/speaker/peers/said-reasons.ts";

t.test("a reason is said once, also when others come in between, and again after an hour", (t) => {
  const said = new SaidReasons();
  const log: string[] = [];
  for (let second = 0; second < 3600; second++) {
    const reason = second % 2 === 0 ? "EHOSTUNREACH" : "ETIMEDOUT";
    if (said.isNews(reason, second * 1000)) log.push(reason);
  }
  t.same(log.splice(0), ["EHOSTUNREACH", "ETIMEDOUT"]);
  t.notOk(said.isNews("ETIMEDOUT", 3_600_999));
  t.ok(said.isNews("EHOSTUNREACH", 3_600_000));
  t.notOk(said.isNews("EHOSTUNREACH", 3_600_001));
  said.clear();
  t.ok(said.isNews("EHOSTUNREACH", 3_600_002), "after a session all is news");
  t.end();
});

t.test("reasons without end cost a bounded memory, and those that come often are still said once", (t) => {
  const said = new SaidReasons();
  let news = 0;
  for (let i = 0; i < 1000; i++) if (said.isNews(`reason ${i}`, i)) news++;
  t.equal(news, 1000);
  t.notOk(said.isNews("reason 999", 1001));
  t.ok(said.isNews("reason 0", 1001), "long forgotten");
  t.end();
});
