/**
 * The BFD Control packet (RFC 5880 §4.1): 24 octets without authentication, which isn't offered here. Intervals are
 * microseconds, as on the wire.
 */
export const SessionState = { AdminDown: 0, Down: 1, Init: 2, Up: 3 } as const;
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** Why the session left Up last (RFC 5880 §4.1); others may be heard. */
export const Diagnostic = {
  None: 0,
  DetectionTimeExpired: 1,
  EchoFailed: 2,
  NeighborSignaledDown: 3,
  ForwardingPlaneReset: 4,
  PathDown: 5,
  ConcatenatedPathDown: 6,
  AdministrativelyDown: 7,
  ReverseConcatenatedPathDown: 8,
} as const;

export interface ControlPacket {
  /** 0 to 31. */
  readonly diagnostic: number;
  readonly state: SessionState;
  readonly poll: boolean;
  readonly final: boolean;
  /** The sender's BFD doesn't share fate with its control plane (C bit). */
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  /** 1 to 255. */
  readonly multiplier: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  readonly desiredMinTx: number;
  /** 0: the sender wants no periodic packets. */
  readonly requiredMinRx: number;
  /** 0: the sender takes no Echo packets. */
  readonly requiredMinEchoRx: number;
}

export const PACKET_LENGTH = 24;
const VERSION = 1;
const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION_PRESENT = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** Why a packet is dropped: the tests of RFC 5880 §6.8.6 that need no session, in its order. */
export type PacketFault =
  | "version"
  | "length"
  | "multiplier"
  | "multipoint"
  | "discriminator"
  | "state"
  | "authentication";

/** @param bytes the UDP payload. A name instead of a packet: dropped for that (RFC 5880 §6.8.6). */
export function decodePacket(bytes: Uint8Array): ControlPacket | PacketFault {
  if (bytes.length < PACKET_LENGTH) return "length";
  if (bytes[0]! >> 5 !== VERSION) return "version";
  const flags = bytes[1]!;
  const length = bytes[3]!;
  const authenticated = (flags & AUTHENTICATION_PRESENT) !== 0;
  if (length < (authenticated ? PACKET_LENGTH + 2 : PACKET_LENGTH) || length > bytes.length) return "length";
  if (bytes[2] === 0) return "multiplier";
  if ((flags & MULTIPOINT) !== 0) return "multipoint";
  const state = (flags >> 6) as SessionState;
  const view = new DataView(bytes.buffer, bytes.byteOffset, PACKET_LENGTH);
  const myDiscriminator = view.getUint32(4);
  const yourDiscriminator = view.getUint32(8);
  if (myDiscriminator === 0) return "discriminator";
  // Only who hasn't heard of us yet knows no discriminator of ours.
  if (yourDiscriminator === 0 && state !== SessionState.Down && state !== SessionState.AdminDown) return "state";
  if (authenticated) return "authentication";
  return {
    diagnostic: bytes[0]! & 0x1f,
    state,
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    controlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (flags & DEMAND) !== 0,
    multiplier: bytes[2]!,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTx: view.getUint32(12),
    requiredMinRx: view.getUint32(16),
    requiredMinEchoRx: view.getUint32(20),
  };
}

export function encodePacket(packet: ControlPacket): Uint8Array {
  const bytes = new Uint8Array(PACKET_LENGTH);
  const view = new DataView(bytes.buffer);
  bytes[0] = (VERSION << 5) | packet.diagnostic;
  bytes[1] =
    (packet.state << 6) |
    (packet.poll ? POLL : 0) |
    (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.demand ? DEMAND : 0);
  bytes[2] = packet.multiplier;
  bytes[3] = PACKET_LENGTH;
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTx);
  view.setUint32(16, packet.requiredMinRx);
  view.setUint32(20, packet.requiredMinEchoRx);
  return bytes;
}
