import { ByteReader, type ByteWriter } from "../../lib/bytes.ts";
import { type CodecContext, codecContext, defaultLimits } from "../context.ts";
import { closeAttribute, codeAt, endAt, Flag, openAttribute, valueAt } from "./header.ts";
import { type AttributeCodec, newDraft } from "./row.ts";
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
  const { attributes } = newDraft();
  const unknown: UnknownAttribute[] = [];
  const partial: number[] = [];
  for (let at = start, to = 0; at < end; at = to) {
    const flags = bytes[at]!;
    const code = codeAt(bytes, at);
    const from = valueAt(bytes, at);
    to = endAt(bytes, at, from);
    const codec = codecOf(code);
    if (codec === undefined) unknown.push({ code, flags: flags & ~Flag.EXTENDED, value: bytes.slice(from, to) });
    else {
      (attributes as Record<string, unknown>)[codec.field] = codec.decode(new ByteReader(bytes, from, to), trusting);
      if ((flags & Flag.PARTIAL) !== 0) partial.push(code);
    }
  }
  attributes.unknown = unknown;
  attributes.partial = partial;
  return attributes;
}
