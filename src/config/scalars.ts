import { formatAddress, formatPrefix, maskWord, parsePrefix, tryParseIpv4 } from "../lib/address.ts";
import { AS_TRANS } from "../lib/as-numbers.ts";
import { type LargeCommunity, tryParseCommunity } from "../lib/communities.ts";
import { tryParseExtendedCommunity } from "../lib/extended-communities.ts";
import { familyFromName } from "../lib/family.ts";
import { regexFault } from "../lib/regex/automaton.ts";
import { addressWords } from "./address-text.ts";
import type { CommunityPattern, HostPort, LargeCommunityPattern } from "./model.ts";
import { leaf, Unfit } from "./schema-kit.ts";
import { FloatText } from "./source.ts";

/** How single values are written: each has its form, its bounds and its sentence. */

const U32 = 0xffffffff;

export const boolean = leaf("true or false", (value) => (typeof value === "boolean" ? value : undefined));

export const integer = (from: number, to: number, form = `a whole number from ${from} to ${to}`) =>
  leaf(form, (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= from && value <= to ? value : undefined,
  );

export const seconds = (from: number, to: number) => integer(from, to, `a number of seconds from ${from} to ${to}`);

const octetUnits: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** A size as 512MiB; undefined if it is none. */
function readSize(value: unknown): number | undefined {
  const parts = typeof value === "string" ? /^(\d{1,7})\s?(KiB|MiB|GiB)$/.exec(value) : null;
  return parts ? Number(parts[1]) * octetUnits[parts[2]!]! : undefined;
}

/** At least 1 MiB: less is a slip of the pen. */
export const memory = <const T extends string>(...words: T[]) =>
  leaf<number | T>(`a size of at least 1MiB, such as 512MiB or 2GiB, or ${words.join(" or ")}`, (value) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    const size = readSize(value);
    return size !== undefined && size >= 2 ** 20 ? size : undefined;
  });

export const oneOf = <const T extends readonly string[]>(...words: T) =>
  leaf<T[number]>(
    words.length <= 2 ? words.join(" or ") : `one of ${words.join(", ")}`,
    (value) => words.find((word) => word === value) as T[number] | undefined,
  );

/** A word without white space or control characters, for names of things. */
export const name = leaf("a name (letters, digits, '-', '_', '.'; at most 63)", (value) =>
  typeof value === "string" && isName(value) ? value : typeof value === "number" ? String(value) : undefined,
);
export const isName = (text: string): boolean => /^[A-Za-z0-9_][\w.-]{0,62}$/.test(text) && text !== "__proto__";

export const hostName = leaf("the name of a host (letters, digits, '-', '_', '.'; at most 253)", (value) =>
  typeof value === "string" && /^[A-Za-z0-9_](?:[\w.-]{0,251}[A-Za-z0-9_])?$/.test(value) ? value : undefined,
);

export const text = leaf("text of at most 255 characters", (value) => {
  if (typeof value !== "string" || value.length > 255) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(value)) throw new Unfit("must be text without control characters");
  return value;
});

export const path = leaf("a path", (value) => (typeof value === "string" && value !== "" ? value : undefined));

/** Number, quoted decimal or quoted asdot (RFC 5396); undefined if it is none or beyond four octets. */
function readAsn(value: unknown): number | undefined {
  if (value instanceof FloatText)
    throw new Unfit(`must be quoted ("${value.text}") if it is meant as asdot: YAML takes it for a fraction`);
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 && value <= U32 ? value : undefined;
  const parts = typeof value === "string" ? /^(\d{1,10})(?:\.(\d{1,5}))?$/.exec(value) : null;
  if (!parts) return undefined;
  const high = Number(parts[1]);
  if (parts[2] === undefined) return high <= U32 ? high : undefined;
  const low = Number(parts[2]);
  return high <= 0xffff && low <= 0xffff ? high * 65536 + low : undefined;
}

const asnForm = 'an AS number from 1 to 4294967294 (asdot in quotes: "1.10")';

/** An AS number that a router can have. */
export const asn = leaf(asnForm, (value) => usableAsn(readAsn(value)));

