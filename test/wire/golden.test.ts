import t from "tap";
import { ByteWriter } from "../../src/lib/bytes.ts";
import { Family } from "../../src/lib/family.ts";
import { encodeCanonical } from "../../src/wire/attribute/canonical.ts";
import { decodeAttributes, type Reach } from "../../src/wire/attribute/decode.ts";
import type { PathAttributes } from "../../src/wire/attribute/types.ts";
import { codecContext } from "../../src/wire/context.ts";
import { HEADER_LENGTH } from "../../src/wire/framer.ts";
import { plainTransform, writeAttributes } from "../../src/wire/message/attribute-writer.ts";
import { encodeKeepalive } from "../../src/wire/message/keepalive.ts";
import {
  decodeNotification,
  describeNotification,
  encodeNotification,
  shutdownText,
} from "../../src/wire/message/notification.ts";
import { decodeOpen, encodeOpen } from "../../src/wire/message/open.ts";
import { decodeRouteRefresh, encodeRouteRefresh, RefreshKind } from "../../src/wire/message/route-refresh.ts";
import { encodeEndOfRib, isEndOfRib } from "../../src/wire/message/update.ts";
import { UpdateWriter } from "../../src/wire/message/update-writer.ts";
import { hex } from "../../testbed/speaker/octets.ts";
import { type Golden, goldenContexts, goldens, prefixes, scan } from "../support/wire/messages.ts";

/**
 * Real messages of FRR, BIRD and GoBGP (test/wire/golden, made by trials/capture/capture.ts), read and written again. What
 * they must mean is written down here from the configuration of those daemons, not from what our decoder said.
 */
const title = (golden: Golden): string => `${golden.madeBy} to its peer "${golden.peer}"`;
const of = (type: Golden["type"], maker = ""): Golden[] =>
  goldens.filter((golden) => golden.type === type && golden.madeBy.startsWith(maker));

interface Announced {
  readonly prefixes: readonly string[];
  readonly attributes: PathAttributes;
}

/** Everything that an UPDATE says. */
function read(golden: Golden): { withdrawn: string[]; announced: Announced[]; faults: number } {
  const context = goldenContexts[golden.peer];
  const { bytes } = golden;
  const layout = scan(bytes, context);
  const four = context.addPathReceive[Family.Ipv4Unicast]!;
  const withdrawn = prefixes(Family.Ipv4Unicast, bytes, layout.withdrawnStart, layout.withdrawnEnd, four);
  const announced: Announced[] = [];
  let faults = 0;
  const add = (found: string[], reach: Reach) => {
    if (found.length === 0) return;
    const decoded = decodeAttributes(bytes, layout, context, reach);
    faults += decoded.faults.length;
    if (decoded.attributes !== null) announced.push({ prefixes: found, attributes: decoded.attributes });
  };
  add(prefixes(Family.Ipv4Unicast, bytes, layout.nlriStart, layout.nlriEnd, four), "ipv4-nlri");
  const { reachFamily, unreachFamily } = layout;
  if (reachFamily !== -1) {
    const addPath = context.addPathReceive[reachFamily]!;
    add(prefixes(reachFamily, bytes, layout.reachNlriStart, layout.reachNlriEnd, addPath), "mp-reach");
  }
  if (unreachFamily !== -1) {
    const addPath = context.addPathReceive[unreachFamily]!;
    withdrawn.push(...prefixes(unreachFamily, bytes, layout.unreachNlriStart, layout.unreachNlriEnd, addPath));
  }
  return { withdrawn, announced, faults };
}

/** The attributes of the route to `prefix` that `maker` told `peer`. */
function route(maker: string, peer: Golden["peer"], prefix: string): PathAttributes {
  for (const golden of of("UPDATE", maker).filter((golden) => golden.peer === peer))
    for (const { prefixes, attributes } of read(golden).announced)
      if (prefixes.some((found) => found.split("#")[0] === prefix)) return attributes;
  throw new Error(`${maker} told ${peer} nothing about ${prefix}`);
}

const as = (...asns: number[]) => ({ type: 2, asns });
const set = (...asns: number[]) => ({ type: 1, asns });
const address = (text: string): number => Buffer.from(text.split(".").map(Number)).readUInt32BE();

t.test("no message of a real daemon has a fault, and every one is understood whole", async (t) => {
  t.ok(goldens.length > 100);
  for (const golden of of("UPDATE")) {
    const { withdrawn, announced, faults } = read(golden);
    t.equal(faults, 0, title(golden));
    const end = isEndOfRib(scan(golden.bytes, goldenContexts[golden.peer])) !== -1;
    t.not(withdrawn.length + announced.length + Number(end), 0, title(golden));
  }
});

