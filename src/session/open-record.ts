import type { Capability } from "../wire/capability/types.ts";
import { HEADER_LENGTH } from "../wire/framer.ts";
import { decodeOpen } from "../wire/message/open.ts";

/**
 * An OPEN as it is kept for display, header and all: a string of its octets, a quarter of what a small Uint8Array costs. Thousands
 * of sessions keep two each.
 */
export type OpenRecord = string & { readonly openRecord: never };

export const recordOpen = (message: Uint8Array): OpenRecord => String.fromCharCode(...message) as OpenRecord;

export const bytesOf = (record: OpenRecord): Uint8Array => Uint8Array.from(record, (octet) => octet.charCodeAt(0));

/** None for an OPEN that was refused as unreadable. */
export function capabilitiesOf(record: OpenRecord): readonly Capability[] {
  const bytes = bytesOf(record);
  try {
    return decodeOpen(bytes, HEADER_LENGTH, bytes.length).capabilities;
  } catch {
    return [];
  }
}

/** Whether it has optional parameters (RFC 4271 §4.2). */
export const hasParameters = (record: OpenRecord): boolean => record.charCodeAt(HEADER_LENGTH + 9) > 0;
