import { MAX_MESSAGE } from "./context.ts";
import { badMessageLength, badMessageType, connectionNotSynchronized } from "./errors.ts";

/**
 * The wire room turns octets into meaning and back, and knows nothing else: no socket, no clock, no session, no table.
 *
 * A message comes in through the framer, which cuts the stream in place. OPEN, NOTIFICATION and ROUTE-REFRESH are rare and become
 * objects (`message/`). An UPDATE is hot: `scanUpdate` notes in a reusable layout where its parts lie, `walkNlri` hands out
 * prefixes as numbers, and the attribute section stays octets, which the store compares with those that it has seen. Only a new
 * set is looked into, by `attribute/canonicalizer.ts` when all is well with it and else by the table (`attribute/table.ts`),
 * whose rows say for every attribute what is wrong with it when, and what RFC 7606 does then. On the way out the canonical
 * octets of a set are transformed, never decoded (`message/attribute-writer.ts`), and packed (`message/update-writer.ts`).
 *
 * What both sides agreed on comes in as a `CodecContext`. What ends the session is thrown as a `NotificationError`; nothing
 * else leaves this room, whatever comes in. Views of a message are only good during the call that hands them out.
 */

/** Message types: RFC 4271 §4.1, RFC 2918 §3. */
export const MessageType = { Open: 1, Update: 2, Notification: 3, Keepalive: 4, RouteRefresh: 5 } as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

const names: readonly string[] = ["", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"];

/** "UPDATE"; a number stands in for what has no name. */
const messageName = (type: number): string => names[type] || `type ${type}`;

/** Octets of marker, length and type (RFC 4271 §4.1). */
export const HEADER_LENGTH = 19;

/**
 * Smallest whole message by type (RFC 4271 §6.1). A short ROUTE-REFRESH passes: its decoder knows which of two errors it is
 * (RFC 7313 §5).
 */
const minimumLengths: readonly number[] = [0, 29, 23, 21, 19, 19];

/**
 * Takes one message: `bytes[bodyStart..bodyEnd)` is what follows the header, which stands right before it. The bytes are
 * only valid during the call; copy what you keep.
 */
export type MessageHandler = (type: MessageType, bytes: Uint8Array, bodyStart: number, bodyEnd: number) => void;

/**
 * Cuts the stream of a connection into messages. Whole messages are handed out in place, from the chunk that the socket gave;
 * only a message that spans chunks is copied together, and nothing is held between messages.
 */
export class Framer {
  readonly #onMessage: MessageHandler;
  #maxLength = MAX_MESSAGE;
  #stopped = false;
  /** An incomplete message: `#held` octets of it, in a buffer of its header's (or, once known, its own) length. */
  #tail: Uint8Array | null = null;
  #held = 0;

  constructor(onMessage: MessageHandler) {
    this.#onMessage = onMessage;
  }

  /** Largest message accepted from now on, except OPEN and KEEPALIVE: 4096, or 65535 once RFC 8654 was agreed. */
  setMaxLength(length: number): void {
    this.#maxLength = length;
  }

  /** No more messages are handed out, not even those of the chunk at hand: the connection is over. */
  stop(): void {
    this.#stopped = true;
    this.#tail = null;
  }

  /** Octets of an incomplete message that wait for their rest. */
  get pending(): number {
    return this.#tail === null ? 0 : this.#held;
  }

  /** @throws NotificationError 1/1, 1/2 or 1/3 (RFC 4271 §6.1) and whatever the handler throws; the framer is stopped then. */
  push(chunk: Uint8Array): void {
    try {
      this.#cut(chunk);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  #cut(chunk: Uint8Array): void {
    let at = 0;
    while (this.#tail !== null && at < chunk.length) at = this.#complete(chunk, at);
    while (!this.#stopped && chunk.length - at >= HEADER_LENGTH) {
      const length = checkHeader(chunk, at, this.#maxLength);
      if (length > chunk.length - at) break;
      this.#onMessage(chunk[at + 18] as MessageType, chunk, at + HEADER_LENGTH, at + length);
      at += length;
    }
    if (this.#stopped || at === chunk.length) return;
    const left = chunk.length - at;
    // Copied, never referenced: a view would keep the whole chunk alive.
    this.#tail = tailOf(left < HEADER_LENGTH ? HEADER_LENGTH : (chunk[at + 16]! << 8) | chunk[at + 17]!);
    this.#tail.set(chunk.subarray(at));
    this.#held = left;
  }

  /** Fills the tail from `chunk`; hands the message out when it is whole. Returns where to read on. */
  #complete(chunk: Uint8Array, at: number): number {
    const tail = this.#tail!;
    const take = Math.min(tail.length - this.#held, chunk.length - at);
    tail.set(chunk.subarray(at, at + take), this.#held);
    this.#held += take;
    if (this.#held < tail.length) return at + take;
    const length = checkHeader(tail, 0, this.#maxLength);
    if (length > tail.length) {
      this.#tail = tailOf(length);
      this.#tail.set(tail);
      return at + take;
    }
    this.#tail = null;
    this.#onMessage(tail[18] as MessageType, tail, HEADER_LENGTH, length);
    return this.#stopped ? chunk.length : at + take;
  }
}

/**
 * A `Buffer`, as what sockets deliver: with two kinds of arrays all code behind here would be compiled a second time, to be slower ever
 * after. Slow, as it lives for one message and must not hold a pool.
 */
const tailOf = (length: number): Uint8Array => Buffer.allocUnsafeSlow(length);

/** Returns the message's whole length. @throws NotificationError as RFC 4271 §6.1 says. */
function checkHeader(bytes: Uint8Array, at: number, maxLength: number): number {
  for (let i = at; i < at + 16; i++) if (bytes[i] !== 0xff) throw connectionNotSynchronized();
  const length = (bytes[at + 16]! << 8) | bytes[at + 17]!;
  const type = bytes[at + 18]!;
  if (length < HEADER_LENGTH || length > maxLength) throw badMessageLength(length, messageName(type));
  const minimum = minimumLengths[type];
  if (minimum === undefined || type === 0) throw badMessageType(type);
  if (length < minimum) throw badMessageLength(length, messageName(type));
  // RFC 8654 §4: OPEN and KEEPALIVE keep the old bound, and a KEEPALIVE has no body.
  if (type === MessageType.Keepalive ? length !== HEADER_LENGTH : type === MessageType.Open && length > MAX_MESSAGE)
    throw badMessageLength(length, messageName(type));
  return length;
}
