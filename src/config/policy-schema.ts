import type { z } from "zod";
import type { NumberRange } from "./model.ts";
import * as s from "./scalars.ts";
import { key, leaf, listOf, mapping, mappingOr, oneOrMore } from "./schema-kit.ts";

/** Prefix lists and policies in YAML's words. */

const bound = s.integer(0, 128);

/** `10.0.0.0/8` alone, or with bounds for the length. */
const prefixEntry = mappingOr(
  mapping({
    prefix: key(s.prefix, "Prefixes inside this one ..."),
    ge: key(bound, "... at least this long", "the length of `prefix`"),
    le: key(bound, "... and at most this long.", "that of `prefix`; with `ge` the longest there is"),
  }),
  s.prefix,
);

export const prefixListSchema = listOf(prefixEntry);

const u32 = s.integer(0, 0xffffffff);

/** A number, or `{ge, le}`. */
const numberOrRange = mappingOr(
  mapping({ ge: key(u32, "At least.", "0"), le: key(u32, "At most.", "no bound") }),
  leaf<NumberRange>("a whole number", (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffffffff
      ? { ge: value, le: value }
      : undefined,
  ),
);

const asPathMatch = mapping({
  contains: key(oneOrMore(s.asnInPath), "One of these stands anywhere in the path."),
  starts: key(oneOrMore(s.asnInPath), "The path begins with one of these: the neighbor's AS."),
  "originated-by": key(oneOrMore(s.asnInPath), "The path ends with one of these."),
  length: key(numberOrRange, "Its length as the decision counts it."),
  regex: key(
    oneOrMore(s.regex),
    'It looks so, written as "65001 65002 {65003,65004}"; `_` is its start, its end or a space.',
  ),
});

const match = mapping({
  "prefix-list": key(oneOrMore(s.name), "Names of prefix lists."),
  prefix: key(oneOrMore(prefixEntry), "Prefixes written in place, as in a prefix list."),
  family: key(oneOrMore(s.family), "Address families."),
  communities: key(oneOrMore(s.communityPattern), 'Communities, "*" for either half.'),
  "large-communities": key(oneOrMore(s.largeCommunityPattern), 'Large communities, "*" for any part.'),
  "extended-communities": key(oneOrMore(s.extendedCommunity), "Extended communities."),
  "as-path": key(oneOrMore(asPathMatch), "Conditions on the AS_PATH."),
  origin: key(oneOrMore(s.oneOf("igp", "egp", "incomplete")), "ORIGIN."),
  med: key(numberOrRange, "MED; a missing one is 0."),
  "local-pref": key(numberOrRange, "LOCAL_PREF; a missing one is 100."),
  "next-hop": key(oneOrMore(s.prefixOrAddress), "Addresses or prefixes that hold the next hop."),
  neighbor: key(oneOrMore(s.prefixOrAddress), "Addresses or prefixes of the peer whom the route was learned from."),
  "peer-group": key(oneOrMore(s.name), "Group of that peer."),
  "learned-from": key(
    oneOrMore(s.oneOf("own", "internal", "external", "client")),
    "What kind of peer that is; `own`: none.",
  ),
  interface: key(oneOrMore(s.interfaceName), "Interface that the session with that peer runs over."),
  "neighbor-blocks": key(s.boolean, "Whether the prefix lies in a block that the inventory gives that peer."),
});

const set = mapping({
  "local-pref": key(
    s.numberOrChange<never>(),
    'LOCAL_PREF; `"+50"` and `"-10"`: that much more or less, a missing one is 100.',
  ),
  med: key(
    s.numberOrChange("none"),
    'MED; `none` removes it; `"+50"` and `"-10"`: that much more or less, a missing one is 0.',
  ),
  origin: key(s.oneOf("igp", "egp", "incomplete"), "ORIGIN."),
  "next-hop": key(
    leaf("self or an address", (value) => (value === "self" ? value : s.readAddress(value))),
    "Next hop; `self`: our address on the session.",
  ),
  communities: key(oneOrMore(s.community), "Communities in the place of all that are there; `[]` removes all."),
  "large-communities": key(oneOrMore(s.largeCommunity), "Large communities in the place of all that are there."),
  "extended-communities": key(
    oneOrMore(s.extendedCommunity),
    "Extended communities in the place of all that are there.",
  ),
  "remove-communities": key(oneOrMore(s.communityPattern), "Communities to take away, before any are added."),
  "add-communities": key(oneOrMore(s.community), "Communities to add."),
  "remove-large-communities": key(oneOrMore(s.largeCommunityPattern), "Large communities to take away."),
  "add-large-communities": key(oneOrMore(s.largeCommunity), "Large communities to add."),
  "remove-extended-communities": key(oneOrMore(s.extendedCommunity), "Extended communities to take away."),
  "add-extended-communities": key(oneOrMore(s.extendedCommunity), "Extended communities to add."),
  weight: key(
    s.integer(1, 256),
    "Share of this path's next hop among equal paths in the kernel (import policies only).",
    "1",
  ),
  kernel: key(
    mapping({
      blackhole: key(s.boolean, "The kernel route throws packets away.", "false"),
      install: key(s.boolean, "Whether there is a kernel route.", "true"),
    }),
    "The kernel route of the prefix, by what its best path says (import policies only).",
  ),
  "link-bandwidth": key(
    s.integer(1, Number.MAX_SAFE_INTEGER, "octets a second, a whole number of at least 1"),
    "The extended community that tells the bandwidth of the way to the next hop, octets a second, in the place of any that is there.",
  ),
  prepend: key(
    mappingOr(
      mapping({
        as: key(s.asn, "AS to prepend.", "our own on the session"),
        count: key(s.integer(1, 32), "How often.", "1"),
      }),
      s.integer(1, 32, "a number from 1 to 32"),
    ),
    "Prepends to the AS_PATH; a number alone is its `count`.",
  ),
});

const termKeys = {
  call: key(
    s.name,
    "Another policy, gone through here: what it accepts or rejects is so, its end goes on with the next term.",
  ),
  match: key(match, "All keys must hold, a list under a key means one of them; without `match` all routes are meant."),
  // biome-ignore lint/suspicious/noThenProperty: the key that policies have
  then: key(
    mappingOr(
      mapping({
        set: key(set, "Changes to the route."),
        accept: key(s.boolean, "The route is taken as it is now.", "false"),
        reject: key(s.boolean, "The route is refused.", "false"),
      }),
      s.oneOf("accept", "reject"),
    ),
    "What happens; `set` alone goes on with the next term.",
  ),
};

const term = mapping(termKeys);

export const policySchema = listOf(term);

export type RawPrefixEntry = z.infer<typeof prefixEntry>;
export type RawTerm = z.infer<typeof term>;
export type RawMatch = z.infer<typeof match>;
export type RawSet = z.infer<typeof set>;
