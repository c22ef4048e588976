import t from "tap";
import { Family } from "../../src/lib/family.ts";
import { Canonicalizer } from "../../src/wire/attribute/canonicalizer.ts";
import { decodeAttributes, type Reach } from "../../src/wire/attribute/decode.ts";
import { attributeTable, codecs } from "../../src/wire/attribute/table.ts";
import { type CodecContext, codecContext, defaultLimits } from "../../src/wire/context.ts";
import { HEADER_LENGTH } from "../../src/wire/framer.ts";
import { isEndOfRib } from "../../src/wire/message/update.ts";
import { validateNlri } from "../../src/wire/nlri/walk.ts";
import { attribute, bytes, hex, message, update } from "../../testbed/speaker/octets.ts";
import { good, goodSet, notification, prefixes, scan } from "../support/wire/messages.ts";

const internal = codecContext({ families: [true, true] });
const external = codecContext({ families: [true, true], peerKind: "external", localAs: 65002 });
const twoOctet = codecContext({ peerKind: "external", localAs: 65002, fourOctetAs: false });

const hot = new Canonicalizer();

/** "withdraw 3/5", "discard 3/5", "reset 3/5", or "fine": the strongest thing that happens to an UPDATE, by name. */
function verdict(data: Uint8Array, context: CodecContext = internal, reach: Reach = "ipv4-nlri"): string {
  let faults = "";
  const thrown = notification(() => {
    const layout = scan(data, context);
    const decoded = decodeAttributes(data, layout, context, reach);
    if (hot.run(data, layout, context, reach) && decoded.faults.length > 0) throw new Error("the hot way saw no fault");
    faults = decoded.faults.map((fault) => `${fault.action} ${fault.name} 3/${fault.subcode}`).join(", ");
    const withdrawn = decoded.faults.some(({ action }) => action === "treat-as-withdraw");
    if ((decoded.attributes === null) !== withdrawn)
      throw new Error("attributes are there unless the routes are withdrawn");
  });
  if (thrown !== "nothing was thrown") return `session-reset ${thrown.split(" ")[0]}`;
  return faults === "" ? "fine" : faults;
}

/** An IPv4 announcement of 198.51.100.0/24 with these attributes. */
const announce = (...attributes: string[]) => update({ attributes, nlri: "18c63364" });
/** The good set with one attribute in place of another or added. */
const withAttribute = (text: string) => {
  const code = text.slice(2, 4);
  return announce(...goodSet.filter((each) => each.slice(2, 4) !== code), text);
};

t.test("sections whose lengths don't fit the message: 3/1 (RFC 7606 §3 b)", async (t) => {
  for (const body of ["0005 0000 18", "0001 00 0001", "0000 0001", "ffff 0000", "0000 ffff 00", "0004 180a0000"])
    t.equal(
      notification(() => scan(message(2, body))),
      "3/1",
      body,
    );
  t.equal(
    notification(() => scan(message(2, "0000 0000"))),
    "nothing was thrown",
  );
});

t.test("the layout tells where each part lies, and changes nothing else", async (t) => {
  const data = update({ withdrawn: "080a 00", attributes: goodSet, nlri: "18c63364 00" });
  const layout = scan(data);
  t.same(prefixes(0, data, layout.withdrawnStart, layout.withdrawnEnd), ["10.0.0.0/8", "0.0.0.0/0"]);
  t.same(prefixes(0, data, layout.nlriStart, layout.nlriEnd), ["198.51.100.0/24", "0.0.0.0/0"]);
  t.equal(hex(data.subarray(layout.attributesStart, layout.attributesEnd)), goodSet.join(""));
  t.match(layout, { hasMp: false, reachFamily: -1, unreachFamily: -1, error: null, reachAttributeStart: -1 });
});

/** MP_REACH_NLRI for IPv6: 2001:db8::1, 2001:db8:7::/48. */
const reach6 = (flags = 0x80) => attribute(flags, 14, "0002 01 10 20010db8000000000000000000000001 00 3020010db80007");
const unreach6 = attribute(0x80, 15, "0002 01 3020010db80008");
const base = [good.origin, good.asPath, good.localPref];

