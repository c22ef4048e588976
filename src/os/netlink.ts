import type { NetlinkEventSocket, NetlinkSocket } from "../kernel/os-port.ts";
import type { Libc } from "./libc.ts";
import { SO_ATTACH_FILTER, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET } from "./socket-numbers.ts";

/**
 * Netlink sockets: the only place that knows their system calls. Everything is non-blocking. To hear events without a
 * timer, one poll() sleeps in a pool thread of libuv on the socket and on an eventfd that ends the sleep on close, and when the
 * process exits in a hurry: it would wait for the sleeping thread.
 */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const NO_TIMEOUT = -1;

const SO_RCVBUF = 8;
const SO_DETACH_FILTER = 27;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** RTNLGRP_*: link, IPv4 address, IPv6 address. */
const LINK_GROUPS = [1, 5, 9];
/** RTNLGRP_*: IPv4 route, IPv6 route, nexthop. */
const ROUTE_GROUPS = [7, 11, 32];

/** RTNLGRP_NEIGH: ARP, neighbour discovery and forwarding tables; busy, so only joined when asked for. */
const NEIGHBOUR_GROUP = 3;

/** What the kernel fills at most in one datagram of a dump, with room to spare. */
const RECEIVE_BYTES = 65536;
const EVENT_QUEUE_BYTES = 8 << 20;

const EAGAIN = 11;
const EINTR = 4;

export class RouteNetlinkSocket implements NetlinkSocket {
  readonly portId: number;
  readonly buffer: Uint8Array = new Uint8Array(RECEIVE_BYTES);
  protected readonly libc: Libc;
  protected readonly fd: number;
  protected closed = false;

  /** @throws Error with one sentence. */
  constructor(libc: Libc) {
    this.libc = libc;
    this.fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (this.fd < 0) throw new Error(`Cannot open a route netlink socket: ${libc.strerror(libc.errno())}`);
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    if (libc.bind(this.fd, address, 12) < 0) this.#fail("bind a route netlink socket");
    const size = new Uint8Array(4);
    size[0] = 12;
    if (libc.getsockname(this.fd, address, size) < 0) this.#fail("read the port id of a route netlink socket");
    this.portId = view.getUint32(4, true);
    this.option(SOL_NETLINK, NETLINK_CAP_ACK, 1); // an error does not echo our request
    this.option(SOL_NETLINK, NETLINK_EXT_ACK, 1); // and carries the kernel's own text
    this.option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1); // dumps are filtered inside the kernel
    this.option(SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20);
  }

  send(buffer: Uint8Array, length: number): number {
    if (this.closed) return 9; // EBADF
    for (;;) {
      if (this.libc.send(this.fd, buffer, length, 0) >= 0) return 0;
      const errno = this.libc.errno();
      if (errno !== EINTR) return errno;
    }
  }

  receive(): number {
    if (this.closed) return 0;
    for (;;) {
      const count = this.libc.recv(this.fd, this.buffer, RECEIVE_BYTES, MSG_DONTWAIT);
      if (count >= 0) return count;
      const errno = this.libc.errno();
      if (errno === EAGAIN) return 0;
      if (errno !== EINTR) return -errno;
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.libc.close(this.fd);
  }

  /** Sets an int option; older kernels and missing privileges may refuse, which is why the answer is only returned. */
  protected option(level: number, name: number, value: number): boolean {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    return this.libc.setsockopt(this.fd, level, name, bytes, 4) === 0;
  }

  /** Classic BPF in the kernel: what it drops takes no room in our queue. False: the kernel refused it. */
  protected attachFilter(program: readonly BpfInstruction[]): boolean {
    const code = new Uint8Array(program.length * 8);
    const view = new DataView(code.buffer);
    program.forEach(([op, ifTrue, ifFalse, k], i) => {
      view.setUint16(i * 8, op, true);
      view.setUint8(i * 8 + 2, ifTrue);
      view.setUint8(i * 8 + 3, ifFalse);
      view.setUint32(i * 8 + 4, k, true);
    });
    const header = new Uint8Array(16); // struct sock_fprog: length, padding, pointer
    const headerView = new DataView(header.buffer);
    headerView.setUint16(0, program.length, true);
    headerView.setBigUint64(8, this.libc.address(code), true);
    return this.libc.setsockopt(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, header, 16) === 0;
  }

  #fail(what: string): never {
    const text = this.libc.strerror(this.libc.errno());
    this.libc.close(this.fd);
    throw new Error(`Cannot ${what}: ${text}`);
  }
}

