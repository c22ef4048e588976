import { defaultLimits } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { badLength, badValue } from "./fault.ts";
import { type AttributeCodec, Flag, withdrawOnError } from "./row.ts";

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

const names: ReadonlyMap<number, string> = new Map([
  [Community.GracefulShutdown, "graceful-shutdown"],
  [Community.LlgrStale, "llgr-stale"],
  [Community.NoLlgr, "no-llgr"],
  [Community.Blackhole, "blackhole"],
  [Community.NoExport, "no-export"],
  [Community.NoAdvertise, "no-advertise"],
  [Community.NoExportSubconfed, "no-export-subconfed"],
]);

/** "65001:100", or the name of a well-known one. */
export const formatCommunity = (community: number): string =>
  names.get(community) ?? `${community >>> 16}:${community & 0xffff}`;

/** Sorted and without repetitions: the order says nothing (RFC 1997), and equal sets must have equal bytes. */
function canonicalCommunities(communities: readonly number[]): readonly number[] {
  for (let i = 1; i < communities.length; i++)
    if (communities[i - 1]! >= communities[i]!) {
      const sorted = Float64Array.from(communities).sort();
      return Array.from(sorted.filter((community, at) => at === 0 || community !== sorted[at - 1]));
    }
  return communities;
}

/** COMMUNITIES (type 8): RFC 1997; malformed: RFC 7606 §7.8. */
export const communities: AttributeCodec<"communities"> = {
  code: 8,
  name: "COMMUNITIES",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "any",
  onError: withdrawOnError,
  field: "communities",
  canonical: true,
  decode(value, context) {
    if (value.length === 0 || value.length % 4 !== 0) throw badLength("a non-zero multiple of 4", value.length);
    const count = value.length / 4;
    const limit = (context.limits ?? defaultLimits).communityOctets;
    if (value.length > limit) throw badValue(UpdateError.OptionalAttribute, `more than ${limit} octets of communities`);
    const found = new Array<number>(count);
    for (let i = 0; i < count; i++) found[i] = value.u32();
    return canonicalCommunities(found);
  },
  encode(out, value) {
    for (const community of canonicalCommunities(value)) out.u32(community);
  },
  format: (value) => value.map(formatCommunity).join(" "),
};
