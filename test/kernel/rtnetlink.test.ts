import t from "tap";
import { answerErrno, answerSequence, answerText } from "../../src/kernel/rtnetlink/answer.ts";
import * as nl from "../../src/kernel/rtnetlink/constants.ts";
import { parseAddressMessage, parseLink } from "../../src/kernel/rtnetlink/link.ts";
import { eachMessage, MessageBuffer } from "../../src/kernel/rtnetlink/message.ts";
import { appendNexthop, parseNexthop } from "../../src/kernel/rtnetlink/nexthop.ts";
import {
  appendRoute,
  buildDeleteImage,
  buildRouteImage,
  type KernelTarget,
  RouteView,
} from "../../src/kernel/rtnetlink/route.ts";
import { parseAddress, parsePrefix } from "../../src/lib/address.ts";
import { Family } from "../../src/lib/family.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const octets = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

const scope = { table: 254, protocol: 186, metric: 32 };

function route(prefix: string, target: KernelTarget, where = scope): Uint8Array {
  const { family, words: w, length } = parsePrefix(prefix);
  const out = new MessageBuffer(4096);
  const image = buildRouteImage(family, where, target, new MessageBuffer(4096));
  appendRoute(
    out,
    nl.RTM_NEWROUTE,
    nl.NLM_F_CREATE | nl.NLM_F_EXCL,
    7,
    family,
    w[0]!,
    w[1] ?? 0,
    w[2] ?? 0,
    w[3] ?? 0,
    length,
    image,
  );
  return out.bytes.slice(0, out.length);
}

const hop = (via: string | null, ifindex: number, onlink = false, weight = 1) => ({
  via: via === null ? null : parseAddress(via),
  ifindex,
  onlink,
  weight,
});
const unicast = (...nextHops: ReturnType<typeof hop>[]): KernelTarget => ({ type: "unicast", nextHops });

// Worked out by hand from linux/rtnetlink.h; that the kernel takes them is shown by test/interop/20-kernel-fib.
t.test("route messages hold exactly the octets that the kernel wants", async (t) => {
  const header = (length: string) => `${length}000000 1800 0106 07000000 00000000`;
  t.equal(
    hex(route("172.17.9.0/24", unicast(hop("192.168.200.101", 3, true)))),
    hex(
      octets(
        `${header("3c")} 02180000 feba0001 04000000 0800 0100 ac110900 0800 0600 20000000 0800 0500 c0a8c865 0800 0400 03000000`,
      ),
    ),
    "one gateway, onlink",
  );
  t.equal(
    hex(route("172.17.9.5/32", unicast(hop(null, 3)))),
    hex(octets(`${header("34")} 02200000 febafd01 00000000 0800 0100 ac110905 0800 0600 20000000 0800 0400 03000000`)),
    "straight onto the link: scope link",
  );
  t.equal(
    hex(route("172.17.9.0/24", { type: "blackhole", nextHops: [] }, { ...scope, table: 1000 })),
    hex(octets(`${header("34")} 02180000 00ba0006 00000000 0800 0100 ac110900 0800 0600 20000000 0800 0f00 e8030000`)),
    "a blackhole in a table above 255",
  );
  t.equal(
    hex(route("172.17.9.0/24", unicast(hop("10.0.0.2", 3, false, 3), hop("10.0.0.3", 4, true)))),
    hex(
      octets(
        `${header("50")} 02180000 feba0001 00000000 0800 0100 ac110900 0800 0600 20000000
         2400 0900 1000 00 02 03000000 0800 0500 0a000002 1000 04 00 04000000 0800 0500 0a000003`,
      ),
    ),
    "two hops with weights",
  );
  t.equal(
    hex(route("172.17.9.0/24", unicast(hop("fe80::1", 3, true)))),
    hex(
      octets(
        `${header("4c")} 02180000 feba0001 04000000 0800 0100 ac110900 0800 0600 20000000
         1600 1200 0a00 fe800000000000000000000000000001 0000 0800 0400 03000000`,
      ),
    ),
    "IPv4 through an IPv6 next hop (RFC 8950): RTA_VIA",
  );
  t.equal(
    hex(route("2001:db8::/48", unicast(hop("fe80::1", 3)))),
    hex(
      octets(
        `${header("54")} 0a300000 feba0001 00000000 1400 0100 20010db8000000000000000000000000 0800 0600 20000000
         1400 0500 fe800000000000000000000000000001 0800 0400 03000000`,
      ),
    ),
    "IPv6",
  );
  t.equal(
    hex(route("172.17.9.0/24", { type: "object", nexthopId: 0x50000001 })),
    hex(octets(`${header("34")} 02180000 feba0001 00000000 0800 0100 ac110900 0800 0600 20000000 0800 1e00 01000050`)),
    "by nexthop object",
  );
});

