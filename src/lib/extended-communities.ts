import { formatIpv4, tryParseIpv4 } from "./address.ts";
import { AS_TRANS } from "./as-numbers.ts";

/** An extended community as its two words, high first (RFC 4360 §2). */
export type ExtendedCommunity = readonly [number, number];

/** Type octets: transitive, of a two-octet AS, an IPv4 address, a four-octet AS (RFC 4360 §3, RFC 5668 §2). */
const TWO_OCTET_AS = 0x00;
const IPV4_ADDRESS = 0x01;
const FOUR_OCTET_AS = 0x02;
/** Link bandwidth: type and subtype (draft-ietf-idr-link-bandwidth §2); it does not leave the AS. */
const LINK_BANDWIDTH = 0x4004;

/** Subtypes: route target and site of origin (RFC 4360 §4, §5). */
const subtypes = { rt: 0x02, soo: 0x03 } as const;

/**
 * "rt:65001:100" and "soo:192.0.2.1:7"; "lb:65001:125000000", octets a second; anything else "0x" and its sixteen digits. One text
 * stands for one community, so that what is shown can be matched and set: an AS that fits two octets and came in four is shown as
 * digits, as is a bandwidth that is no whole number.
 */
export function formatExtendedCommunity([high, low]: ExtendedCommunity): string {
  return named(high, low) ?? `0x${hex(high)}${hex(low)}`;
}

const hex = (word: number): string => word.toString(16).padStart(8, "0");

function named(high: number, low: number): string | undefined {
  if (high >>> 16 === LINK_BANDWIDTH) {
    const octets = toFloat(low);
    return Number.isSafeInteger(octets) && !Object.is(octets, -0) && octets >= 0
      ? `lb:${high & 0xffff}:${octets}`
      : undefined;
  }
  const subtype = (high >>> 16) & 0xff;
  const name = subtype === subtypes.rt ? "rt" : subtype === subtypes.soo ? "soo" : undefined;
  if (name === undefined) return undefined;
  const type = high >>> 24;
  if (type === TWO_OCTET_AS) return `${name}:${high & 0xffff}:${low}`;
  const administrator = (((high & 0xffff) << 16) | (low >>> 16)) >>> 0;
  if (type === IPV4_ADDRESS) return `${name}:${formatIpv4(administrator)}:${low & 0xffff}`;
  return type === FOUR_OCTET_AS && administrator > 0xffff ? `${name}:${administrator}:${low & 0xffff}` : undefined;
}

/** What `formatExtendedCommunity` writes, and "ro:" for "soo:", as some speakers name it; undefined if it is neither. */
export function tryParseExtendedCommunity(text: string): ExtendedCommunity | undefined {
  const digits = /^0x([0-9a-f]{8})([0-9a-f]{8})$/i.exec(text);
  if (digits !== null) return [Number.parseInt(digits[1]!, 16), Number.parseInt(digits[2]!, 16)];
  const parts = /^(rt|soo|ro|lb):([\d.]{1,15}):(\d{1,16})$/.exec(text);
  if (parts === null) return undefined;
  const [, name, administrator, value] = parts;
  const number = Number(value);
  const address = tryParseIpv4(administrator!);
  const as = /^\d{1,10}$/.test(administrator!) ? Number(administrator) : undefined;
  if (name === "lb")
    return as !== undefined && as <= 0xffff ? high16(LINK_BANDWIDTH, as, fromFloat(number)) : undefined;
  const subtype = name === "rt" ? subtypes.rt : subtypes.soo;
  if (as !== undefined && as <= 0xffff)
    return number <= 0xffffffff ? high16((TWO_OCTET_AS << 8) | subtype, as, number) : undefined;
  const type = address === undefined ? FOUR_OCTET_AS : IPV4_ADDRESS;
  const wide = address ?? as;
  if (wide === undefined || wide > 0xffffffff || number > 0xffff) return undefined;
  return high16((type << 8) | subtype, wide >>> 16, (((wide & 0xffff) << 16) | number) >>> 0);
}

/** Whether it tells the bandwidth of a link, in the form that stays in the AS or in the one that leaves it. */
export const isLinkBandwidth = ([high]: ExtendedCommunity): boolean => ((high >>> 16) & 0xbfff) === 0x0004;

/** Octets a second; 0 for what is no bandwidth: infinite, negative or no number. */
export function bandwidthIn([, low]: ExtendedCommunity): number {
  const octets = toFloat(low);
  return Number.isFinite(octets) && octets > 0 ? octets : 0;
}

/** Octets a second. */
export const linkBandwidth = (as: number, octets: number): ExtendedCommunity =>
  high16(LINK_BANDWIDTH, as > 0xffff ? AS_TRANS : as, fromFloat(octets));

const high16 = (kind: number, rest: number, low: number): ExtendedCommunity => [((kind << 16) | rest) >>> 0, low];

/** IEEE 754, single precision. */
const toFloat = (word: number): number => new Float32Array(Uint32Array.of(word).buffer)[0]!;
const fromFloat = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;