/** struct sock_filter. */
export type BpfInstruction = [code: number, ifTrue: number, ifFalse: number, k: number];

export class RouteNetlinkEvents extends RouteNetlinkSocket implements NetlinkEventSocket {
  readonly #wake: number;
  readonly #entries = new Uint8Array(16); // two struct pollfd
  #listener: (() => void) | null = null;
  readonly #atExit = () => this.#endSleep();

  /** @throws Error with one sentence. */
  constructor(libc: Libc, routes = true) {
    super(libc);
    this.#wake = libc.eventfd(0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!this.option(SOL_SOCKET, SO_RCVBUFFORCE, EVENT_QUEUE_BYTES))
      this.option(SOL_SOCKET, SO_RCVBUF, EVENT_QUEUE_BYTES); // without CAP_NET_ADMIN: as much as rmem_max allows
    for (const group of routes ? [...LINK_GROUPS, ...ROUTE_GROUPS] : LINK_GROUPS)
      this.option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    const view = new DataView(this.#entries.buffer);
    view.setInt32(0, this.fd, true);
    view.setInt16(4, POLLIN, true);
    view.setInt32(8, this.#wake, true);
    view.setInt16(12, POLLIN, true);
  }

  hearNeighbours(): void {
    this.option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NEIGHBOUR_GROUP);
  }

  onReadable(listener: () => void): void {
    const armed = this.#listener !== null;
    this.#listener = listener;
    if (armed) return;
    process.once("exit", this.#atExit);
    this.#sleep();
  }

  /**
   * Classic BPF on nlmsghdr: a route or nexthop message (type 24, 25, 104, 105) whose nlmsg_pid is the writer's is
   * dropped before it takes room in our queue. Not by protocol: a stranger's `ip route del` of our route carries our
   * protocol too, and must be heard. BPF loads are big-endian, netlink is not: the constants are swapped.
   */
  ignoreWriter(portId: number): void {
    if (portId === 0) {
      this.option(SOL_SOCKET, SO_DETACH_FILTER, 0);
      return;
    }
    const swap16 = (value: number) => ((value & 0xff) << 8) | (value >>> 8);
    const swap32 = (value: number) =>
      ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
    const LOAD_WORD = 0x20;
    const LOAD_HALF = 0x28;
    const JUMP_EQUAL = 0x15;
    const RETURN = 0x06;
    const program: BpfInstruction[] = [
      [LOAD_WORD, 0, 0, 12], // nlmsg_pid
      [JUMP_EQUAL, 0, 5, swap32(portId)],
      [LOAD_HALF, 0, 0, 4], // nlmsg_type
      [JUMP_EQUAL, 4, 0, swap16(24)],
      [JUMP_EQUAL, 3, 0, swap16(25)],
      [JUMP_EQUAL, 2, 0, swap16(104)],
      [JUMP_EQUAL, 1, 0, swap16(105)],
      [RETURN, 0, 0, 0xffffffff],
      [RETURN, 0, 0, 0],
    ];
    this.attachFilter(program);
  }

  override close(): void {
    if (this.closed) return;
    if (this.#listener === null) {
      super.close();
      this.libc.close(this.#wake);
      return;
    }
    this.closed = true; // the sleeping thread still uses both descriptors: they are closed when it wakes
    process.off("exit", this.#atExit);
    this.#endSleep();
  }

  #endSleep(): void {
    const one = new Uint8Array(8);
    one[0] = 1;
    this.libc.write(this.#wake, one, 8);
  }

  #sleep(): void {
    this.libc.poll.async(this.#entries, 2, NO_TIMEOUT, () => {
      if (this.closed) {
        this.libc.close(this.fd);
        this.libc.close(this.#wake);
        return;
      }
      const revents = (this.#entries[6]! | (this.#entries[7]! << 8)) >>> 0;
      if (revents !== 0) this.#listener!();
      if (this.closed) {
        this.libc.close(this.fd);
        this.libc.close(this.#wake);
      } else this.#sleep();
    });
  }
}
