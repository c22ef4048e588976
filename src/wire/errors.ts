/**
 * Everything that a peer can do wrong on the wire, by the numbers of the RFCs. A `NotificationError` ends the session: the FSM
 * alone turns it into a NOTIFICATION. An `AttributeFault` costs no more than the routes of one UPDATE (RFC 7606).
 * Codes: RFC 4271 §4.5 and §6; subcodes also RFC 4486, 5492, 6608, 7313, 8538, 9003, 9234, 9384, 9687.
 */

/** First number of a NOTIFICATION (RFC 4271 §4.5). */
export const ErrorCode = {
  MessageHeader: 1,
  Open: 2,
  Update: 3,
  HoldTimerExpired: 4,
  FiniteStateMachine: 5,
  Cease: 6,
  /** RFC 7313 §5. */
  RouteRefresh: 7,
  /** RFC 9687 §4. */
  SendHoldTimerExpired: 8,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

declare const under: unique symbol;
/**
 * Second number of a NOTIFICATION, under one code. A type of its own for each: neither do the two numbers change places, nor does
 * a subcode get under another code than its own.
 */
export type ErrorSubcode<C extends ErrorCode = ErrorCode> = number & { readonly [under]: C };

export type UpdateSubcode = ErrorSubcode<typeof ErrorCode.Update>;
export type CeaseSubcode = ErrorSubcode<typeof ErrorCode.Cease>;

const subcodes = <C extends ErrorCode, T extends Readonly<Record<string, number>>>(_code: C, numbers: T) =>
  numbers as unknown as { readonly [K in keyof T]: ErrorSubcode<C> };

/** Subcode of errors that have none, or none that says more; under every code. */
export const UNSPECIFIC = 0 as ErrorSubcode<never>;

/** RFC 4271 §6.1. */
export const HeaderError = subcodes(ErrorCode.MessageHeader, {
  ConnectionNotSynchronized: 1,
  BadMessageLength: 2,
  BadMessageType: 3,
});

/** RFC 4271 §6.2. */
export const OpenError = subcodes(ErrorCode.Open, {
  UnsupportedVersion: 1,
  BadPeerAs: 2,
  BadBgpIdentifier: 3,
  UnsupportedOptionalParameter: 4,
  UnacceptableHoldTime: 6,
  /** RFC 5492 §5. */
  UnsupportedCapability: 7,
  /** RFC 9234 §4.2. */
  RoleMismatch: 11,
});

/** RFC 4271 §6.3. */
export const UpdateError = subcodes(ErrorCode.Update, {
  MalformedAttributeList: 1,
  UnrecognizedWellKnown: 2,
  MissingWellKnown: 3,
  AttributeFlags: 4,
  AttributeLength: 5,
  InvalidOrigin: 6,
  InvalidNextHop: 8,
  OptionalAttribute: 9,
  InvalidNetworkField: 10,
  MalformedAsPath: 11,
});

/** RFC 6608 §3: which state got the unexpected message. */
export const FsmError = subcodes(ErrorCode.FiniteStateMachine, { OpenSent: 1, OpenConfirm: 2, Established: 3 });

/** RFC 4486 §3 and its successors. */
export const CeaseError = subcodes(ErrorCode.Cease, {
  MaximumPrefixes: 1,
  AdministrativeShutdown: 2,
  PeerDeconfigured: 3,
  AdministrativeReset: 4,
  ConnectionRejected: 5,
  OtherConfigurationChange: 6,
  ConnectionCollision: 7,
  OutOfResources: 8,
  /** RFC 8538 §3. */
  HardReset: 9,
  /** RFC 9384. */
  BfdDown: 10,
});

/** RFC 7313 §5. */
export const RouteRefreshError = subcodes(ErrorCode.RouteRefresh, { InvalidMessageLength: 1 });

const codeNames: readonly string[] = [
  "Reserved",
  "Message Header Error",
  "OPEN Message Error",
  "UPDATE Message Error",
  "Hold Timer Expired",
  "Finite State Machine Error",
  "Cease",
  "ROUTE-REFRESH Message Error",
  "Send Hold Timer Expired",
];

const subcodeNames: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: { 1: "Connection Not Synchronized", 2: "Bad Message Length", 3: "Bad Message Type" },
  2: {
    1: "Unsupported Version Number",
    2: "Bad Peer AS",
    3: "Bad BGP Identifier",
    4: "Unsupported Optional Parameter",
    5: "Authentication Failure (deprecated)",
    6: "Unacceptable Hold Time",
    7: "Unsupported Capability",
    11: "Role Mismatch",
  },
  3: {
    1: "Malformed Attribute List",
    2: "Unrecognized Well-known Attribute",
    3: "Missing Well-known Attribute",
    4: "Attribute Flags Error",
    5: "Attribute Length Error",
    6: "Invalid ORIGIN Attribute",
    7: "AS Routing Loop (deprecated)",
    8: "Invalid NEXT_HOP Attribute",
    9: "Optional Attribute Error",
    10: "Invalid Network Field",
    11: "Malformed AS_PATH",
  },
  5: {
    1: "Receive Unexpected Message in OpenSent State",
    2: "Receive Unexpected Message in OpenConfirm State",
    3: "Receive Unexpected Message in Established State",
  },
  6: {
    1: "Maximum Number of Prefixes Reached",
    2: "Administrative Shutdown",
    3: "Peer De-configured",
    4: "Administrative Reset",
    5: "Connection Rejected",
    6: "Other Configuration Change",
    7: "Connection Collision Resolution",
    8: "Out of Resources",
    9: "Hard Reset",
    10: "BFD Down",
  },
  7: { 1: "Invalid Message Length" },
};

