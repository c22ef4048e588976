import {
  type FibOs,
  type MarkClaim,
  MarkTaken,
  type NetlinkEventSocket,
  type NetlinkSocket,
  type WriterLink,
} from "../../src/kernel/os-port.ts";
import type { FibHop } from "../../src/kernel/records.ts";
import * as nl from "../../src/kernel/rtnetlink/constants.ts";
import { eachMessage, HEADER_BYTES, MessageBuffer, readU32 } from "../../src/kernel/rtnetlink/message.ts";
import { appendRoute, buildRouteImage, RouteView } from "../../src/kernel/rtnetlink/route.ts";
import { parsePrefix } from "../../src/lib/address.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Family } from "../../src/lib/family.ts";

/**
 * A small kernel that speaks rtnetlink: routes, links and dumps, with the habits that matter to a FIB writer. CREATE and
 * EXCL refuse a taken place; REPLACE takes it whoever owns it; a delete that names another protocol fails; IPv4 routes
 * leave with their link in silence; a full event queue loses events and says ENOBUFS.
 */
export interface ModelRoute {
  readonly family: Family;
  readonly words: readonly number[];
  readonly length: number;
  readonly table: number;
  readonly metric: number;
  readonly protocol: number;
  readonly type: number;
  readonly hops: readonly FibHop[];
}

export interface ModelLink {
  readonly ifindex: number;
  readonly name: string;
  up: boolean;
}

const placeOf = (route: Omit<ModelRoute, "protocol" | "type" | "hops">): string =>
  `${route.family} ${route.table} ${route.words.join(".")}/${route.length} ${route.metric}`;

const ENETDOWN = 100;