t.test(
  "a delete names protocol, table and metric, and no type: it can't hit a stranger's route and fits a blackhole",
  async (t) => {
    const out = new MessageBuffer(256);
    const image = buildDeleteImage(scope, new MessageBuffer(256));
    appendRoute(out, nl.RTM_DELROUTE, 0, 8, Family.Ipv4Unicast, 0xac110900, 0, 0, 0, 24, image);
    t.equal(
      hex(out.bytes.slice(0, out.length)),
      hex(
        octets("2c000000 1900 0100 08000000 00000000 02180000 febaff00 00000000 0800 0100 ac110900 0800 0600 20000000"),
      ),
    );
  },
);

t.test("what is built is read back as it was", async (t) => {
  const view = new RouteView();
  for (const [prefix, target, where] of [
    ["172.17.9.0/24", unicast(hop("192.168.200.101", 3, true)), scope],
    ["0.0.0.0/0", unicast(hop("10.0.0.2", 3, false, 3), hop("10.0.0.3", 4, true, 256)), scope],
    ["172.17.9.0/24", unicast(hop("fe80::1", 3, true), hop("10.0.0.1", 3)), scope],
    ["2001:db8::/48", unicast(hop("fe80::1", 3), hop("fe80::2", 4)), { ...scope, table: 70_000 }],
    ["172.17.9.1/32", unicast(hop(null, 3)), scope],
  ] as const) {
    const bytes = route(prefix, target, where);
    view.parse(bytes, 0, bytes.length);
    const { family, words, length } = parsePrefix(prefix);
    t.ok(view.usable);
    t.same([view.family, view.words, view.prefixLength], [family, words, length]);
    t.same([view.table, view.protocol, view.metric, view.type], [where.table, 186, 32, 1]);
    t.same(
      view.hops(),
      target.type === "object" ? [] : target.nextHops.map((each) => ({ ...each, dead: false, rest: "" })),
    );
  }
});

t.test("every truncation of a route message is read without harm", async (t) => {
  const bytes = route("172.17.9.0/24", unicast(hop("fe80::1", 3, true), hop("10.0.0.1", 3)));
  const view = new RouteView();
  for (let length = 0; length <= bytes.length; length++) {
    const cut = bytes.slice(0, length);
    view.parse(cut, 0, cut.length);
    view.hops();
  }
  t.pass();
});

t.test("routes by source or by TOS and cached entries are nobody's table entries", async (t) => {
  const view = new RouteView();
  for (const at of [18, 19, 25]) {
    const bytes = route("172.17.9.0/24", unicast(hop("10.0.0.1", 3)));
    bytes[at] = at === 25 ? 2 : 8; // source length, TOS, RTM_F_CLONED
    view.parse(bytes, 0, bytes.length);
    t.notOk(view.usable);
  }
});

// Sent by kernel 6.18 (NETLINK_CAP_ACK and NETLINK_EXT_ACK set) for a route through a gateway that it can't reach.
const refusal = octets(
  "44000000 0200 0003 2a000000 d42e0000 9bffffff 3c000000 1800 0106 2a000000 00000000" +
    "2000 0100 4e657874686f702068617320696e76616c6964206761746577617900",
);

