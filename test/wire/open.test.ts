import t from "tap";
import { Family } from "../../src/lib/family.ts";
import { capabilityTable, formatCapability } from "../../src/wire/capability/table.ts";
import type { Capability } from "../../src/wire/capability/types.ts";
import { HEADER_LENGTH } from "../../src/wire/framer.ts";
import { decodeOpen, encodeOpen, type OpenMessage } from "../../src/wire/message/open.ts";
import { bytes, hex, message } from "../../testbed/speaker/octets.ts";
import { notification } from "../support/wire/messages.ts";

/** An OPEN body up to its optional parameters: AS 65001, hold time 90, 10.0.0.1. */
const fixed = "04 fde9 005a 0a000001";
const decode = (body: string): OpenMessage => {
  const data = message(1, body);
  return decodeOpen(data, HEADER_LENGTH, data.length);
};
const error = (body: string): string => notification(() => decode(body));
const octet = (value: number): string => value.toString(16).padStart(2, "0");
/** The parameter that holds capabilities, in the form of RFC 5492. */
const withCapabilities = (capabilities: string): string => {
  const text = capabilities.replaceAll(" ", "");
  return `${fixed} ${octet(text.length / 2 + 2)} 02 ${octet(text.length / 2)} ${text}`;
};
const capabilities = (text: string) => decode(withCapabilities(text)).capabilities;

t.test("version, hold time, identifier and AS are checked in this order (RFC 4271 §6.2)", async (t) => {
  t.equal(error("03 fde9 005a 0a000001 00"), "2/1 0004", "the version that we speak is the data");
  t.equal(error("05 0000 0001 00000000 00"), "2/1 0004");
  t.equal(error("04 fde9 0001 0a000001 00"), "2/6");
  t.equal(error("04 fde9 0002 0a000001 00"), "2/6");
  t.equal(error("04 fde9 0003 0a000001 00"), "nothing was thrown");
  t.equal(error("04 fde9 0000 0a000001 00"), "nothing was thrown", "0 is no hold timer at all");
  t.equal(error("04 fde9 005a 00000000 00"), "2/3", "RFC 6286 §2.1: anything but 0");
  t.equal(error("04 fde9 005a e0000001 00"), "nothing was thrown", "an identifier is no address any more");
  t.equal(error("04 0000 005a 0a000001 00"), "2/2", "RFC 7607 §2: AS 0");
  t.equal(error(withCapabilities("41 04 00000000")), "2/2", "nor in the capability");
});

t.test("the AS is that of the 4-octet AS capability where there is one (RFC 6793 §4.1)", async (t) => {
  t.match(decode(`04 5ba0 005a 0a000001 08 02 06 41 04 fa56ea01`), { as: 4200000001, myAs: 23456 });
  t.match(decode(`${fixed} 00`), { as: 65001, myAs: 65001 });
});

t.test("optional parameters that aren't capabilities: 2/4 (RFC 4271 §6.2)", async (t) => {
  t.equal(error(`${fixed} 04 01 02 0000`), "2/4", "authentication went with RFC 4271");
  t.equal(error(`${fixed} 04 63 02 0000`), "2/4");
  t.equal(error(`${fixed} 08 02 02 0200 ff 02 0000`), "2/4", "255 is no type but at the first place (RFC 9072 §3)");
});

t.test("parameters and capabilities that don't add up: 2/0 (RFC 4271 §6.2)", async (t) => {
  t.equal(error(`${fixed} 01`), "2/0", "less than announced");
  t.equal(error(`${fixed} 00 0202 0200`), "2/0", "more than announced");
  t.equal(error(`${fixed} 01 02`), "2/0", "a parameter without a length");
  t.equal(error(`${fixed} 03 02 05 02`), "2/0", "a parameter that runs over the end");
  t.equal(error(withCapabilities("02")), "2/0", "a capability without a length");
  t.equal(error(withCapabilities("41 05 00000001")), "2/0", "a capability that runs over the end");
});

