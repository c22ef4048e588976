import type { Random } from "../lib/random.ts";

/** Times that differ by less are made one, where the range of RFC 4271 §10 has room for it. */
const TOGETHER_MS = 100;

/**
 * A random 0.75 to 1 of a time (RFC 4271 §10), as milliseconds from `now`. What sessions do within the same tenth of a second they do
 * at one time: waking up costs more than a KEEPALIVE, and a speaker with thousands of sessions would wake up for each.
 */
export function jittered(ms: number, random: Random, now: number): number {
  const least = 0.75 * ms;
  const at = now + least + 0.25 * ms * random.next();
  const together = at - (at % TOGETHER_MS);
  return (together >= now + least ? together : at) - now;
}
