import { capabilities, capability, open, u16, u32 } from "./octets.ts";

/** How a speaker introduces itself. */
export interface Introduction {
  readonly as: number;
  readonly routerId: string;
  readonly hold?: number;
  /** IPv6 unicast beside IPv4; on unless told otherwise. */
  readonly ipv6?: boolean;
  /** RFC 2918; on unless told otherwise. */
  readonly refresh?: boolean;
  /** RFC 6793; on unless told otherwise. */
  readonly fourOctetAs?: boolean;
  /** RFC 8654. */
  readonly extended?: boolean;
  /** RFC 7313. */
  readonly enhancedRefresh?: boolean;
  /** RFC 7911: it sends path identifiers. */
  readonly addPath?: boolean;
  /** RFC 4724, forwarding kept for each of its families. */
  readonly gracefulRestart?: GracefulRestart;
  /** Instead of all that: exactly these capabilities, in hex; for none there is no optional parameter at all. */
  readonly capabilities?: readonly string[];
}

export interface GracefulRestart {
  /** Restart time. */
  readonly seconds: number;
  /** The R bit: this is the return from a restart. */
  readonly restarted?: boolean;
}

export const defaultHold = 90;

/** The OPEN of such a speaker. */
export function openOf(who: Introduction): Uint8Array {
  const list = who.capabilities ?? offerOf(who);
  return open({
    as: who.as > 0xffff ? 23456 : who.as,
    routerId: who.routerId,
    hold: who.hold ?? defaultHold,
    parameters: list.length === 0 ? "" : capabilities(list),
  });
}

function offerOf(who: Introduction): string[] {
  const families = who.ipv6 === false ? ["000101"] : ["000101", "000201"];
  const list = families.map((family) => capability(1, `${family.slice(0, 4)}00${family.slice(4)}`));
  if (who.refresh !== false) list.push(capability(2));
  if (who.extended) list.push(capability(6));
  if (who.fourOctetAs !== false) list.push(capability(65, u32(who.as)));
  if (who.enhancedRefresh) list.push(capability(70));
  if (who.addPath) list.push(capability(69, "00010102"));
  if (who.gracefulRestart !== undefined) {
    const { seconds, restarted } = who.gracefulRestart;
    const kept = families.map((family) => `${family}80`).join("");
    list.push(capability(64, u16((restarted ? 0x8000 : 0) | seconds) + kept));
  }
  return list;
}

/** Capabilities of an OPEN's body, code → value in hex; of several of one code the last. */
export function capabilitiesOf(body: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  for (let at = 10; at + 2 <= body.length; at += 2 + body[at + 1]!) {
    const parameter = body.subarray(at + 2, at + 2 + body[at + 1]!);
    for (let i = 0; i + 2 <= parameter.length; i += 2 + parameter[i + 1]!)
      found.set(parameter[i]!, parameter.subarray(i + 2, i + 2 + parameter[i + 1]!).toString("hex"));
  }
  return found;
}
