import { parsePrefix, tryParseAddress } from "../lib/address.ts";
import { SocketOptionError, type SocketOptions } from "../session/transport.ts";
import type { Libc } from "./libc.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "./socket-numbers.ts";

/**
 * The options that Node has no name for, set on a file descriptor by the C library: TTL and GTSM (RFC 5082), TCP MD5 (RFC 2385),
 * type of service. Numbers are Linux's (asm-generic).
 */
const TCP_MD5SIG = 14;
const TCP_MD5SIG_EXT = 32;
/** The key is for a whole prefix (TCP_MD5SIG_EXT). */
const TCP_MD5SIG_FLAG_PREFIX = 1;
const ENOENT = 2;
const ENOMEM = 12;

/** Level and name of an option, by family. */
const option = {
  ttl: { 4: [IPPROTO_IP, 2], 6: [IPPROTO_IPV6, 16] },
  minTtl: { 4: [IPPROTO_IP, 21], 6: [IPPROTO_IPV6, 73] },
  tos: { 4: [IPPROTO_IP, 1], 6: [IPPROTO_IPV6, 67] },
} as const;
const words = {
  ttl: "the TTL",
  minTtl: "the lowest TTL (GTSM)",
  tos: "the type of service",
} as const;

export type IpVersion = 4 | 6;

export const ipVersionOf = (address: string): IpVersion => (address.includes(":") ? 6 : 4);

/** Whether any of these has to be set before the first packet leaves. */
export const needsOwnSocket = (options: SocketOptions): boolean =>
  options.ttl !== undefined || options.minTtl !== undefined || options.md5Key instanceof Uint8Array;

export const isEmpty = (options: SocketOptions): boolean =>
  !needsOwnSocket(options) && options.tos === undefined && options.md5Key === undefined;

/** A fresh TCP socket's file descriptor. @throws SocketOptionError */
export function openSocket(libc: Libc, version: IpVersion): number {
  const fd = libc.socket(version === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SocketOptionError(`Cannot open a TCP socket: ${libc.strerror(libc.errno())}.`);
  return fd;
}

/** Sets all that is asked for; the MD5 key is for `remoteAddress`. @throws SocketOptionError */
export function setOptions(libc: Libc, fd: number, remoteAddress: string, options: SocketOptions): void {
  const version = ipVersionOf(remoteAddress);
  // The key first: without it nothing may leave.
  if (options.md5Key !== undefined) setMd5Key(libc, fd, remoteAddress, options.md5Key);
  if (options.ttl !== undefined) setNumber(libc, fd, version, "ttl", options.ttl);
  if (options.minTtl !== undefined) setNumber(libc, fd, version, "minTtl", options.minTtl);
  if (options.tos === undefined) return;
  try {
    setNumber(libc, fd, version, "tos", options.tos);
  } catch {
    // best effort: no session fails for its priority
  }
}

export function setNumber(libc: Libc, fd: number, version: IpVersion, name: keyof typeof option, value: number): void {
  const [level, number] = option[name][version];
  const bytes = new Uint8Array(new Int32Array([value]).buffer);
  if (libc.setsockopt(fd, level, number, bytes, bytes.length) !== 0)
    throw new SocketOptionError(
      `Cannot set ${words[name]} of a connection to ${value}: ${libc.strerror(libc.errno())}.`,
    );
}

/**
 * Sets the key that packets from and to an address or prefix are signed with; null removes it (and it is no error if there was none).
 * @throws SocketOptionError
 */
export function setMd5Key(libc: Libc, fd: number, prefix: string, key: Uint8Array | null): void {
  if (key !== null && (key.length === 0 || key.length > 80))
    throw new SocketOptionError(
      `Cannot use the TCP MD5 password of ${prefix}: it must have 1 to 80 octets, found ${key.length}.`,
    );
  const ranged = prefix.includes("/");
  const address = ranged ? parsePrefix(prefix) : { words: parseHost(prefix), length: -1 };
  const bytes = md5Signature(address.words, address.length, key ?? new Uint8Array(0));
  if (libc.setsockopt(fd, IPPROTO_TCP, ranged ? TCP_MD5SIG_EXT : TCP_MD5SIG, bytes, bytes.length) === 0) return;
  const errno = libc.errno();
  if (key === null && errno === ENOENT) return;
  const why = errno === ENOMEM ? `${libc.strerror(errno)} (raise net.core.optmem_max)` : libc.strerror(errno);
  throw new SocketOptionError(`Cannot ${key === null ? "remove" : "set"} the TCP MD5 password of ${prefix}: ${why}.`);
}

/** Without its zone: the kernel matches keys by address alone. */
function parseHost(address: string): readonly number[] {
  const words = tryParseAddress(address.replace(/%.*$/, ""));
  if (words === undefined)
    throw new SocketOptionError(`Cannot set a TCP MD5 password for "${address}": not an address.`);
  return words;
}

/** struct tcp_md5sig: sockaddr_storage (128), flags, prefix length, key length (2), interface (4), key (80). */
function md5Signature(address: readonly number[], length: number, key: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(216);
  const view = new DataView(bytes.buffer);
  const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  view.setUint16(0, address.length === 1 ? AF_INET : AF_INET6, littleEndian);
  // sockaddr_in: port (2), address; sockaddr_in6: port (2), flow information (4), address
  const at = address.length === 1 ? 4 : 8;
  for (const [i, word] of address.entries()) view.setUint32(at + 4 * i, word);
  if (length >= 0) {
    bytes[128] = TCP_MD5SIG_FLAG_PREFIX;
    bytes[129] = length;
  }
  view.setUint16(130, key.length, littleEndian);
  bytes.set(key, 136);
  return bytes;
}
