import { readFileSync } from "node:fs";
import { type MarkClaim, MarkTaken } from "../kernel/os-port.ts";
import type { Libc } from "./libc.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } from "./socket-numbers.ts";

/**
 * Who writes kernel routes of one mark in one network namespace, said by a unix socket in the abstract namespace: the
 * kernel keeps those apart by network namespace, as it does routes, and gives the name back when its holder ends, however
 * it ends. Nothing is ever sent over it.
 */
const SO_PEERCRED = 17;
const EADDRINUSE = 98;
const CAP_NET_ADMIN = 1n << 12n;
/** Whose process isn't seen from here has this number: it lives in another PID namespace. */
const UNSEEN = 0;

/** @throws MarkTaken, or Error with one sentence. */
export function claimMark(libc: Libc, mark: string): MarkClaim {
  const address = abstractAddress(`peerage ${mark}`);
  const fd = openSocket(libc);
  if (libc.bind(fd, address, address.length) === 0 && libc.listen(fd, 1) === 0)
    return { release: () => void libc.close(fd) };
  const errno = libc.errno();
  libc.close(fd);
  if (errno !== EADDRINUSE)
    throw new Error(`Cannot reserve ${mark} in this network namespace: ${libc.strerror(errno)}`);
  const holder = holderOf(libc, address);
  // Anybody may take the name. Who can't change routes doesn't keep us from it.
  if (holder !== null && !mayWriteRoutes(holder)) return { release: () => {} };
  const who = holder === null || holder.pid === UNSEEN ? "another process" : `process ${holder.pid}`;
  throw new MarkTaken(`${who} in this network namespace already writes ${mark}`);
}

const openSocket = (libc: Libc): number => {
  const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new Error(`Cannot open a unix socket: ${libc.strerror(libc.errno())}`);
  return fd;
};

/** struct sockaddr_un whose path begins with a zero. */
function abstractAddress(name: string): Uint8Array {
  const text = Buffer.from(name, "latin1");
  const address = new Uint8Array(3 + text.length);
  address[0] = AF_UNIX;
  address.set(text, 3);
  return address;
}

interface Holder {
  readonly pid: number;
  readonly uid: number;
}

/** Who has the name; null: it can't be asked (it may have ended this moment, or its queue is full). */
function holderOf(libc: Libc, address: Uint8Array): Holder | null {
  const fd = openSocket(libc);
  try {
    if (libc.connect(fd, address, address.length) !== 0) return null;
    const credentials = new Uint8Array(12);
    const size = new Uint8Array([12, 0, 0, 0]);
    if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, size) !== 0) return null;
    const view = new DataView(credentials.buffer);
    return { pid: view.getInt32(0, true), uid: view.getUint32(4, true) };
  } finally {
    libc.close(fd);
  }
}

/** Whether a process may change routes, as its status says; where that can't be read, whether it is root or what we are. */
function mayWriteRoutes({ pid, uid }: Holder): boolean {
  try {
    const effective = readFileSync(`/proc/${pid}/status`, "utf8").match(/^CapEff:\s+([0-9a-f]+)/m)![1]!;
    return (BigInt(`0x${effective}`) & CAP_NET_ADMIN) !== 0n;
  } catch {
    return uid === 0 || uid === process.geteuid!();
  }
}
