import { attribute, ipv4, nlri4, sequence, u8, u16, update } from "../../testbed/speaker/octets.ts";
import type { Ground } from "./case.ts";
import { dutAs, externalAs, type Lane } from "./lane.ts";

/** Prefixes of one case, as text and as the scripted speakers name them. */
export interface Prefixes {
  readonly target: string;
  readonly anchor: string;
  readonly marker: string;
  readonly other: string;
  readonly target6: string;
  readonly anchor6: string;
  readonly other6: string;
}

/** Every case has prefixes of its own, so that nothing that one leaves behind is mistaken for another's. */
export function prefixesOf(number: number): Prefixes {
  const tail = `${number >> 8}.${number & 0xff}.0/24`;
  const v6 = (place: number) => `20010db8${place}${u16(number).slice(1)}/48`;
  return {
    target: `20.${tail}`,
    anchor: `21.${tail}`,
    marker: `22.${tail}`,
    other: `23.${tail}`,
    target6: v6(1),
    anchor6: v6(2),
    other6: v6(3),
  };
}

/** NLRI of an IPv6 prefix as `prefixesOf` names it. */
export const nlri6 = (prefix: string): string => {
  const [octets, length] = prefix.split("/");
  return u8(Number(length)) + octets;
};

/** ORIGIN of the route before the attack, and of the one that the attack brings. */
export const originBefore = "00";
export const originMark = "02";

/** What an attack is made of, for this case and this peer. */
export function groundOf(lane: Lane, kind: "internal" | "external", prefixes: Prefixes, fourOctetAs: boolean): Ground {
  const as = kind === "internal" ? dutAs : externalAs;
  const nextHop = ipv4(`${lane.net}.0.9`);
  const nextHop6 = `fd00${u16(lane.index)}${"0".repeat(20)}0009`;
  const good6 = (...without: number[]) => goodSet(kind, as, null, originMark, fourOctetAs, without);
  return {
    kind,
    as,
    dutAs,
    nextHop,
    nextHop6,
    dut: ipv4(lane.dut),
    dutText: lane.dut,
    routerId: ipv4(lane.dut),
    target: nlri4(prefixes.target),
    target6: nlri6(prefixes.target6),
    other: nlri4(prefixes.other),
    other6: nlri6(prefixes.other6),
    good: (...without) => goodSet(kind, as, nextHop, originMark, fourOctetAs, without),
    good6,
    reach6: (nlri = nlri6(prefixes.target6)) => attribute(0x80, 14, `0002 01 10 ${nextHop6} 00 ${nlri}`),
    update: (attributes, nlri = nlri4(prefixes.target)) => update({ attributes, nlri }),
  };
}

/** Mandatory attributes of a route as such a peer sends them, by code. */
export function goodSet(
  kind: "internal" | "external",
  as: number,
  nextHop: string | null,
  origin: string,
  fourOctetAs: boolean,
  without: readonly number[] = [],
): string[] {
  const path = kind === "internal" ? "" : sequence([as], fourOctetAs ? 4 : 2);
  const all: [number, string][] = [
    [1, attribute(0x40, 1, origin)],
    [2, attribute(0x40, 2, path)],
  ];
  if (nextHop !== null) all.push([3, attribute(0x40, 3, nextHop)]);
  if (kind === "internal") all.push([5, attribute(0x40, 5, "00000064")]);
  return all.filter(([code]) => !without.includes(code)).map(([, text]) => text);
}

/** Good routes before (and, as a marker, after) the attack. */
export function goodUpdates(
  lane: Lane,
  kind: "internal" | "external",
  fourOctetAs: boolean,
  nlri: string,
  nlri6 = "",
): Uint8Array[] {
  const as = kind === "internal" ? dutAs : externalAs;
  const messages = [
    update({ attributes: goodSet(kind, as, ipv4(`${lane.net}.0.9`), originBefore, fourOctetAs), nlri }),
  ];
  if (nlri6 !== "")
    messages.push(
      update({
        attributes: [
          attribute(0x80, 14, `0002 01 10 fd00${u16(lane.index)}${"0".repeat(20)}0009 00 ${nlri6}`),
          ...goodSet(kind, as, null, originBefore, fourOctetAs),
        ],
      }),
    );
  return messages;
}
