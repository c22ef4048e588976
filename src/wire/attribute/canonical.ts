import { ByteReader, type ByteWriter } from "../../lib/bytes.ts";
import { type CodecContext, codecContext, defaultLimits } from "../context.ts";
import { type AttributeCodec, Flag, fromDraft, newDraft } from "./row.ts";
import { codecOf, codecs } from "./table.ts";
import type { PathAttributes, UnknownAttribute } from "./types.ts";

/**
 * The one form in which attributes are kept, compared and sent: sorted by code, flags normalised, 4-octet AS numbers,
 * communities sorted, and neither NEXT_HOP nor the MP attributes, since the store keeps the next hop beside it. Equal sets have
 * equal bytes, so that a number can stand for a set.
 */

/** Writes the canonical form. */
export function encodeCanonical(attributes: PathAttributes, out: ByteWriter): void {
  const { unknown } = attributes;
  let next = 0;
  for (const codec of codecs) {
    if (!codec.canonical) continue;
    while (next < unknown.length && unknown[next]!.code < codec.code) encodeUnknown(unknown[next++]!, out);
    const value = attributes[codec.field as keyof PathAttributes];
    if (isAbsent(codec, value)) continue;
    const partial = attributes.partial.length > 0 && attributes.partial.includes(codec.code) ? Flag.PARTIAL : 0;
    const start = openAttribute(out, codec.flags | partial, codec.code);
    codec.encode(out, value as never);
    closeAttribute(out, start);
  }
  while (next < unknown.length) encodeUnknown(unknown[next++]!, out);
}

/** ORIGIN and AS_PATH are always there; an empty list of anything else isn't written (RFC 7606 §4). */
function isAbsent(codec: AttributeCodec, value: unknown): boolean {
  if (codec.mandatory === true) return false;
  return value === null || value === false || (Array.isArray(value) && value.length === 0);
}

function encodeUnknown({ code, flags, value }: UnknownAttribute, out: ByteWriter): void {
  const start = openAttribute(out, flags, code);
  out.raw(value);
  closeAttribute(out, start);
}

/** Writes flags, code and room for one octet of length; `closeAttribute` fills it in. Returns where the attribute starts. */
export function openAttribute(out: ByteWriter, flags: number, code: number): number {
  const start = out.length;
  out.u8(flags & ~Flag.EXTENDED);
  out.u8(code);
  out.u8(0);
  return start;
}

/**
 * A value of more than 255 octets moves up by one, and Extended Length is set (RFC 4271 §4.3).
 * @throws RangeError above 65535 octets, which no received attribute has: whoever adds to one keeps below `communityOctets` and its like.
 */
export function closeAttribute(out: ByteWriter, start: number): void {
  const length = out.length - start - 3;
  if (length <= 255) {
    out.bytes[start + 2] = length;
    return;
  }
  if (length > 0xffff) throw new RangeError(`attribute ${out.bytes[start + 1]} of ${length} octets`);
  out.u8(0);
  out.bytes.copyWithin(start + 4, start + 3, out.length - 1);
  out.bytes[start] = out.bytes[start]! | Flag.EXTENDED;
  out.patchU16(start + 2, length);
}

/** Limits were applied when the set came in; policy may have made it longer. */
const trusting: CodecContext = codecContext({
  limits: {
    ...defaultLimits,
    asPathLength: Number.POSITIVE_INFINITY,
    communityOctets: Number.POSITIVE_INFINITY,
    clusterListLength: Number.POSITIVE_INFINITY,
  },
});

/** Reads back what `encodeCanonical` wrote; `nextHop` is null. */
export function decodeCanonical(bytes: Uint8Array, start: number, end: number): PathAttributes {
  const draft = newDraft();
  const unknown: UnknownAttribute[] = [];
  const partial: number[] = [];
  for (let at = start; at < end; ) {
    const flags = bytes[at]!;
    const code = bytes[at + 1]!;
    const extended = (flags & Flag.EXTENDED) !== 0;
    const from = at + (extended ? 4 : 3);
    const to = from + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
    const codec = codecOf(code);
    if (codec === undefined) unknown.push({ code, flags: flags & ~Flag.EXTENDED, value: bytes.slice(from, to) });
    else {
      (draft as Record<string, unknown>)[codec.field] = codec.decode(new ByteReader(bytes, from, to), trusting);
      if ((flags & Flag.PARTIAL) !== 0) partial.push(code);
    }
    at = to;
  }
  draft.unknown = unknown;
  draft.partial = partial;
  return fromDraft(draft);
}
