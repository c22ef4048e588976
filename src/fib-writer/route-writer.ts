import { type MarkClaim, MarkTaken, type NetlinkSocket } from "../kernel/os-port.ts";
import {
  type NexthopObject,
  Operation,
  type RemoteVtep,
  type VxlanChange,
  type VxlanDevice,
  type WriterStats,
} from "../kernel/records.ts";
import { answerErrno, answerSequence, answerText } from "../kernel/rtnetlink/answer.ts";
import * as nl from "../kernel/rtnetlink/constants.ts";
import { eachMessage, MessageBuffer } from "../kernel/rtnetlink/message.ts";
import { appendNexthop, appendNexthopDelete } from "../kernel/rtnetlink/nexthop.ts";
import {
  appendRoute,
  buildDeleteImage,
  buildRouteImage,
  type KernelTarget,
  type RouteImage,
  type RouteScope,
  routeMessageBytes,
} from "../kernel/rtnetlink/route.ts";
import {
  appendLinkDelete,
  appendLinkUp,
  appendRemote,
  appendRemoteDelete,
  appendVxlanChange,
  appendVxlanCreate,
} from "../kernel/rtnetlink/tunnel.ts";
import type { Family } from "../lib/family.ts";
import { PROTOCOL_VERSION, type WriterAnswers, type WriterRequests } from "./protocol.ts";

/** Messages in one send: more gains nothing and blocks the thread longer (64 routes take about 0.3 ms). */
const BATCH = 64;
const BATCH_BYTES = 65536;

/** What the writer needs from the process that it lives in. */
export interface WriterHost {
  /** @throws Error with one sentence. */
  openNetlink(): NetlinkSocket;
  /** As `FibOs.claimMark`. */
  claimMark(mark: string): MarkClaim;
  readonly processId: number;
  cpuMicros(): { readonly user: number; readonly system: number };
}

/**
 * The half that touches the kernel. It remembers no route: it turns each record into one rtnetlink message, 64 to a
 * send, and reads back the errors, which the kernel has ready when send() returns; no acknowledgement is asked for, so
 * silence is success. Whoever sends the records knows what the kernel holds.
 *
 * Safe by construction: a create is CREATE|EXCL, so it never displaces a route; a delete names protocol, table and
 * metric, and with a target its hops as well; a replace is asked for by the speaker only where it holds the prefix (REPLACE matches any owner).
 * Two writers of one mark would take each other's routes for leftovers: the second is refused, and so is one that uses nexthop
 * objects of a protocol whose objects another one writes (those bear no metric).
 */
export class RouteWriter implements WriterRequests {
  readonly #host: WriterHost;
  readonly #answers: WriterAnswers;
  readonly #batch = new MessageBuffer(BATCH_BYTES);
  readonly #scratch = new MessageBuffer(16384);
  #socket: NetlinkSocket | null = null;
  #claim: MarkClaim | null = null;
  #objectsClaim: MarkClaim | null = null;
  #scope: RouteScope = { table: 0, protocol: 0, metric: 0 };
  #delete: RouteImage | null = null;
  readonly #targets = new Map<number, { target: KernelTarget; images: (RouteImage | null)[] }>();
  /** Sequence numbers in the batch are consecutive up to this one. */
  #last = 0;
  #firstInBatch = 0;
  #records = 0;
  #sends = 0;

  constructor(host: WriterHost, answers: WriterAnswers) {
    this.#host = host;
    this.#answers = answers;
  }

  hello(version: number, scope: RouteScope): void {
    if (version !== PROTOCOL_VERSION) {
      this.#answers.refused(0, `the writer speaks version ${PROTOCOL_VERSION} of the protocol, not ${version}`);
      return;
    }
    if (this.#socket !== null) {
      this.#answers.refused(0, "a second hello");
      return;
    }
    const { table, protocol, metric } = scope;
    try {
      this.#claim = this.#host.claimMark(`routes of table ${table}, protocol ${protocol}, metric ${metric}`);
      this.#socket = this.#host.openNetlink();
    } catch (error) {
      this.close();
      this.#answers.refused(error instanceof MarkTaken ? nl.EADDRINUSE : 0, (error as Error).message);
      return;
    }
    this.#scope = scope;
    this.#delete = buildDeleteImage(scope, this.#scratch);
    this.#answers.welcome(PROTOCOL_VERSION, this.#socket.portId, this.#host.processId);
  }

  target(id: number, target: KernelTarget): void {
    this.#targets.set(id, { target, images: [null, null] });
  }

