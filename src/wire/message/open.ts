import type { Capability } from "../capability/types.ts";

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

/**
 * Checks what an OPEN must be for any peer: version, hold time, identifier, AS 0, well-formed parameters. Whether it is
 * the right peer (AS, identifier, roles) is the session's question.
 * @throws NotificationError 2/x (RFC 4271 §6.2).
 */
export function decodeOpen(_bytes: Uint8Array, _start: number, _end: number): OpenMessage {
  throw new Error("to follow");
}

/** Parameters that need more than 255 octets take the form of RFC 9072. */
export function encodeOpen(_open: OpenToSend): Uint8Array {
  throw new Error("to follow");
}
