/** What is found in an UPDATE. Prefix words as in `PrefixIndex`. */
export interface UpdateSink {
  withdraw(high: number, low: number, length: number): void;
  /** The path attributes of the announcements that follow. */
  attributes(bytes: Uint8Array, start: number, end: number, nextHopStart: number, nextHopEnd: number): void;
  announce(high: number, low: number, length: number): void;
}

/** Reads an UPDATE as far as the check needs: a parser of its own, independent of the daemon's. Throws on a broken message. */
export function parseUpdate(bytes: Uint8Array, start: number, end: number, addPath: boolean, sink: UpdateSink): void {
  const u16 = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  const withdrawnEnd = start + 2 + u16(start);
  const attributesStart = withdrawnEnd + 2;
  const attributesEnd = attributesStart + u16(withdrawnEnd);
  if (attributesEnd > end) throw new Error("an UPDATE whose attributes pass its end");
  walk4(bytes, start + 2, withdrawnEnd, addPath, sink, false);
  let [nextHop, nextHopEnd, reach, reachEnd] = [0, 0, 0, 0];
  for (let at = attributesStart; at < attributesEnd; ) {
    const extended = (bytes[at]! & 0x10) !== 0;
    const code = bytes[at + 1]!;
    const value = at + (extended ? 4 : 3);
    const valueEnd = value + (extended ? u16(at + 2) : bytes[at + 2]!);
    if (valueEnd > attributesEnd) throw new Error("an UPDATE with an attribute that passes its end");
    if (code === 3) [nextHop, nextHopEnd] = [value, valueEnd];
    else if (code === 14) {
      nextHop = value + 4;
      nextHopEnd = nextHop + Math.min(bytes[value + 3]!, 16); // the global address alone
      [reach, reachEnd] = [nextHop + bytes[value + 3]! + 1, valueEnd];
    } else if (code === 15) walk6(bytes, value + 3, valueEnd, addPath, sink, false);
    at = valueEnd;
  }
  if (attributesEnd === end && reach === reachEnd) return;
  sink.attributes(bytes, attributesStart, attributesEnd, nextHop, nextHopEnd);
  walk4(bytes, attributesEnd, end, addPath, sink, true);
  walk6(bytes, reach, reachEnd, addPath, sink, true);
}

function walk4(
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  sink: UpdateSink,
  announced: boolean,
): void {
  for (let at = start; at < end; ) {
    if (addPath) at += 4;
    const length = bytes[at++]!;
    let word = 0;
    for (let bits = 0; bits < length; bits += 8) word |= bytes[at++]! << (24 - bits);
    if (announced) sink.announce(word >>> 0, 0, length);
    else sink.withdraw(word >>> 0, 0, length);
    if (at > end) throw new Error("a prefix that passes the end of its field");
  }
}

function walk6(
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  sink: UpdateSink,
  announced: boolean,
): void {
  for (let at = start; at < end; ) {
    if (addPath) at += 4;
    const length = bytes[at++]!;
    let [high, low] = [0, 0];
    for (let bits = 0; bits < length; bits += 8) {
      const octet = bytes[at++]!;
      if (bits < 32) high |= octet << (24 - bits);
      else if (bits < 64) low |= octet << (56 - bits);
    }
    if (announced) sink.announce(high >>> 0, low >>> 0, length);
    else sink.withdraw(high >>> 0, low >>> 0, length);
    if (at > end) throw new Error("a prefix that passes the end of its field");
  }
}