export class ModelKernel implements FibOs {
  readonly routes = new Map<string, ModelRoute>();
  readonly links = new Map<number, ModelLink>();
  readonly processId = 1;
  /** Events that a socket holds before it loses some. */
  eventCapacity = 1000;
  /** Route messages that were done, by kind of change. */
  readonly writes = { added: 0, replaced: 0, deleted: 0, refused: 0 };
  /** No writes are allowed (no CAP_NET_ADMIN). */
  denied = false;
  readonly #clock: Clock;
  readonly #sockets = new Set<ModelEvents>();
  #ports = 100;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.links.set(1, { ifindex: 1, name: "lo", up: true });
  }

  addLink(ifindex: number, name: string): void {
    this.links.set(ifindex, { ifindex, name, up: true });
    this.#linkEvent(nl.RTM_NEWLINK, this.links.get(ifindex)!);
  }

  /** As `ip link set`: first the event, then the silent death of IPv4 routes. */
  setLink(ifindex: number, up: boolean): void {
    const link = this.links.get(ifindex)!;
    link.up = up;
    this.#linkEvent(nl.RTM_NEWLINK, link);
    if (!up) this.#flush((hop) => hop.ifindex === ifindex, false);
  }

  removeLink(ifindex: number): void {
    const link = this.links.get(ifindex)!;
    this.links.delete(ifindex);
    link.up = false;
    this.#linkEvent(nl.RTM_DELLINK, link);
    this.#flush((hop) => hop.ifindex === ifindex, true);
  }

  #flush(on: (hop: FibHop) => boolean, any: boolean): void {
    for (const [place, route] of this.routes) {
      if (route.family === Family.Ipv6Unicast && route.hops.some(on)) {
        // hop by hop, each told as if it had been a route of its own
        const left = route.hops.filter((hop) => !on(hop));
        if (left.length === 0) this.routes.delete(place);
        else this.routes.set(place, { ...route, hops: left });
        for (const hop of route.hops.filter(on)) this.#routeEvent(nl.RTM_DELROUTE, 0, 0, { ...route, hops: [hop] });
        continue;
      }
      if (route.hops.length === 0 || !(any ? route.hops.some(on) : route.hops.every(on))) continue;
      this.routes.delete(place);
    }
  }

  /** Somebody adds a route; false if the place is taken and they didn't say replace. */
  outsiderAdds(prefix: string, protocol: number, metric: number, hops: readonly FibHop[], replace = false): boolean {
    const { family, words, length } = parsePrefix(prefix);
    const route = { family, words, length, table: 254, metric, protocol, type: hops.length === 0 ? 6 : 1, hops };
    const taken = this.routes.has(placeOf(route));
    if (taken && !replace) return false;
    this.routes.set(placeOf(route), route);
    this.#routeEvent(nl.RTM_NEWROUTE, replace && taken ? nl.NLM_F_REPLACE : nl.NLM_F_CREATE, 0, route);
    return true;
  }

  /** Somebody deletes whatever route is there. */
  outsiderDeletes(prefix: string, metric: number): void {
    const { family, words, length } = parsePrefix(prefix);
    const place = placeOf({ family, words, length, table: 254, metric });
    const route = this.routes.get(place);
    if (route === undefined) return;
    this.routes.delete(place);
    this.#routeEvent(nl.RTM_DELROUTE, 0, 0, route);
  }

  /** Somebody flushes the whole table, our routes too. */
  outsiderFlushes(): void {
    for (const [place, route] of this.routes) {
      this.routes.delete(place);
      this.#routeEvent(nl.RTM_DELROUTE, 0, 0, route);
    }
  }

  at(prefix: string, metric: number): ModelRoute | undefined {
    const { family, words, length } = parsePrefix(prefix);
    return this.routes.get(placeOf({ family, words, length, table: 254, metric }));
  }

  errorText(errno: number): string {
    return `errno ${errno}`;
  }

  cpuMicros(): { user: number; system: number } {
    return { user: 0, system: 0 };
  }

  /** What somebody has reserved. */
  readonly claimed = new Set<string>();

  claimMark(mark: string): MarkClaim {
    if (this.claimed.has(mark)) throw new MarkTaken(`another process in this network namespace already writes ${mark}`);
    this.claimed.add(mark);
    return { release: () => void this.claimed.delete(mark) };
  }

  startWriterProcess(): WriterLink {
    throw new Error("the model has no processes");
  }

  connectWriter(): WriterLink {
    throw new Error("the model has no processes");
  }

  openNetlink(): NetlinkSocket {
    return new ModelSocket(this, this.#ports++);
  }

  openNetlinkEvents(): NetlinkEventSocket {
    const socket = new ModelEvents(this, this.#ports++, this.#clock);
    this.#sockets.add(socket);
    return socket;
  }

  closed(socket: ModelSocket): void {
    this.#sockets.delete(socket as ModelEvents);
  }

  /** One request; what the kernel answers at once. */
  request(bytes: Uint8Array, length: number, portId: number): Uint8Array[] {
    const answers: Uint8Array[] = [];
    eachMessage(bytes, length, (type, flags, start, end) => {
      const sequence = readU32(bytes, start + 8);
      if (type === nl.RTM_GETROUTE) answers.push(...this.#dumpRoutes(bytes, start, end, sequence));
      else if (type === nl.RTM_GETLINK)
        answers.push(
          ...this.#pack(
            [...this.links.values()].map((link) => linkMessage(nl.RTM_NEWLINK, sequence, link)),
            sequence,
          ),
        );
      else if (type === nl.RTM_GETADDR) answers.push(...this.#pack([], sequence));
      else if (type === nl.RTM_NEWROUTE || type === nl.RTM_DELROUTE) {
        const errno = this.denied ? nl.EPERM : this.#change(type, flags, bytes, start, end, portId);
        if (errno === 0) return;
        this.writes.refused++;
        answers.push(errorMessage(sequence, errno, "said the model"));
      } else answers.push(errorMessage(sequence, 95, "")); // EOPNOTSUPP
    });
    return answers;
  }

  #change(type: number, flags: number, bytes: Uint8Array, start: number, end: number, portId: number): number {
    const view = new RouteView();
    view.parse(bytes, start, end);
    const hops = view.hops();
    const route: ModelRoute = {
      family: view.family,
      words: view.words,
      length: view.prefixLength,
      table: view.table,
      metric: view.metric,
      protocol: view.protocol,
      type: view.type,
      hops,
    };
    const place = placeOf(route);
    const old = this.routes.get(place);
    if (type === nl.RTM_DELROUTE) {
      if (old === undefined || (view.protocol !== 0 && old.protocol !== view.protocol)) return nl.ESRCH;
      this.routes.delete(place);
      this.writes.deleted++;
      this.#routeEvent(type, 0, portId, old);
      return 0;
    }
    for (const hop of hops) {
      const link = this.links.get(hop.ifindex);
      if (link === undefined) return nl.ENODEV;
      if (!link.up) return ENETDOWN;
    }
    if (old !== undefined && (flags & nl.NLM_F_REPLACE) === 0) return nl.EEXIST;
    if (old === undefined && (flags & nl.NLM_F_CREATE) === 0) return nl.ENOENT;
    this.routes.set(place, route);
    if (old === undefined) this.writes.added++;
    else this.writes.replaced++;
    this.#routeEvent(type, old === undefined ? nl.NLM_F_CREATE : nl.NLM_F_REPLACE, portId, route);
    return 0;
  }

  #dumpRoutes(bytes: Uint8Array, start: number, end: number, sequence: number): Uint8Array[] {
    const filter = new RouteView();
    filter.parse(bytes, start, end);
    const rows = [...this.routes.values()].filter(
      (route) =>
        route.family === filter.family &&
        route.table === filter.table &&
        (filter.protocol === 0 || route.protocol === filter.protocol) &&
        (filter.ifindex === 0 || route.hops.some((hop) => hop.ifindex === filter.ifindex)),
    );
    return this.#pack(
      rows.map((route) => routeMessage(nl.RTM_NEWROUTE, 0, sequence, 0, route)),
      sequence,
    );
  }

  /** Three rows a datagram, so that readings come in many pieces. */
  #pack(rows: Uint8Array[], sequence: number): Uint8Array[] {
    const datagrams: Uint8Array[] = [];
    const done = doneMessage(sequence);
    for (let i = 0; i < rows.length; i += 3) datagrams.push(Buffer.concat(rows.slice(i, i + 3)));
    datagrams.push(done);
    return datagrams;
  }

  #routeEvent(type: number, flags: number, portId: number, route: ModelRoute): void {
    for (const socket of this.#sockets)
      if (portId === 0 || socket.ignored !== portId) socket.hear(routeMessage(type, flags, 0, portId, route));
  }

  #linkEvent(type: number, link: ModelLink): void {
    for (const socket of this.#sockets) socket.hear(linkMessage(type, 0, link));
  }
}