function usableAsn(as: number | undefined): number | undefined {
  if (as === AS_TRANS)
    throw new Unfit(`must not be ${AS_TRANS}, which stands for AS numbers that don't fit (RFC 6793)`);
  if (as === 65535 || as === U32) throw new Unfit("must not be the last AS number of its range (RFC 7300)");
  return as === 0 ? undefined : as;
}

/** Any that may stand in an AS_PATH. */
export const asnInPath = leaf("an AS number from 0 to 4294967295", readAsn);

export const remoteAs = leaf(`internal, external or ${asnForm}`, (value) =>
  value === "internal" || value === "external" ? value : usableAsn(readAsn(value)),
);

/** A router id or cluster id: any 32 bits but zero, written as an IPv4 address (RFC 6286 §2.1). */
const readIdentifier = (value: unknown): string | undefined => {
  const word = typeof value === "string" ? tryParseIpv4(value) : undefined;
  if (word === 0) throw new Unfit("must not be 0.0.0.0");
  return word === undefined ? undefined : formatAddress([word]);
};
export const identifier = leaf("written as an IPv4 address", readIdentifier);
export const routerId = leaf("auto, hash, or written as an IPv4 address", (value) =>
  value === "auto" || value === "hash" ? value : readIdentifier(value),
);

/** Canonical text of an address without zone. */
export function readAddress(value: unknown): string | undefined {
  const words = typeof value === "string" ? addressWords(value) : undefined;
  return words === undefined ? undefined : formatAddress(words);
}
export const address = leaf("an IPv4 or IPv6 address", readAddress);

/** `fe80::1%eth0` keeps its zone. */
export const peerAddress = leaf(
  'an IPv4 or IPv6 address (a link-local one with its interface: "fe80::1%eth0")',
  (value) => {
    if (typeof value !== "string") return undefined;
    const [bare, zone, ...rest] = value.split("%");
    const words = addressWords(bare!);
    if (words === undefined || rest.length > 0 || zone === "" || (zone ?? "").length > 15) return undefined;
    const linkLocal = words.length === 4 && words[0]! >>> 22 === 0x3fa;
    if (linkLocal && zone === undefined)
      throw new Unfit(`must say on which interface the link-local address is ("${formatAddress(words)}%eth0")`);
    if (!linkLocal && zone !== undefined) throw new Unfit("must not name an interface unless it is link-local");
    if (isUnusablePeer(words)) throw new Unfit("must be the address of one host");
    return { address: formatAddress(words), zone: zone ?? null };
  },
);

/** Unspecified, multicast or broadcast. */
const isUnusablePeer = (words: readonly number[]): boolean =>
  words.length === 1
    ? words[0] === 0 || words[0]! >>> 28 === 0xe || words[0] === U32
    : words.every((word) => word === 0) || words[0]! >>> 24 === 0xff;

const prefixReader = (value: unknown) => {
  if (typeof value !== "string" || !value.includes("/")) return undefined;
  try {
    const prefix = parsePrefix(value);
    return { text: formatPrefix(prefix), ...prefix };
  } catch {
    const [bare, length] = value.split("/");
    const words = addressWords(bare!);
    if (words === undefined || !/^\d{1,3}$/.test(length!) || Number(length) > words.length * 32) return undefined;
    const masked = words.map((word, i) => (word & maskWord(Number(length) - 32 * i)) >>> 0);
    throw new Unfit(
      `must have no bits set behind its length (the prefix is ${formatPrefix({ words: masked, length: Number(length) })})`,
    );
  }
};
export const prefix = leaf("a prefix, ADDRESS/LENGTH", prefixReader);

/** A prefix, or an address as a prefix of full length; canonical text. */
export const prefixOrAddress = leaf("an address or a prefix", (value) => {
  const bare = readAddress(value);
  if (bare !== undefined) return `${bare}/${bare.includes(":") ? 128 : 32}`;
  return prefixReader(value)?.text;
});

export const family = leaf("ipv4-unicast or ipv6-unicast", (value) =>
  typeof value === "string" ? familyFromName(value) : undefined,
);

// Communities --------------------------------------------------------------------------------------------------------