/** Every (code, subcode) that has a name, in order; the page docs/errors.md has one line for each. */
export function* knownErrors(): Generator<{ code: number; subcode: number; name: string }> {
  for (let c = 1; c < codeNames.length; c++) {
    yield { code: c, subcode: 0, name: errorName(c, 0) };
    for (const s of Object.keys(subcodeNames[c] ?? {}))
      yield { code: c, subcode: Number(s), name: errorName(c, Number(s)) };
  }
}

/** "Cease / Administrative Shutdown"; numbers stand in for what has no name. */
export function errorName(errorCode: number, subcode: number): string {
  const first = codeNames[errorCode] ?? `Unknown error ${errorCode}`;
  if (subcode === 0) return first;
  return `${first} / ${subcodeNames[errorCode]?.[subcode] ?? `unknown subcode ${subcode}`}`;
}

/** What ends a session: becomes the NOTIFICATION that is sent before the connection closes. */
export class NotificationError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly subcode: ErrorSubcode<C>;
  readonly data: Uint8Array;

  /** @param detail one clause for people, after the name of the error. */
  constructor(errorCode: C, subcode: ErrorSubcode<NoInfer<C>>, data: Uint8Array, detail = "") {
    super(errorName(errorCode, subcode) + (detail === "" ? "" : `: ${detail}`));
    this.name = "NotificationError";
    this.code = errorCode;
    this.subcode = subcode;
    this.data = data;
  }
}

const EMPTY = new Uint8Array(0);
const u8 = (value: number): Uint8Array => Uint8Array.of(value);
const u16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value);

const header = (subcode: ErrorSubcode<typeof ErrorCode.MessageHeader>, data: Uint8Array, detail: string) =>
  new NotificationError(ErrorCode.MessageHeader, subcode, data, detail);
const open = (subcode: ErrorSubcode<typeof ErrorCode.Open>, data: Uint8Array, detail: string) =>
  new NotificationError(ErrorCode.Open, subcode, data, detail);

/** 1/1 (RFC 4271 §6.1): the marker isn't all ones. */
export const connectionNotSynchronized = (): NotificationError =>
  header(HeaderError.ConnectionNotSynchronized, EMPTY, "the marker is not all ones");

/** 1/2 (RFC 4271 §6.1): data is the wrong length. */
export const badMessageLength = (length: number, what: string): NotificationError =>
  header(HeaderError.BadMessageLength, u16(length), `${what} of ${length} octets`);

/** 1/3 (RFC 4271 §6.1): data is the unknown type. */
export const badMessageType = (type: number): NotificationError =>
  header(HeaderError.BadMessageType, u8(type), `type ${type}`);

/** 2/0 (RFC 4271 §6.2): recognised, but badly formed. */
export const malformedOpen = (detail: string): NotificationError => open(UNSPECIFIC, EMPTY, detail);

/** 2/1 (RFC 4271 §6.2): data is the version that we speak, two octets. */
export const unsupportedVersion = (found: number): NotificationError =>
  open(OpenError.UnsupportedVersion, u16(4), `wanted 4, found ${found}`);

/** 2/2 (RFC 4271 §6.2; RFC 7607 for AS 0). */
export const badPeerAs = (wanted: string, found: number): NotificationError =>
  open(OpenError.BadPeerAs, EMPTY, `wanted ${wanted}, found ${found}`);

