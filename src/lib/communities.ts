/**
 * What is known of communities without knowing of routes: their numbers, names and text. Here and not in `wire`, since the config,
 * the command line and the JSON write them, too, and see no codec.
 */

/** Communities with a meaning of their own: RFC 1997, 7999, 8326, 9494. */
export const Community = {
  GracefulShutdown: 0xffff0000,
  LlgrStale: 0xffff0006,
  NoLlgr: 0xffff0007,
  Blackhole: 0xffff029a,
  NoExport: 0xffffff01,
  NoAdvertise: 0xffffff02,
  NoExportSubconfed: 0xffffff03,
} as const;

/** Their registered names. */
const names: ReadonlyMap<number, string> = new Map([
  [Community.GracefulShutdown, "graceful-shutdown"],
  [Community.LlgrStale, "llgr-stale"],
  [Community.NoLlgr, "no-llgr"],
  [Community.Blackhole, "blackhole"],
  [Community.NoExport, "no-export"],
  [Community.NoAdvertise, "no-advertise"],
  [Community.NoExportSubconfed, "no-export-subconfed"],
]);

/** "65001:100": high and low half, well-known ones too (RFC 1997). */
export const formatCommunity = (community: number): string => `${community >>> 16}:${community & 0xffff}`;

/** The name of a well-known community, "65001:100" for others. */
export const communityName = (community: number): string => names.get(community) ?? formatCommunity(community);

/** What `communityName` writes, or two halves up to 65535; undefined if it is neither. */
export function tryParseCommunity(text: string): number | undefined {
  for (const [community, name] of names) if (name === text) return community;
  const halves = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  if (halves === null) return undefined;
  const [high, low] = [Number(halves[1]), Number(halves[2])];
  return high > 0xffff || low > 0xffff ? undefined : ((high << 16) | low) >>> 0;
}

/** Global administrator and two local parts (RFC 8092 §3). */
export type LargeCommunity = readonly [number, number, number];

/** What `formatLargeCommunity` writes; undefined if it is none. */
export function tryParseLargeCommunity(text: string): LargeCommunity | undefined {
  const parts = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text)?.slice(1).map(Number);
  return parts?.every((part) => part <= 0xffffffff) ? [parts[0]!, parts[1]!, parts[2]!] : undefined;
}

/** "65001:1:2" (RFC 8092 §5). */
export const formatLargeCommunity = (community: LargeCommunity): string => community.join(":");
