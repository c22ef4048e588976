import t from "tap";
import { ForeignRoutes } from "../../src/kernel/foreign-routes.ts";
import type { KernelRoute } from "../../src/kernel/reader.ts";
import type { FibHop } from "../../src/kernel/records.ts";
import type { Change } from "../../src/kernel/route-shelf.ts";
import * as nl from "../../src/kernel/rtnetlink/constants.ts";
import { MessageBuffer } from "../../src/kernel/rtnetlink/message.ts";
import { appendRoute, buildRouteImage, RouteView } from "../../src/kernel/rtnetlink/route.ts";
import { formatAddress, parseAddress, parsePrefix } from "../../src/lib/address.ts";
import { Hasher } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";

/**
 * What the mirror makes of messages, by sequences of them that Linux 6.18 was seen to send. The same with the kernel itself,
 * and at random, is test/interop/26-kernel-mirror.
 */
const STATIC = 4;
const KERNEL = 2;
const BGP = 186;

/** A route as a message tells it: prefix, owner, then hops as "gateway@interface" or "@interface". */
function view(prefix: string, protocol: number, ...hops: string[]): RouteView {
  const { family, words, length } = parsePrefix(prefix);
  const nextHops = hops.map((text): FibHop => {
    const [via, ifindex] = text.split("@");
    return { via: via === "" ? null : parseAddress(via!), ifindex: Number(ifindex), onlink: false, weight: 1 };
  });
  const scratch = new MessageBuffer(4096);
  const target = { type: hops.length === 0 ? ("blackhole" as const) : ("unicast" as const), nextHops };
  const image = buildRouteImage(family, { table: 254, protocol, metric: 5 }, target, scratch);
  const out = new MessageBuffer(4096);
  const [w0, w1 = 0, w2 = 0, w3 = 0] = words;
  appendRoute(out, nl.RTM_NEWROUTE, 0, 1, family, w0!, w1, w2, w3, length, image);
  const result = new RouteView();
  result.parse(out.bytes.slice(0, out.length), 0, out.length);
  return result;
}

const routes = () => new ForeignRoutes(new Hasher(seededRandom(1)), () => false);

const textOf = ({ protocol, hops }: KernelRoute): string =>
  `${protocol} ${hops.map(({ via, ifindex }) => `${via === null ? "" : formatAddress(via)}@${ifindex}`).join(" ")}`;
const all = (foreign: ForeignRoutes): string[] => [...foreign.all()].sort((a, b) => a.order - b.order).map(textOf);
const brief = ({ told, gone, doubtful }: Change) => ({ told: told.map(textOf), gone: gone.map(textOf), doubtful });

const subnet = "10.0.0.0/24";
const six = "fd20::/64";

t.test(
  "an address moved make-before-break: the subnet's route of the old link goes, that of the new one stays",
  async (t) => {
    const foreign = routes();
    foreign.arrived(view(subnet, KERNEL, "@2"), "append", false);
    foreign.arrived(view(subnet, KERNEL, "@3"), "append", false);
    t.same(all(foreign), ["2 @2", "2 @3"]);
    t.same(brief(foreign.left(view(subnet, KERNEL, "@2"))), { told: [], gone: ["2 @2"], doubtful: false });
    t.same(all(foreign), ["2 @3"]);
  },
);

t.test(
  "IPv4 routes of one place stand in a row: append at its end, prepend in front, replace takes the first",
  async (t) => {
    const foreign = routes();
    foreign.arrived(view(subnet, STATIC, "10.1.0.1@2"), "add", false);
    foreign.arrived(view(subnet, BGP, "10.1.0.2@2"), "append", false);
    foreign.arrived(view(subnet, STATIC, "10.1.0.3@2"), "add", false);
    t.same(all(foreign), ["4 10.1.0.3@2", "4 10.1.0.1@2", "186 10.1.0.2@2"]);
    t.same(brief(foreign.arrived(view(subnet, KERNEL, "10.1.0.4@2"), "replace", false)), {
      told: ["2 10.1.0.4@2"],
      gone: ["4 10.1.0.3@2"],
      doubtful: false,
    });
    t.same(all(foreign), ["2 10.1.0.4@2", "4 10.1.0.1@2", "186 10.1.0.2@2"]);
  },
);

t.test("a replacement is doubtful where one of ours may be what went", async (t) => {
  const foreign = routes();
  foreign.arrived(view(subnet, STATIC, "10.1.0.1@2"), "append", true);
  t.same(brief(foreign.arrived(view(subnet, STATIC, "10.1.0.2@2"), "replace", true)), {
    told: ["4 10.1.0.2@2"],
    gone: [],
    doubtful: true,
  });
  const alone = routes();
  t.equal(alone.arrived(view(subnet, STATIC, "10.1.0.2@2"), "replace", true).doubtful, false, "ours alone: it went");
  t.equal(
    alone.displaced(view(subnet, BGP, "10.1.0.3@2"), false).gone.length,
    1,
    "ours took the place of the only one",
  );
});

