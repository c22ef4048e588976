import { attribute, bytes, message, sequence, u8, u16, u32, update } from "../../../testbed/speaker/octets.ts";
import { type CaseInput, chapter, type Ground, type Verdict } from "../case.ts";

/** An attribute by the book, and what its own section of RFC 7606 (or of its RFC) does when it is wrong. */
interface Row {
  readonly code: number;
  readonly name: string;
  readonly rfc: string;
  readonly flags: number;
  /** A good value. */
  readonly value: (g: Ground) => string;
  /** Values of a wrong length, or that are cut short. */
  readonly lengths: readonly string[];
  readonly onLength: Verdict;
  readonly from?: "internal" | "external" | "both";
  /** Verdicts of a daemon that doesn't implement it, for attributes that need not be. */
  readonly opaque?: Verdict;
}

const rows: readonly Row[] = [
  {
    code: 1,
    name: "ORIGIN",
    rfc: "7606 §7.1",
    flags: 0x40,
    value: () => "02",
    lengths: ["", "0000", "0000000000"],
    onLength: "withdraw",
    from: "both",
  },
  {
    code: 2,
    name: "AS_PATH",
    rfc: "7606 §7.2",
    flags: 0x40,
    value: (g) => (g.kind === "internal" ? "" : sequence([g.as])),
    lengths: ["02", "0201", "02020000fde7", "02010000fde702", "0201fde7"],
    onLength: "withdraw",
    from: "both",
  },
  {
    code: 3,
    name: "NEXT_HOP",
    rfc: "7606 §7.3",
    flags: 0x40,
    value: (g) => g.nextHop,
    lengths: ["", "0a0a00", "0a0a000900", "00".repeat(16)],
    onLength: "withdraw",
    from: "both",
  },
  {
    code: 4,
    name: "MULTI_EXIT_DISC",
    rfc: "7606 §7.4",
    flags: 0x80,
    value: () => "00000005",
    lengths: ["", "000005", "0000000005"],
    onLength: "withdraw",
    from: "both",
  },
  {
    code: 5,
    name: "LOCAL_PREF",
    rfc: "7606 §7.5",
    flags: 0x40,
    value: () => "00000064",
    lengths: ["", "000064", "0000000064"],
    onLength: "withdraw",
  },
  {
    code: 6,
    name: "ATOMIC_AGGREGATE",
    rfc: "7606 §7.6",
    flags: 0x40,
    value: () => "",
    lengths: ["00", "00000000"],
    onLength: "taken -6",
  },
  {
    code: 7,
    name: "AGGREGATOR",
    rfc: "7606 §7.7",
    flags: 0xc0,
    value: () => "0000fde90a000001",
    lengths: ["", "fde90a000001", "0000fde90a0000", "0000fde90a00000100"],
    onLength: "taken -7",
  },
  {
    code: 8,
    name: "COMMUNITIES",
    rfc: "7606 §7.8",
    flags: 0xc0,
    value: () => "fde90001",
    lengths: ["", "fde900", "fde9000100"],
    onLength: "withdraw",
    from: "both",
  },
  {
    code: 9,
    name: "ORIGINATOR_ID",
    rfc: "7606 §7.9",
    flags: 0x80,
    value: () => "0a636363",
    lengths: ["", "0a6363", "0a63636300"],
    onLength: "withdraw",
  },
  {
    code: 10,
    name: "CLUSTER_LIST",
    rfc: "7606 §7.10",
    flags: 0x80,
    value: () => "0a636363",
    lengths: ["", "0a6363", "0a63636300"],
    onLength: "withdraw",
  },
  {
    code: 16,
    name: "EXTENDED COMMUNITIES",
    rfc: "7606 §7.14",
    flags: 0xc0,
    value: () => "0002fde900000001",
    lengths: ["", "0002fde9000000", "0002fde90000000100"],
    onLength: "withdraw",
  },
  {
    code: 32,
    name: "LARGE_COMMUNITY",
    rfc: "8092 §6",
    flags: 0xc0,
    value: () => "0000fde90000000100000002",
    lengths: ["", "0000fde900000001000000", "0000fde9000000010000000200"],
    onLength: "withdraw",
    from: "both",
  },
  {
    code: 35,
    name: "OTC",
    rfc: "9234 §5",
    flags: 0xc0,
    value: () => "0000fde7",
    lengths: ["", "0000fd", "0000fde700"],
    onLength: "withdraw",
    opaque: "taken +35",
  },
];

