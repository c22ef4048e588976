import { AS_TRANS } from "../../lib/as-numbers.ts";
import { limitsOf } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { asPathLength, readSegments, writeSegments } from "./as-path.ts";
import { badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { type AttributeCodec, type AttributeDraft, discardOnError, exactly } from "./row.ts";
import { type AsSegment, SegmentType } from "./types.ts";

/**
 * AS numbers of four octets on their way through peers that know only two (RFC 6793 §4.2.3): such a peer sends AS_PATH with
 * AS_TRANS in place of each, and carries what it doesn't understand in AS4_PATH. Here both become one path again.
 */

/** AS4_PATH (type 17): RFC 6793 §3; malformed: dropped (§6 there), as is one with AS 0 (RFC 7607 §2). */
export const as4Path: AttributeCodec<"as4Path"> = {
  code: 17,
  name: "AS4_PATH",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "two-octet",
  onError: discardOnError,
  size: { least: 6, most: 0xffff, unit: 2, text: "even and at least 6" },
  field: "as4Path",
  canonical: false,
  plain: null,
  decode(value, context) {
    const segments = readSegments(value, 4, limitsOf(context).asPathLength);
    // §6: confederation segments have no business here and go alone.
    return segments.filter(({ type }) => type === SegmentType.Set || type === SegmentType.Sequence);
  },
  encode: writeSegments,
};

/** AS4_AGGREGATOR (type 18): RFC 6793 §3; malformed: dropped (§6 there). */
export const as4Aggregator: AttributeCodec<"as4Aggregator"> = {
  code: 18,
  name: "AS4_AGGREGATOR",
  flags: Flag.OPTIONAL | Flag.TRANSITIVE,
  mandatory: false,
  acceptFrom: "two-octet",
  onError: discardOnError,
  size: exactly(8),
  field: "as4Aggregator",
  canonical: false,
  plain: null,
  decode(value) {
    const as = value.u32();
    if (as === 0) throw badValue(UpdateError.OptionalAttribute, "AS 0 (RFC 7607)");
    return { as, address: value.u32() };
  },
  encode(out, { as, address }) {
    out.u32(as);
    out.u32(address);
  },
};

/** Puts AS4_PATH and AS4_AGGREGATOR where they belong (RFC 6793 §4.2.3). */
export function mergeAs4({ attributes, as4 }: AttributeDraft): void {
  const { as4Path: path, as4Aggregator: aggregator } = as4;
  if (aggregator !== null && attributes.aggregator !== null) {
    // Someone with two octets aggregated again after the 4-octet information was written: it is out of date.
    if (attributes.aggregator.as !== AS_TRANS) return;
    attributes.aggregator = aggregator;
  }
  if (path !== null && path.length > 0) attributes.asPath = mergePaths(attributes.asPath, path);
}

/** The ASes of `path` that joined after `as4` was written, followed by `as4`; `path` alone if it is the shorter one. */
function mergePaths(path: readonly AsSegment[], as4: readonly AsSegment[]): readonly AsSegment[] {
  let missing = asPathLength(path) - asPathLength(as4);
  if (missing < 0) return path;
  const merged: AsSegment[] = [];
  for (const segment of path) {
    const confederation = segment.type === SegmentType.ConfedSequence || segment.type === SegmentType.ConfedSet;
    if (confederation) merged.push(segment);
    else if (missing === 0) break;
    else if (segment.type === SegmentType.Set) {
      merged.push(segment);
      missing--;
    } else {
      const asns = segment.asns.slice(0, missing);
      merged.push({ type: segment.type, asns });
      missing -= asns.length;
      if (asns.length < segment.asns.length) break;
    }
  }
  for (const segment of as4) {
    const last = merged.at(-1);
    if (
      last?.type === SegmentType.Sequence &&
      segment.type === SegmentType.Sequence &&
      last.asns.length + segment.asns.length <= 255
    )
      merged[merged.length - 1] = { type: SegmentType.Sequence, asns: [...last.asns, ...segment.asns] };
    else merged.push(segment);
  }
  return merged;
}