t.test("IPv6 hops are told all together when one is added, and alone when they go", async (t) => {
  const foreign = routes();
  foreign.arrived(view(six, STATIC, "fd00::1@2"), "add", false);
  foreign.arrived(view(six, STATIC, "fd00::2@2", "fd00::1@2"), "append", false);
  foreign.arrived(view(six, STATIC, "fd00::3@3", "fd00::1@2", "fd00::2@2"), "append", false);
  t.same(all(foreign), ["4 fd00::1@2 fd00::2@2 fd00::3@3"], "one route, in the kernel's order");
  t.same(brief(foreign.left(view(six, STATIC, "fd00::1@2"))), {
    told: ["4 fd00::2@2 fd00::3@3"],
    gone: [],
    doubtful: false,
  });
  foreign.left(view(six, STATIC, "fd00::2@2"));
  t.same(all(foreign), ["4 fd00::3@3"]);
  t.same(brief(foreign.left(view(six, STATIC, "fd00::3@3"))).gone, ["4 fd00::3@3"]);
});

t.test("a hop that goes from an IPv6 route of several owners leaves open whose it is then", async (t) => {
  const foreign = routes();
  foreign.arrived(view(six, STATIC, "fd00::1@2"), "add", false);
  foreign.arrived(view(six, KERNEL, "fd00::2@2", "fd00::1@2"), "append", false);
  t.same(all(foreign), ["4 fd00::1@2 fd00::2@2"], "shown under the owner of the first, as the kernel does");
  t.equal(foreign.left(view(six, STATIC, "fd00::1@2")).doubtful, true);
  foreign.readingBegins();
  foreign.row(view(six, KERNEL, "fd00::2@2"));
  t.same(brief(foreign.readingEnds(0)), { told: [], gone: [], doubtful: false });
  t.same(all(foreign), ["2 fd00::2@2"]);
});

t.test(
  "IPv6 routes without a gateway are beside those with one; which of them a replacement took is doubtful",
  async (t) => {
    const foreign = routes();
    foreign.arrived(view(six, STATIC, "fd00::1@2"), "add", false);
    foreign.arrived(view(six, STATIC, "@2"), "append", false);
    foreign.arrived(view(six, STATIC, "@3"), "append", false);
    t.equal(all(foreign).length, 3);
    t.equal(foreign.arrived(view(six, STATIC, "@4"), "replace", false).doubtful, true);
  },
);

t.test(
  "an IPv6 route that the kernel has twice, as a replacement may leave it, goes when a reading says so",
  async (t) => {
    const foreign = routes();
    const reading = (times: number) => {
      foreign.readingBegins();
      for (let i = 0; i < times; i++) foreign.row(view(six, STATIC, "@3"));
      return foreign.readingEnds(0);
    };
    reading(2);
    t.equal(foreign.left(view(six, STATIC, "@3")).doubtful, true);
    t.same(all(foreign), ["4 @3"]);
    t.equal(reading(1).doubtful, false);
    t.same(brief(foreign.left(view(six, STATIC, "@3"))), { told: [], gone: ["4 @3"], doubtful: false });
  },
);

t.test("rows that come again, as the dump was interrupted, are no second route", async (t) => {
  const foreign = routes();
  foreign.readingBegins();
  foreign.row(view(six, STATIC, "@3"));
  foreign.rowsRepeat();
  foreign.row(view(six, STATIC, "@3"));
  foreign.readingEnds(0);
  t.equal(foreign.left(view(six, STATIC, "@3")).doubtful, false);
});

t.test("what a message tells during a reading is believed over its rows, route by route", async (t) => {
  const foreign = routes();
  foreign.arrived(view(subnet, STATIC, "@2"), "append", false);
  foreign.arrived(view(subnet, STATIC, "@3"), "append", false);
  foreign.arrived(view(subnet, STATIC, "@4"), "append", false);
  foreign.readingBegins();
  foreign.left(view(subnet, STATIC, "@2"));
  foreign.row(view(subnet, STATIC, "@2")); // older than the message
  foreign.row(view(subnet, STATIC, "@3"));
  t.same(brief(foreign.readingEnds(0)).gone, ["4 @4"], "what died in silence is found all the same");
  t.same(all(foreign), ["4 @3"]);
});

t.test("a whole reading puts the row in the kernel's order, and tells of those that moved alone", async (t) => {
  const foreign = routes();
  for (const way of ["@2", "@3", "@4"]) foreign.arrived(view(subnet, STATIC, way), "append", false);
  foreign.readingBegins();
  for (const way of ["@2", "@4", "@3"]) foreign.row(view(subnet, STATIC, way));
  t.same(brief(foreign.readingEnds(0)), { told: ["4 @3"], gone: [], doubtful: false });
  t.same(all(foreign), ["4 @2", "4 @4", "4 @3"]);
});

t.test(
  "an IPv4 route that comes although it is known had died in silence: it stands where a new one would",
  async (t) => {
    const foreign = routes();
    foreign.arrived(view(subnet, STATIC, "@2"), "append", false);
    foreign.arrived(view(subnet, STATIC, "@3"), "append", false);
    foreign.arrived(view(subnet, STATIC, "@2"), "append", false);
    t.same(all(foreign), ["4 @3", "4 @2"]);
  },
);

t.test(
  "of thousands of routes to one prefix, as fe80::/64 of each link, none is told again when another comes or goes",
  async (t) => {
    const foreign = routes();
    let told = 0;
    for (let i = 2; i < 5002; i++)
      told += foreign.arrived(view("fe80::/64", KERNEL, `@${i}`), "append", false).told.length;
    for (let i = 2; i < 5002; i++) told += foreign.left(view("fe80::/64", KERNEL, `@${i}`)).gone.length;
    t.equal(told, 10_000);
  },
);