t.test("a capability of a known code and a wrong length: 2/0", async (t) => {
  const bad = [
    "01 03 000100",
    "02 01 00",
    "05 05 0001000100",
    "06 01 00",
    "09 02 0000",
    "09 00",
    "40 01 00",
    "40 03 007800",
  ];
  bad.push("41 02 fde9", "45 03 000101", "46 01 00", "47 06 000101000000");
  for (const text of bad) t.equal(error(withCapabilities(text)), "2/0", text);
});

t.test(
  "a capability that nobody knows is kept, as is an FQDN that can't be read: no reason to refuse a peer",
  async (t) => {
    t.match(capabilities("80 00 4b 03 010203"), [
      { kind: "unknown", code: 128 },
      { kind: "unknown", code: 75, value: bytes("010203") },
    ]);
    for (const text of ["49 00", "49 02 0541", "49 05 0141 0142 00"])
      t.match(capabilities(text), [{ kind: "unknown", code: 73 }], text);
    t.match(capabilities("49 02 0141"), [{ kind: "fqdn", host: "A", domain: "" }], "without a domain");
  },
);

t.test("ADD-PATH entries that are neither receive, send nor both are skipped (RFC 7911 §4)", async (t) => {
  t.match(capabilities("45 10 00010101 00020104 00020100 00010203"), [
    {
      families: [
        { afi: 1, safi: 1, family: Family.Ipv4Unicast, receive: true, send: false },
        { afi: 1, safi: 2, family: undefined, receive: true, send: true },
      ],
    },
  ]);
});

t.test("several parameters with capabilities are one list (RFC 5492 §4)", async (t) => {
  t.same(
    decode(`${fixed} 08 02 02 0200 02 02 4600`).capabilities.map(({ kind }) => kind),
    ["route-refresh", "enhanced-route-refresh"],
  );
});

t.test("the extended form is known by its 255, whatever the one-octet length says (RFC 9072 §2)", async (t) => {
  for (const length of ["ff", "05", "01"])
    t.same(decode(`${fixed} ${length} ff 0005 02 0002 0200`).capabilities, [{ kind: "route-refresh" }], length);
  t.same(decode(`${fixed} ff ff 0000`).capabilities, []);
  t.equal(error(`${fixed} ff ff 00`), "2/0");
  t.equal(error(`${fixed} ff ff 0006 02 0002 0200`), "2/0");
  t.equal(error(`${fixed} ff ff 0002 02 00`), "2/0");
  t.equal(error(`${fixed} ff ff 0003 ff 0000`), "2/4");
});

const wire4 = { afi: 1, safi: 1, family: Family.Ipv4Unicast };
const wire6 = { afi: 2, safi: 1, family: Family.Ipv6Unicast };
/** Each kind with its bytes and its text. */
const examples: readonly [Capability, string, string][] = [
  [{ kind: "multiprotocol", ...wire6 }, "0104 00020001", "Multiprotocol Extensions: ipv6-unicast"],
  [{ kind: "multiprotocol", afi: 25, safi: 70, family: undefined }, "0104 00190046", "Multiprotocol Extensions: 25/70"],
  [{ kind: "route-refresh" }, "0200", "Route Refresh"],
  [
    { kind: "extended-next-hop", entries: [{ ...wire4, nextHopAfi: 2 }] },
    "0506 000100010002",
    "Extended Next Hop Encoding: ipv4-unicast over AFI 2",
  ],
  [{ kind: "extended-message" }, "0600", "Extended Message"],
  [{ kind: "role", role: 3 }, "0901 03", "BGP Role: customer"],
  [{ kind: "role", role: 9 }, "0901 09", "BGP Role: role 9"],
  [
    {
      kind: "graceful-restart",
      restarted: true,
      notification: true,
      restartTimeSeconds: 4095,
      families: [
        { ...wire4, forwarding: true },
        { ...wire6, forwarding: false },
      ],
    },
    "400a cfff 00010180 00020100",
    "Graceful Restart: restart time 4095 s, restarted, notification, ipv4-unicast (forwarding kept), ipv6-unicast",
  ],
  [{ kind: "four-octet-as", as: 4200000001 }, "4104 fa56ea01", "4-octet AS Number: 4200000001"],
  [
    {
      kind: "add-path",
      families: [
        { ...wire4, receive: true, send: true },
        { ...wire6, receive: false, send: true },
      ],
    },
    "4508 00010103 00020102",
    "ADD-PATH: ipv4-unicast both, ipv6-unicast send",
  ],
  [{ kind: "enhanced-route-refresh" }, "4600", "Enhanced Route Refresh"],
  [
    { kind: "long-lived-graceful-restart", families: [{ ...wire4, forwarding: true, staleTimeSeconds: 0xffffff }] },
    "4707 00010180ffffff",
    "Long-Lived Graceful Restart: ipv4-unicast for 16777215 s",
  ],
  [{ kind: "fqdn", host: "a\u202e", domain: "b" }, "4907 0461e280ae 0162", 'FQDN: "a\\u{202e}.b"'],
  [{ kind: "unknown", code: 99, value: bytes("0102") }, "6302 0102", "capability 99"],
];