/** 2/3 (RFC 4271 §6.2, RFC 6286 §2.2). */
export const badBgpIdentifier = (detail: string): NotificationError => open(OpenError.BadBgpIdentifier, EMPTY, detail);

/** 2/4 (RFC 4271 §6.2). */
export const unsupportedOptionalParameter = (type: number): NotificationError =>
  open(OpenError.UnsupportedOptionalParameter, EMPTY, `parameter type ${type}`);

/** 2/6 (RFC 4271 §6.2): one or two seconds. */
export const unacceptableHoldTime = (seconds: number): NotificationError =>
  open(OpenError.UnacceptableHoldTime, EMPTY, `must be 0 or at least 3 seconds, found ${seconds}`);

/** 2/7 (RFC 5492 §5): data are the capabilities (code, length, value) that we must have and miss. */
export const unsupportedCapability = (missing: Uint8Array, detail: string): NotificationError =>
  open(OpenError.UnsupportedCapability, missing, detail);

/** 2/11 (RFC 9234 §4.2). */
export const roleMismatch = (detail: string): NotificationError => open(OpenError.RoleMismatch, EMPTY, detail);

/** 3/x (RFC 4271 §6.3): data is the attribute (flags, code, length, value) where the section says so. */
export const updateError = (subcode: UpdateSubcode, data: Uint8Array, detail: string): NotificationError =>
  new NotificationError(ErrorCode.Update, subcode, data, detail);

/** 4/0 (RFC 4271 §6.5). */
export const holdTimerExpired = (): NotificationError =>
  new NotificationError(ErrorCode.HoldTimerExpired, UNSPECIFIC, EMPTY);

/** 5/x (RFC 6608 §4): data is the type of the message that came at the wrong time; none when no message is to blame. */
export const fsmError = (
  subcode: ErrorSubcode<typeof ErrorCode.FiniteStateMachine>,
  messageType?: number,
): NotificationError =>
  new NotificationError(
    ErrorCode.FiniteStateMachine,
    subcode,
    messageType === undefined ? EMPTY : u8(messageType),
    messageType === undefined ? "" : `message type ${messageType}`,
  );

/** 6/x (RFC 4486). */
export const cease = (subcode: CeaseSubcode, data: Uint8Array = EMPTY, detail = ""): NotificationError =>
  new NotificationError(ErrorCode.Cease, subcode, data, detail);

/** 6/2 or 6/4 with a text for the other side's operator (RFC 9003 §2): cut to 255 octets at a character. */
export const ceaseWithText = (subcode: CeaseSubcode, text: string): NotificationError => {
  let utf8 = new TextEncoder().encode(text);
  if (utf8.length > 255) {
    let end = 255;
    while (end > 0 && (utf8[end]! & 0xc0) === 0x80) end--;
    utf8 = utf8.subarray(0, end);
  }
  const data = utf8.length === 0 ? EMPTY : new Uint8Array(utf8.length + 1);
  if (utf8.length > 0) {
    data[0] = utf8.length;
    data.set(utf8, 1);
  }
  return cease(subcode, data, text);
};

/** 6/1 (RFC 4486 §4): data are AFI, SAFI and the limit. */
export const maximumPrefixesReached = (afi: number, safi: number, limit: number): NotificationError =>
  cease(
    CeaseError.MaximumPrefixes,
    Uint8Array.of(afi >>> 8, afi, safi, limit >>> 24, limit >>> 16, limit >>> 8, limit),
    `limit ${limit}`,
  );

/** 6/9 (RFC 8538 §3.1): wraps the true reason, so that a peer with the N-bit doesn't keep our routes. */
export const hardReset = (reason: NotificationError): NotificationError => {
  const data = new Uint8Array(2 + reason.data.length);
  data[0] = reason.code;
  data[1] = reason.subcode;
  data.set(reason.data, 2);
  return cease(CeaseError.HardReset, data, reason.message);
};

/** 7/1 (RFC 7313 §5): data is the complete ROUTE-REFRESH message. */
export const routeRefreshLength = (message: Uint8Array): NotificationError =>
  new NotificationError(
    ErrorCode.RouteRefresh,
    RouteRefreshError.InvalidMessageLength,
    message,
    `ROUTE-REFRESH of ${message.length} octets`,
  );

/** 8/0 (RFC 9687 §4): never received, since it is sent on a connection that takes nothing. */
export const sendHoldTimerExpired = (): NotificationError =>
  new NotificationError(ErrorCode.SendHoldTimerExpired, UNSPECIFIC, EMPTY);
