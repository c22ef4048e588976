import { type ByteReader, type ByteWriter, wordAt } from "../../lib/bytes.ts";
import { type CodecContext, limitsOf } from "../context.ts";
import { UpdateError } from "../errors.ts";
import { type AttributeError, badValue } from "./fault.ts";
import { Flag } from "./header.ts";
import { type AttributeCodec, anySize, Plain, withdrawOnError } from "./row.ts";
import { type AsSegment, SegmentType } from "./types.ts";

const malformed = (text: string): AttributeError => badValue(UpdateError.MalformedAsPath, text);

/** Length of a path for the decision: a set counts as one, confederation segments not at all (RFC 4271 §9.1.2.2, RFC 5065 §5.3). */
export function asPathLength(path: readonly AsSegment[]): number {
  let length = 0;
  for (const segment of path) {
    if (segment.type === SegmentType.Sequence) length += segment.asns.length;
    else if (segment.type === SegmentType.Set) length += 1;
  }
  return length;
}

/** The AS that the route came from: the first of the path, 0 if the path is empty or starts with a set. */
export function neighborAs(path: readonly AsSegment[]): number {
  for (const segment of path) {
    if (segment.type === SegmentType.Sequence) return segment.asns[0] ?? 0;
    if (segment.type === SegmentType.Set) return 0;
  }
  return 0;
}

/**
 * Reads segments of `width`-octet AS numbers.
 * @throws AttributeError for each of RFC 7606 §7.2, and for AS 0 (RFC 7607 §2).
 */
export function readSegments(value: ByteReader, width: 2 | 4, limit: number): AsSegment[] {
  const segments: AsSegment[] = [];
  let total = 0;
  while (value.length > 0) {
    if (value.length < 2) throw malformed("a single octet is left behind the last segment");
    const type = value.u8();
    const count = value.u8();
    if (type < 1 || type > 4) throw malformed(`unknown segment type ${type}`);
    if (count === 0) throw malformed("a segment without AS numbers");
    if (count * width > value.length)
      throw malformed(`a segment of ${count} AS numbers needs ${count * width} octets, found ${value.length}`);
    total += count;
    if (total > limit) throw malformed(`more than ${limit} AS numbers`);
    const asns = new Array<number>(count);
    for (let i = 0; i < count; i++) {
      const as = width === 4 ? value.u32() : value.u16();
      if (as === 0) throw malformed("AS 0 (RFC 7607)");
      asns[i] = as;
    }
    segments.push({ type: type as SegmentType, asns });
  }
  return segments;
}

/** Writes 4-octet AS numbers; a segment of more than 255 becomes several (RFC 4271 §4.3: its count is one octet). */
export function writeSegments(out: ByteWriter, path: readonly AsSegment[]): void {
  for (const { type, asns } of path) {
    for (let from = 0; from < asns.length; from += 255) {
      const to = Math.min(from + 255, asns.length);
      out.u8(type);
      out.u8(to - from);
      for (let i = from; i < to; i++) out.u32(asns[i]!);
    }
  }
}

const brackets: Readonly<Record<SegmentType, readonly [string, string]>> = {
  [SegmentType.Set]: ["{", "}"],
  [SegmentType.Sequence]: ["", ""],
  [SegmentType.ConfedSequence]: ["(", ")"],
  [SegmentType.ConfedSet]: ["[", "]"],
};

/** "65001 65002 {65003,65004}": what messages show and what expressions of policies are held against. */
export const formatAsPath = (path: readonly AsSegment[]): string =>
  path
    .map(({ type, asns }) => {
      const list = type === SegmentType.Set || type === SegmentType.ConfedSet;
      return brackets[type][0] + asns.join(list ? "," : " ") + brackets[type][1];
    })
    .join(" ");

/** What the path of a peer must be beyond its syntax; checked once AS4_PATH has been merged in. */
export function checkAsPath(path: readonly AsSegment[], context: CodecContext): AttributeError | null {
  if (context.peerKind === "external") {
    // RFC 5065 §5: confederation segments never leave their confederation.
    if (path.some(({ type }) => type === SegmentType.ConfedSequence || type === SegmentType.ConfedSet))
      return malformed("confederation segments from an external peer");
    // RFC 4271 §6.3, RFC 7606 §7.2.
    if (context.enforceFirstAs && neighborAs(path) !== context.remoteAs)
      return malformed(`must start with the peer's AS ${context.remoteAs}, found "${formatAsPath(path.slice(0, 1))}"`);
  }
  if (
    context.rejectAsSets === true &&
    path.some(({ type }) => type === SegmentType.Set || type === SegmentType.ConfedSet)
  )
    return malformed("holds an AS_SET (RFC 9774)");
  return null;
}

/** Whether an AS_PATH of 4-octet ASes is one that nothing can be said against. */
function isPlainPath(bytes: Uint8Array, from: number, to: number, context: CodecContext): boolean {
  let total = 0;
  let neighborAs = 0;
  for (let at = from; at < to; ) {
    if (to - at < 2) return false;
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    const end = at + 2 + 4 * count;
    if (count === 0 || end > to) return false;
    if (type !== SegmentType.Sequence) {
      if (type < 1 || type > 4 || context.rejectAsSets === true) return false;
      if (type !== SegmentType.Set && context.peerKind === "external") return false;
    } else if (at === from) neighborAs = wordAt(bytes, at + 2);
    for (let as = at + 2; as < end; as += 4)
      if ((bytes[as]! | bytes[as + 1]! | bytes[as + 2]! | bytes[as + 3]!) === 0) return false;
    total += count;
    at = end;
  }
  if (total > limitsOf(context).asPathLength) return false;
  return context.peerKind === "internal" || !context.enforceFirstAs || neighborAs === context.remoteAs;
}

/** AS_PATH (type 2): the ASes that the route passed. RFC 4271 §4.3, §5.1.2; malformed: RFC 7606 §7.2. May be empty. */
export const asPath: AttributeCodec<"asPath"> = {
  code: 2,
  name: "AS_PATH",
  flags: Flag.TRANSITIVE,
  mandatory: true,
  acceptFrom: "any",
  onError: withdrawOnError,
  size: anySize,
  field: "asPath",
  canonical: true,
  plain: (bytes, from, to, context) => (isPlainPath(bytes, from, to, context) ? Plain.Copy : Plain.No),
  decode: (value, context) => readSegments(value, context.fourOctetAs ? 4 : 2, limitsOf(context).asPathLength),
  encode: writeSegments,
};