t.test("MP attributes are found in any place and combination (RFC 7606 §5.1)", async (t) => {
  const data = update({
    withdrawn: "080a",
    attributes: [good.origin, reach6(), good.asPath, unreach6, good.nextHop, good.localPref],
    nlri: "18c63364",
  });
  const layout = scan(data, internal);
  t.match(layout, {
    hasMp: true,
    reachFamily: Family.Ipv6Unicast,
    unreachFamily: Family.Ipv6Unicast,
    reachNextHopLength: 16,
  });
  t.same(prefixes(1, data, layout.reachNlriStart, layout.reachNlriEnd), ["2001:db8:7::/48"]);
  t.same(prefixes(1, data, layout.unreachNlriStart, layout.unreachNlriEnd), ["2001:db8:8::/48"]);
  t.equal(hex(data.subarray(layout.reachAttributeStart, layout.reachAttributeEnd)), reach6());
  t.equal(hex(data.subarray(layout.unreachAttributeStart, layout.unreachAttributeEnd)), unreach6);
  const four = decodeAttributes(data, layout, internal, "ipv4-nlri");
  const six = decodeAttributes(data, layout, internal, "mp-reach");
  t.same(four.attributes?.nextHop?.words, [0x0a000001], "each announcement has its own next hop");
  t.same(six.attributes?.nextHop?.words, [0x20010db8, 0, 0, 1]);
});

t.test("a family that was not agreed is ignored, and its routes are nobody's (RFC 4760 §8)", async (t) => {
  const data = update({ attributes: [reach6(), unreach6, ...base] });
  t.match(scan(data, codecContext()), { hasMp: true, reachFamily: -1, unreachFamily: -1, reachNlriStart: -1 });
  const flowspec = update({ attributes: [attribute(0x80, 14, "0001 85 00 00 ffffff"), ...base] });
  t.match(scan(flowspec, internal), { reachFamily: -1 }, "and its NLRI, of whatever form, are not looked at");
  const four = update({ withdrawn: "080a", attributes: goodSet, nlri: "18c63364" });
  t.match(scan(four, codecContext({ families: [false, true] })), { withdrawnStart: -1, nlriStart: -1 });
});

t.test("a repeated MP attribute resets: 3/1 (RFC 7606 §3 g)", async (t) => {
  for (const twice of [reach6(), unreach6])
    t.equal(
      notification(() => scan(update({ attributes: [twice, ...base, twice] }), internal)),
      "3/1",
    );
  t.equal(
    notification(() => scan(update({ attributes: [reach6(), reach6()] }))),
    "3/1",
    "of an ignored family, too",
  );
});

t.test(
  "an MP attribute that doesn't tell its routes resets: 3/9 with the attribute (RFC 7606 §5.3, §7.11, RFC 4760 §7)",
  async (t) => {
    const nextHop = "20010db8000000000000000000000001";
    const bad: [string, string][] = [
      ["four octets", attribute(0x80, 14, "00020100")],
      ["next hop of 4 octets for IPv6", attribute(0x80, 14, "0002 01 04 0a000001 00 00")],
      ["next hop of 15 octets", attribute(0x80, 14, `0002 01 0f ${nextHop.slice(2)} 00 00`)],
      ["next hop of 24 octets", attribute(0x80, 14, `0002 01 18 ${nextHop} 0000000000000000 00 00`)],
      ["next hop of no octets", attribute(0x80, 14, "0002 01 00 00 00")],
      ["next hop behind the end", attribute(0x80, 14, `0002 01 20 ${nextHop} 00 00`)],
      ["IPv6 next hop for IPv4, not agreed (RFC 8950)", attribute(0x80, 14, `0001 01 10 ${nextHop} 00 00`)],
      ["prefix of 129 bits", attribute(0x80, 14, `0002 01 10 ${nextHop} 00 81${"00".repeat(17)}`)],
      ["prefix behind the end", attribute(0x80, 14, `0002 01 10 ${nextHop} 00 4020010db8`)],
      ["withdrawal: two octets", attribute(0x80, 15, "0002")],
      ["withdrawal: prefix behind the end", attribute(0x80, 15, "0002 01 3020010d")],
    ];
    for (const [what, text] of bad)
      t.equal(
        notification(() => scan(update({ attributes: [text, ...base] }), internal)),
        `3/9 ${text}`,
        what,
      );
    const unknownFamily = attribute(0x80, 14, "0019 46 20 00");
    t.equal(
      notification(() => scan(update({ attributes: [unknownFamily] }))),
      `3/9 ${unknownFamily}`,
      "a next hop must fit even where nobody knows the family",
    );
  },
);