const mandatory = [1, 2, 3];

/** A route whose attribute `code` is replaced by (or, if it has none, complemented with) the text. */
const replace = (g: Ground, code: number, text: string): Uint8Array => {
  const rest = g.good(code);
  const at = mandatory.indexOf(code);
  if (at < 0) return g.update([...rest, text]);
  return g.update([...rest.slice(0, at), text, ...rest.slice(at)]);
};

const flagCases = ({ code, name, rfc, flags, value, from = "internal", opaque }: Row): CaseInput[] =>
  [flags ^ 0x80, flags ^ 0x40, flags ^ 0xc0].map((wrong) => ({
    id: `${code}-flags-${u8(wrong)}`,
    title: `${name} with flags 0x${u8(wrong)} instead of 0x${u8(flags)}`,
    rfc: `7606 §3 c; ${rfc}`,
    from,
    attack: (g: Ground) => replace(g, code, attribute(wrong, code, value(g))),
    // To who doesn't know it: an opaque attribute, or a well-known one that nobody knows.
    expect: opaque === undefined ? "withdraw" : ["withdraw", opaque, "taken", "reset 3/2"],
    short: wrong === (flags ^ 0x80) && from === "both",
  }));

const lengthCases = ({ code, name, rfc, flags, lengths, onLength, from = "internal", opaque }: Row): CaseInput[] =>
  lengths.map((value) => ({
    id: `${code}-length-${value.length / 2}`,
    title: `${name} of ${value.length / 2} octets`,
    rfc,
    from,
    attack: (g: Ground) => replace(g, code, attribute(flags, code, value)),
    expect: opaque === undefined ? onLength : [onLength, opaque],
    short: value.length > 0 && value.length <= 6,
  }));

const duplicateCase = ({ code, name, flags, value, from = "internal" }: Row): CaseInput => ({
  id: `${code}-twice`,
  title: `${name} twice: the second is dropped`,
  rfc: "7606 §3 g",
  from,
  attack: (g: Ground) =>
    g.update([...g.good(code), attribute(flags, code, value(g)), attribute(flags, code, code === 1 ? "01" : value(g))]),
  expect: "taken",
  short: code === 1,
});

const missingCase = (code: number): CaseInput => ({
  id: `${code}-missing`,
  title: `${rows.find((row) => row.code === code)!.name} is missing`,
  rfc: "7606 §3 d",
  from: "both",
  attack: (g: Ground) => g.update(g.good(code)),
  expect: "withdraw",
  short: code === 3,
});

/** Each attribute × flags, length, duplicate, missing. */
export const attributeFaults = chapter("attribute", [
  ...rows.flatMap((row) => [...flagCases(row), ...lengthCases(row), duplicateCase(row)]),
  ...mandatory.map(missingCase),
  {
    id: "5-missing",
    title: "LOCAL_PREF is missing from an internal peer",
    rfc: "4271 §5.1.5, 7606 §3 d",
    attack: (g) => g.update(g.good(5)),
    // RFC 4271 lists it with the mandatory ones for internal peers; every daemon takes the default instead.
    expect: ["withdraw", "taken"],
  },
]);

const withValue =
  (code: number, value: string | ((g: Ground) => string), flags = rows.find((row) => row.code === code)!.flags) =>
  (g: Ground) =>
    replace(g, code, attribute(flags, code, typeof value === "string" ? value : value(g)));

const external = { from: "external" as const };
const head = (g: Ground): readonly number[] => (g.kind === "external" ? [g.as] : []);

