import t from "tap";
import type { Family } from "../../../src/lib/family.ts";
import type { Peer } from "../../../src/speaker/peer.ts";
import { OwnRestart } from "../../../src/speaker/restart/own-restart.ts";
import { VirtualClock } from "../../../testbed/virtual-clock.ts";

/** Kernel routes were found, and no journal. */
function afterCrash(listed: readonly string[] | null) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const selected: Family[] = [];
  const restart = new OwnRestart({
    clock,
    log: { event: (_level, name, message) => void lines.push(`${name}: ${message}`) },
    journal: { read: () => null, write() {} },
    deferralMs: 60_000,
    forwarding: () => true,
    isExpected: () => true,
    listed: (family) => (family === 0 ? listed : []),
    select: (family) => void selected.push(family),
  });
  restart.begin(true);
  return { clock, lines, selected, restart };
}

const peer = (address: string) => ({ address }) as Peer;

t.test("with kernel routes but no journal every listed neighbor is waited for, and no longer (RFC 4724 §4.1)", (t) => {
  const { lines, selected, restart } = afterCrash(["10.0.0.1", "10.0.0.2"]);
  t.match(lines[0], "until 10.0.0.1 ipv4-unicast, 10.0.0.2 ipv4-unicast have told all routes, or 60 s have passed");
  restart.endOfRib(peer("10.0.0.1"), 0);
  t.same(selected, []);
  t.match(restart.explain(0), "until 10.0.0.2 ipv4-unicast has told all routes, or at most for 60 s more");
  t.equal(restart.explain(1), null, "nobody is listed for IPv6");
  restart.endOfRib(peer("10.0.0.2"), 0);
  t.same(selected, [0]);
  t.equal(restart.explain(0), null);
  t.notOk(restart.returning);
  restart.abandon();
  t.end();
});

t.test("where members of a range may come, nobody knows who: the whole time is taken", (t) => {
  const { clock, selected, restart } = afterCrash(null);
  restart.endOfRib(peer("10.0.0.1"), 0);
  clock.advance(59_000);
  t.same(selected, []);
  t.match(restart.explain(0), "until peers have told all routes, or at most for 1 s more");
  clock.advance(1_000);
  t.same(selected, [0]);
  t.end();
});
