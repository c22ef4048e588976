/** Text that a peer controls, quoted: control, format, private and line-separator characters become escapes. */
export const printable = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]|\p{Cf}|\p{Co}/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );

/** "40 01 01 00": bytes for a log line, at most `limit` of them. */
export function hex(bytes: Uint8Array, limit = 64): string {
  const shown = Array.from(bytes.subarray(0, limit), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > limit ? `${shown} … (${bytes.length} octets)` : shown;
}
