import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { type ControlPacket, encodePacket } from "../bfd/packet.ts";
import type { Path } from "../bfd/session-table.ts";
import { addressFamily, parseAddress, prefixContains } from "../lib/address.ts";
import type { Libc } from "./libc.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_ATTACH_FILTER,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "./socket-numbers.ts";
import { ipVersionOf } from "./socket-options.ts";

/** RFC 5881 §4, RFC 5883 §5. */
const SINGLE_HOP_PORT = 3784;
const MULTIHOP_PORT = 4784;
/** Source ports (RFC 5881 §4). */
const FIRST_SOURCE_PORT = 49152;
const SOURCE_PORTS = 65536 - FIRST_SOURCE_PORT;
const TRIES = 20;
const TTL = 255;

/** Loads are relative to the network header (linux/filter.h). */
const SKF_NET_OFF = -0x100000;
const IPV4_TTL_AT = 8;
const IPV6_HOP_LIMIT_AT = 7;

/** Takes what has come over no router (GTSM, RFC 5881 §5): the kernel's lowest TTL holds for TCP alone. */
function onlyFromLink(libc: Libc, fd: number, version: 4 | 6): void {
  const offset = SKF_NET_OFF + (version === 4 ? IPV4_TTL_AT : IPV6_HOP_LIMIT_AT);
  const program: [code: number, ifTrue: number, ifFalse: number, k: number][] = [
    [0x30, 0, 0, offset], // ldb [offset]
    [0x15, 0, 1, TTL], // jeq #255, next, next but one
    [0x06, 0, 0, 0x40000], // ret: all of it
    [0x06, 0, 0, 0], // ret: nothing
  ];
  const code = new Uint8Array(8 * program.length);
  const view = new DataView(code.buffer);
  for (const [i, [opcode, ifTrue, ifFalse, k]] of program.entries()) {
    view.setUint16(8 * i, opcode, true);
    view.setUint8(8 * i + 2, ifTrue);
    view.setUint8(8 * i + 3, ifFalse);
    view.setInt32(8 * i + 4, k, true);
  }
  const filter = new Uint8Array(16);
  const pointer = new DataView(filter.buffer);
  pointer.setUint16(0, program.length, true);
  pointer.setBigUint64(8, libc.address(code), true);
  if (libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, filter.length) !== 0)
    throw new Error(libc.strerror(libc.errno()));
}

/** A UDP socket on every address, with its filter before its first packet. @throws Error with the system's reason */
function openListener(libc: Libc, version: 4 | 6, port: number, linkOnly: boolean): number {
  const family = version === 4 ? AF_INET : AF_INET6;
  const fd = libc.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const must = (result: number) => {
    if (result < 0) throw new Error(libc.strerror(libc.errno()));
  };
  must(fd);
  try {
    if (version === 6) must(libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, Uint8Array.of(1, 0, 0, 0), 4));
    if (linkOnly) onlyFromLink(libc, fd, version);
    // sockaddr_in, sockaddr_in6: family, port; the rest is zero: any address
    const address = new Uint8Array(version === 4 ? 16 : 28);
    const view = new DataView(address.buffer);
    view.setUint16(0, family, true);
    view.setUint16(2, port);
    must(libc.bind(fd, address, address.length));
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

export interface BfdSocketParts {
  readonly libc: Libc;
  received(from: string, multihop: boolean, bytes: Uint8Array): void;
  trouble(text: string): void;
}

/** The UDP sockets of BFD: four that listen, and one per session that sends. */
export class BfdSockets {
  readonly #parts: BfdSocketParts;
  readonly #listening: Socket[] = [];
  readonly #senders = new Map<string, Socket>();

  constructor(parts: BfdSocketParts) {
    this.#parts = parts;
    for (const version of [4, 6] as const) for (const multihop of [false, true]) this.#listen(version, multihop);
  }

  send({ address, local, multihop }: Path, packet: ControlPacket): void {
    const socket = this.#senders.get(address) ?? this.#open(address, local);
    // What can't be sent now is sent next time: the session's own silence says so.
    socket.send(encodePacket(packet), multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT, address, () => {});
  }

  /** The session is over; what was handed over for sending is sent. */
  forget(address: string): void {
    const socket = this.#senders.get(address);
    this.#senders.delete(address);
    if (socket !== undefined) setImmediate(() => socket.close());
  }

  close(): void {
    for (const address of [...this.#senders.keys()]) this.forget(address);
    for (const socket of this.#listening) socket.close();
  }

  #listen(version: 4 | 6, multihop: boolean): void {
    const { libc, received, trouble } = this.#parts;
    const port = multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
    let fd: number;
    try {
      fd = openListener(libc, version, port, !multihop);
    } catch (error) {
      trouble(`BFD cannot listen on UDP port ${port} for IPv${version}: ${(error as Error).message}`);
      return;
    }
    const socket = createSocket(version === 4 ? "udp4" : "udp6");
    socket.on("error", (error) => trouble(`BFD cannot read from UDP port ${port}: ${error.message}`));
    socket.on("message", (bytes, { address }) => received(address, multihop, bytes));
    socket.bind({ fd });
    this.#listening.push(socket);
  }

  #open(address: string, local: string | null): Socket {
    const version = ipVersionOf(address);
    const socket = createSocket(version === 4 ? "udp4" : "udp6");
    this.#senders.set(address, socket);
    let tries = TRIES;
    const bind = () => {
      const port = FIRST_SOURCE_PORT + Math.floor(Math.random() * SOURCE_PORTS);
      socket.bind({ port, ...(local !== null && { address: local }), exclusive: true }, () => socket.setTTL(TTL));
    };
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" && tries-- > 0) {
        bind();
        return;
      }
      // The address is on no link now, for instance: another socket is tried with the next packet.
      if (this.#senders.get(address) === socket) this.#senders.delete(address);
      this.#parts.trouble(`BFD cannot send to ${address}${local === null ? "" : ` from ${local}`}: ${error.message}`);
    });
    bind();
    return socket;
  }
}

/** Whether an address is of the subnet of one of this host's links. */
export function isConnected(address: string): boolean {
  const [host, zone] = address.split("%") as [string, string | undefined];
  if (zone !== undefined) return true;
  const words = parseAddress(host);
  for (const addresses of Object.values(networkInterfaces()))
    for (const { cidr } of addresses ?? []) {
      if (cidr === null) continue;
      const [own, length] = cidr.split("/") as [string, string];
      const subnet = { family: addressFamily(words), words: parseAddress(own), length: Number(length) };
      if (prefixContains(subnet, words)) return true;
    }
  return false;
}
