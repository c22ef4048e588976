import type { ByteReader, ByteWriter } from "../../lib/bytes.ts";
import { familyOf } from "../../lib/family.ts";
import type { Capability, CapabilityKind, WireFamily } from "./types.ts";

/** One row of the capability table. */
export interface CapabilityCodec<K extends CapabilityKind = CapabilityKind> {
  readonly code: number;
  readonly kind: K;
  /** As the RFCs write it. */
  readonly name: string;
  /** @throws CapabilityError for a value that is not what its RFC says. */
  decode(value: ByteReader): Extract<Capability, { kind: K }>;
  encode(out: ByteWriter, capability: Extract<Capability, { kind: K }>): void;
  /** What there is to say beyond the name, for people; may be empty. */
  format(capability: Extract<Capability, { kind: K }>): string;
}

/** A capability that is known and malformed: the OPEN is answered with 2/0 (RFC 4271 §6.2). */
export class CapabilityError extends Error {}

/** @throws CapabilityError unless the value has this length. */
export function expectLength(value: ByteReader, wanted: number): void {
  if (value.length !== wanted) throw new CapabilityError(`must have ${wanted} octets, found ${value.length}`);
}

/** @throws CapabilityError unless the value holds whole entries of this size. */
export function expectEntries(value: ByteReader, size: number): void {
  if (value.length % size !== 0)
    throw new CapabilityError(`must be a list of ${size} octets each, found ${value.length} octets`);
}

export const wireFamily = (afi: number, safi: number): WireFamily => ({ afi, safi, family: familyOf(afi, safi) });

const familyNames: Readonly<Record<string, string>> = { "1/1": "ipv4-unicast", "2/1": "ipv6-unicast" };

/** "ipv4-unicast", or "AFI/SAFI" in numbers. */
export const formatWireFamily = ({ afi, safi }: WireFamily): string =>
  familyNames[`${afi}/${safi}`] ?? `${afi}/${safi}`;
