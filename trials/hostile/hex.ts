import { attribute, bytes, message, update } from "../../test/support/wire/messages.ts";

export { attribute, bytes, message, update };

/** Octets are written as hex here, as the RFCs draw them; blanks are for the reader. */
export const u8 = (value: number): string => (value & 0xff).toString(16).padStart(2, "0");
export const u16 = (value: number): string => (value & 0xffff).toString(16).padStart(4, "0");
export const u32 = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");

/** "10.0.0.1" → "0a000001". */
export const ipv4 = (text: string): string =>
  text
    .split(".")
    .map((part) => u8(Number(part)))
    .join("");

/** A prefix as NLRI: length, then as many octets as it needs. */
export const nlri4 = (prefix: string): string => {
  const [address, length] = prefix.split("/");
  return u8(Number(length)) + ipv4(address!).slice(0, Math.ceil(Number(length) / 8) * 2);
};

/** One AS_SEQUENCE (4-octet AS numbers unless told otherwise); nothing for an empty path. */
export const sequence = (asns: readonly number[], width: 2 | 4 = 4): string => {
  let out = "";
  for (let at = 0; at < asns.length; at += 255) {
    const part = asns.slice(at, at + 255);
    out += `02${u8(part.length)}${part.map((as) => (width === 4 ? u32(as) : u16(as))).join("")}`;
  }
  return out;
};

/** A capability: code, length, value. */
export const capability = (code: number, value = ""): string => u8(code) + u8(value.length / 2) + value;

/** Optional parameter 2 with these capabilities. */
export const capabilities = (list: readonly string[]): string => {
  const all = list.join("");
  return `02${u8(all.length / 2)}${all}`;
};

export interface OpenParts {
  version?: number;
  as: number;
  hold?: number;
  routerId: string;
  /** Hex of all optional parameters. */
  parameters?: string;
  /** What their length is said to be. */
  announced?: number;
}

/** A whole OPEN (RFC 4271 §4.2). */
export const open = ({ version = 4, as, hold = 90, routerId, parameters = "", announced }: OpenParts): Uint8Array =>
  message(
    1,
    `${u8(version)}${u16(as)}${u16(hold)}${routerId.includes(".") ? ipv4(routerId) : routerId}${u8(announced ?? parameters.length / 2)}${parameters}`,
  );

/** A header that says what it likes, and whatever follows it. */
export const rawMessage = (length: number, type: number, body = "", marker = "ff".repeat(16)): Uint8Array =>
  bytes(`${marker}${u16(length)}${u8(type)}${body}`);

export const keepalive = message(4, "");

export const notification = (code: number, subcode: number, data = ""): Uint8Array =>
  message(3, `${u8(code)}${u8(subcode)}${data}`);
