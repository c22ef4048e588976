import { type Prefix, parsePrefix, tryParseAddress } from "../lib/address.ts";
import { tryParseCommunity, tryParseLargeCommunity } from "../lib/communities.ts";
import type { Announcement } from "../speaker/announcements.ts";
import { announcedRoute } from "../speaker/originated-routes.ts";
import { ControlError } from "./view-port.ts";

/** What `announce` and `withdraw` send: JSON as whoever holds the socket wrote it, of which nothing is believed. */

const most = 0xffffffff;
/** Faults that are told; the rest is counted. */
const FAULTS = 20;
/** Routes read in one go. */
const SLICE = 64;

type Fields = Readonly<Record<string, unknown>>;

/** In slices. @throws ControlError (bad-request), with a line for each fault */
export function* announcementsOf(
  body: Uint8Array,
): Generator<undefined, { announcements: Announcement[]; force: boolean }> {
  const { routes, force } = listIn(body);
  return { announcements: yield* each(routes, announcementOf), force };
}

/** In slices. @throws ControlError (bad-request) */
export const prefixesOf = (body: Uint8Array): Generator<undefined, Prefix[]> =>
  each(listIn(body).routes, (route) => prefixIn(route.prefix));

function listIn(body: Uint8Array): { routes: readonly unknown[]; force: boolean } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ControlError("bad-request", "The body of the request is no JSON");
  }
  const { routes, force = false } = (isMapping(parsed) ? parsed : {}) as Fields;
  if (!Array.isArray(routes) || routes.length === 0 || typeof force !== "boolean")
    throw new ControlError("bad-request", 'The request needs {"routes": [{"prefix": ...}, ...]}');
  return { routes, force };
}

function* each<T>(routes: readonly unknown[], read: (route: Fields) => T): Generator<undefined, T[]> {
  const faults: string[] = [];
  const read1 = (route: unknown): T | null => {
    try {
      if (!isMapping(route)) throw new Fault("must be a mapping with a prefix");
      return read(route);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      faults.push(`${label(route)}: ${error.message}`);
      return null;
    }
  };
  const done: (T | null)[] = [];
  for (const route of routes) {
    done.push(read1(route));
    if (done.length % SLICE === 0) yield;
  }
  if (faults.length === 0) return done as T[];
  const more = faults.length > FAULTS ? [`and ${faults.length - FAULTS} more faults`] : [];
  throw new ControlError("bad-request", [...faults.slice(0, FAULTS), ...more].join("\n"));
}

class Fault extends Error {}

const isMapping = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const label = (route: unknown): string => {
  const text = isMapping(route) ? route.prefix : route;
  return typeof text === "string" ? JSON.stringify(text.slice(0, 100)) : "a route";
};

const known = new Set(["prefix", "nextHop", "communities", "largeCommunities", "localPref", "med", "blackhole", "for"]);

function announcementOf(route: Fields): Announcement {
  const unknown = Object.keys(route).find((key) => !known.has(key));
  if (unknown !== undefined) throw new Fault(`unknown key ${JSON.stringify(unknown.slice(0, 50))}`);
  const { blackhole = false } = route;
  if (typeof blackhole !== "boolean") throw new Fault("blackhole must be true or false");
  return {
    ...announcedRoute({
      prefix: prefixIn(route.prefix),
      blackhole,
      nextHop: nextHopIn(route.nextHop),
      communities: listOf(route.communities, "communities", tryParseCommunity),
      largeCommunities: listOf(route.largeCommunities, "largeCommunities", tryParseLargeCommunity),
      localPref: numberIn(route.localPref, "localPref", 0),
      med: numberIn(route.med, "med", 0),
    }),
    forSeconds: numberIn(route.for, "for", 1),
  };
}

function prefixIn(value: unknown): Prefix {
  if (typeof value !== "string" || !value.includes("/")) throw new Fault("must have a prefix, ADDRESS/LENGTH");
  return parsePrefix(value);
}

function nextHopIn(value: unknown): readonly number[] | null {
  if (value === undefined || value === null) return null;
  const words = typeof value === "string" ? tryParseAddress(value) : undefined;
  if (words === undefined) throw new Fault("nextHop must be an address");
  return words;
}

function listOf<T>(value: unknown, name: string, read: (text: string) => T | undefined): T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > 255) throw new Fault(`${name} must be a list of at most 255`);
  return value.map((entry) => {
    const read1 = typeof entry === "string" ? read(entry) : undefined;
    if (read1 === undefined) throw new Fault(`${JSON.stringify(entry)?.slice(0, 50)} is none of ${name}`);
    return read1;
  });
}

function numberIn(value: unknown, name: string, least: number): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    throw new Fault(`${name} must be a number from ${least} to ${most}`);
  return value;
}
