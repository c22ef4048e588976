/**
 * What a session needs from a network: streams of bytes, dialled or accepted. `src/os/tcp.ts` implements these ports with
 * sockets, `testbed/simulated-network.ts` under virtual time. Callbacks are objects, not closures: a process holds
 * thousands of sessions, and one pointer each is cheaper than four.
 */

/** Hears what happens on a transport. A transport without receiver reads nothing. */
export interface TransportReceiver {
  /** Bytes have come; they are only lent: copy what you keep. */
  received(chunk: Uint8Array): void;
  /** The stream has ended, at most once, never after our own `end` or `destroy`. `reason` is one sentence part, e.g. "connection reset by peer". */
  closed(reason: string): void;
}

/** One TCP connection that is up. Nothing is called back synchronously from within `attach`, `end` or `destroy`. */
export interface Transport {
  /** Canonical text (RFC 5952, an IPv4-mapped address as IPv4); a link-local IPv6 address carries its zone ("fe80::1%eth0"). */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Names the one receiver, or another instead; reading begins with the first. */
  attach(receiver: TransportReceiver): void;
  /**
   * Writes chunks in order; they are shared and must never be modified afterwards. `taken` is called once, maybe before `write`
   * returns, when the kernel has taken them all; it is not called when the connection ends before.
   */
  write(chunks: readonly Uint8Array[], taken?: () => void): void;
  /** Octets written but not yet taken by the kernel: 0 when nothing waits; falls while a slow peer reads. */
  backlog(): number;
  /** Stops and resumes reading: the way to slow a peer down. */
  pause(): void;
  resume(): void;
  /** Applies options to a connection that is up: all but the key to one that was accepted, a new key to any. @throws SocketOptionError */
  configure(options: SocketOptions): void;
  /** Writes out what waits, half-closes, reads on without listening until the peer closes, then destroys; bounded by a timer. */
  end(): void;
  /** Drops the connection at once (with a reset where the system can). */
  destroy(): void;
}

/** Options below the byte stream; all are best left undefined unless wanted, as each needs the system's own calls. */
export interface SocketOptions {
  /** TTL (hop limit) of what we send, 1..255; 1 for single-hop eBGP, 255 with GTSM. */
  readonly ttl?: number | undefined;
  /** Lowest TTL (hop limit) that is accepted: the GTSM of RFC 5082 (255 - hops + 1). */
  readonly minTtl?: number | undefined;
  /** TCP MD5 key (RFC 2385), 1..80 octets; null takes it away from a connection that is up. */
  readonly md5Key?: Uint8Array | null | undefined;
  /** Type of service (traffic class) octet, 0xC0 for BGP (RFC 4271 appendix E: IP precedence). Best effort: never a reason to fail. */
  readonly tos?: number | undefined;
}

export interface DialOptions extends SocketOptions {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress?: string | undefined;
}

/** Hears how a dial ended; exactly one of both is called, later than `connect` returns, unless the dial is cancelled. */
export interface DialReceiver {
  connected(transport: Transport): void;
  /** `reason` is one sentence part, e.g. "connection refused". */
  failed(reason: string): void;
}

export interface Dial {
  /** Gives up; nothing is called back afterwards. */
  cancel(): void;
}

export interface ListenOptions {
  /** Addresses of either family; "::" is IPv6 only. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** TTL of what answers a SYN; 255 where any peer uses GTSM (RFC 5082), which would not hear us otherwise. */
  readonly ttl?: number | undefined;
  /** Called for each connection in the turn that it arrives: attach, or destroy it in the same turn. */
  accepted(transport: Transport): void;
  /** Something that passes but that an operator should know (out of file descriptors, an address family that this host lacks). */
  trouble?(message: string): void;
}

export interface Listener {
  /** What is listened on, with the real port where 0 was asked for. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  /**
   * Sets (or with null removes) the MD5 key that peers of an address or prefix ("192.0.2.1", "192.0.2.0/24") must sign with;
   * holds for connections that arrive from now on. @throws SocketOptionError
   */
  setMd5Key(prefix: string, key: Uint8Array | null): void;
  /** Another TTL for what answers a SYN, from now on; null: the system's own. @throws SocketOptionError */
  setTtl(ttl: number | null): void;
  close(): Promise<void>;
}

export interface Network {
  connect(options: DialOptions, receiver: DialReceiver): Dial;
  /** @throws ListenError with one clear sentence (port in use, no privilege, no such address). */
  listen(options: ListenOptions): Promise<Listener>;
}

/** An option that the system refused; its message is a whole sentence for the operator. */
export class SocketOptionError extends Error {}

/** A socket that can't listen; its message is a whole sentence for the operator. */
export class ListenError extends Error {}