t.test(
  "a reflected route of three attribute RFCs means what the feeder said (RFC 4271 §5, 1997, 4360, 8092, 4456 §8)",
  async (t) => {
    const rich = {
      origin: 0,
      asPath: [as(4200000001, 65536), set(64512, 64513)],
      med: 200,
      localPref: 100,
      atomicAggregate: true,
      aggregator: { as: 65536, address: address("10.0.0.4") },
      extendedCommunities: [[0x0002fde9, 100]],
      largeCommunities: [
        [65536, 1, 2],
        [65536, 3, 4],
      ],
      unknown: [{ code: 99, flags: 0xe0 }],
    };
    const communities = [0xfde80001, 0xfde80002, 0xffff029a];
    const noExport = 0xffffff01; // FRR adds it to what carries BLACKHOLE (RFC 7999 §3.2)
    t.match(route("BIRD", "witness", "198.51.100.0/24"), {
      ...rich,
      communities,
      nextHop: { words: [address("10.0.0.1")] },
    });
    t.match(route("FRR", "witness", "198.51.100.0/24"), { ...rich, communities: [...communities, noExport] });
    t.match(route("GoBGP", "witness", "198.51.100.0/24"), {
      ...rich,
      communities,
      originatorId: address("10.0.0.4"),
      clusterList: [address("10.0.0.250")],
    });
    for (const maker of ["FRR", "BIRD", "GoBGP"]) {
      const reflected = route(maker, "witness", "203.0.113.0/24");
      t.same(reflected.originatorId, address("10.0.0.5"), maker);
      t.same(reflected.clusterList, [address("10.0.0.250")], maker);
      t.same(reflected.nextHop, { words: [address("10.0.0.5")], linkLocal: null }, maker);
      t.same(reflected.asPath, [], maker);
    }
  },
);

t.test("IPv6 routes come with a global next hop, and with FRR a link-local one beside it (RFC 2545 §3)", async (t) => {
  const global = [0xfd000000, 0, 0, 1];
  for (const maker of ["BIRD", "GoBGP"])
    t.same(route(maker, "witness", "2001:db8:1::/48").nextHop, { words: global, linkLocal: null }, maker);
  const both = route("FRR", "witness", "2001:db8:2::/64").nextHop!;
  t.same(both.words, global);
  t.equal(both.linkLocal?.[0], 0xfe800000);
});

t.test("a two-octet peer gets AS_TRANS and AS4_PATH, which are one path again here (RFC 6793 §4.2.3)", async (t) => {
  for (const maker of ["FRR", "BIRD", "GoBGP"])
    t.same(route(maker, "old", "198.51.101.0/24").asPath, [as(65001, 4200000001)], maker);
  for (const maker of ["BIRD", "GoBGP"]) {
    const rich = route(maker, "old", "198.51.100.0/24");
    t.same(rich.asPath, [as(65001, 4200000001, 65536), set(64512, 64513)], maker);
    t.same(rich.aggregator, { as: 65536, address: address("10.0.0.4") }, maker);
  }
});

t.test("with ADD-PATH each prefix has its path identifier, withdrawals too (RFC 7911 §3)", async (t) => {
  const told = (maker: string) => of("UPDATE", maker).filter(({ peer }) => peer === "paths");
  const all = (maker: string) =>
    told(maker).flatMap((golden) => read(golden).announced.flatMap(({ prefixes }) => prefixes));
  t.ok(all("BIRD").includes("198.51.100.0/24#6"));
  t.ok(all("BIRD").includes("2001:db8:1::/48#4"));
  t.ok(all("FRR").includes("203.0.113.0/24#6"));
  t.ok(all("GoBGP").includes("198.51.102.0/24#1"));
  t.same(read(told("FRR").at(-1)!).withdrawn, ["198.51.102.0/24#5"]);
  t.same(read(told("BIRD").at(-1)!).withdrawn, ["198.51.102.0/24#6"]);
});

