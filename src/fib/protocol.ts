import { ByteReader, ByteWriter, TruncatedError } from "../lib/bytes.ts";
import { Family } from "../lib/family.ts";
import type { FibHop } from "./port.ts";
import { type NexthopObject, Operation, type RemoteVtep, type VxlanDevice, type WriterStats } from "./records.ts";
import type { KernelTarget, RouteScope } from "./rtnetlink/route.ts";

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
export const PROTOCOL_VERSION = 1;
export const MAX_FRAME_BYTES = 65536;
export const MAX_TARGETS = 1 << 20;
export const MAX_HOPS = 256;
export const MAX_TEXT_BYTES = 256;
/** Route records that fit into one frame, whatever the family. */
export const MAX_ROUTES_PER_FRAME = 2048;

const FrameType = {
  Hello: 1,
  Target: 2,
  ForgetTarget: 3,
  Routes: 4,
  Nexthop: 5,
  Vxlan: 6,
  LinkSetting: 7,
  Neighbour: 8,
  AskStats: 9,
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
      const length = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
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

/** Writes frames into one growing buffer; `take` hands it over. */
class FrameWriter {
  protected readonly out = new ByteWriter(4096);
  #start = 0;

  /** Octets that wait. */
  get length(): number {
    return this.out.length;
  }

  /** A view of what was written; valid until the next frame is begun after `clear`. */
  view(): Uint8Array {
    return this.out.bytes.subarray(0, this.out.length);
  }

  clear(): void {
    this.out.clear();
  }

  protected begin(type: number): ByteWriter {
    this.#start = this.out.length;
    this.out.u32(0);
    this.out.u8(type);
    return this.out;
  }

  protected end(): void {
    const length = this.out.length - this.#start - 4;
    this.out.patchU16(this.#start, length >>> 16);
    this.out.patchU16(this.#start + 2, length & 0xffff);
  }
}

function words(out: ByteWriter, address: ArrayLike<number>): void {
  for (let i = 0; i < address.length; i++) out.u32(address[i]!);
}

function hop(out: ByteWriter, value: FibHop): void {
  out.u8(value.onlink ? 1 : 0);
  out.u8(value.via === null ? 0 : value.via.length);
  out.u16(value.weight);
  out.u32(value.ifindex);
  if (value.via !== null) words(out, value.via);
}

function text(out: ByteWriter, value: string): void {
  const bytes = Buffer.from(value, "utf8").subarray(0, MAX_TEXT_BYTES);
  out.u16(bytes.length);
  out.raw(bytes);
}

/** The speaker's side of the pen. */
export class RequestWriter extends FrameWriter {
  #routes = 0;
  #routesAt = 0;
  #family: Family = Family.Ipv4Unicast;

  hello(scope: RouteScope): void {
    const out = this.begin(FrameType.Hello);
    out.u16(PROTOCOL_VERSION);
    out.u32(scope.table);
    out.u8(scope.protocol);
    out.u32(scope.metric);
    this.end();
  }

  target(id: number, target: KernelTarget): void {
    const out = this.begin(FrameType.Target);
    out.u32(id);
    if (target.type === "object") {
      out.u8(3);
      out.u32(target.nexthopId);
    } else {
      out.u8(target.type === "unicast" ? 1 : 2);
      out.u16(target.nextHops.length);
      for (const each of target.nextHops) hop(out, each);
    }
    this.end();
  }

  forgetTarget(id: number): void {
    this.begin(FrameType.ForgetTarget).u32(id);
    this.end();
  }

  /** Opens a frame of routes of one family, whose records are numbered from `sequence`. */
  beginRoutes(sequence: number, family: Family): void {
    const out = this.begin(FrameType.Routes);
    out.u32(sequence);
    out.u8(family);
    this.#routesAt = out.length;
    out.u16(0);
    this.#routes = 0;
    this.#family = family;
  }

  route(operation: Operation, w0: number, w1: number, w2: number, w3: number, length: number, target: number): void {
    const out = this.out;
    out.u8(operation);
    out.u8(length);
    out.u32(target);
    out.u32(w0);
    if (this.#family === Family.Ipv6Unicast) {
      out.u32(w1);
      out.u32(w2);
      out.u32(w3);
    }
    this.#routes++;
  }

  endRoutes(): void {
    this.out.patchU16(this.#routesAt, this.#routes);
    this.end();
  }

  nexthop(sequence: number, operation: Operation, id: number, object: NexthopObject | null): void {
    const out = this.begin(FrameType.Nexthop);
    out.u32(sequence);
    out.u8(operation);
    out.u32(id);
    if (object === null) out.u8(0);
    else if (object.kind === "gateway") {
      out.u8(1);
      hop(out, object.hop);
    } else {
      out.u8(2);
      out.u16(object.members.length);
      for (const member of object.members) {
        out.u32(member.id);
        out.u16(member.weight);
      }
    }
    this.end();
  }

  vxlan(sequence: number, device: VxlanDevice): void {
    const out = this.begin(FrameType.Vxlan);
    out.u32(sequence);
    out.u32(device.vni);
    out.u16(device.port);
    out.u32(device.mtu);
    out.raw(device.hardwareAddress);
    out.u8(device.local.length);
    words(out, device.local);
    text(out, device.name);
    this.end();
  }

  linkSetting(sequence: number, ifindex: number, mtu: number, remove: boolean): void {
    const out = this.begin(FrameType.LinkSetting);
    out.u32(sequence);
    out.u32(ifindex);
    out.u32(mtu);
    out.u8(remove ? 1 : 0);
    this.end();
  }

  neighbour(sequence: number, operation: Operation, remote: RemoteVtep): void {
    const out = this.begin(FrameType.Neighbour);
    out.u32(sequence);
    out.u8(operation);
    out.u32(remote.ifindex);
    out.raw(remote.hardwareAddress);
    out.u8(remote.address.length);
    words(out, remote.address);
    this.end();
  }

  askStats(): void {
    this.begin(FrameType.AskStats);
    this.end();
  }
}

/** The writer's side of the pen. */
export class AnswerWriter extends FrameWriter implements WriterAnswers {
  welcome(version: number, portId: number, processId: number): void {
    const out = this.begin(FrameType.Welcome);
    out.u16(version);
    out.u32(portId);
    out.u32(processId);
    this.end();
  }

  refused(errno: number, why: string): void {
    const out = this.begin(FrameType.Refused);
    out.u32(errno);
    text(out, why);
    this.end();
  }

  done(sequence: number): void {
    this.begin(FrameType.Done).u32(sequence);
    this.end();
  }

  failed(sequence: number, errno: number, why: string): void {
    const out = this.begin(FrameType.Failed);
    out.u32(sequence);
    out.u32(errno);
    text(out, why);
    this.end();
  }

  stats(stats: WriterStats): void {
    const out = this.begin(FrameType.Stats);
    for (const value of [stats.userCpuMicros, stats.systemCpuMicros, stats.records, stats.sends]) {
      out.u32(Math.floor(value / 0x100000000));
      out.u32(value >>> 0);
    }
    this.end();
  }
}

/** The value, if it lies in the range. */
function within(what: string, value: number, least: number, most: number): number {
  if (value < least || value > most) throw new ProtocolError(`${what} is ${value}; ${least} to ${most} are allowed`);
  return value;
}

const asFamily = (value: number): Family => within("family", value, 0, 1) as Family;
const asOperation = (value: number): Operation => within("operation", value, 1, 3) as Operation;

function asWords(frame: ByteReader, count: number): number[] {
  if (count !== 1 && count !== 4) throw new ProtocolError(`an address of ${count} words; 1 or 4 are allowed`);
  const result: number[] = [];
  for (let i = 0; i < count; i++) result.push(frame.u32());
  return result;
}

function asHop(frame: ByteReader): FibHop {
  const onlink = within("onlink", frame.u8(), 0, 1) === 1;
  const viaWords = frame.u8();
  const weight = within("weight", frame.u16(), 1, 256);
  const ifindex = within("ifindex", frame.u32(), 0, 0x7fffffff);
  return { via: viaWords === 0 ? null : asWords(frame, viaWords), ifindex, onlink, weight };
}

function asText(frame: ByteReader): string {
  const length = within("text length", frame.u16(), 0, MAX_TEXT_BYTES);
  return Buffer.from(frame.view(length)).toString("utf8");
}

/** An interface name as the kernel allows it: 1 to 15 octets without slash, colon, white space or control characters. */
function asName(frame: ByteReader): string {
  const name = asText(frame);
  if (!/^[!-.0-9;-~]{1,15}$/.test(name) || name === "." || name === "..")
    throw new ProtocolError(`${JSON.stringify(name)} is no interface name`);
  return name;
}

function asTarget(frame: ByteReader): KernelTarget {
  const kind = within("kind of target", frame.u8(), 1, 3);
  if (kind === 3) return { type: "object", nexthopId: within("nexthop id", frame.u32(), 1, 0xffffffff) };
  const count = within("number of hops", frame.u16(), 0, MAX_HOPS);
  if (kind === 2 && count > 0) throw new ProtocolError("a blackhole with next hops");
  if (kind === 1 && count === 0) throw new ProtocolError("a unicast target without next hops");
  const nextHops: FibHop[] = [];
  for (let i = 0; i < count; i++) nextHops.push(asHop(frame));
  return { type: kind === 1 ? "unicast" : "blackhole", nextHops };
}

/** Decodes one frame for the writer; the whole frame is checked before anything of it is acted on. */
export function decodeRequest(frame: ByteReader, to: WriterRequests): void {
  decode(frame, () => {
    const type = frame.u8();
    switch (type) {
      case FrameType.Hello: {
        const version = frame.u16();
        const table = within("table", frame.u32(), 1, 0xffffffff);
        const protocol = within("protocol", frame.u8(), 5, 255); // 0 to 4 are the kernel's and the operator's own
        const metric = frame.u32();
        return () => to.hello(version, { table, protocol, metric });
      }
      case FrameType.Target: {
        const id = within("target", frame.u32(), 1, MAX_TARGETS - 1);
        const target = asTarget(frame);
        return () => to.target(id, target);
      }
      case FrameType.ForgetTarget: {
        const id = within("target", frame.u32(), 1, MAX_TARGETS - 1);
        return () => to.forgetTarget(id);
      }
      case FrameType.Routes:
        return routes(frame, to);
      case FrameType.Nexthop: {
        const sequence = frame.u32();
        const operation = asOperation(frame.u8());
        const id = within("nexthop id", frame.u32(), 1, 0xffffffff);
        const object = asObject(frame);
        if ((operation === Operation.Delete) !== (object === null))
          throw new ProtocolError("a nexthop object is given exactly when it is created or replaced");
        return () => to.nexthop(sequence, operation, id, object);
      }
      case FrameType.Vxlan: {
        const sequence = frame.u32();
        const vni = within("VNI", frame.u32(), 1, 0xffffff);
        const port = within("port", frame.u16(), 1, 65535);
        const mtu = within("MTU", frame.u32(), 0, 65535);
        const hardwareAddress = frame.view(6).slice();
        const local = asWords(frame, frame.u8());
        const name = asName(frame);
        return () => to.vxlan(sequence, { name, vni, port, local, hardwareAddress, mtu });
      }
      case FrameType.LinkSetting: {
        const sequence = frame.u32();
        const ifindex = within("ifindex", frame.u32(), 1, 0x7fffffff);
        const mtu = within("MTU", frame.u32(), 0, 65535);
        const remove = within("remove", frame.u8(), 0, 1) === 1;
        return () => to.linkSetting(sequence, ifindex, mtu, remove);
      }
      case FrameType.Neighbour: {
        const sequence = frame.u32();
        const operation = asOperation(frame.u8());
        const ifindex = within("ifindex", frame.u32(), 1, 0x7fffffff);
        const hardwareAddress = frame.view(6).slice();
        const address = asWords(frame, frame.u8());
        return () => to.neighbour(sequence, operation, { ifindex, address, hardwareAddress });
      }
      case FrameType.AskStats:
        return () => to.askStats();
      default:
        throw new ProtocolError(`an unknown request ${type}`);
    }
  });
}

/** Checks every record of a frame of routes, then hands them over: no object per route. */
function routes(frame: ByteReader, to: WriterRequests): () => void {
  const first = frame.u32();
  const family = asFamily(frame.u8());
  const count = within("number of routes", frame.u16(), 1, MAX_ROUTES_PER_FRAME);
  const size = family === Family.Ipv4Unicast ? 10 : 22;
  const bits = family === Family.Ipv4Unicast ? 32 : 128;
  const start = frame.position;
  frame.view(count * size);
  const b = frame.bytes;
  const word = (at: number) => ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  for (let i = 0, at = start; i < count; i++, at += size) {
    const operation = asOperation(b[at]!);
    const length = within("prefix length", b[at + 1]!, 0, bits);
    const target = word(at + 2);
    if (operation === Operation.Delete) within("target of a delete", target, 0, 0);
    else within("target", target, 1, MAX_TARGETS - 1);
    for (let w = 0; w * 32 < bits; w++) {
      const covered = length - w * 32;
      const host = covered >= 32 ? 0 : covered <= 0 ? 0xffffffff : 0xffffffff >>> covered;
      if ((word(at + 6 + 4 * w) & host) !== 0) throw new ProtocolError("a prefix with bits set behind its length");
    }
  }
  return () => {
    for (let i = 0, at = start; i < count; i++, at += size) {
      const sequence = (first + i) >>> 0;
      const operation = b[at] as Operation;
      if (family === Family.Ipv4Unicast)
        to.route(sequence, family, operation, word(at + 6), 0, 0, 0, b[at + 1]!, word(at + 2));
      else
        to.route(
          sequence,
          family,
          operation,
          word(at + 6),
          word(at + 10),
          word(at + 14),
          word(at + 18),
          b[at + 1]!,
          word(at + 2),
        );
    }
    to.routesEnd();
  };
}

function asObject(frame: ByteReader): NexthopObject | null {
  const kind = within("kind of nexthop", frame.u8(), 0, 2);
  if (kind === 0) return null;
  if (kind === 1) {
    const gateway = asHop(frame);
    if (gateway.via === null) throw new ProtocolError("a nexthop object without a gateway");
    return { kind: "gateway", hop: gateway };
  }
  const count = within("number of members", frame.u16(), 1, MAX_HOPS);
  const members: { id: number; weight: number }[] = [];
  for (let i = 0; i < count; i++)
    members.push({
      id: within("nexthop id", frame.u32(), 1, 0xffffffff),
      weight: within("weight", frame.u16(), 1, 256),
    });
  return { kind: "group", members };
}

/** Decodes one frame for the speaker. */
export function decodeAnswer(frame: ByteReader, to: WriterAnswers): void {
  decode(frame, () => {
    const type = frame.u8();
    switch (type) {
      case FrameType.Welcome: {
        const version = frame.u16();
        const portId = frame.u32();
        const processId = frame.u32();
        return () => to.welcome(version, portId, processId);
      }
      case FrameType.Refused: {
        const errno = frame.u32();
        const why = asText(frame);
        return () => to.refused(errno, why);
      }
      case FrameType.Done: {
        const sequence = frame.u32();
        return () => to.done(sequence);
      }
      case FrameType.Failed: {
        const sequence = frame.u32();
        const errno = frame.u32();
        const why = asText(frame);
        return () => to.failed(sequence, errno, why);
      }
      case FrameType.Stats: {
        const values: number[] = [];
        for (let i = 0; i < 4; i++) values.push(frame.u32() * 0x100000000 + frame.u32());
        const [userCpuMicros, systemCpuMicros, records, sends] = values as [number, number, number, number];
        return () => to.stats({ userCpuMicros, systemCpuMicros, records, sends });
      }
      default:
        throw new ProtocolError(`an unknown answer ${type}`);
    }
  });
}

/** Reads a frame to its end, then acts; what is wrong with it becomes a ProtocolError. */
function decode(frame: ByteReader, read: () => () => void): void {
  let act: () => void;
  try {
    act = read();
  } catch (error) {
    if (error instanceof TruncatedError) throw new ProtocolError(`a frame that ends too early: ${error.message}`);
    throw error;
  }
  if (frame.length !== 0) throw new ProtocolError(`${frame.length} octets too many in a frame`);
  act();
}