t.test("an MP attribute with wrong flags still tells its routes: they are withdrawn (RFC 7606 §3 c)", async (t) => {
  for (const flags of [0x00, 0x40, 0xc0]) {
    const announced = scan(update({ attributes: [reach6(flags), ...base] }), internal);
    t.match(announced.error, { code: 14, action: "treat-as-withdraw", subcode: 4 });
    t.equal(announced.reachFamily, 1, "so that the routes are found");
    const withdrawn = scan(update({ attributes: [attribute(flags, 15, "0002 01 3020010db80007")] }), internal);
    t.match(withdrawn.error, { code: 15, action: "treat-as-withdraw", subcode: 4 });
    t.equal(withdrawn.unreachFamily, 1);
    t.equal(isEndOfRib(scan(update({ attributes: [attribute(flags, 15, "0002 01")] }), internal)), -1);
  }
  t.equal(
    notification(() => scan(update({ attributes: [attribute(0xc0, 15, "0002 01"), good.origin] }), internal)),
    "3/4",
    "beside other attributes, and with nothing announced, it resets (§5.2)",
  );
  const cut = attribute(0x40, 14, "0002 01 10 00");
  t.equal(
    notification(() => scan(update({ attributes: [cut, ...base] }), internal)),
    `3/9 ${cut}`,
    "the stronger fault wins (§3 h)",
  );
});

t.test(
  "next hops: 16 and 32 octets for IPv6, 4 for IPv4, and IPv6 ones for IPv4 once agreed (RFC 2545 §3, RFC 8950 §3)",
  async (t) => {
    const global = "20010db8000000000000000000000001";
    const local = "fe800000000000000000000000000002";
    const of = (value: string, context: CodecContext) => {
      const data = update({ attributes: [attribute(0x80, 14, value), ...base] });
      return decodeAttributes(data, scan(data, context), context, "mp-reach").attributes?.nextHop;
    };
    const words = [0x20010db8, 0, 0, 1];
    t.same(of(`0002 01 10 ${global} 00 00`, internal), { words, linkLocal: null });
    t.same(of(`0002 01 20 ${global}${local} 00 00`, internal), { words, linkLocal: [0xfe800000, 0, 0, 2] });
    t.same(of(`0002 01 20 ${global}${"00".repeat(16)} 00 00`, internal), { words, linkLocal: null });
    t.same(
      of(`0002 01 20 ${"00".repeat(16)}${local} 00 00`, internal),
      { words: [0xfe800000, 0, 0, 2], linkLocal: null },
      "the link-local address alone, as BIRD says it",
    );
    t.same(of("0001 01 04 0a000001 00 00", internal), { words: [0x0a000001], linkLocal: null });
    t.same(of(`0001 01 10 ${global} 00 00`, codecContext({ extendedNextHop: true })), { words, linkLocal: null });
  },
);

t.test("Withdrawn Routes and NLRI that can't be cut into prefixes: 3/10 (RFC 7606 §3 i, j, §5.3)", async (t) => {
  for (const nlri of ["21 0a000000 00", "18c633", "18c63364 08", "ff"]) {
    t.equal(
      notification(() => scan(update({ attributes: goodSet, nlri }))),
      "3/10",
      `NLRI ${nlri}`,
    );
    t.equal(
      notification(() => scan(update({ withdrawn: nlri }))),
      "3/10",
      `Withdrawn Routes ${nlri}`,
    );
  }
  const addPath = codecContext({ addPathReceive: [true, false] });
  for (const nlri of ["00000001", "00000001 18c633", "000001", "00000001 21 0000000000"])
    t.equal(
      notification(() => scan(update({ withdrawn: nlri }), addPath)),
      "3/10",
      `with ADD-PATH ${nlri}`,
    );
});

t.test("prefixes come out as numbers, without the bits behind their length (RFC 4271 §4.3)", async (t) => {
  const field = (text: string, family: Family = 0, addPath = false) => {
    const data = bytes(text);
    t.not(validateNlri(family, data, 0, data.length, addPath), -1, text);
    return prefixes(family, data, 0, data.length, addPath);
  };
  t.same(field("00 080a 0c0aff 180a0b0c 1f0a0b0cff 200a0b0cff"), [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.240.0.0/12",
    "10.11.12.0/24",
    "10.11.12.254/31",
    "10.11.12.255/32",
  ]);
  t.same(field("00 0320 2020010db8 3020010db8ffff 3f20010db8ffffffff 41 20010db8ffffffffff", 1), [
    "::/0",
    "2000::/3",
    "2001:db8::/32",
    "2001:db8:ffff::/48",
    "2001:db8:ffff:fffe::/63",
    "2001:db8:ffff:ffff:8000::/65",
  ]);
  t.same(field("8020010db8000000000000000000000001", 1), ["2001:db8::1/128"]);
  t.same(field("ffffffff 080a 00000000 00", 0, true), ["10.0.0.0/8#4294967295", "0.0.0.0/0#0"]);
  t.same(field("00000007 40 20010db800010002", 1, true), ["2001:db8:1:2::/64#7"]);
});

