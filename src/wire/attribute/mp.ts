import { isLinkLocal } from "../../lib/address.ts";
import { wordAt } from "../../lib/bytes.ts";
import type { UpdateLayout } from "../message/update-layout.ts";
import { Flag } from "./header.ts";
import { type AttributeRules, resetOnError } from "./row.ts";
import type { NextHop } from "./types.ts";

/** MP_REACH_NLRI (type 14): RFC 4760 §3; malformed: RFC 7606 §5.3, §7.11. Read by the scan of the UPDATE, since it locates routes. */
export const mpReach: AttributeRules = {
  code: 14,
  name: "MP_REACH_NLRI",
  flags: Flag.OPTIONAL,
  mandatory: false,
  acceptFrom: "any",
  onError: resetOnError,
};

/** MP_UNREACH_NLRI (type 15): RFC 4760 §4; malformed: RFC 7606 §5.3, §7.12. */
export const mpUnreach: AttributeRules = {
  code: 15,
  name: "MP_UNREACH_NLRI",
  flags: Flag.OPTIONAL,
  mandatory: false,
  acceptFrom: "any",
  onError: resetOnError,
};

const words6 = (bytes: Uint8Array, at: number): number[] => [
  wordAt(bytes, at),
  wordAt(bytes, at + 4),
  wordAt(bytes, at + 8),
  wordAt(bytes, at + 12),
];

const isUnspecified = (words: readonly number[]): boolean => words.every((part) => part === 0);

/**
 * The next hop that MP_REACH_NLRI names, from the place that the scan found. Of 32 octets the second half is a link-local
 * address (RFC 2545 §3); all zero there means none, as some speakers write it. All zero in the first half means that the
 * link-local address is the only one: BIRD says so on a link without global addresses.
 */
export function readMpNextHop(bytes: Uint8Array, layout: UpdateLayout): NextHop {
  const at = layout.reachNextHopStart;
  if (layout.reachNextHopLength === 4) return { words: [wordAt(bytes, at)], linkLocal: null };
  const words = words6(bytes, at);
  if (layout.reachNextHopLength !== 32) return { words, linkLocal: null };
  const linkLocal = words6(bytes, at + 16);
  if (isUnspecified(linkLocal)) return { words, linkLocal: null };
  return isUnspecified(words) && isLinkLocal(linkLocal) ? { words: linkLocal, linkLocal: null } : { words, linkLocal };
}