class ModelSocket implements NetlinkSocket {
  readonly portId: number;
  readonly buffer = new Uint8Array(65536);
  protected readonly kernel: ModelKernel;
  protected readonly waiting: Uint8Array[] = [];

  constructor(kernel: ModelKernel, portId: number) {
    this.kernel = kernel;
    this.portId = portId;
  }

  send(buffer: Uint8Array, length: number): number {
    this.waiting.push(...this.kernel.request(buffer.slice(0, length), length, this.portId));
    return 0;
  }

  receive(): number {
    const next = this.waiting.shift();
    if (next === undefined) return 0;
    this.buffer.set(next);
    return next.length;
  }

  close(): void {
    this.kernel.closed(this);
  }
}

class ModelEvents extends ModelSocket implements NetlinkEventSocket {
  ignored = 0;
  readonly #clock: Clock;
  #listener: (() => void) | null = null;
  #overrun = false;
  #woken = false;

  constructor(kernel: ModelKernel, portId: number, clock: Clock) {
    super(kernel, portId);
    this.#clock = clock;
  }

  ignoreWriter(portId: number): void {
    this.ignored = portId;
  }

  hearNeighbours(): void {}

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  hear(message: Uint8Array): void {
    if (this.waiting.length >= this.kernel.eventCapacity) this.#overrun = true;
    else this.waiting.push(message);
    this.#wake();
  }

  override receive(): number {
    if (this.#overrun) {
      this.#overrun = false;
      return -nl.ENOBUFS;
    }
    return super.receive();
  }

  /** An event is heard a moment after it happened, as with a real socket. */
  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    this.#clock.setTimer(0.05, () => {
      this.#woken = false;
      this.#listener?.();
      if (this.waiting.length > 0) this.#wake();
    });
  }
}

function patched(out: MessageBuffer, flags: number, portId: number): Uint8Array {
  const bytes = out.bytes.slice(0, out.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(6, flags, true);
  view.setUint32(12, portId, true);
  return bytes;
}

function routeMessage(type: number, flags: number, sequence: number, portId: number, route: ModelRoute): Uint8Array {
  const out = new MessageBuffer(4096);
  const target = { type: route.type === 6 ? ("blackhole" as const) : ("unicast" as const), nextHops: route.hops };
  const image = buildRouteImage(route.family, route, target, new MessageBuffer(4096));
  const w = route.words;
  appendRoute(out, type, 0, sequence, route.family, w[0]!, w[1] ?? 0, w[2] ?? 0, w[3] ?? 0, route.length, image);
  return patched(out, flags, portId);
}

function linkMessage(type: number, sequence: number, link: ModelLink): Uint8Array {
  const out = new MessageBuffer(256);
  out.begin(type, 0, sequence);
  out.word(0);
  out.word(link.ifindex);
  out.word(link.up ? 0x10001 : 0); // IFF_UP | IFF_LOWER_UP
  out.word(0);
  out.attributeText(3, link.name);
  out.attributeU32(4, 1500);
  out.end();
  return patched(out, 0, 0);
}

function doneMessage(sequence: number): Uint8Array {
  const out = new MessageBuffer(64);
  out.begin(nl.NLMSG_DONE, 0, sequence);
  out.word(0);
  out.end();
  return patched(out, 0, 0);
}

function errorMessage(sequence: number, errno: number, text: string): Uint8Array {
  const out = new MessageBuffer(256);
  out.begin(nl.NLMSG_ERROR, 0, sequence);
  out.word(-errno >>> 0);
  for (let i = 0; i < HEADER_BYTES; i += 4) out.word(i === 0 ? HEADER_BYTES : 0); // the request's header, capped
  if (text !== "") out.attributeText(nl.NLMSGERR_ATTR_MSG, text);
  out.end();
  return patched(out, nl.NLM_F_CAPPED | (text === "" ? 0 : nl.NLM_F_ACK_TLVS), 0);
}
