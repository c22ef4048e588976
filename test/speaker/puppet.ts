import { attribute, ipv4, nlri4, u32, update } from "../../testbed/speaker/octets.ts";
import { Puppet } from "../session/harness.ts";
import type { TestWorld } from "./harness.ts";

/** An UPDATE of an internal peer that announces IPv4 prefixes, written by hand. `communities` make its attribute set another one. */
export function announce(
  prefixes: readonly string[],
  nextHop: string,
  communities: readonly number[] = [],
): Uint8Array {
  const attributes = [
    attribute(0x40, 1, "00"),
    attribute(0x40, 2),
    attribute(0x40, 3, ipv4(nextHop)),
    attribute(0x40, 5, u32(100)),
    ...(communities.length === 0 ? [] : [attribute(0xc0, 8, communities.map(u32).join(""))]),
  ];
  return update({ attributes, nlri: prefixes.map(nlri4).join("") });
}

export const withdraw = (prefixes: readonly string[]): Uint8Array =>
  update({ withdrawn: prefixes.map(nlri4).join("") });

/** 10.X.Y.0/24, so many from the first on. */
export const blocks = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.${(first + i) >>> 8}.${(first + i) & 0xff}.0/24`);

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
