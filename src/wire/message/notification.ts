import { MAX_MESSAGE } from "../context.ts";
import { CeaseError, ErrorCode, errorName, type NotificationError } from "../errors.ts";
import { HEADER_LENGTH, MessageType } from "../framer.ts";
import { printable } from "../text.ts";
import { encodeHeader } from "./header.ts";

/** A NOTIFICATION as received (RFC 4271 §4.5); numbers of any value, since newer RFCs may know more. */
export interface NotificationMessage {
  readonly code: number;
  readonly subcode: number;
  /** A copy. */
  readonly data: Uint8Array;
}

/** Never throws: an odd NOTIFICATION is still the end, and is never answered (RFC 4271 §6.4). */
export function decodeNotification(bytes: Uint8Array, start: number, end: number): NotificationMessage {
  return {
    code: end > start ? bytes[start]! : 0,
    subcode: end > start + 1 ? bytes[start + 1]! : 0,
    data: bytes.slice(Math.min(start + 2, end), end),
  };
}

/** Data is cut to what the other side can take (RFC 8654 §4: 4096 octets in all, unless it agreed to more). */
export function encodeNotification(
  notification: NotificationMessage | NotificationError,
  maxLength = MAX_MESSAGE,
): Uint8Array {
  const data = notification.data.subarray(0, maxLength - HEADER_LENGTH - 2);
  const bytes = encodeHeader(MessageType.Notification, HEADER_LENGTH + 2 + data.length);
  bytes[HEADER_LENGTH] = notification.code;
  bytes[HEADER_LENGTH + 1] = notification.subcode;
  bytes.set(data, HEADER_LENGTH + 2);
  return bytes;
}

/** What a Hard Reset wraps (RFC 8538 §3.1); null if this isn't one or holds less than a code and a subcode. */
export function unwrapHardReset(notification: NotificationMessage): NotificationMessage | null {
  if (notification.code !== ErrorCode.Cease || notification.subcode !== CeaseError.HardReset) return null;
  if (notification.data.length < 2) return null;
  return decodeNotification(notification.data, 0, notification.data.length);
}

/** The other operator's words (RFC 9003 §2), as they came: escape before showing. Null if there are none or the data is malformed. */
export function shutdownText(notification: NotificationMessage): string | null {
  if (notification.code !== ErrorCode.Cease) return null;
  if (notification.subcode === CeaseError.HardReset) {
    const inner = unwrapHardReset(notification);
    return inner === null || inner.subcode === CeaseError.HardReset ? null : shutdownText(inner);
  }
  if (
    notification.subcode !== CeaseError.AdministrativeShutdown &&
    notification.subcode !== CeaseError.AdministrativeReset
  )
    return null;
  const length = notification.data[0] ?? 0;
  if (length === 0 || notification.data.length < 1 + length) return null;
  return new TextDecoder().decode(notification.data.subarray(1, 1 + length));
}

/** One line for people: the error's name, and the other operator's words in quotes with anything unprintable escaped. */
export function describeNotification(notification: NotificationMessage): string {
  const inner = unwrapHardReset(notification);
  const name =
    errorName(notification.code, notification.subcode) +
    (inner === null ? "" : ` (${errorName(inner.code, inner.subcode)})`);
  const text = shutdownText(notification);
  return text === null ? name : `${name}: ${printable(text)}`;
}