/** Values that have the right length and make no sense. */
export const attributeValues = chapter("value", [
  ...[3, 255].map((value) => ({
    id: `origin-${value}`,
    title: `ORIGIN ${value}`,
    rfc: "7606 §7.1",
    from: "both" as const,
    attack: withValue(1, u8(value)),
    expect: "withdraw",
    short: value === 3,
  })),
  ...[0, 5, 255].map((type) => ({
    id: `path-segment-${type}`,
    title: `AS_PATH segment of type ${type}`,
    rfc: "7606 §7.2",
    from: "both" as const,
    attack: (g: Ground) => replace(g, 2, attribute(0x40, 2, `${sequence(head(g))}${u8(type)}01${u32(65010)}`)),
    expect: "withdraw",
  })),
  {
    id: "path-segment-empty",
    title: "AS_PATH segment without AS numbers",
    rfc: "7606 §7.2",
    from: "both",
    attack: (g) => replace(g, 2, attribute(0x40, 2, `${sequence(head(g))}0200`)),
    expect: "withdraw",
  },
  {
    id: "path-zero",
    title: "AS 0 inside the AS_PATH",
    rfc: "7607 §2",
    from: "both",
    attack: (g) => replace(g, 2, attribute(0x40, 2, sequence([...head(g), 65010, 0, 65011]))),
    expect: "withdraw",
    short: true,
  },
  {
    id: "path-loop",
    title: "our own AS in the AS_PATH: a loop",
    rfc: "4271 §9.1.2",
    from: "both",
    attack: (g) => replace(g, 2, attribute(0x40, 2, sequence([...head(g), 65010, g.dutAs]))),
    expect: "withdraw",
  },
  {
    id: "path-first",
    title: "AS_PATH that doesn't start with the peer's AS",
    rfc: "4271 §6.3 (MAY)",
    ...external,
    attack: withValue(2, sequence([65010])),
    expect: ["withdraw", "taken"],
  },
  {
    id: "path-empty-external",
    title: "empty AS_PATH from an external peer",
    rfc: "4271 §5.1.2, §6.3 (MAY)",
    ...external,
    attack: withValue(2, ""),
    expect: ["withdraw", "taken"],
  },
  ...[3, 4].map((type) => ({
    id: `path-confed-${type}`,
    title: `${type === 3 ? "AS_CONFED_SEQUENCE" : "AS_CONFED_SET"} from an external peer`,
    rfc: "5065 §5, 7606 §7.2",
    ...external,
    attack: (g: Ground) => replace(g, 2, attribute(0x40, 2, `${u8(type)}01${u32(65010)}${sequence([g.as])}`)),
    expect: "withdraw",
  })),
  {
    id: "path-set",
    title: "AS_SET in the AS_PATH",
    rfc: "4271 §4.3, 9774",
    from: "both",
    attack: (g) => replace(g, 2, attribute(0x40, 2, `${sequence(head(g))}0103${u32(65010)}${u32(65011)}${u32(65012)}`)),
    expect: ["taken", "withdraw"],
  },
  {
    id: "path-long",
    title: "900 ASes in the AS_PATH",
    rfc: "4271 §4.3",
    from: "both",
    attack: (g) =>
      replace(g, 2, attribute(0x40, 2, sequence([...head(g), ...Array.from({ length: 900 }, (_, i) => 100_000 + i)]))),
    expect: ["taken", "withdraw"],
    short: true,
  },
  {
    id: "path-full-segment",
    title: "a segment of 255 ASes that our own AS will be put before",
    rfc: "4271 §5.1.2",
    ...external,
    attack: (g) =>
      replace(g, 2, attribute(0x40, 2, sequence([g.as, ...Array.from({ length: 254 }, (_, i) => 100_000 + i)]))),
    expect: "taken",
  },
  {
    id: "path-tiny-segments",
    title: "600 segments of one AS each",
    rfc: "4271 §4.3",
    ...external,
    attack: (g) =>
      replace(
        g,
        2,
        attribute(0x40, 2, sequence([g.as]) + Array.from({ length: 600 }, (_, i) => sequence([100_000 + i])).join("")),
      ),
    expect: ["taken", "withdraw"],
  },
  ...(
    [
      ["zero", "0.0.0.0", "00000000"],
      ["broadcast", "255.255.255.255", "ffffffff"],
      ["multicast", "224.0.0.5", "e0000005"],
      ["loopback", "127.0.0.1", "7f000001"],
    ] as const
  ).map(([id, title, value]) => ({
    id: `next-hop-${id}`,
    title: `NEXT_HOP ${title}`,
    rfc: "4271 §6.3",
    from: "both" as const,
    attack: withValue(3, value),
    // "the error SHOULD be logged, and the route SHOULD be ignored": the earlier one may stay.
    expect: ["withdraw", "kept"],
    short: id === "zero",
  })),
  {
    id: "next-hop-own",
    title: "NEXT_HOP is the daemon's own address",
    rfc: "4271 §5.1.3, §6.3",
    from: "both",
    attack: withValue(3, (g) => g.dut),
    expect: ["withdraw", "kept"],
  },
  {
    id: "local-pref-external",
    title: "LOCAL_PREF from an external peer: to be ignored",
    rfc: "4271 §5.1.5, 7606 §7.5",
    ...external,
    attack: (g) => g.update([...g.good(), attribute(0x40, 5, u32(4_000_000_000))]),
    expect: "taken",
  },
  {
    id: "local-pref-external-bad",
    title: "malformed LOCAL_PREF from an external peer: to be ignored",
    rfc: "7606 §7.5",
    ...external,
    attack: (g) => g.update([...g.good(), attribute(0x40, 5, "00")]),
    expect: "taken",
  },
  {
    id: "aggregator-zero",
    title: "AGGREGATOR with AS 0",
    rfc: "7607 §2",
    from: "both",
    attack: withValue(7, "000000000a000001"),
    expect: "taken -7",
  },
  {
    id: "originator-external",
    title: "ORIGINATOR_ID from an external peer",
    rfc: "7606 §7.9",
    ...external,
    attack: withValue(9, "0a636363"),
    expect: "taken",
  },
  {
    id: "originator-external-bad",
    title: "malformed ORIGINATOR_ID from an external peer",
    rfc: "7606 §7.9",
    ...external,
    attack: withValue(9, "0a"),
    expect: "taken",
    short: true,
  },
  {
    id: "cluster-external",
    title: "CLUSTER_LIST from an external peer",
    rfc: "7606 §7.10",
    ...external,
    attack: withValue(10, "0a636363"),
    expect: "taken",
  },
  {
    id: "cluster-external-bad",
    title: "malformed CLUSTER_LIST from an external peer",
    rfc: "7606 §7.10",
    ...external,
    attack: withValue(10, "0a6363"),
    expect: "taken",
  },
  {
    id: "originator-own",
    title: "ORIGINATOR_ID is our own identifier: a loop",
    rfc: "4456 §8",
    attack: withValue(9, (g) => g.routerId),
    expect: "withdraw",
  },
  {
    id: "cluster-own",
    title: "our own CLUSTER_ID in the CLUSTER_LIST: a loop",
    rfc: "4456 §8",
    attack: withValue(10, (g) => `0a010101${g.routerId}0a010102`),
    expect: "withdraw",
  },
  {
    id: "cluster-200",
    title: "CLUSTER_LIST of 200 ids",
    rfc: "4456 §8",
    attack: withValue(10, Array.from({ length: 200 }, (_, i) => u32(0x0b000000 + i)).join("")),
    expect: "taken",
    short: true,
  },
  {
    id: "cluster-900",
    title: "CLUSTER_LIST of 900 ids",
    rfc: "4456 §8",
    attack: withValue(10, Array.from({ length: 900 }, (_, i) => u32(0x0b000000 + i)).join("")),
    expect: ["taken", "withdraw"],
  },
  {
    id: "communities-900",
    title: "900 communities",
    rfc: "1997",
    from: "both",
    attack: withValue(8, Array.from({ length: 900 }, (_, i) => u32(0xfde80000 + i)).join("")),
    expect: "taken",
    short: true,
  },
  {
    id: "communities-same",
    title: "the same community 900 times",
    rfc: "1997",
    attack: withValue(8, "fde90001".repeat(900)),
    expect: "taken",
  },
  {
    id: "communities-reserved",
    title: "communities 0:0, 65535:65535 and all well-known ones",
    rfc: "1997",
    attack: withValue(8, `00000000ffffffff${[0, 1, 2, 3, 6, 7].map((i) => u32(0xffff0000 + i)).join("")}`),
    expect: "alive",
  },
  {
    id: "extended-400",
    title: "400 extended communities of kinds that nobody knows",
    rfc: "4360 §2",
    attack: withValue(16, Array.from({ length: 400 }, (_, i) => `c3${u8(i)}0000${u32(i)}`).join("")),
    expect: "taken",
  },
  {
    id: "large-300",
    title: "300 large communities",
    rfc: "8092 §3",
    attack: withValue(32, Array.from({ length: 300 }, (_, i) => u32(65001) + u32(i) + u32(i)).join("")),
    expect: "taken",
  },
  {
    id: "large-same",
    title: "the same large community 300 times",
    rfc: "8092 §5",
    attack: withValue(32, `${u32(65001)}${u32(1)}${u32(2)}`.repeat(300)),
    expect: "taken",
  },
]);