/** Parts of "a:b" or "a:b:c", each a number up to `limit`, or null for `*`. */
function parts(value: unknown, count: number, limit: number): (number | null)[] | undefined {
  if (typeof value !== "string") return undefined;
  const words = value.split(":");
  if (words.length !== count || !words.every((word) => /^(\d{1,10}|\*)$/.test(word))) return undefined;
  const numbers = words.map((word) => (word === "*" ? null : Number(word)));
  return numbers.some((number) => (number ?? 0) > limit) ? undefined : numbers;
}

export const community = leaf('a community ("65001:100" or a name such as no-export)', (value) =>
  typeof value === "string" ? tryParseCommunity(value) : undefined,
);

export const communityPattern = leaf<CommunityPattern>('a community, also with "*" for either half', (value) => {
  const known = typeof value === "string" ? tryParseCommunity(value) : undefined;
  if (known !== undefined) return { high: known >>> 16, low: known & 0xffff };
  const numbers = parts(value, 2, 0xffff);
  return numbers && { high: numbers[0]!, low: numbers[1]! };
});

export const largeCommunity = leaf<LargeCommunity>('a large community ("65001:1:2")', (value) => {
  const numbers = parts(value, 3, U32);
  return numbers && !numbers.includes(null) ? (numbers as unknown as LargeCommunity) : undefined;
});

export const largeCommunityPattern = leaf<LargeCommunityPattern>(
  'a large community, also with "*" for a part',
  (value) => parts(value, 3, U32) as LargeCommunityPattern | undefined,
);

export const extendedCommunity = leaf(
  'an extended community ("rt:65001:100", "soo:192.0.2.1:7", "lb:65001:125000000", or 0x and 16 hex digits)',
  (value) => (typeof value === "string" ? tryParseExtendedCommunity(value) : undefined),
);

/** A number, or a change of it: YAML reads a bare +50 as 50, so the sign must stand in quotes. */
export const numberOrChange = <const T extends string>(...words: T[]) =>
  leaf<number | { readonly change: number } | T>(
    [...words, `a number from 0 to ${U32}`, 'or a change such as "+50" or "-10"'].join(", "),
    (value) => {
      const word = words.find((candidate) => candidate === value);
      if (word !== undefined) return word;
      if (typeof value === "number") return Number.isInteger(value) && value >= 0 && value <= U32 ? value : undefined;
      const parts = typeof value === "string" ? /^([-+])(\d{1,10})$/.exec(value) : null;
      const change = parts === null ? U32 + 1 : Number(parts[2]);
      return change > U32 ? undefined : { change: parts![1] === "-" ? -change : change };
    },
  );

/** An AS number written bare (`regex: 65001`) is one, too. */
export const regex = leaf("a POSIX extended regular expression (at most 1000 characters)", (value) => {
  const text = typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? String(value) : value;
  if (typeof text !== "string") return undefined;
  const fault = regexFault(text);
  if (fault !== undefined) throw new Unfit(`must be a POSIX extended regular expression, but has ${fault}`);
  return text;
});

// The host -----------------------------------------------------------------------------------------------------------

export const interfaceName = leaf("the name of an interface (at most 15 characters)", (value) =>
  typeof value === "string" && /^[^\s/]{1,15}$/.test(value) && value !== "." && value !== ".." ? value : undefined,
);

export const interfacePattern = leaf('the name of an interface, with "*" as wildcard', (value) =>
  typeof value === "string" && /^[^\s/]{1,32}$/.test(value) ? value : undefined,
);

/** `127.0.0.1:9179`, `[::1]:9179` or `:9179`. */
export const hostPort = leaf<HostPort>(
  'ADDRESS:PORT ("127.0.0.1:9179", "[::1]:9179"; ":9179" is all addresses)',
  (value) => {
    const match = typeof value === "string" ? /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(value) : null;
    if (!match) return undefined;
    const host = match[1] ?? match[2]!;
    const port = Number(match[3]);
    const canonical = host === "" ? "" : readAddress(host);
    if (canonical === undefined || port > 65535 || (match[1] !== undefined && !canonical.includes(":")))
      return undefined;
    return { host: canonical, port };
  },
);
