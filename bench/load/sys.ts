import koffi from "koffi";

/**
 * The few system calls that the generator lives on: non-blocking TCP sockets and epoll, called directly so that a read costs little more
 * than the kernel's own share and lands in memory that is kept. (Node's own sockets cost several microseconds an event, which at a
 * hundred thousand small reads a second makes the generator slower than the daemons that it measures.)
 */
export interface Sys {
  /** A non-blocking TCP socket, bound to `local` (any port); TCP_NODELAY set. */
  tcp(local: Address, receiveBuffer: number): number;
  /** Starts connecting; the answer arrives as EPOLLOUT or EPOLLERR. */
  connect(fd: number, remote: Address, port: number): void;
  /** The pending error of a socket (0 = none), cleared by reading it. */
  takeError(fd: number): number;
  /** Octets taken by the kernel; -1 when it takes none now. @throws Error when the connection is broken. */
  send(fd: number, bytes: Uint8Array): number;
  /** Octets read into `into`; 0 at the end of the stream, -1 when nothing is there; a reset counts as the end. */
  receive(fd: number, into: Uint8Array): number;
  close(fd: number): void;
  /** Adds, changes or (with `events` 0) forgets what epoll reports for `fd`, tagged with `tag`. */
  watch(fd: number, tag: number, events: number, change: boolean): void;
  /** Waits up to `timeoutMs`; calls `on` for each event. */
  poll(timeoutMs: number, on: (tag: number, events: number) => void): number;
}

/** 4 or 16 octets. */
export type Address = Uint8Array;

export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_NONBLOCK = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const [SO_ERROR, SO_RCVBUF] = [4, 8];
const [IPPROTO_TCP, TCP_NODELAY] = [6, 1];
const [EAGAIN, EINTR, ECONNRESET, EINPROGRESS] = [11, 4, 104, 115];
const MAX_EVENTS = 1024;

export function openSys(): Sys {
  const libc = koffi.load("libc.so.6");
  const call = {
    socket: libc.func("int socket(int, int, int)"),
    bind: libc.func("int bind(int, void *, uint32_t)"),
    connect: libc.func("int connect(int, void *, uint32_t)"),
    send: libc.func("int64_t send(int, void *, size_t, int)"),
    recv: libc.func("int64_t recv(int, void *, size_t, int)"),
    setsockopt: libc.func("int setsockopt(int, int, int, void *, uint32_t)"),
    getsockopt: libc.func("int getsockopt(int, int, int, void *, void *)"),
    close: libc.func("int close(int)"),
    epollCreate: libc.func("int epoll_create1(int)"),
    epollCtl: libc.func("int epoll_ctl(int, int, int, void *)"),
    epollWait: libc.func("int epoll_wait(int, void *, int, int)"),
  };
  const check = (result: number, what: string): number => {
    if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
    return result;
  };
  const int = (value: number) => new Uint8Array(Int32Array.of(value).buffer);
  const epoll = check(call.epollCreate(0), "epoll_create1");
  // struct epoll_event is packed on x86-64 alone: u32 events, then u64 data.
  const [stride, dataAt] = process.arch === "x64" ? [12, 4] : [16, 8];
  const one = new DataView(new ArrayBuffer(16));
  const oneBytes = new Uint8Array(one.buffer);
  const events = new DataView(new ArrayBuffer(stride * MAX_EVENTS));
  const eventBytes = new Uint8Array(events.buffer);

  return {
    tcp(local, receiveBuffer) {
      const fd = check(call.socket(local.length === 4 ? AF_INET : AF_INET6, SOCK_STREAM_NONBLOCK, 0), "socket");
      check(call.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, int(1), 4), "TCP_NODELAY");
      if (receiveBuffer > 0) check(call.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, int(receiveBuffer), 4), "SO_RCVBUF");
      const name = sockaddr(local, 0);
      check(call.bind(fd, name, name.length), "bind");
      return fd;
    },
    connect(fd, remote, port) {
      const name = sockaddr(remote, port);
      if (call.connect(fd, name, name.length) < 0 && koffi.errno() !== EINPROGRESS) check(-1, "connect");
    },
    takeError(fd) {
      const value = new Int32Array(1);
      check(call.getsockopt(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(value.buffer), int(4)), "SO_ERROR");
      return value[0]!;
    },
    send(fd, bytes) {
      const sent = Number(call.send(fd, bytes, bytes.length, 0x4000)); // MSG_NOSIGNAL
      if (sent >= 0) return sent;
      const errno = koffi.errno();
      if (errno === EAGAIN || errno === EINTR) return -1;
      throw new Error(`send: errno ${errno}`);
    },
    receive(fd, into) {
      const got = Number(call.recv(fd, into, into.length, 0));
      if (got >= 0) return got;
      const errno = koffi.errno();
      if (errno === EAGAIN || errno === EINTR) return -1;
      if (errno === ECONNRESET) return 0;
      throw new Error(`recv: errno ${errno}`);
    },
    close: (fd) => void call.close(fd),
    watch(fd, tag, wanted, change) {
      one.setUint32(0, wanted, true);
      one.setUint32(dataAt, tag, true);
      check(call.epollCtl(epoll, wanted === 0 ? 2 : change ? 3 : 1, fd, oneBytes), "epoll_ctl");
    },
    poll(timeoutMs, on) {
      const count = call.epollWait(epoll, eventBytes, MAX_EVENTS, Math.max(0, Math.ceil(timeoutMs)));
      for (let i = 0; i < count; i++)
        on(events.getUint32(i * stride + dataAt, true), events.getUint32(i * stride, true));
      return Math.max(0, count);
    },
  };
}

/** struct sockaddr_in or sockaddr_in6. */
function sockaddr(address: Address, port: number): Uint8Array {
  const v4 = address.length === 4;
  const view = new DataView(new ArrayBuffer(v4 ? 16 : 28));
  view.setUint16(0, v4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(address, v4 ? 4 : 8);
  return bytes;
}
