import { ByteReader, type ByteWriter, TruncatedError } from "../../lib/bytes.ts";
import { malformedOpen } from "../errors.ts";
import { addPath } from "./add-path.ts";
import { enhancedRouteRefresh } from "./enhanced-route-refresh.ts";
import { extendedMessage } from "./extended-message.ts";
import { extendedNextHop } from "./extended-next-hop.ts";
import { fourOctetAs } from "./four-octet-as.ts";
import { fqdn } from "./fqdn.ts";
import { gracefulRestart } from "./graceful-restart.ts";
import { longLivedGracefulRestart } from "./long-lived-graceful-restart.ts";
import { multiprotocol } from "./multiprotocol.ts";
import { role } from "./role.ts";
import { routeRefresh } from "./route-refresh.ts";
import { type CapabilityCodec, CapabilityError } from "./row.ts";
import type { Capability, CapabilityKind } from "./types.ts";

/** Every capability that we know, by code. */
export const capabilityTable: readonly CapabilityCodec[] = [
  multiprotocol,
  routeRefresh,
  extendedNextHop,
  extendedMessage,
  role,
  gracefulRestart,
  fourOctetAs,
  addPath,
  enhancedRouteRefresh,
  longLivedGracefulRestart,
  fqdn,
] as unknown as readonly CapabilityCodec[];

const rowOfCode = (code: number): CapabilityCodec | undefined => capabilityTable.find((row) => row.code === code);
const rowOf = (kind: CapabilityKind): CapabilityCodec | undefined => capabilityTable.find((row) => row.kind === kind);

/**
 * Reads the value of a Capabilities parameter: code, length, value, and so on (RFC 5492 §4). What we don't know is kept.
 * @throws NotificationError 2/0 if one that we know is malformed, or runs over the end (RFC 4271 §6.2).
 */
export function decodeCapabilities(parameter: ByteReader): Capability[] {
  const capabilities: Capability[] = [];
  while (parameter.length > 0) {
    if (parameter.length < 2) throw malformedOpen("a capability without a length");
    const code = parameter.u8();
    const length = parameter.u8();
    if (length > parameter.length)
      throw malformedOpen(`capability ${code} of ${length} octets runs over the end of its parameter`);
    capabilities.push(decodeCapability(code, parameter.view(length)));
  }
  return capabilities;
}

function decodeCapability(code: number, value: Uint8Array): Capability {
  const row = rowOfCode(code);
  if (row === undefined) return { kind: "unknown", code, value: value.slice() };
  try {
    return row.decode(new ByteReader(value));
  } catch (error) {
    // A name for people is no reason to refuse a peer.
    if (row === (fqdn as unknown)) return { kind: "unknown", code, value: value.slice() };
    if (error instanceof CapabilityError || error instanceof TruncatedError)
      throw malformedOpen(`capability ${row.name}: ${error.message}`);
    throw malformedOpen(`capability ${row.name}: can't be read (${error})`);
  }
}

/** Writes code, length and value. @throws RangeError if the value needs more than 255 octets: a mistake of ours. */
export function encodeCapability(out: ByteWriter, capability: Capability): void {
  const start = out.length;
  out.u8(capabilityCode(capability));
  out.u8(0);
  if (capability.kind === "unknown") out.raw(capability.value);
  else rowOf(capability.kind)!.encode(out, capability as never);
  const length = out.length - start - 2;
  if (length > 255) throw new RangeError(`capability ${capability.kind} of ${length} octets`);
  out.bytes[start + 1] = length;
}

export const capabilityCode = (capability: Capability): number =>
  capability.kind === "unknown" ? capability.code : rowOf(capability.kind)!.code;

/** "Graceful Restart", or "capability 99". */
export const capabilityName = (capability: Capability): string =>
  capability.kind === "unknown" ? `capability ${capability.code}` : rowOf(capability.kind)!.name;

/** "ADD-PATH: ipv4-unicast both", for people. */
export function formatCapability(capability: Capability): string {
  const name = capabilityName(capability);
  const text = capability.kind === "unknown" ? "" : rowOf(capability.kind)!.format(capability as never);
  return text === "" ? name : `${name}: ${text}`;
}