t.test(
  "the attribute section may end inside an attribute: what is known is withdrawn, the session lives (RFC 7606 §4)",
  async (t) => {
    const tails = ["40", "4005", "400504", "40050400", "5005", "500500", "50050004", "c0630a00", "4005ff00000064"];
    for (const tail of tails) {
      t.equal(verdict(announce(...goodSet, tail)).split(" ")[0], "treat-as-withdraw", tail);
      t.equal(
        verdict(update({ attributes: [reach6(), ...base, tail] }), internal, "mp-reach").split(" ")[0],
        "treat-as-withdraw",
        tail,
      );
    }
    const layout = scan(announce(...goodSet, "c0630a00"));
    t.match(layout.error, { action: "treat-as-withdraw", name: "attribute 99", subcode: 1 });
    t.equal(
      layout.attributesEnd - layout.attributesStart,
      goodSet.join("").length / 2,
      "what came before still stands",
    );
  },
);

t.test("if it ends inside an MP attribute nobody knows which routes are meant: 3/9 (RFC 7606 §3 j)", async (t) => {
  for (const tail of ["800e", "800e05", "800eff00", "800f03", "900e0005"])
    t.match(verdict(announce(...goodSet, tail)), "session-reset 3/9", tail);
});

t.test("without reachable NLRI only a discarded attribute is forgiven: all else resets (RFC 7606 §5.2)", async (t) => {
  const badOrigin = attribute(0x40, 1, "07");
  const badAggregator = attribute(0xc0, 7, "00");
  t.equal(verdict(update({ withdrawn: "080a", attributes: [badOrigin] })), "session-reset 3/6");
  t.equal(verdict(update({ attributes: [badOrigin, unreach6] })), "session-reset 3/6");
  t.equal(verdict(update({ withdrawn: "080a", attributes: "4001" })), "session-reset 3/1");
  t.equal(
    verdict(update({ withdrawn: "080a", attributes: [good.origin, badAggregator] }), internal, "none"),
    "attribute-discard AGGREGATOR 3/5",
  );
  t.equal(
    verdict(update({ withdrawn: "080a", attributes: [good.origin] }), internal, "none"),
    "fine",
    "nothing is mandatory there",
  );
  const empty = attribute(0x80, 14, "0002 01 10 20010db8000000000000000000000001 00");
  t.equal(verdict(update({ attributes: [empty, badOrigin] })), "session-reset 3/6", "MP_REACH_NLRI without NLRI");
  const ignored = update({ attributes: [reach6(), badOrigin] });
  t.equal(
    notification(() => scan(ignored)),
    "nothing was thrown",
    "it announces something, if only to others",
  );
});

t.test("End-of-RIB is an UPDATE of nothing, or of an empty MP_UNREACH_NLRI alone (RFC 4724 §2)", async (t) => {
  const end6 = attribute(0x80, 15, "000201");
  const of = (parts: Parameters<typeof update>[0]) => isEndOfRib(scan(update(parts), internal));
  t.equal(of({}), Family.Ipv4Unicast);
  t.equal(of({ attributes: end6 }), Family.Ipv6Unicast);
  t.equal(of({ attributes: attribute(0x90, 15, "000201") }), Family.Ipv6Unicast, "with Extended Length");
  t.equal(of({ attributes: attribute(0x80, 15, "000101") }), Family.Ipv4Unicast);
  t.equal(of({ attributes: unreach6 }), -1);
  t.equal(of({ attributes: [good.origin, end6] }), -1);
  t.equal(of({ withdrawn: "080a", attributes: end6 }), -1);
  t.equal(of({ attributes: goodSet, nlri: "00" }), -1);
  t.equal(of({ attributes: attribute(0x80, 15, "001946") }), -1);
});

