import type { ErrorText } from "../view/model.ts";
import { CliFailure, Exit } from "./io.ts";

/** What `peerage announce` and `peerage withdraw` say, from flags or from lines of standard input, as the daemon takes it. */

/** Flags of `announce`: with two dashes on the command line, without them in a line. */
export interface AnnounceFlags {
  readonly nextHop?: string;
  readonly community?: readonly string[];
  readonly largeCommunity?: readonly string[];
  readonly localPref?: string;
  readonly med?: string;
  readonly blackhole?: boolean;
  readonly for?: string;
}

/** One route of the request. */
export interface AnnounceRoute {
  prefix: string;
  nextHop?: string;
  communities?: string[];
  largeCommunities?: string[];
  localPref?: number;
  med?: number;
  blackhole?: boolean;
  for?: number;
}

/** A mistake, in words that go on "... must be". */
class Wrong extends Error {}

/** @throws CliFailure (2) */
export function routesOfFlags(prefixes: readonly string[], flags: AnnounceFlags): AnnounceRoute[] {
  try {
    const common: Omit<AnnounceRoute, "prefix"> = {
      ...(flags.nextHop !== undefined && { nextHop: flags.nextHop }),
      ...(flags.community !== undefined && { communities: [...flags.community] }),
      ...(flags.largeCommunity !== undefined && { largeCommunities: [...flags.largeCommunity] }),
      ...(flags.localPref !== undefined && { localPref: number("--local-pref", flags.localPref) }),
      ...(flags.med !== undefined && { med: number("--med", flags.med) }),
      ...(flags.blackhole && { blackhole: true }),
      ...(flags.for !== undefined && { for: number("--for", flags.for) }),
    };
    return prefixes.map((prefix) => ({ prefix, ...common }));
  } catch (error) {
    if (error instanceof Wrong) throw new CliFailure(Exit.usage, error.message);
    throw error;
  }
}

/**
 * Lines `PREFIX [key=value ...]`; empty ones and those that begin with # count for nothing. `community` and `large-community` may stand
 * several times. With one wrong line none is taken. @throws CliFailure (2) with the line of each mistake
 */
export function routesOfLines(text: string): AnnounceRoute[] {
  const errors: ErrorText[] = [];
  const routes: AnnounceRoute[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const [prefix, ...words] = line.trim().split(/\s+/);
    if (prefix === undefined || prefix === "" || prefix.startsWith("#")) continue;
    try {
      routes.push(routeOf(prefix, words));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      errors.push({ message: error.message, place: `stdin:${i + 1}:1` });
    }
  }
  if (errors.length > 0) throw new CliFailure(Exit.usage, errors);
  if (routes.length === 0) throw new CliFailure(Exit.usage, "Standard input holds no prefix");
  return routes;
}

const readers: Readonly<Record<string, (route: AnnounceRoute, value: string) => void>> = {
  "next-hop": (route, value) => {
    route.nextHop = value;
  },
  community: (route, value) => {
    route.communities = [...(route.communities ?? []), value];
  },
  "large-community": (route, value) => {
    route.largeCommunities = [...(route.largeCommunities ?? []), value];
  },
  "local-pref": (route, value) => {
    route.localPref = number("local-pref", value);
  },
  med: (route, value) => {
    route.med = number("med", value);
  },
  blackhole: (route, value) => {
    if (value !== "true" && value !== "false") throw new Wrong(`blackhole must be true or false, found "${value}"`);
    route.blackhole = value === "true";
  },
  for: (route, value) => {
    route.for = number("for", value);
  },
};

function routeOf(prefix: string, words: readonly string[]): AnnounceRoute {
  if (!prefix.includes("/")) throw new Wrong(`a line must begin with a prefix, found "${prefix}"`);
  const route: AnnounceRoute = { prefix };
  for (const word of words) {
    const at = word.indexOf("=");
    const key = at < 0 ? word : word.slice(0, at);
    // A bare flag is one on the command line, too.
    const value = at < 0 && key === "blackhole" ? "true" : word.slice(at + 1);
    const read = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (read === undefined || (at < 0 && key !== "blackhole"))
      throw new Wrong(`"${word}" must be one of ${Object.keys(readers).join(", ")}, with = and a value`);
    read(route, value);
  }
  return route;
}

function number(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Wrong(`${name} must be a number, found "${text}"`);
  return Number(text);
}
