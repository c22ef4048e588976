import type { NexthopObject, Operation, RemoteVtep, VxlanChange, VxlanDevice, WriterStats } from "../kernel/records.ts";
import type { KernelTarget, RouteScope } from "../kernel/rtnetlink/route.ts";
import { ByteReader, wordAt } from "../lib/bytes.ts";
import type { Family } from "../lib/family.ts";

/**
 * The byte protocol between the speaker and the writer, which may be another process with other privileges. A stream of
 * frames each way, big-endian: length of the rest (four octets), type (one), body. Every record is typed, of bounded
 * size and checked field by field where it is read: a writer with CAP_NET_ADMIN trusts nothing that it is told, and can
 * be made to do nothing but what these records say.
 *
 * To the writer: `hello` first, then targets (what a route does, under a number), routes (prefix and number of a target),
 * nexthop objects and devices. Each record that acts on the kernel has a sequence number, counted by the sender.
 * From the writer: `welcome` or `refused`, then for each record that failed a `failed`, and `done` with the last number
 * that was answered: numbers up to it that weren't in a `failed` have succeeded.
 */
export const PROTOCOL_VERSION = 2;
export const MAX_FRAME_BYTES = 65536;
export const MAX_TARGETS = 1 << 20;
export const MAX_HOPS = 256;
export const MAX_TEXT_BYTES = 256;
/** Route records that fit into one frame, whatever the family. */
export const MAX_ROUTES_PER_FRAME = 2048;

/** First octet of a frame. */
export const FrameType = {
  Hello: 1,
  Target: 2,
  ForgetTarget: 3,
  Routes: 4,
  Nexthop: 5,
  Vxlan: 6,
  LinkSetting: 7,
  Neighbour: 8,
  AskStats: 9,
  VxlanChange: 10,
  Welcome: 65,
  Refused: 66,
  Done: 67,
  Failed: 68,
  Stats: 69,
} as const;

/** What the writer is told, in order. Numbers were checked against their ranges, nothing against the kernel. */
export interface WriterRequests {
  hello(version: number, scope: RouteScope): void;
  target(id: number, target: KernelTarget): void;
  forgetTarget(id: number): void;
  route(
    sequence: number,
    family: Family,
    operation: Operation,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    target: number,
  ): void;
  /** The frame of routes is complete. */
  routesEnd(): void;
  nexthop(sequence: number, operation: Operation, id: number, object: NexthopObject | null): void;
  vxlan(sequence: number, device: VxlanDevice): void;
  vxlanChange(sequence: number, change: VxlanChange): void;
  /** Sets an interface up and its MTU (0 = leave it); removes it if `remove`. */
  linkSetting(sequence: number, ifindex: number, mtu: number, remove: boolean): void;
  neighbour(sequence: number, operation: Operation, remote: RemoteVtep): void;
  askStats(): void;
}

export interface WriterAnswers {
  welcome(version: number, portId: number, processId: number): void;
  refused(errno: number, text: string): void;
  done(sequence: number): void;
  failed(sequence: number, errno: number, text: string): void;
  stats(stats: WriterStats): void;
}

/** The other side does not keep to the protocol; nothing of the frame was acted on. */
export class ProtocolError extends Error {}

/** Cuts a stream into frames, whatever the pieces it comes in. */
export class FrameReader {
  readonly #onFrame: (frame: ByteReader) => void;
  /** The beginning of a frame whose rest has not come yet. */
  #kept: Uint8Array = new Uint8Array(0);

  constructor(onFrame: (frame: ByteReader) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws ProtocolError for a frame that can't be; whatever `onFrame` throws. */
  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#kept.length > 0) {
      bytes = new Uint8Array(this.#kept.length + chunk.length);
      bytes.set(this.#kept);
      bytes.set(chunk, this.#kept.length);
    }
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = wordAt(bytes, at);
      if (length === 0 || length > MAX_FRAME_BYTES)
        throw new ProtocolError(`a frame of ${length} octets; 1 to ${MAX_FRAME_BYTES} are allowed`);
      if (bytes.length - at - 4 < length) break;
      const frame = new ByteReader(bytes, at + 4, at + 4 + length);
      at += 4 + length;
      this.#onFrame(frame);
    }
    this.#kept = at === bytes.length ? new Uint8Array(0) : bytes.slice(at);
  }
}