/** What RFC 7606 §7 and the attributes' own RFCs say of each malformed attribute. */
const malformed: readonly [what: string, text: string, wanted: string, context?: CodecContext][] = [
  ["ORIGIN of 3 (§7.1)", attribute(0x40, 1, "03"), "treat-as-withdraw ORIGIN 3/6"],
  ["ORIGIN of 255", attribute(0x40, 1, "ff"), "treat-as-withdraw ORIGIN 3/6"],
  ["ORIGIN empty", attribute(0x40, 1, ""), "treat-as-withdraw ORIGIN 3/5"],
  ["ORIGIN of two octets", attribute(0x40, 1, "0000"), "treat-as-withdraw ORIGIN 3/5"],
  [
    "AS_PATH with an unknown segment type (§7.2)",
    attribute(0x40, 2, "0501 0000fde9"),
    "treat-as-withdraw AS_PATH 3/11",
  ],
  ["AS_PATH with a segment type of 0", attribute(0x40, 2, "0001 0000fde9"), "treat-as-withdraw AS_PATH 3/11"],
  ["AS_PATH with a segment behind the end", attribute(0x40, 2, "0202 0000fde9"), "treat-as-withdraw AS_PATH 3/11"],
  ["AS_PATH with one octet too many", attribute(0x40, 2, "0201 0000fde9 02"), "treat-as-withdraw AS_PATH 3/11"],
  ["AS_PATH with an empty segment", attribute(0x40, 2, "0200"), "treat-as-withdraw AS_PATH 3/11"],
  ["AS_PATH with AS 0 (RFC 7607 §2)", attribute(0x40, 2, "0201 00000000"), "treat-as-withdraw AS_PATH 3/11"],
  [
    "AS_PATH with AS 0 behind others",
    attribute(0x40, 2, "0203 0000fde9 0000fdea 00000000"),
    "treat-as-withdraw AS_PATH 3/11",
  ],
  ["AS_PATH with AS 0 in a set", attribute(0x40, 2, "0102 0000fde9 00000000"), "treat-as-withdraw AS_PATH 3/11"],
  ["AS_PATH with an AS whose low octets are 0", attribute(0x40, 2, "0202 0000fde9 00010000"), "fine"],
  [
    "AS_PATH of two-octet ASes where four were agreed",
    attribute(0x40, 2, "0201 fde9"),
    "treat-as-withdraw AS_PATH 3/11",
  ],
  ["AS_PATH with AS 0 in two octets", attribute(0x40, 2, "0202 fde9 0000"), "treat-as-withdraw AS_PATH 3/11", twoOctet],
  [
    "AS_PATH with a confederation, external (RFC 5065 §5)",
    attribute(0x40, 2, "0301 0000fde9 0201 0000fde9"),
    "treat-as-withdraw AS_PATH 3/11",
    external,
  ],
  ["AS_PATH with a confederation, internal", attribute(0x40, 2, "0301 0000fde9"), "fine"],
  [
    "AS_PATH of another AS first (RFC 4271 §6.3)",
    attribute(0x40, 2, "0201 0000fdea"),
    "treat-as-withdraw AS_PATH 3/11",
    external,
  ],
  ["AS_PATH with a set first", attribute(0x40, 2, "0101 0000fde9"), "treat-as-withdraw AS_PATH 3/11", external],
  ["AS_PATH empty, external", attribute(0x40, 2, ""), "treat-as-withdraw AS_PATH 3/11", external],
  [
    "AS_PATH of another AS first, where it may be",
    attribute(0x40, 2, "0201 0000fdea"),
    "fine",
    codecContext({ peerKind: "external", localAs: 65002, enforceFirstAs: false }),
  ],
  ["AS_PATH empty, internal (RFC 7606 §4)", attribute(0x40, 2, ""), "fine"],
  [
    "AS_PATH with a set, where they are refused (RFC 9774)",
    attribute(0x40, 2, "0201 0000fde9 0102 0000fdeb0000fdec"),
    "treat-as-withdraw AS_PATH 3/11",
    codecContext({ rejectAsSets: true }),
  ],
  [
    "AS_PATH longer than the bound",
    attribute(0x40, 2, "0204 00000001000000010000000100000001"),
    "treat-as-withdraw AS_PATH 3/11",
    codecContext({ limits: { ...defaultLimits, asPathLength: 3 } }),
  ],
  ["NEXT_HOP of three octets (§7.3)", attribute(0x40, 3, "0a0000"), "treat-as-withdraw NEXT_HOP 3/5"],
  ["NEXT_HOP of sixteen octets", attribute(0x40, 3, "00".repeat(16)), "treat-as-withdraw NEXT_HOP 3/5"],
  ["NEXT_HOP empty", attribute(0x40, 3, ""), "treat-as-withdraw NEXT_HOP 3/5"],
  ["MULTI_EXIT_DISC of three octets (§7.4)", attribute(0x80, 4, "000001"), "treat-as-withdraw MULTI_EXIT_DISC 3/5"],
  ["MULTI_EXIT_DISC empty", attribute(0x80, 4, ""), "treat-as-withdraw MULTI_EXIT_DISC 3/5"],
  ["LOCAL_PREF of five octets (§7.5)", attribute(0x40, 5, "0000000064"), "treat-as-withdraw LOCAL_PREF 3/5"],
  ["ATOMIC_AGGREGATE of one octet (§7.6)", attribute(0x40, 6, "00"), "attribute-discard ATOMIC_AGGREGATE 3/5"],
  ["AGGREGATOR of six octets (§7.7)", attribute(0xc0, 7, "fde9 0a000001"), "attribute-discard AGGREGATOR 3/5"],
  ["AGGREGATOR of AS 0 (RFC 7607 §2)", attribute(0xc0, 7, "00000000 0a000001"), "attribute-discard AGGREGATOR 3/9"],
  ["AGGREGATOR empty", attribute(0xc0, 7, ""), "attribute-discard AGGREGATOR 3/5"],
  ["COMMUNITIES of three octets (§7.8)", attribute(0xc0, 8, "fde900"), "treat-as-withdraw COMMUNITIES 3/5"],
  ["COMMUNITIES empty", attribute(0xc0, 8, ""), "treat-as-withdraw COMMUNITIES 3/5"],
  [
    "COMMUNITIES more than the bound",
    attribute(0xc0, 8, "0000000100000002"),
    "treat-as-withdraw COMMUNITIES 3/9",
    codecContext({ limits: { ...defaultLimits, communityOctets: 4 } }),
  ],
  ["ORIGINATOR_ID of five octets (§7.9)", attribute(0x80, 9, "0a00000100"), "treat-as-withdraw ORIGINATOR_ID 3/5"],
  ["CLUSTER_LIST of six octets (§7.10)", attribute(0x80, 10, "0a0000010000"), "treat-as-withdraw CLUSTER_LIST 3/5"],
  ["CLUSTER_LIST empty", attribute(0x80, 10, ""), "treat-as-withdraw CLUSTER_LIST 3/5"],
  [
    "CLUSTER_LIST longer than the bound",
    attribute(0x80, 10, "0a0000010a000002"),
    "treat-as-withdraw CLUSTER_LIST 3/9",
    codecContext({ limits: { ...defaultLimits, clusterListLength: 1 } }),
  ],
  [
    "EXTENDED_COMMUNITIES of nine octets (§7.14)",
    attribute(0xc0, 16, "0002fde90000006400"),
    "treat-as-withdraw EXTENDED_COMMUNITIES 3/5",
  ],
  ["EXTENDED_COMMUNITIES empty", attribute(0xc0, 16, ""), "treat-as-withdraw EXTENDED_COMMUNITIES 3/5"],
  ["EXTENDED_COMMUNITIES of a kind that nobody knows", attribute(0xc0, 16, "ffffffffffffffff"), "fine"],
  [
    "LARGE_COMMUNITY of eleven octets (RFC 8092 §6)",
    attribute(0xc0, 32, "0000fde900000001000000"),
    "treat-as-withdraw LARGE_COMMUNITY 3/5",
  ],
  ["LARGE_COMMUNITY empty", attribute(0xc0, 32, ""), "treat-as-withdraw LARGE_COMMUNITY 3/5"],
  ["OTC of five octets (RFC 9234 §5)", attribute(0xc0, 35, "0000fde900"), "treat-as-withdraw OTC 3/5"],
  [
    "AS4_PATH between peers with four octets (RFC 6793 §4.1)",
    attribute(0xc0, 17, "0201 0000fde9"),
    "attribute-discard AS4_PATH 3/9",
  ],
  [
    "AS4_AGGREGATOR between peers with four octets",
    attribute(0xc0, 18, "0000fde9 0a000001"),
    "attribute-discard AS4_AGGREGATOR 3/9",
  ],
];

