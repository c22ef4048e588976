/** What is found in an UPDATE, in order. A prefix is given by the place of its length octet. */
export interface UpdateSink {
  withdraw(bytes: Buffer, at: number, family: 4 | 6): void;
  /** The path attributes of the announcements that follow. */
  attributes(bytes: Buffer, start: number, end: number): void;
  announce(bytes: Buffer, at: number, family: 4 | 6): void;
}

/** Takes the body of an UPDATE apart: unicast routes of both families, without path identifiers. */
export function walkUpdate(bytes: Buffer, start: number, end: number, sink: UpdateSink): void {
  const withdrawnEnd = start + 2 + bytes.readUInt16BE(start);
  const attributes = withdrawnEnd + 2;
  const attributesEnd = attributes + bytes.readUInt16BE(withdrawnEnd);
  for (let at = start + 2; at < withdrawnEnd; at = nextPrefix(bytes, at)) sink.withdraw(bytes, at, 4);
  let told = false;
  for (let at = attributes; at < attributesEnd; at = attributeEnd(bytes, at)) {
    const code = bytes[at + 1];
    if (code !== 14 && code !== 15) continue;
    const value = attributeValue(bytes, at);
    const end = attributeEnd(bytes, at);
    const family = bytes.readUInt16BE(value) === 1 ? 4 : 6;
    if (code === 15) {
      for (let it = value + 3; it < end; it = nextPrefix(bytes, it)) sink.withdraw(bytes, it, family);
      continue;
    }
    told = true;
    sink.attributes(bytes, attributes, attributesEnd);
    // MP_REACH_NLRI: AFI, SAFI, next hop with its length, one reserved octet, NLRI (RFC 4760 §3).
    for (let it = value + 5 + bytes[value + 3]!; it < end; it = nextPrefix(bytes, it)) sink.announce(bytes, it, family);
  }
  if (attributesEnd === end) return;
  if (!told) sink.attributes(bytes, attributes, attributesEnd);
  for (let at = attributesEnd; at < end; at = nextPrefix(bytes, at)) sink.announce(bytes, at, 4);
}

const attributeValue = (bytes: Buffer, at: number): number => at + ((bytes[at]! & 0x10) === 0 ? 3 : 4);

const attributeEnd = (bytes: Buffer, at: number): number =>
  (bytes[at]! & 0x10) === 0 ? at + 3 + bytes[at + 2]! : at + 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);

/** Walks the path attributes; at `start` stands the octet of flags. */
export function eachAttribute(
  bytes: Buffer,
  from: number,
  to: number,
  visit: (code: number, value: number, valueEnd: number, start: number) => void,
): void {
  for (let at = from; at < to; ) {
    const end = attributeEnd(bytes, at);
    visit(bytes[at + 1]!, attributeValue(bytes, at), end, at);
    at = end;
  }
}

const nextPrefix = (bytes: Buffer, at: number): number => at + 1 + ((bytes[at]! + 7) >>> 3);

/** IPv4 in words ("20.0.1.0/24"), IPv6 as hex of the octets that matter ("20010db80001/48"). */
export function prefixText(bytes: Buffer, at: number, family: 4 | 6): string {
  const octets = bytes.subarray(at + 1, nextPrefix(bytes, at));
  if (family === 6) return `${octets.toString("hex")}/${bytes[at]}`;
  return `${[0, 1, 2, 3].map((i) => octets[i] ?? 0).join(".")}/${bytes[at]}`;
}