t.test("an error answer gives number, errno and the kernel's own sentence", async (t) => {
  let seen = 0;
  eachMessage(refusal, refusal.length, (type, flags, start, end) => {
    seen++;
    t.equal(type, nl.NLMSG_ERROR);
    t.equal(answerErrno(refusal, start), 101);
    t.equal(answerSequence(refusal, start), 42);
    t.equal(answerText(refusal, flags, start, end), "Nexthop has invalid gateway");
    t.equal(answerText(refusal, 0, start, end), "", "without the flag there is no text");
  });
  t.equal(seen, 1);
});

t.test("links: state, carrier, kind and what a VXLAN device was made with", async (t) => {
  const out = new MessageBuffer(512);
  out.begin(nl.RTM_NEWLINK, 0, 1);
  out.word(0);
  out.word(9);
  out.word(0x1); // IFF_UP without IFF_LOWER_UP
  out.word(0);
  out.attributeText(3, "vxlan.peerage");
  out.attributeU32(4, 1450);
  out.attributeBytes(1, octets("02abcdef0102"));
  out.attributeText(20, "peerage: table 254");
  const info = out.openNest(18);
  out.attributeText(1, "vxlan");
  const data = out.openNest(2);
  out.attributeU32(1, 4096);
  out.attributeAddress(4, [0x0a000001]);
  out.attributePort(15, 4789);
  out.closeNest(data);
  out.closeNest(info);
  out.end();
  t.same(parseLink(out.bytes, 0, out.length), {
    ifindex: 9,
    name: "vxlan.peerage",
    up: true,
    running: false,
    mtu: 1450,
    loopback: false,
    pointToPoint: false,
    kind: "vxlan",
    hardwareAddress: "02:ab:cd:ef:01:02",
    alias: "peerage: table 254",
    vxlan: { vni: 4096, port: 4789, local: [0x0a000001] },
  });
});

t.test("addresses: the local end of a point-to-point link, and IPv6 ones that are not usable yet", async (t) => {
  const message = (family: number, length: number, flags: number, attributes: [number, number[]][]) => {
    const out = new MessageBuffer(256);
    out.begin(nl.RTM_NEWADDR, 0, 1);
    out.word(family | (length << 8) | (flags << 16));
    out.word(4);
    for (const [type, words] of attributes) out.attributeAddress(type, words);
    out.end();
    return parseAddressMessage(out.bytes, 0, out.length);
  };
  t.match(
    message(2, 32, 0, [
      [1, [0x0a000002]],
      [2, [0x0a000001]],
    ]),
    { words: [0x0a000001], peer: [0x0a000002], ifindex: 4 },
  );
  t.match(
    message(2, 24, 0, [
      [1, [0x0a000001]],
      [2, [0x0a000001]],
    ]),
    { words: [0x0a000001], peer: null, length: 24 },
  );
  t.match(message(10, 64, 0x40, [[1, [0xfd000000, 0, 0, 1]]]), { words: [0xfd000000, 0, 0, 1], tentative: true });
  for (const flag of [0x01, 0x20]) t.match(message(10, 64, flag, [[1, [0xfd000000, 0, 0, 1]]]), { passing: true });
  t.match(message(2, 24, 0x01, [[2, [0x0a000001]]]), { passing: false }); // a second address of its subnet, and as good
  t.equal(message(28, 64, 0, [[1, [1]]]), undefined);
});

t.test("nexthop objects are read back as they were built", async (t) => {
  for (const object of [
    { kind: "gateway" as const, hop: hop("10.0.0.1", 3, true) },
    { kind: "gateway" as const, hop: hop("fe80::1", 3) },
    {
      kind: "group" as const,
      members: [
        { id: 5, weight: 1 },
        { id: 6, weight: 200 },
      ],
    },
  ]) {
    const out = new MessageBuffer(512);
    appendNexthop(out, 0, 1, 186, 0x50000000, object);
    t.same(parseNexthop(out.bytes, 0, out.length), { id: 0x50000000, protocol: 186, object });
  }
});