t.test("each malformed attribute gets the action that its RFC names", async (t) => {
  for (const [what, text, wanted, context] of malformed) {
    const kind = context ?? internal;
    const asPath = kind.fourOctetAs ? good.asPath : attribute(0x40, 2, "0201 fde9");
    const set = [good.origin, asPath, good.nextHop].filter((each) => each.slice(2, 4) !== text.slice(2, 4));
    t.equal(verdict(announce(...set, text), kind), wanted, what);
  }
});

t.test(
  "AS4_PATH and AS4_AGGREGATOR of a two-octet peer are dropped when malformed (RFC 6793 §6, RFC 7607 §2)",
  async (t) => {
    const set = [good.origin, attribute(0x40, 2, "0202 fde9 5ba0"), good.nextHop];
    const bad = [
      "0201 0000",
      "0200 00000000",
      "0202 fa56ea01",
      "0901 fa56ea01",
      "0201 00000000",
      "0201 fa56ea01 02",
      "",
    ];
    for (const value of bad)
      t.match(verdict(announce(...set, attribute(0xc0, 17, value)), twoOctet), /^attribute-discard AS4_PATH/, value);
    for (const value of ["fa56ea01 0a0000", "fa56ea01 0a000001 00", "00000000 0a000001", ""])
      t.match(
        verdict(announce(...set, attribute(0xc0, 18, value)), twoOctet),
        /^attribute-discard AS4_AGGREGATOR/,
        value,
      );
  },
);

