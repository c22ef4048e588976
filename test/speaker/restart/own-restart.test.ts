import t from "tap";
import type { Family } from "../../../src/lib/family.ts";
import type { Agreed } from "../../../src/session/agreed.ts";
import type { Peer } from "../../../src/speaker/peer.ts";
import { OwnRestart } from "../../../src/speaker/restart/own-restart.ts";
import { VirtualClock } from "../../../testbed/virtual-clock.ts";

/** Kernel routes were found, and no journal. */
function afterCrash(listed: readonly string[] | null, journal: string | null = null) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const selected: Family[] = [];
  const swept: Family[] = [];
  const restart = new OwnRestart({
    clock,
    log: { event: (_level, name, message) => void lines.push(`${name}: ${message}`) },
    journal: { read: () => journal, write() {} },
    deferralMs: 60_000,
    forwarding: () => true,
    isExpected: () => true,
    listed: (family) => (family === 0 ? listed : []),
    select: (family) => void selected.push(family),
    sweep: (family) => void swept.push(family),
  });
  restart.begin(true);
  return { clock, lines, selected, swept, restart };
}

const peer = (address: string) => ({ address }) as Peer;

/** What was agreed on with a peer for IPv4, as far as it matters here. */
const agreed = (restarting: boolean) => ({ families: [0], gracefulRestart: { restarting } }) as unknown as Agreed;

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

t.test("what of a journal can't be used is said and left out, and the rest counts", (t) => {
  const peers = {
    "10.0.0.1": ["ipv4-unicast"],
    "not an address": ["ipv4-unicast"],
    "10.0.0.2": ["ipx"],
    "10.0.0.3": 7,
  };
  const { lines, restart } = afterCrash(["10.0.0.1", "10.0.0.2"], JSON.stringify({ version: 1, peers }));
  t.match(lines, [/left out: 3 of its 4 entries are no peers/, /until 10\.0\.0\.1 ipv4-unicast has told all routes/]);
  restart.abandon();
  for (const [text, why] of [
    ["{", /it isn't JSON/],
    ["null", /another version, or no journal/],
    ['{"version":2,"peers":{}}', /another version, or no journal/],
  ] as const) {
    const broken = afterCrash(["10.0.0.1"], text);
    t.match(broken.lines[0], why);
    broken.restart.abandon();
  }
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

t.test("a peer that restarts itself isn't waited for, but kernel routes stay until it has told everything", (t) => {
  const { lines, selected, swept, restart, clock } = afterCrash(["10.0.0.1", "10.0.0.2"]);
  restart.endOfRib(peer("10.0.0.1"), 0);
  restart.established(peer("10.0.0.2"), agreed(true));
  t.same(selected, [0]);
  t.same(swept, [], "its routes are in the kernel, and it is about to tell them again");
  t.same(restart.keepingFor, ["10.0.0.2 ipv4-unicast"]);
  t.notOk(restart.returning);
  t.match(lines.at(-1), "restart-over: the restart is over: routes are decided and told; kernel routes that nobody");
  clock.advance(59_999);
  t.same(swept, []);
  restart.endOfRib(peer("10.0.0.2"), 0);
  t.same(swept, [0]);
  t.ok(restart.isOver(0));
  clock.advance(60_000);
  t.same(swept, [0], "once");
  t.end();
});

t.test("kernel routes of before stay for a peer that restarts itself no longer than the deferral time", (t) => {
  const { lines, selected, swept, restart, clock } = afterCrash(["10.0.0.1"]);
  restart.established(peer("10.0.0.1"), agreed(true));
  t.same(selected, [0]);
  clock.advance(59_999);
  t.same(swept, []);
  clock.advance(1);
  t.same(swept, [0]);
  t.match(lines.at(-1), "sweep-late: kernel routes of before the restart no longer stay for 10.0.0.1 ipv4-unicast");
  restart.endOfRib(peer("10.0.0.1"), 0);
  t.same(swept, [0], "once");
  t.end();
});

t.test("a peer that tells everything after its restart while others are awaited holds nothing up later", (t) => {
  const { selected, swept, restart } = afterCrash(["10.0.0.1", "10.0.0.2"]);
  restart.established(peer("10.0.0.1"), agreed(true));
  restart.endOfRib(peer("10.0.0.1"), 0);
  t.same([selected, swept], [[], []]);
  restart.endOfRib(peer("10.0.0.2"), 0);
  t.same([selected, swept], [[0], [0]]);
  t.end();
});

t.test("nobody's kernel routes stay for a peer that is gone for good", (t) => {
  const { swept, restart } = afterCrash(["10.0.0.1", "10.0.0.2"]);
  restart.established(peer("10.0.0.1"), agreed(true));
  restart.endOfRib(peer("10.0.0.2"), 0);
  t.same(swept, []);
  restart.forget(peer("10.0.0.1"));
  t.same(swept, [0]);
  restart.abandon();
  t.end();
});