const unknownCodes = [
  0, 11, 12, 13, 19, 20, 21, 24, 25, 26, 27, 28, 29, 30, 33, 34, 36, 37, 38, 39, 40, 41, 99, 128, 129, 241, 250, 255,
];

/** Attributes that a daemon need not know, and the form of attribute sections. */
export const attributeSections = chapter("section", [
  ...unknownCodes.map((code) => ({
    id: `code-${code}`,
    title: `attribute ${code}, optional transitive, with garbage: opaque, or known and discarded or withdrawn on`,
    rfc: "4271 §5, 7606 §2, §8",
    from: (code === 99 ? "both" : "internal") as "both" | "internal",
    attack: (g: Ground) => g.update([...g.good(), attribute(0xc0, code, "00ff01fe02fd03")]),
    // Who doesn't know it carries it with Partial; who does may do what its RFC says. The session stays in any case.
    expect: code === 99 || code >= 241 ? [`taken +${code}`] : [`taken +${code}`, "taken", "withdraw"],
    short: code === 99 || code === 40,
  })),
  {
    id: "code-40-zeros",
    title: "Prefix-SID (40) all zero, as of May 2025",
    rfc: "8669 §4",
    attack: (g) => g.update([...g.good(), attribute(0xc0, 40, "00".repeat(11))]),
    expect: ["taken +40", "taken", "withdraw"],
  },
  {
    id: "code-23-bad",
    title: "tunnel encapsulation (23) cut short, as of August 2023",
    rfc: "9012 §13",
    attack: (g) => g.update([...g.good(), attribute(0xc0, 23, "000800ff0102")]),
    expect: ["taken +23", "taken", "withdraw"],
  },
  {
    id: "code-22-empty",
    title: "PMSI tunnel (22) without a value",
    rfc: "6514 §5",
    attack: (g) => g.update([...g.good(), attribute(0xc0, 22)]),
    expect: ["taken +22", "taken", "withdraw"],
  },
  {
    id: "partial-kept",
    title: "unknown attribute that has Partial set already",
    rfc: "4271 §5",
    attack: (g) => g.update([...g.good(), attribute(0xe0, 99, "01")]),
    expect: "taken +99",
  },
  {
    id: "non-transitive",
    title: "unknown optional non-transitive attribute: to be dropped",
    rfc: "4271 §5",
    from: "both",
    attack: (g) => g.update([...g.good(), attribute(0x80, 99, "0102")]),
    expect: "taken -99",
    short: true,
  },
  {
    id: "unknown-twice",
    title: "unknown attribute twice",
    rfc: "7606 §3 g",
    attack: (g) => g.update([...g.good(), attribute(0xc0, 99, "01"), attribute(0xc0, 99, "02")]),
    expect: "taken +99",
  },
  {
    id: "well-known-unknown",
    title: "attribute 99 marked as well-known",
    rfc: "4271 §6.3, 7606 §3 c",
    from: "both",
    attack: (g) => g.update([...g.good(), attribute(0x40, 99, "01")]),
    expect: ["reset 3/2", "withdraw"],
  },
  {
    id: "no-flags",
    title: "attribute 99 without any flag",
    rfc: "4271 §6.3, 7606 §3 c",
    attack: (g) => g.update([...g.good(), attribute(0x00, 99, "01")]),
    expect: ["reset 3/2", "withdraw"],
  },
  {
    id: "unused-flags",
    title: "the four unused flag bits set on every attribute: to be ignored",
    rfc: "4271 §4.3",
    attack: (g) => g.update(g.good().map((text) => u8(Number.parseInt(text.slice(0, 2), 16) | 0x0f) + text.slice(2))),
    expect: "taken",
  },
  {
    id: "partial-well-known",
    title: "Partial set on ORIGIN",
    rfc: "7606 §3 c",
    attack: withValue(1, "02", 0x60),
    expect: "taken",
  },
  {
    id: "extended-small",
    title: "Extended Length on every small attribute",
    rfc: "4271 §4.3",
    attack: (g) => g.update([attribute(0x50, 1, "02"), ...g.good(1)]),
    expect: "taken",
  },
  {
    id: "reverse",
    title: "attributes in reverse order",
    rfc: "4271 §5",
    attack: (g) => g.update(g.good().reverse()),
    expect: "taken",
  },
  {
    id: "many",
    title: "one attribute of each unknown code from 41 to 255",
    rfc: "4271 §5",
    attack: (g) => g.update([...g.good(), ...Array.from({ length: 215 }, (_, i) => attribute(0xc0, 41 + i, "01"))]),
    expect: ["taken", "withdraw"],
  },
  {
    id: "many-same",
    title: "1000 times the same unknown attribute",
    rfc: "7606 §3 g",
    attack: (g) => g.update([...g.good(), ...Array.from({ length: 1000 }, () => attribute(0xc0, 99))]),
    expect: "taken +99",
  },
  ...(
    [
      ["one-octet", "ends after an attribute's flags", "40"],
      ["two-octets", "ends after an attribute's type", "c063"],
      ["no-length", "ends inside an extended length", "d06301"],
      ["overrun", "ends inside an attribute's value", "c0630a0102"],
      ["overrun-extended", "ends inside an attribute's extended value", "d063ffff0102"],
      ["overrun-known", "ends inside COMMUNITIES", "c00808fde90001"],
    ] as const
  ).map(([id, title, tail]) => ({
    id: `section-${id}`,
    title: `the attribute section ${title}`,
    rfc: "7606 §4",
    from: "both" as const,
    attack: (g: Ground) => g.update([...g.good(), tail]),
    expect: "withdraw",
    short: id === "overrun",
  })),
  {
    id: "section-empty",
    title: "NLRI without any attribute",
    rfc: "7606 §3 d",
    from: "both",
    attack: (g) => g.update([]),
    expect: "withdraw",
    short: true,
  },
  {
    id: "section-zeros",
    title: "attribute section of 30 zero octets",
    rfc: "7606 §3 d, §4",
    attack: (g) => g.update(["00".repeat(30)]),
    expect: ["withdraw", "reset 3/2"],
  },
  {
    id: "section-ones",
    title: "attribute section of 40 octets 0xff",
    rfc: "7606 §4",
    attack: (g) => g.update(["ff".repeat(40)]),
    expect: "withdraw",
  },
  {
    id: "nothing-announced",
    title: "good attributes and no NLRI",
    rfc: "7606 §5.2",
    attack: (g) => update({ attributes: g.good() }),
    expect: "kept",
  },
  {
    id: "nothing-announced-bad",
    title: "bad ORIGIN in an UPDATE that announces nothing: nobody knows what to withdraw",
    rfc: "7606 §5.2",
    from: "both",
    attack: (g) => update({ attributes: [attribute(0x40, 1, "09"), ...g.good(1)] }),
    expect: "reset 3/6 40010109",
    short: true,
  },
  {
    id: "nothing-announced-discard",
    title: "bad AGGREGATOR in an UPDATE that announces nothing: attribute discard is no reason",
    rfc: "7606 §5.2",
    attack: (g) => update({ attributes: [...g.good(), attribute(0xc0, 7, "00")] }),
    expect: "kept",
  },
  {
    id: "withdrawn-with-bad",
    title: "withdrawals beside a bad ORIGIN, nothing announced",
    rfc: "7606 §5.2",
    attack: (g) => update({ withdrawn: g.other, attributes: [attribute(0x40, 1, "09")] }),
    expect: "reset 3/6",
  },
  {
    id: "three-faults",
    title: "bad AGGREGATOR, bad COMMUNITIES, bad ORIGIN: the strongest counts",
    rfc: "7606 §3 h",
    attack: (g) =>
      g.update([attribute(0x40, 1, "09"), ...g.good(1), attribute(0xc0, 7, "00"), attribute(0xc0, 8, "00")]),
    expect: "withdraw",
  },
  {
    id: "discard-and-withdraw",
    title: "bad ATOMIC_AGGREGATE and missing NEXT_HOP",
    rfc: "7606 §3 h",
    attack: (g) => g.update([...g.good(3), attribute(0x40, 6, "00")]),
    expect: "withdraw",
  },
  {
    id: "discard-and-reset",
    title: "bad ATOMIC_AGGREGATE and a prefix of 33 bits",
    rfc: "7606 §3 h, j",
    attack: (g) => g.update([...g.good(), attribute(0x40, 6, "00")], "2114000000ff"),
    expect: "reset 3/10",
  },
  {
    id: "body-random",
    title: "an UPDATE of 100 random octets",
    rfc: "4271 §6.3",
    attack: () => message(2, Array.from({ length: 100 }, (_, i) => u8(i * 59 + 17)).join("")),
    expect: ["reset 3/1"],
  },
  {
    id: "body-one-attribute-4000",
    title: "an unknown attribute of 3900 octets",
    rfc: "4271 §5",
    attack: (g) => g.update([...g.good(), attribute(0xc0, 99, "5a".repeat(3_900))]),
    expect: "taken +99",
  },
  {
    id: "flood-bad",
    title: "2000 UPDATEs with a bad ORIGIN",
    rfc: "7606 §7.1",
    attack: (g) => [{ repeat: replace(g, 1, attribute(0x40, 1, "09")), times: 2_000 }],
    expect: "withdraw",
    waitMs: 10_000,
  },
  {
    id: "flood-flap",
    title: "2000 times announced and withdrawn",
    rfc: "4271 §9.2.1.1",
    attack: (g) => [
      { repeat: Uint8Array.from([...g.update(g.good()), ...update({ withdrawn: g.target })]), times: 2_000 },
      g.update(g.good()),
    ],
    expect: "taken",
    waitMs: 10_000,
  },
  {
    id: "flood-sets",
    title: "1500 attribute sets for one prefix",
    rfc: "4271 §9.1",
    attack: (g) => [
      ...Array.from({ length: 1500 }, (_, i) => g.update([...g.good(), attribute(0xc0, 8, u32(0xfde80000 + i))])),
      bytes(""),
    ],
    expect: "taken",
    waitMs: 10_000,
  },
]);

