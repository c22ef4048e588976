import { capabilities, capability, message, open, u8, u16, u32 } from "../../../testbed/speaker/octets.ts";
import type { Ground } from "../case.ts";
import { chapter } from "../case.ts";

/** Capabilities of a good OPEN, hex. */
const usual = (g: Ground): string[] => [capability(1, "00010001"), capability(2), capability(65, u32(g.as))];
const own = "0a636363";

/** An OPEN that is good but for what is said. */
const opening = (g: Ground, change: Partial<Parameters<typeof open>[0]> = {}): Uint8Array =>
  open({ as: g.as, routerId: own, parameters: capabilities(usual(g)), ...change });

/** One that is good but for additional capabilities. */
const withCapability =
  (...more: string[]) =>
  (g: Ground) =>
    opening(g, { parameters: capabilities([...usual(g), ...more]) });

const version = (number: number) => ({
  id: `version-${number}`,
  title: `version ${number}`,
  rfc: "4271 §6.2",
  stage: "open" as const,
  attack: (g: Ground) => opening(g, { version: number }),
  expect: "reset 2/1 0004",
  short: number === 5,
});

/** RFC 9072: the form with two-octet lengths; `non` is the length that older speakers would read. */
const longForm = (g: Ground, parameters: string, { announced = parameters.length / 2, non = 255 } = {}) =>
  message(1, `04${u16(g.as)}005a${own}${u8(non)}ff${u16(announced)}${parameters}`);
const longParameter = (list: readonly string[]): string => `02${u16(list.join("").length / 2)}${list.join("")}`;