t.test("wrong Optional or Transitive flags withdraw the routes, of every attribute (RFC 7606 §3 c)", async (t) => {
  for (const codec of codecs) {
    if (codec.acceptFrom === "two-octet") continue;
    for (const flags of [0x00, 0x40, 0x80, 0xc0]) {
      if (flags === codec.flags) continue;
      const wanted = `treat-as-withdraw ${codec.name} 3/4`;
      t.equal(verdict(withAttribute(attribute(flags, codec.code, "00000064"))), wanted, `${codec.name} ${flags}`);
    }
  }
  const low = withAttribute(attribute(0x4f, 1, "00"));
  t.equal(verdict(low), "fine", "the low bits are ignored (RFC 4271 §4.3)");
});

t.test("an attribute from who may not send it is dropped unread (RFC 7606 §7.5, §7.9, §7.10)", async (t) => {
  for (const value of ["00000064", "00", ""])
    for (const [code, name] of [
      [5, "LOCAL_PREF"],
      [9, "ORIGINATOR_ID"],
      [10, "CLUSTER_LIST"],
    ] as const) {
      const text = attribute(code === 5 ? 0x40 : 0x80, code, value);
      const data = announce(good.origin, good.asPath, good.nextHop, text);
      t.equal(verdict(data, external), `attribute-discard ${name} 3/9`);
      const { attributes } = decodeAttributes(data, scan(data, external), external, "ipv4-nlri");
      t.match(attributes, { localPref: null, originatorId: null, clusterList: [] });
    }
});

t.test(
  "missing mandatory attributes withdraw the routes; NEXT_HOP is only missed by the NLRI field (RFC 7606 §3 d)",
  async (t) => {
    const without = (code: string) => announce(...goodSet.filter((each) => each.slice(2, 4) !== code));
    t.equal(verdict(without("01")), "treat-as-withdraw ORIGIN 3/3");
    t.equal(verdict(without("02")), "treat-as-withdraw AS_PATH 3/3");
    t.equal(verdict(without("03")), "treat-as-withdraw NEXT_HOP 3/3");
    t.equal(verdict(without("05")), "fine", "LOCAL_PREF is discretionary");
    t.equal(
      verdict(update({ nlri: "18c63364" })),
      "treat-as-withdraw ORIGIN 3/3, treat-as-withdraw AS_PATH 3/3, treat-as-withdraw NEXT_HOP 3/3",
    );
    t.equal(verdict(update({ attributes: [reach6(), ...base] }), internal, "mp-reach"), "fine");
    t.equal(
      verdict(update({ attributes: [reach6(), good.asPath] }), internal, "mp-reach"),
      "treat-as-withdraw ORIGIN 3/3",
    );
    const { faults } = decodeAttributes(without("03"), scan(without("03")), internal, "ipv4-nlri");
    t.same([...faults[0]!.data], [3], "the code is the data (RFC 4271 §6.3)");
  },
);

t.test("a repeated attribute counts once, the first time (RFC 7606 §3 g)", async (t) => {
  for (const codec of codecs) {
    const example = {
      1: "01",
      2: "",
      6: "",
      7: "0000fde90a000001",
      16: "0002fde900000064",
      32: "0000fde90000000100000002",
    };
    const value = (example as Record<number, string>)[codec.code] ?? "00000007";
    if (codec.acceptFrom === "two-octet") continue;
    const text = attribute(codec.flags, codec.code, value);
    const others = goodSet.filter((each) => each.slice(2, 4) !== text.slice(2, 4));
    const data = announce(...others, text, attribute(codec.flags, codec.code, "ffffffffff"));
    t.equal(verdict(data), `attribute-discard ${codec.name} 3/1`);
  }
  const other = attribute(0x40, 2, "0201 0000fdea");
  t.equal(
    verdict(announce(good.origin, other, good.nextHop, good.asPath), external),
    "attribute-discard AS_PATH 3/1, treat-as-withdraw AS_PATH 3/11",
    "and the first is judged as ever",
  );
  const data = announce(...goodSet, attribute(0xc0, 99, "01"), attribute(0xc0, 99, "02"));
  const { attributes, faults } = decodeAttributes(data, scan(data), internal, "ipv4-nlri");
  t.same(attributes?.unknown, [{ code: 99, flags: 0xe0, value: bytes("01") }], "one that nobody knows, too");
  t.match(faults, [{ name: "attribute 99", action: "attribute-discard" }]);
});

t.test("of several faults the strongest action wins, and all are told (RFC 7606 §3 h)", async (t) => {
  const badOrigin = attribute(0x40, 1, "07");
  const badAggregator = attribute(0xc0, 7, "00");
  const badPath = attribute(0x40, 2, "02");
  t.equal(
    verdict(announce(badAggregator, badOrigin, badPath, good.nextHop)),
    "attribute-discard AGGREGATOR 3/5, treat-as-withdraw ORIGIN 3/6, treat-as-withdraw AS_PATH 3/11",
  );
  t.equal(verdict(announce(badAggregator, badOrigin, attribute(0x80, 14, "0002"), good.nextHop)), "session-reset 3/9");
});

