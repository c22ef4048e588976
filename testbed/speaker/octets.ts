/**
 * Octets of BGP messages, put together as the RFCs draw them and without a line of the daemon's codec, so that neither can hide a fault
 * of the other. Parts are written in hex, and blanks in it are for the reader.
 */
export const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(plain(text), "hex"));
export const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

const plain = (text: string): string => text.replace(/\s+/g, "");

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

/** A whole message. */
export const message = (type: number, body: string): Uint8Array => {
  const text = plain(body);
  return rawMessage(19 + text.length / 2, type, text);
};

/** A path attribute; Extended Length is set as the flags say, or when it is needed. */
export const attribute = (flags: number, code: number, value = ""): string => {
  const text = plain(value);
  const octets = text.length / 2;
  const extended = (flags & 0x10) !== 0 || octets > 255;
  return `${u8(flags | (extended ? 0x10 : 0))}${u8(code)}${extended ? u16(octets) : u8(octets)}${text}`;
};

export interface UpdateParts {
  readonly withdrawn?: string;
  readonly attributes?: string | readonly string[];
  readonly nlri?: string;
}

/** An UPDATE from hex of its parts; without any it is the End-of-RIB of IPv4 (RFC 4724 §2). */
export const update = ({ withdrawn = "", attributes = "", nlri = "" }: UpdateParts = {}): Uint8Array => {
  const [first, second, third] = [withdrawn, [attributes].flat().join(""), nlri].map(plain);
  return message(2, `${u16(first!.length / 2)}${first}${u16(second!.length / 2)}${second}${third}`);
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