/** OPEN (RFC 4271 §6.2, RFC 5492, RFC 6286, RFC 6793, RFC 7607, RFC 9072). */
export const opens = chapter("OPEN", [
  ...[0, 3, 5, 255].map(version),
  {
    id: "as-other",
    title: "an AS that is not the configured one",
    rfc: "4271 §6.2",
    from: "both",
    stage: "open",
    attack: (g) =>
      opening(g, { as: 65055, parameters: capabilities([capability(1, "00010001"), capability(65, u32(65055))]) }),
    expect: "reset 2/2",
    short: true,
  },
  {
    id: "as-zero",
    title: "AS 0 in both fields",
    rfc: "7607 §2",
    from: "both",
    stage: "open",
    attack: (g) => opening(g, { as: 0, parameters: capabilities([capability(1, "00010001"), capability(65, u32(0))]) }),
    expect: "reset 2/2",
  },
  {
    id: "as-zero-capability",
    title: "AS 0 in the 4-octet AS capability only",
    rfc: "7607 §2",
    stage: "open",
    attack: (g) => opening(g, { parameters: capabilities([capability(1, "00010001"), capability(65, u32(0))]) }),
    expect: "reset 2/2",
    short: true,
  },
  {
    id: "as-capability-other",
    title: "the right AS in the header, another in the 4-octet AS capability",
    rfc: "6793 §4.1",
    stage: "open",
    attack: (g) => opening(g, { parameters: capabilities([capability(1, "00010001"), capability(65, u32(65055))]) }),
    expect: "reset 2/2",
  },
  {
    id: "as-trans",
    title: "AS_TRANS in the header, the right AS in the capability",
    rfc: "6793 §4.1",
    stage: "open",
    attack: (g) => opening(g, { as: 23456 }),
    expect: "up",
  },
  {
    id: "as-trans-alone",
    title: "AS_TRANS and no capability",
    rfc: "6793 §4.1",
    from: "both",
    stage: "open",
    attack: (g) => opening(g, { as: 23456, parameters: "" }),
    expect: "reset 2/2",
  },
  ...[1, 2].map((seconds) => ({
    id: `hold-${seconds}`,
    title: `hold time of ${seconds} s`,
    rfc: "4271 §6.2",
    stage: "open" as const,
    attack: (g: Ground) => opening(g, { hold: seconds }),
    expect: "reset 2/6",
    short: seconds === 2,
  })),
  ...[0, 3, 65535].map((seconds) => ({
    id: `hold-${seconds}`,
    title: `hold time of ${seconds} s`,
    rfc: "4271 §4.2, §6.2",
    stage: "open" as const,
    attack: (g: Ground) => opening(g, { hold: seconds }),
    // An implementation may reject any proposed hold time.
    expect: ["up", "reset 2/6"],
  })),
  {
    id: "id-zero",
    title: "BGP Identifier 0",
    rfc: "6286 §2.2",
    from: "both",
    stage: "open",
    attack: (g) => opening(g, { routerId: "00000000" }),
    expect: "reset 2/3",
    short: true,
  },
  {
    id: "id-ours",
    title: "our own BGP Identifier, from an internal peer",
    rfc: "6286 §2.2",
    stage: "open",
    attack: (g) => opening(g, { routerId: g.routerId }),
    expect: "reset 2/3",
  },
  {
    id: "id-ours-external",
    title: "our own BGP Identifier, from an external peer: it need be unique in one AS only",
    rfc: "6286 §2.1",
    from: "external",
    stage: "open",
    attack: (g) => opening(g, { routerId: g.routerId }),
    expect: "up",
  },
  ...["e0000001", "ffffffff", "00000001"].map((routerId) => ({
    id: `id-${routerId}`,
    title: `BGP Identifier 0x${routerId}: any four octets but 0 will do`,
    rfc: "6286 §2.1",
    stage: "open" as const,
    attack: (g: Ground) => opening(g, { routerId }),
    expect: "up",
  })),
  {
    id: "parameter-unknown",
    title: "optional parameter of type 7",
    rfc: "4271 §6.2",
    stage: "open",
    attack: (g) => opening(g, { parameters: "07020000" }),
    expect: "reset 2/4",
    short: true,
  },
  {
    id: "parameter-auth",
    title: "the deprecated authentication parameter",
    rfc: "4271 §6.2, appendix A",
    stage: "open",
    attack: (g) => opening(g, { parameters: "01020000" }),
    expect: ["reset 2/4", "reset 2/5"],
  },
  {
    id: "parameter-after",
    title: "a good parameter, then one of type 200",
    rfc: "4271 §6.2",
    stage: "open",
    attack: (g) => opening(g, { parameters: `${capabilities(usual(g))}c800` }),
    expect: "reset 2/4",
  },
  {
    id: "parameters-longer",
    title: "parameters said to be longer than the message",
    rfc: "4271 §6.2",
    stage: "open",
    attack: (g) => opening(g, { announced: 200 }),
    expect: "reset 2/0",
    short: true,
  },
  {
    id: "parameters-shorter",
    title: "octets behind the parameters",
    rfc: "4271 §6.2",
    stage: "open",
    attack: (g) => opening(g, { announced: 0 }),
    // No RFC forbids octets behind the last parameter in words.
    expect: ["reset 2/0", "reset 1/2", "up"],
  },
  {
    id: "parameter-overrun",
    title: "a parameter longer than all parameters",
    rfc: "4271 §6.2",
    stage: "open",
    attack: (g) => opening(g, { parameters: "02ff4104" }),
    expect: "reset 2/0",
  },
  {
    id: "parameter-half",
    title: "a parameter that is a type without a length",
    rfc: "4271 §6.2",
    stage: "open",
    attack: (g) => opening(g, { parameters: `${capabilities(usual(g))}02` }),
    expect: "reset 2/0",
  },
  {
    id: "capability-overrun",
    title: "a capability longer than its parameter",
    rfc: "4271 §6.2, 5492 §4",
    from: "both",
    stage: "open",
    attack: (g) => opening(g, { parameters: "020441ff0000" }),
    expect: "reset 2/0",
    short: true,
  },
  {
    id: "capability-half",
    title: "a capability that is a code without a length",
    rfc: "4271 §6.2, 5492 §4",
    stage: "open",
    attack: (g) => opening(g, { parameters: "020141" }),
    expect: "reset 2/0",
  },
  {
    id: "parameter-empty",
    title: "a Capabilities parameter without a capability",
    rfc: "5492 §4",
    stage: "open",
    attack: (g) => opening(g, { parameters: `0200${capabilities(usual(g))}` }),
    expect: "up",
  },
  {
    id: "parameter-each",
    title: "each capability in a parameter of its own",
    rfc: "5492 §4",
    stage: "open",
    attack: (g) =>
      opening(g, {
        parameters: usual(g)
          .map((one) => capabilities([one]))
          .join(""),
      }),
    expect: "up",
  },
  {
    id: "capability-unknown",
    title: "capability 99 with 200 octets",
    rfc: "5492 §3",
    stage: "open",
    attack: withCapability(capability(99, "ab".repeat(200))),
    expect: "up",
  },
  {
    id: "capability-zero",
    title: "capability 0 and capability 255",
    rfc: "5492 §3",
    stage: "open",
    attack: withCapability(capability(0), capability(255, "00")),
    expect: "up",
  },
  {
    id: "capability-repeated",
    title: "the same multiprotocol capability 30 times",
    rfc: "5492 §4",
    stage: "open",
    attack: withCapability(...Array.from({ length: 30 }, () => capability(1, "00010001"))),
    expect: "up",
  },
  {
    id: "capability-many",
    title: "110 unknown capabilities without a value",
    rfc: "5492 §3",
    stage: "open",
    attack: withCapability(...Array.from({ length: 110 }, (_, i) => capability(100 + i))),
    expect: "up",
  },
  {
    id: "as4-twice",
    title: "two 4-octet AS capabilities that differ",
    rfc: "5492 §4, 6793 §4.1",
    stage: "open",
    attack: withCapability(capability(65, u32(65055))),
    // Nobody says which counts.
    expect: ["up", "reset 2/2", "reset 2/0"],
  },
  ...(
    [
      ["mp-3", "multiprotocol capability of 3 octets", "4760 §8", capability(1, "000100")],
      ["mp-5", "multiprotocol capability of 5 octets", "4760 §8", capability(1, "0001000100")],
      ["refresh-1", "route refresh capability with an octet", "2918 §2", capability(2, "00")],
      ["extended-4", "extended message capability with 4 octets", "8654 §3", capability(6, "00000000")],
      ["restart-1", "graceful restart capability of one octet", "4724 §3", capability(64, "00")],
      ["restart-5", "graceful restart capability with half a family", "4724 §3", capability(64, "0078000101")],
      ["as4-3", "4-octet AS capability of 3 octets", "6793 §3", capability(65, "00fde9")],
      ["add-path-3", "ADD-PATH capability of 3 octets", "7911 §4", capability(69, "000101")],
      [
        "fqdn-overrun",
        "FQDN capability whose host name is longer than it",
        "draft-walton-bgp-hostname",
        capability(73, "ff6162"),
      ],
      ["next-hop-5", "extended next hop capability of 5 octets", "8950 §4", capability(5, "0001000100")],
      ["role-2", "role capability of 2 octets", "9234 §4.1", capability(9, "0303")],
      ["llgr-6", "long-lived graceful restart capability of 6 octets", "9494 §3.1", capability(71, "000101000000")],
    ] as const
  ).map(([id, title, rfc, bad]) => ({
    id: `capability-${id}`,
    title,
    rfc: `${rfc}, 4271 §6.2`,
    stage: "open" as const,
    attack: withCapability(bad),
    // RFC 4271: recognised but malformed is 2/0. The capabilities' own RFCs are silent, and ignoring one is not forbidden.
    expect: ["reset 2/0", "up"],
  })),
  {
    id: "add-path-mode",
    title: "ADD-PATH with Send/Receive 0 and 4: to be ignored",
    rfc: "7911 §4",
    stage: "open",
    attack: withCapability(capability(69, "0001010000020104")),
    expect: "up",
  },
  {
    id: "role-unknown",
    title: "role 200 where no role is configured",
    rfc: "9234 §4.2",
    from: "external",
    stage: "open",
    attack: withCapability(capability(9, "c8")),
    expect: "up",
  },
  {
    id: "llgr-alone",
    title: "long-lived graceful restart without graceful restart: to be ignored",
    rfc: "9494 §3.1",
    stage: "open",
    attack: withCapability(capability(71, "00010180ffffff")),
    expect: "up",
  },
  {
    id: "restart-families",
    title: "graceful restart with 55 families that nobody knows",
    rfc: "4724 §3",
    stage: "open",
    attack: withCapability(
      capability(64, `0078${Array.from({ length: 55 }, (_, i) => `${u16(1000 + i)}${u8(i)}80`).join("")}`),
    ),
    expect: "up",
  },
  {
    id: "fqdn-control",
    title: "FQDN with escape sequences for a terminal",
    rfc: "draft-walton-bgp-hostname",
    stage: "open",
    attack: withCapability(capability(73, `09${Buffer.from("\u001b[2Jevil\n").toString("hex").slice(0, 18)}00`)),
    expect: "up",
  },
  {
    id: "family-none",
    title: "no family in common: EVPN only",
    rfc: "5492 §3",
    stage: "open",
    attack: (g) => opening(g, { parameters: capabilities([capability(1, "00190046"), capability(65, u32(g.as))]) }),
    // A session may go on without any.
    expect: ["reset 2/7", "up"],
  },
  {
    id: "extended-form",
    title: "the extended form for parameters that would fit the plain one",
    rfc: "9072 §2",
    from: "both",
    stage: "open",
    attack: (g) => longForm(g, longParameter(usual(g))),
    expect: "up",
    short: true,
  },
  {
    id: "extended-form-length-1",
    title: "the extended form with another length than 255 in the plain field",
    rfc: "9072 §2",
    stage: "open",
    attack: (g) => longForm(g, longParameter(usual(g)), { non: 1 }),
    expect: "up",
  },
  {
    id: "extended-form-longer",
    title: "extended length larger than the message",
    rfc: "9072 §2",
    stage: "open",
    attack: (g) => longForm(g, longParameter(usual(g)), { announced: 60_000 }),
    expect: "reset 2/0",
  },
  {
    id: "extended-form-cut",
    title: "extended form that ends inside its length",
    rfc: "9072 §2",
    stage: "open",
    attack: (g) => message(1, `04${u16(g.as)}005a${own}ffff00`),
    expect: "reset 2/0",
  },
  {
    id: "extended-form-parameter-cut",
    title: "extended form with a parameter that runs over the end",
    rfc: "9072 §2",
    stage: "open",
    attack: (g) => longForm(g, `02ffff${usual(g).join("")}`),
    expect: "reset 2/0",
  },
  {
    id: "extended-form-4096",
    title: "an OPEN of 4096 octets, full of unknown capabilities",
    rfc: "9072 §2, 8654 §4",
    stage: "open",
    attack: (g) => {
      const own = longParameter(usual(g));
      const room = 4096 - 32 - own.length / 2;
      const filler = [];
      for (let left = room - 3; left > 0; left -= 202)
        filler.push(capability(99, "00".repeat(Math.max(0, Math.min(200, left - 2)))));
      return longForm(g, own + longParameter(filler).slice(0, room * 2));
    },
    expect: "up",
  },
]);