t.test(
  "what is read and written again has the same attributes, octet for octet, in whatever order they came",
  async (t) => {
    for (const golden of of("UPDATE")) {
      const context = goldenContexts[golden.peer];
      const written = new ByteWriter();
      for (const { prefixes: _, attributes } of read(golden).announced) {
        const layout = scan(golden.bytes, context);
        const canonical = new ByteWriter();
        encodeCanonical(attributes, canonical);
        const section = new ByteWriter();
        const words = attributes.nextHop!.words;
        const legacy = layout.reachFamily === -1;
        writeAttributes(
          canonical.bytes,
          0,
          canonical.length,
          { ...plainTransform, fourOctetAs: context.fourOctetAs },
          legacy ? words[0]! : -1,
          0,
          section,
        );
        const family = legacy ? Family.Ipv4Unicast : layout.reachFamily;
        const addPath = context.addPathReceive[family as Family]!;
        const writer = new UpdateWriter(written, family as Family, addPath, 4096);
        writer.startReach(section.bytes, 0, section.length, legacy ? null : attributes.nextHop);
        const [from, to] = legacy ? [layout.nlriStart, layout.nlriEnd] : [layout.reachNlriStart, layout.reachNlriEnd];
        copyNlri(writer, family as Family, golden.bytes, from, to, addPath);
        writer.finish();
      }
      if (written.length > 0)
        t.same(sorted(written.copy()), sorted(golden.bytes), `${title(golden)} ${hex(golden.bytes)}`);
      if (written.length > 0 && golden.madeBy.startsWith("BIRD"))
        t.equal(hex(written.copy()), hex(golden.bytes), title(golden));
    }
  },
);

