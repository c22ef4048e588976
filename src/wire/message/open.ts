import { AS_TRANS } from "../../lib/as-numbers.ts";
import { ByteReader, ByteWriter } from "../../lib/bytes.ts";
import { decodeCapabilities, encodeCapability } from "../capability/table.ts";
import type { Capability } from "../capability/types.ts";
import {
  badBgpIdentifier,
  badPeerAs,
  malformedOpen,
  unacceptableHoldTime,
  unsupportedOptionalParameter,
  unsupportedVersion,
} from "../errors.ts";
import { HEADER_LENGTH, MessageType } from "../framer.ts";
import { encodeHeader } from "./header.ts";

/** OPEN as received (RFC 4271 §4.2). */
export interface OpenMessage {
  /** The AS of the other side: that of the 4-octet AS capability where there is one (RFC 6793 §4.1), else `myAs`. */
  readonly as: number;
  /** The two-octet field as it stood in the message; AS_TRANS (23456) for who needs four octets. */
  readonly myAs: number;
  readonly holdTimeSeconds: number;
  /** As a word. */
  readonly routerId: number;
  /** In the order of the message; one kind may occur several times. */
  readonly capabilities: readonly Capability[];
}

/** What we say in an OPEN. */
export interface OpenToSend {
  readonly as: number;
  readonly holdTimeSeconds: number;
  readonly routerId: number;
  /** Sent in this order, in one optional parameter; none at all for a peer that refused optional parameters (RFC 5492 §3). */
  readonly capabilities: readonly Capability[];
}

const VERSION = 4;
/** Optional parameter that holds capabilities (RFC 5492 §4). */
const CAPABILITIES = 2;
/** Stands where the first parameter's type would be: lengths that follow take two octets (RFC 9072 §2). */
const EXTENDED = 255;

/**
 * Checks what an OPEN must be for any peer: version, hold time, identifier, AS 0, well-formed parameters. Whether it is
 * the right peer (AS, identifier, roles) is the session's question.
 * @throws NotificationError 2/x (RFC 4271 §6.2).
 */
export function decodeOpen(bytes: Uint8Array, start: number, end: number): OpenMessage {
  const reader = new ByteReader(bytes, start, end);
  if (reader.length < 10) throw malformedOpen(`wanted 10 octets, found ${reader.length}`);
  const version = reader.u8();
  if (version !== VERSION) throw unsupportedVersion(version);
  const myAs = reader.u16();
  if (myAs === 0) throw badPeerAs("any but 0 (RFC 7607)", 0);
  const holdTimeSeconds = reader.u16();
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) throw unacceptableHoldTime(holdTimeSeconds);
  const routerId = reader.u32();
  if (routerId === 0) throw badBgpIdentifier("must not be 0 (RFC 6286)");
  const capabilities = readParameters(reader);
  const four = capabilities.find((capability) => capability.kind === "four-octet-as");
  if (four?.as === 0) throw badPeerAs("any but 0 (RFC 7607)", 0);
  return { as: four?.as ?? myAs, myAs, holdTimeSeconds, routerId, capabilities };
}

/** RFC 4271 §4.2, RFC 9072 §2: the octet behind a non-zero length tells which of the two forms this is. */
function readParameters(reader: ByteReader): Capability[] {
  const announced = reader.u8();
  let length = announced;
  const extended = announced !== 0 && reader.length > 0 && reader.bytes[reader.position] === EXTENDED;
  if (extended) {
    reader.u8();
    if (reader.length < 2) throw malformedOpen("the extended length of the optional parameters is cut off");
    length = reader.u16();
  }
  if (length !== reader.length)
    throw malformedOpen(`optional parameters of ${length} octets were announced, found ${reader.length}`);
  const capabilities: Capability[] = [];
  while (reader.length > 0) {
    if (reader.length < (extended ? 3 : 2)) throw malformedOpen("an optional parameter without a length");
    const type = reader.u8();
    const size = extended ? reader.u16() : reader.u8();
    if (size > reader.length)
      throw malformedOpen(`optional parameter ${type} of ${size} octets runs over the end of the message`);
    if (type !== CAPABILITIES) throw unsupportedOptionalParameter(type);
    capabilities.push(...decodeCapabilities(reader.sub(size)));
  }
  return capabilities;
}

/** Parameters that need more than 255 octets take the form of RFC 9072. */
export function encodeOpen(open: OpenToSend): Uint8Array {
  const out = new ByteWriter();
  for (const capability of open.capabilities) encodeCapability(out, capability);
  const value = out.copy();
  const extended = value.length + 2 > 255;
  out.clear();
  out.u8(VERSION);
  out.u16(open.as > 0xffff ? AS_TRANS : open.as);
  out.u16(open.holdTimeSeconds);
  out.u32(open.routerId);
  if (value.length === 0) out.u8(0);
  else if (extended) {
    out.u8(EXTENDED);
    out.u8(EXTENDED);
    out.u16(value.length + 3);
    out.u8(CAPABILITIES);
    out.u16(value.length);
  } else {
    out.u8(value.length + 2);
    out.u8(CAPABILITIES);
    out.u8(value.length);
  }
  out.raw(value);
  const bytes = encodeHeader(MessageType.Open, HEADER_LENGTH + out.length);
  bytes.set(out.bytes.subarray(0, out.length), HEADER_LENGTH);
  return bytes;
}