t.test("each capability is read, written and shown as its RFC says", async (t) => {
  for (const [capability, text, shown] of examples) {
    t.same(capabilities(text), [capability], shown);
    const open = encodeOpen({ as: 65001, holdTimeSeconds: 90, routerId: 0x0a000001, capabilities: [capability] });
    t.equal(hex(open.subarray(31)), text.replaceAll(" ", ""), shown);
    t.equal(formatCapability(capability), shown);
  }
  const kinds = new Set(examples.map(([{ kind }]) => kind));
  t.same(
    capabilityTable.filter(({ kind }) => !kinds.has(kind)).map(({ name }) => name),
    [],
    "rows of the table without an example here",
  );
});

t.test("a name of more than 64 octets is cut at a character, so that any OPEN can be written", async (t) => {
  const written = (host: string) => {
    const capabilities: Capability[] = [{ kind: "fqdn", host, domain: host }];
    const open = encodeOpen({ as: 65001, holdTimeSeconds: 90, routerId: 1, capabilities });
    const fqdn = decodeOpen(open, HEADER_LENGTH, open.length).capabilities[0];
    return fqdn?.kind === "fqdn" && fqdn.host === fqdn.domain ? fqdn.host : "";
  };
  t.equal(written("a".repeat(64)), "a".repeat(64));
  t.equal(written("a".repeat(300)), "a".repeat(64));
  t.equal(written(`a${"ä".repeat(300)}`), `a${"ä".repeat(31)}`);
});

t.test("an OPEN without capabilities has no parameters at all, for peers that refuse them (RFC 5492 §3)", async (t) => {
  const open = encodeOpen({ as: 4200000001, holdTimeSeconds: 90, routerId: 0x0a000001, capabilities: [] });
  t.equal(hex(open.subarray(19)), "045ba0005a0a00000100", "and AS_TRANS for an AS of four octets (RFC 6793 §4.2.1)");
});

t.test("capabilities of up to 253 octets take the old form, more the extended one (RFC 9072 §2)", async (t) => {
  const open = (octets: number) => {
    const unknown = { kind: "unknown", code: 99, value: new Uint8Array(100) } as const;
    const rest = { kind: "unknown", code: 98, value: new Uint8Array(octets - 104 - 102) } as const;
    const list = [unknown, unknown, rest];
    const data = encodeOpen({ as: 65001, holdTimeSeconds: 90, routerId: 1, capabilities: list });
    t.same(decodeOpen(data, HEADER_LENGTH, data.length).capabilities, list);
    return hex(data.subarray(28, 34));
  };
  t.equal(open(253), "ff02fd636400", "255 octets of parameters");
  t.equal(open(254), "ffff010102 00".replace(" ", ""), "256 octets need two octets of length");
});
