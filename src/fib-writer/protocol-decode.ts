import { type FibHop, type NexthopObject, Operation } from "../kernel/records.ts";
import type { KernelTarget } from "../kernel/rtnetlink/route.ts";
import { type ByteReader, TruncatedError, wordAt } from "../lib/bytes.ts";
import { Family } from "../lib/family.ts";
import {
  FrameType,
  MAX_HOPS,
  MAX_ROUTES_PER_FRAME,
  MAX_TARGETS,
  MAX_TEXT_BYTES,
  ProtocolError,
  type WriterAnswers,
  type WriterRequests,
} from "./protocol.ts";

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
        const ifindex = within("ifindex", frame.u32(), 0, 0x7fffffff);
        const vni = within("VNI", frame.u32(), 1, 0xffffff);
        const port = within("port", frame.u16(), 1, 65535);
        const mtu = within("MTU", frame.u32(), 0, 65535);
        const hardwareAddress = frame.view(6).slice();
        const local = asWords(frame, frame.u8());
        const name = asName(frame);
        return () => to.vxlan(sequence, { ifindex, name, vni, port, local, hardwareAddress, mtu });
      }
      case FrameType.VxlanChange: {
        const sequence = frame.u32();
        const ifindex = within("ifindex", frame.u32(), 1, 0x7fffffff);
        const hardwareAddress = within("whether there is a MAC", frame.u8(), 0, 1) === 1 ? frame.view(6).slice() : null;
        const count = frame.u8();
        const local = count === 0 ? null : asWords(frame, count);
        const alias = asText(frame);
        return () => to.vxlanChange(sequence, { ifindex, local, hardwareAddress, alias });
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
  for (let i = 0, at = start; i < count; i++, at += size) {
    const operation = asOperation(b[at]!);
    const length = within("prefix length", b[at + 1]!, 0, bits);
    const target = wordAt(b, at + 2);
    within("target", target, operation === Operation.Delete ? 0 : 1, MAX_TARGETS - 1);
    for (let w = 0; w * 32 < bits; w++) {
      const covered = length - w * 32;
      const host = covered >= 32 ? 0 : covered <= 0 ? 0xffffffff : 0xffffffff >>> covered;
      if ((wordAt(b, at + 6 + 4 * w) & host) !== 0) throw new ProtocolError("a prefix with bits set behind its length");
    }
  }
  return () => {
    for (let i = 0, at = start; i < count; i++, at += size) {
      const sequence = (first + i) >>> 0;
      const operation = b[at] as Operation;
      if (family === Family.Ipv4Unicast)
        to.route(sequence, family, operation, wordAt(b, at + 6), 0, 0, 0, b[at + 1]!, wordAt(b, at + 2));
      else
        to.route(
          sequence,
          family,
          operation,
          wordAt(b, at + 6),
          wordAt(b, at + 10),
          wordAt(b, at + 14),
          wordAt(b, at + 18),
          b[at + 1]!,
          wordAt(b, at + 2),
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
