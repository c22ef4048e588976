import { createHash } from "node:crypto";
import type { PolicyTerm, PrefixListConfig, PrefixListEntry } from "./model.ts";

/**
 * What a prefix list or a policy says, as a short text: equal texts, equal meaning. Worked out where the file is read, so that a daemon
 * that takes on a config compares and remembers a few letters, however long the lists are. Where something stands doesn't count.
 */
export const digestOfList = (entries: readonly PrefixListEntry[]): string => digest(JSON.stringify(entries));

/** Deeper calls are refused, like circles: they only have to come to an end here. */
const MAX_DEPTH = 40;

/** Of each policy, with the prefix lists and the policies that it calls. */
export function digestsOfPolicies(
  policies: Readonly<Record<string, readonly PolicyTerm[]>>,
  lists: Readonly<Record<string, PrefixListConfig>>,
): ReadonlyMap<string, string> {
  const digests = new Map<string, string>();
  const digestOf = (name: string, depth: number): string => {
    const known = digests.get(name);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) return "";
    const terms = policies[name] ?? [];
    const used = new Set(terms.flatMap(({ match }) => match.prefixLists ?? []));
    const called = new Set(terms.flatMap(({ call }) => call ?? []));
    const meanings = [
      [...used].sort().map((list) => [list, lists[list]?.digest]),
      [...called].sort().map((each) => [each, digestOf(each, depth + 1)]),
    ];
    const whole = digest(JSON.stringify([terms, meanings], (key, value) => (key === "place" ? undefined : value)));
    digests.set(name, whole);
    return whole;
  };
  for (const name of Object.keys(policies)) digestOf(name, 0);
  return digests;
}

const digest = (text: string): string => createHash("sha256").update(text).digest("base64").slice(0, 22);