t.test("an attribute that nobody here implements is never looked into (RFC 4271 §5)", async (t) => {
  const decode = (text: string) => {
    const data = announce(...goodSet, text);
    return decodeAttributes(data, scan(data), internal, "ipv4-nlri");
  };
  for (const code of [
    11, 12, 13, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 33, 34, 36, 37, 38, 39, 40, 128, 241, 255,
  ]) {
    const value = "00".repeat(10);
    t.match(decode(attribute(0xc0, code, value)), {
      attributes: { unknown: [{ code, flags: 0xe0, value: bytes(value) }] },
      faults: [],
    });
    t.match(
      decode(attribute(0xe0, code, "")).attributes?.unknown,
      [{ code, flags: 0xe0, value: bytes("") }],
      "an empty one, too",
    );
    t.same(decode(attribute(0x80, code, value)).attributes?.unknown, [], "optional non-transitive is dropped quietly");
    t.same(decode(attribute(0x80, code, value)).faults, []);
  }
  const crowd = announce(...goodSet, ...Array.from({ length: 65 }, (_, i) => attribute(0xc0, 150 + i, "00")));
  t.equal(verdict(crowd), "treat-as-withdraw attribute 214 3/9", "but there is a bound to their number");
});

t.test(
  "one that calls itself well-known has wrong flags: its routes are withdrawn (RFC 7606 §3 c, RFC 4271 §6.3)",
  async (t) => {
    for (const flags of [0x40, 0x00])
      t.equal(verdict(announce(...goodSet, attribute(flags, 99, "0102"))), "treat-as-withdraw attribute 99 3/2");
  },
);

t.test("Partial, once set, stays with an attribute that we know (RFC 4271 §5)", async (t) => {
  const data = announce(...goodSet, attribute(0xe0, 8, "fde90001"), attribute(0xe0, 32, "0000fde90000000100000002"));
  const { attributes } = decodeAttributes(data, scan(data), internal, "ipv4-nlri");
  t.same(attributes?.partial, [8, 32]);
});

t.test(
  "attributes that the operator drops are gone before anybody reads them, but never the indispensable ones",
  async (t) => {
    const context = codecContext({ dropAttributes: new Set([1, 2, 3, 8, 40, 99]) });
    const data = announce(
      ...goodSet,
      attribute(0xc0, 8, "00"),
      attribute(0xc0, 40, "00"),
      attribute(0x40, 99, "00"),
      attribute(0xc0, 100, "00"),
    );
    const { attributes, faults } = decodeAttributes(data, scan(data, context), context, "ipv4-nlri");
    t.same(faults, []);
    t.match(attributes, { communities: [], unknown: [{ code: 100 }], nextHop: { words: [0x0a000001] } });
  },
);

t.test("what a fault says names what was found and holds the attribute (RFC 4271 §6.3)", async (t) => {
  const text = attribute(0x80, 4, "000001");
  const data = withAttribute(text);
  const { faults } = decodeAttributes(data, scan(data), internal, "ipv4-nlri");
  t.equal(faults[0]!.text, "must be 4 octets, found 3 octets");
  t.equal(hex(faults[0]!.data), text);
  const long = withAttribute(attribute(0xd0, 8, "00".repeat(60001)));
  const extended = codecContext({ maxReceive: 65535 });
  t.equal(decodeAttributes(long, scan(long, extended), extended, "ipv4-nlri").faults[0]!.data.length, 4075);
});

t.test("every attribute has a row with an action for each way to be wrong, as the RFCs have it", async (t) => {
  const weak = new Set(["ATOMIC_AGGREGATE", "AGGREGATOR", "AS4_PATH", "AS4_AGGREGATOR"]);
  for (const { name, onError, code } of attributeTable) {
    const mp = code === 14 || code === 15;
    const action = mp ? "session-reset" : weak.has(name) ? "attribute-discard" : "treat-as-withdraw";
    t.match(onError, { length: action, value: action, duplicate: mp ? "session-reset" : "attribute-discard" }, name);
    t.equal(onError.flags, "treat-as-withdraw", name);
  }
  const codes = attributeTable.map(({ code }) => code);
  t.same(
    codes,
    codes.toSorted((a, b) => a - b),
    "sorted by code, as the canonical form is",
  );
  t.equal(new Set(codes).size, codes.length);
  t.equal(HEADER_LENGTH, 19);
});
