/** Registered names of RFC 1997, 7999, 8326 and 9494. */
export const wellKnownCommunities: Readonly<Record<string, number>> = {
  "graceful-shutdown": 0xffff0000,
  "llgr-stale": 0xffff0006,
  "no-llgr": 0xffff0007,
  blackhole: 0xffff029a,
  "no-export": 0xffffff01,
  "no-advertise": 0xffffff02,
  "no-export-subconfed": 0xffffff03,
};

/** A community ("65535:65281") as its registered name if it has one. */
export function communityName(text: string): string {
  const [high, low] = text.split(":").map(Number);
  const value = high! * 65536 + low!;
  return Object.entries(wellKnownCommunities).find(([, known]) => known === value)?.[0] ?? text;
}
