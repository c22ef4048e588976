import type { ByteWriter } from "../../lib/bytes.ts";

/**
 * The header of a path attribute (RFC 4271 §4.3): flags, type code, and one octet of length, or two with Extended Length. A section
 * whose lengths have been checked is walked so, without an object for each attribute:
 *
 *     for (let at = start, next = 0; at < end; at = next) {
 *       const value = valueAt(bytes, at);
 *       next = endAt(bytes, at, value);
 *       ... codeAt(bytes, at) ...
 *     }
 *
 * The innermost loops take these functions (`const { codeAt } = header`) instead of importing them: an imported binding is read from
 * its module at each use, a constant of one's own is known to the compiler. It made 14 % of the search for loops.
 */

/** Bits of the flags octet. */
export const Flag = { OPTIONAL: 0x80, TRANSITIVE: 0x40, PARTIAL: 0x20, EXTENDED: 0x10 } as const;

/** Type code of the attribute at `at`. */
export const codeAt = (bytes: Uint8Array, at: number): number => bytes[at + 1]!;

/** Where the value of the attribute at `at` starts. */
export const valueAt = (bytes: Uint8Array, at: number): number => at + ((bytes[at]! & Flag.EXTENDED) === 0 ? 3 : 4);

/** Where that attribute ends, which is the next one's place: the last octet of the length is right before the value. */
export const endAt = (bytes: Uint8Array, at: number, value: number): number =>
  value - at === 3 ? value + bytes[value - 1]! : value + ((bytes[at + 2]! << 8) | bytes[value - 1]!);

/** Writes flags, code and room for one octet of length; `closeAttribute` fills it in. Returns where the attribute starts. */
export function openAttribute(out: ByteWriter, flags: number, code: number): number {
  const start = out.length;
  out.u8(flags & ~Flag.EXTENDED);
  out.u8(code);
  out.u8(0);
  return start;
}

/**
 * A value of more than 255 octets moves up by one, and Extended Length is set.
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