  forgetTarget(id: number): void {
    this.#targets.delete(id);
  }

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
  ): void {
    const image = target === 0 ? this.#delete : this.#image(target, family);
    if (image === null) {
      this.#flush();
      this.#answers.failed(sequence, nl.ENOENT, "the writer was not told of this target");
      this.#last = sequence;
      return;
    }
    if (this.#batch.count >= BATCH || this.#batch.room < routeMessageBytes(image)) this.#flush();
    if (this.#batch.count === 0) this.#firstInBatch = sequence;
    const type = operation === Operation.Delete ? nl.RTM_DELROUTE : nl.RTM_NEWROUTE;
    const flags =
      operation === Operation.Create
        ? nl.NLM_F_CREATE | nl.NLM_F_EXCL
        : operation === Operation.Replace
          ? nl.NLM_F_REPLACE
          : 0;
    appendRoute(this.#batch, type, flags, sequence, family, w0, w1, w2, w3, length, image);
    this.#last = sequence;
    this.#records++;
  }

  routesEnd(): void {
    this.#flush();
    this.#answers.done(this.#last);
  }

  nexthop(sequence: number, operation: Operation, id: number, object: NexthopObject | null): void {
    try {
      this.#objectsClaim ??= this.#host.claimMark(`nexthop objects of protocol ${this.#scope.protocol}`);
    } catch (error) {
      this.#flush();
      this.#answers.failed(sequence, nl.EADDRINUSE, (error as Error).message);
      this.#answers.done(sequence);
      this.#last = sequence;
      return;
    }
    this.#single(sequence, () => {
      if (object === null) appendNexthopDelete(this.#batch, sequence, id);
      else {
        const flags =
          operation === Operation.Create ? nl.NLM_F_CREATE | nl.NLM_F_EXCL : nl.NLM_F_CREATE | nl.NLM_F_REPLACE;
        appendNexthop(this.#batch, flags, sequence, this.#scope.protocol, id, object);
      }
    });
  }

  vxlan(sequence: number, device: VxlanDevice): void {
    this.#single(sequence, () => appendVxlanCreate(this.#batch, sequence, device));
  }

  vxlanChange(sequence: number, change: VxlanChange): void {
    this.#single(sequence, () => appendVxlanChange(this.#batch, sequence, change));
  }

  linkSetting(sequence: number, ifindex: number, mtu: number, remove: boolean): void {
    this.#single(sequence, () => {
      if (remove) appendLinkDelete(this.#batch, sequence, ifindex);
      else appendLinkUp(this.#batch, sequence, ifindex, mtu);
    });
  }

  neighbour(sequence: number, operation: Operation, remote: RemoteVtep): void {
    this.#single(sequence, () => {
      if (operation === Operation.Delete) appendRemoteDelete(this.#batch, sequence, remote);
      else appendRemote(this.#batch, sequence, remote);
    });
  }

  askStats(): void {
    this.#answers.stats(this.stats());
  }

  stats(): WriterStats {
    const cpu = this.#host.cpuMicros();
    return { userCpuMicros: cpu.user, systemCpuMicros: cpu.system, records: this.#records, sends: this.#sends };
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#claim?.release();
    this.#objectsClaim?.release();
    this.#claim = this.#objectsClaim = null;
  }

  #single(sequence: number, append: () => void): void {
    this.#flush();
    this.#firstInBatch = sequence;
    append();
    this.#last = sequence;
    this.#records++;
    this.#flush();
    this.#answers.done(sequence);
  }

  #image(id: number, family: Family): RouteImage | null {
    const entry = this.#targets.get(id);
    if (entry === undefined) return null;
    entry.images[family] ??= buildRouteImage(family, this.#scope, entry.target, this.#scratch);
    return entry.images[family]!;
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch.count === 0) return;
    const errno = this.#socket === null ? nl.EPERM : this.#socket.send(batch.bytes, batch.length);
    this.#sends++;
    batch.clear();
    if (errno !== 0) {
      for (let sequence = this.#firstInBatch; ; sequence = (sequence + 1) >>> 0) {
        this.#answers.failed(sequence, errno, "");
        if (sequence === this.#last) return;
      }
    }
    const socket = this.#socket!;
    let answered = -1;
    for (;;) {
      const length = socket.receive();
      if (length <= 0) return;
      eachMessage(socket.buffer, length, (type, flags, start, end) => {
        if (type !== nl.NLMSG_ERROR) return;
        const error = answerErrno(socket.buffer, start);
        const sequence = answerSequence(socket.buffer, start);
        // of two messages with one number (neighbour and FDB entry) the first failure speaks for both
        if (error === 0 || sequence === answered) return;
        answered = sequence;
        this.#answers.failed(sequence, error, answerText(socket.buffer, flags, start, end));
      });
    }
  }
}