/** What AS numbers of two and four octets do to each other (RFC 6793). */
const old = { open: { fourOctetAs: false } };
const path2 = (...asns: number[]): string => attribute(0x40, 2, sequence(asns, 2));
const path4 = (...asns: number[]): string => attribute(0xc0, 17, sequence(asns));
const fromOld = (g: Ground, path: string, ...more: string[]) =>
  g.update([...g.good(2).slice(0, 1), path, ...g.good(2).slice(1), ...more]);
const ext = (g: Ground, ...asns: number[]) => path2(...(g.kind === "external" ? [g.as] : []), ...asns);

export const as4 = chapter("AS4", [
  {
    id: "as4-path-new",
    title: "AS4_PATH from a peer with 4-octet AS numbers: to be dropped",
    rfc: "6793 §4.1",
    from: "both",
    attack: (g) => g.update([...g.good(), path4(70_000)]),
    expect: "taken -17",
    short: true,
  },
  {
    id: "as4-aggregator-new",
    title: "AS4_AGGREGATOR from a peer with 4-octet AS numbers: to be dropped",
    rfc: "6793 §4.1",
    attack: (g) => g.update([...g.good(), attribute(0xc0, 18, "000111700a000001")]),
    expect: "taken -18",
  },
  {
    id: "as4-path-new-bad",
    title: "malformed AS4_PATH from a peer with 4-octet AS numbers",
    rfc: "6793 §4.1, §6",
    attack: (g) => g.update([...g.good(), attribute(0xc0, 17, "0203000111")]),
    expect: "taken -17",
  },
  ...(
    [
      ["odd", "of 7 octets", "02010001117000"],
      ["short", "of 4 octets", "02010001"],
      ["empty", "without a value", ""],
      ["overrun", "whose segment is longer than it", "020500011170"],
      ["segment-0", "with a segment of 0 ASes", "020000011170"],
      ["type-9", "with segment type 9", "090100011170"],
      ["zero", "with AS 0", "020100000000"],
    ] as const
  ).map(([id, title, value]) => ({
    id: `as4-path-${id}`,
    title: `AS4_PATH ${title} from an old peer: dropped, the route is taken`,
    rfc: id === "zero" ? "7607 §2" : "6793 §6",
    ...external,
    ...old,
    attack: (g: Ground) => fromOld(g, ext(g, 23456), attribute(0xc0, 17, value)),
    expect: "taken -17",
    short: id === "odd",
  })),
  {
    id: "as4-path-flags",
    title: "AS4_PATH marked as well-known",
    rfc: "7606 §3 c",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g, 23456), attribute(0x40, 17, sequence([70_000]))),
    expect: ["withdraw", "taken -17"],
  },
  {
    id: "as4-path-confed",
    title: "AS4_PATH with a confederation segment: that is dropped",
    rfc: "6793 §6",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g, 23456), attribute(0xc0, 17, `0301${u32(65010)}${sequence([70_000])}`)),
    expect: "taken -17",
  },
  {
    id: "as4-path-longer",
    title: "AS4_PATH longer than the AS_PATH: to be ignored",
    rfc: "6793 §4.2.3",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g, 23456), path4(70_001, 70_002, 70_003, 70_004)),
    expect: "taken -17",
  },
  {
    id: "as4-path-900",
    title: "AS4_PATH of 900 ASes",
    rfc: "6793 §4.2.3",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g, 23456), path4(...Array.from({ length: 900 }, (_, i) => 70_000 + i))),
    expect: "taken -17",
  },
  {
    id: "as4-set",
    title: "AS_SETs in both paths",
    rfc: "6793 §4.2.3",
    ...external,
    ...old,
    attack: (g) =>
      fromOld(
        g,
        attribute(0x40, 2, `${sequence([g.as], 2)}01025ba05ba0`),
        attribute(0xc0, 17, `0102${u32(70_001)}${u32(70_002)}`),
      ),
    expect: ["taken -17", "withdraw"],
  },
  {
    id: "as4-aggregator-bad",
    title: "AS4_AGGREGATOR of 7 octets from an old peer",
    rfc: "6793 §6",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g), attribute(0xc0, 7, "5ba00a000001"), attribute(0xc0, 18, "000111700a0000")),
    expect: "taken -18",
  },
  {
    id: "as4-aggregator-zero",
    title: "AS4_AGGREGATOR with AS 0 from an old peer",
    rfc: "7607 §2",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g), attribute(0xc0, 7, "5ba00a000001"), attribute(0xc0, 18, "000000000a000001")),
    expect: "taken -18",
  },
  {
    id: "as4-aggregator-alone",
    title: "AS4_AGGREGATOR without AGGREGATOR",
    rfc: "6793 §4.2.3",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g), attribute(0xc0, 18, "000111700a000001")),
    expect: "taken -18",
  },
  {
    id: "as4-aggregator-stale",
    title: "AGGREGATOR that is not AS_TRANS beside AS4_AGGREGATOR and AS4_PATH: both AS4 are ignored",
    rfc: "6793 §4.2.3",
    ...external,
    ...old,
    attack: (g) =>
      fromOld(
        g,
        ext(g, 23456),
        attribute(0xc0, 7, "fdf20a000001"),
        attribute(0xc0, 18, "000111700a000001"),
        path4(70_000),
      ),
    expect: "taken -17",
  },
  {
    id: "path4-from-old",
    title: "AS_PATH with 4-octet AS numbers from an old peer",
    rfc: "7606 §7.2",
    ...external,
    ...old,
    attack: (g) => fromOld(g, attribute(0x40, 2, sequence([g.as, 65010, 65011]))),
    expect: "withdraw",
  },
  {
    id: "path2-from-new",
    title: "AS_PATH with 2-octet AS numbers from a new peer",
    rfc: "7606 §7.2",
    from: "both",
    attack: (g) => fromOld(g, attribute(0x40, 2, sequence([g.as, 65010, 65011], 2))),
    expect: "withdraw",
  },
  {
    id: "aggregator8-from-old",
    title: "AGGREGATOR of 8 octets from an old peer",
    rfc: "7606 §7.7",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g), attribute(0xc0, 7, "0000fde90a000001")),
    expect: "taken -7",
  },
  {
    id: "as-trans-new",
    title: "AS_TRANS in the AS_PATH of a new peer",
    rfc: "6793 §4.2.2",
    attack: (g) => fromOld(g, attribute(0x40, 2, sequence([23456, 65010]))),
    expect: "taken",
  },
  {
    id: "old-zero",
    title: "AS 0 in the AS_PATH of an old peer",
    rfc: "7607 §2",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g, 0)),
    expect: "withdraw",
  },
  {
    id: "old-aggregator-zero",
    title: "AGGREGATOR with AS 0 from an old peer",
    rfc: "7607 §2",
    ...external,
    ...old,
    attack: (g) => fromOld(g, ext(g), attribute(0xc0, 7, `${u16(0)}0a000001`)),
    expect: "taken -7",
  },
]);
