import { parseIpv4, parsePrefix } from "../../src/lib/address.ts";
import { HEADER_LENGTH, MessageType } from "../../src/wire/framer.ts";
import { encodeHeader } from "../../src/wire/message/header.ts";
import { Puppet } from "../session/harness.ts";
import type { TestWorld } from "./harness.ts";

/** An UPDATE of an internal peer that announces IPv4 prefixes, written by hand. `communities` make its attribute set another one. */
export function announce(
  prefixes: readonly string[],
  nextHop: string,
  communities: readonly number[] = [],
): Uint8Array {
  const attributes = [
    [0x40, 1, 1, 0],
    [0x40, 2, 0],
    [0x40, 3, 4, ...word(parseIpv4(nextHop))],
    [0x40, 5, 4, ...word(100)],
    ...(communities.length === 0
      ? []
      : [[0xd0, 8, ...word(4 * communities.length).slice(2), ...communities.flatMap(word)]]),
  ].flat();
  const nlri = prefixes.flatMap((text) => {
    const { words, length } = parsePrefix(text);
    return [length, ...word(words[0]!).slice(0, (length + 7) >>> 3)];
  });
  return update([0, 0, attributes.length >>> 8, attributes.length & 0xff, ...attributes, ...nlri]);
}

export function withdraw(prefixes: readonly string[]): Uint8Array {
  const nlri = prefixes.flatMap((text) => {
    const { words, length } = parsePrefix(text);
    return [length, ...word(words[0]!).slice(0, (length + 7) >>> 3)];
  });
  return update([nlri.length >>> 8, nlri.length & 0xff, ...nlri, 0, 0]);
}

/** 10.X.Y.0/24, so many from the first on. */
export const blocks = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.${(first + i) >>> 8}.${(first + i) & 0xff}.0/24`);

const word = (value: number): number[] => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];

function update(body: readonly number[]): Uint8Array {
  const bytes = encodeHeader(MessageType.Update, HEADER_LENGTH + body.length);
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}

/** A peer played by hand at `address`; nothing is said yet. */
export const puppetAt = (world: TestWorld, address: string): Puppet => new Puppet(world.network.host(address));

/** Dials and shakes hands; the session is Established afterwards unless the other side minds. */
export async function bringUp(world: TestWorld, puppet: Puppet, to: string, routerId = 0x0a000009): Promise<void> {
  const before = puppet.transports.length;
  puppet.dial(to);
  await world.advance(0.1);
  if (puppet.transports.length === before) return;
  puppet.open({ routerId });
  await world.advance(0.1);
  puppet.keepalive();
  await world.advance(0.1);
}
