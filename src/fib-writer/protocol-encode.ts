import type {
  FibHop,
  NexthopObject,
  Operation,
  RemoteVtep,
  VxlanChange,
  VxlanDevice,
  WriterStats,
} from "../kernel/records.ts";
import type { KernelTarget, RouteScope } from "../kernel/rtnetlink/route.ts";
import { ByteWriter } from "../lib/bytes.ts";
import { Family } from "../lib/family.ts";
import { FrameType, MAX_TEXT_BYTES, PROTOCOL_VERSION, type WriterAnswers } from "./protocol.ts";

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
    out.u32(device.ifindex);
    out.u32(device.vni);
    out.u16(device.port);
    out.u32(device.mtu);
    out.raw(device.hardwareAddress);
    out.u8(device.local.length);
    words(out, device.local);
    text(out, device.name);
    this.end();
  }

  vxlanChange(sequence: number, { ifindex, local, hardwareAddress, alias }: VxlanChange): void {
    const out = this.begin(FrameType.VxlanChange);
    out.u32(sequence);
    out.u32(ifindex);
    out.u8(hardwareAddress === null ? 0 : 1);
    if (hardwareAddress !== null) out.raw(hardwareAddress);
    out.u8(local?.length ?? 0);
    if (local !== null) words(out, local);
    text(out, alias);
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