/** Hands the prefixes of a field to a writer. */
function copyNlri(
  writer: UpdateWriter,
  family: Family,
  bytes: Uint8Array,
  from: number,
  to: number,
  addPath: boolean,
): void {
  for (const text of prefixes(family, bytes, from, to, addPath)) {
    const match = /^(.+)\/(\d+)(?:#(\d+))?$/.exec(text)!;
    const [length, id] = [Number(match[2]), Number(match[3] ?? 0)];
    if (family === Family.Ipv4Unicast) writer.add4(address(match[1]!), length, id);
    else {
      const groups = match[1]!.split("::")[0]!.split(":").concat(Array(8).fill("0")).slice(0, 8);
      const words = [0, 2, 4, 6].map(
        (i) => ((Number.parseInt(groups[i]!, 16) << 16) | Number.parseInt(groups[i + 1]!, 16)) >>> 0,
      );
      writer.add6(words[0]!, words[1]!, words[2]!, words[3]!, length, id);
    }
  }
}

/** The three sections, attributes sorted by code and without Extended Length where it isn't needed: order and width are free. */
function sorted(bytes: Uint8Array): { withdrawn: string; attributes: string[]; nlri: string } {
  const at = HEADER_LENGTH + 2 + ((bytes[HEADER_LENGTH]! << 8) | bytes[HEADER_LENGTH + 1]!);
  const end = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
  const attributes: string[] = [];
  for (let from = at + 2; from < end; ) {
    const extended = (bytes[from]! & 0x10) !== 0;
    const value = from + (extended ? 4 : 3);
    const length = extended ? (bytes[from + 2]! << 8) | bytes[from + 3]! : bytes[from + 2]!;
    const code = String(bytes[from + 1]).padStart(3, "0");
    attributes.push(`${code} ${(bytes[from]! & ~0x10).toString(16)} ${hex(bytes.subarray(value, value + length))}`);
    from = value + length;
  }
  return {
    withdrawn: hex(bytes.subarray(HEADER_LENGTH + 2, at)),
    attributes: attributes.sort(),
    nlri: hex(bytes.subarray(end)),
  };
}

t.test("OPENs say what the daemons were configured to (RFC 4271 §4.2, RFC 5492)", async (t) => {
  const open = (maker: string, peer: Golden["peer"]) => {
    const golden = of("OPEN", maker).find((golden) => golden.peer === peer)!;
    return decodeOpen(golden.bytes, HEADER_LENGTH, golden.bytes.length);
  };
  const ipv4 = { kind: "multiprotocol", afi: 1, safi: 1, family: Family.Ipv4Unicast };
  const ipv6 = { kind: "multiprotocol", afi: 2, safi: 1, family: Family.Ipv6Unicast };
  const wire4 = { afi: 1, safi: 1, family: Family.Ipv4Unicast };
  const wire6 = { afi: 2, safi: 1, family: Family.Ipv6Unicast };
  t.same(open("BIRD", "witness"), {
    as: 65001,
    myAs: 65001,
    holdTimeSeconds: 90,
    routerId: address("10.0.0.1"),
    capabilities: [
      ipv4,
      ipv6,
      { kind: "route-refresh" },
      { kind: "extended-message" },
      {
        kind: "graceful-restart",
        restarted: false,
        notification: false,
        restartTimeSeconds: 120,
        families: [
          { ...wire4, forwarding: false },
          { ...wire6, forwarding: false },
        ],
      },
      { kind: "four-octet-as", as: 65001 },
      { kind: "enhanced-route-refresh" },
      {
        kind: "long-lived-graceful-restart",
        families: [
          { ...wire4, forwarding: false, staleTimeSeconds: 3600 },
          { ...wire6, forwarding: false, staleTimeSeconds: 3600 },
        ],
      },
      { kind: "fqdn", host: "vm", domain: "" },
    ],
  });
  t.match(
    open("BIRD", "paths").capabilities.find(({ kind }) => kind === "add-path"),
    {
      families: [
        { ...wire4, send: true, receive: true },
        { ...wire6, send: true, receive: true },
      ],
    },
  );
  const frr = open("FRR", "witness");
  t.same(
    frr.capabilities.map((capability) => (capability.kind === "unknown" ? capability.code : capability.kind)),
    [
      "multiprotocol",
      "multiprotocol",
      128, // route refresh as it was before RFC 2918
      "route-refresh",
      "enhanced-route-refresh",
      "four-octet-as",
      "extended-message",
      "add-path",
      "fqdn",
      "graceful-restart",
      "long-lived-graceful-restart",
    ],
  );
  t.match(frr.capabilities.at(-2), { restarted: true, notification: true, restartTimeSeconds: 120, families: [] });
  t.match(
    frr.capabilities.find(({ kind }) => kind === "fqdn"),
    { host: "reflector", domain: "" },
  );
  t.same(open("FRR", "old").capabilities, []);
  t.match(
    open("GoBGP", "witness").capabilities.find(({ kind }) => kind === "extended-next-hop"),
    {
      entries: [{ ...wire4, nextHopAfi: 2 }],
    },
  );
});

t.test(
  "an OPEN written again is the same OPEN; FRR alone spends a parameter on each capability (RFC 5492 §4)",
  async (t) => {
    for (const golden of of("OPEN")) {
      const open = decodeOpen(golden.bytes, HEADER_LENGTH, golden.bytes.length);
      const again = encodeOpen(open);
      if (golden.madeBy.startsWith("FRR")) {
        t.same(decodeOpen(again, HEADER_LENGTH, again.length), open, title(golden));
      } else t.equal(hex(again), hex(golden.bytes), title(golden));
    }
  },
);

t.test("KEEPALIVE, ROUTE-REFRESH and End-of-RIB are written exactly as the others write them", async (t) => {
  for (const golden of of("KEEPALIVE")) t.equal(hex(encodeKeepalive()), hex(golden.bytes), title(golden));
  const kinds = new Set<number>();
  for (const golden of of("ROUTE-REFRESH")) {
    const { family, kind } = decodeRouteRefresh(golden.bytes, HEADER_LENGTH, golden.bytes.length, true);
    kinds.add(kind);
    t.equal(hex(encodeRouteRefresh(family!, kind as RefreshKind)), hex(golden.bytes), title(golden));
  }
  t.same([...kinds].sort(), [RefreshKind.Request, RefreshKind.Begin, RefreshKind.End], "FRR marks begin and end");
  const ended = new Set<number>();
  for (const golden of of("UPDATE")) {
    const family = isEndOfRib(scan(golden.bytes, goldenContexts[golden.peer]));
    if (family === -1) continue;
    ended.add(family);
    t.equal(hex(encodeEndOfRib(family)), hex(golden.bytes), title(golden));
  }
  t.same([...ended].sort(), [Family.Ipv4Unicast, Family.Ipv6Unicast]);
});

t.test("an End-of-RIB of a family that was not agreed is nobody's (RFC 4724 §2)", async (t) => {
  const empty = of("UPDATE", "BIRD").find(({ bytes }) => bytes.length === 23)!;
  t.equal(isEndOfRib(scan(empty.bytes, codecContext({ families: [false, true] }))), -1);
  const six = of("UPDATE", "BIRD").find(({ bytes }) => bytes.length === 29 && bytes[21] === 0 && bytes[22] === 6)!;
  t.equal(isEndOfRib(scan(six.bytes, codecContext())), -1);
});

t.test("the operator's text in a NOTIFICATION is read, and written back (RFC 9003 §2)", async (t) => {
  for (const golden of of("NOTIFICATION")) {
    const found = decodeNotification(golden.bytes, HEADER_LENGTH, golden.bytes.length);
    t.equal(hex(encodeNotification(found)), hex(golden.bytes), title(golden));
    if (golden.madeBy.startsWith("BIRD")) {
      t.match(found, { code: 6, subcode: 2 });
      t.equal(shutdownText(found), "maintenance until 4");
    } else if (golden.madeBy.startsWith("FRR")) {
      t.match(found, { code: 6, subcode: 9 }, "the N-bit was agreed, so FRR says that it means it (RFC 8538 §3.1)");
      t.equal(shutdownText(found), "maintenance until 4");
      t.equal(
        describeNotification(found),
        `Cease / Hard Reset (Cease / Administrative Shutdown): "maintenance until 4"`,
      );
    } else t.equal(describeNotification(found), "Cease / Administrative Shutdown");
  }
});
