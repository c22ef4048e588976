/**
 * What the FIB room needs from the machine. `src/os/` implements it with FFI; tests implement it with a model kernel.
 * All calls are synchronous and return at once: netlink answers inside send(), so nothing here ever waits.
 */
export interface NetlinkSocket {
  /** Port id that the kernel gave us; other sockets see it as nlmsg_pid on changes that we made. */
  readonly portId: number;
  /** Sends the first `length` octets of `buffer`. Returns 0, or the errno that stopped it. */
  send(buffer: Uint8Array, length: number): number;
  /**
   * Reads one datagram, if there is one, into the socket's own buffer. Returns its length, 0 if there is none now, or
   * a negative errno (-105, ENOBUFS: the kernel dropped events).
   */
  receive(): number;
  /** Where `receive` puts its datagram. */
  readonly buffer: Uint8Array;
  close(): void;
}

/** A netlink socket that hears multicast groups and calls when there is something to read. */
export interface NetlinkEventSocket extends NetlinkSocket {
  /** Drops, inside the kernel, route and nexthop events that were caused by this port id (0 = none). */
  ignoreWriter(portId: number): void;
  /** Hears of neighbour and forwarding entries, too. */
  hearNeighbours(): void;
  /** Calls once per wake-up, until the socket is closed; the callee drains with `receive`. */
  onReadable(listener: () => void): void;
}

/** The two ends of one byte stream to a writer process. */
export interface WriterLink {
  /** False once the other side should be given time; `onDrain` follows. The bytes are copied or not touched again. */
  send(bytes: Uint8Array): boolean;
  onData(listener: (chunk: Uint8Array) => void): void;
  onDrain(listener: () => void): void;
  /** Called once, with a sentence on why, when the stream has ended for whatever reason. */
  onClose(listener: (reason: string) => void): void;
  /** Ends the stream after what was sent; the writer process leaves when it has read it all, or at once if it hangs. */
  close(hung?: boolean): void;
}

/** What is held until it is released, or its process ends. */
export interface MarkClaim {
  release(): void;
}

/** Somebody else has what was claimed. */
export class MarkTaken extends Error {}

export interface FibOs {
  /** @throws Error with one clear sentence. */
  openNetlink(): NetlinkSocket;
  /** Hears links and addresses, and routes and nexthops unless told not to. @throws Error with one clear sentence. */
  openNetlinkEvents(routes?: boolean): NetlinkEventSocket;
  /**
   * Reserves what `mark` says in words ("routes of table 254, ...") for this process, among all of this network namespace.
   * @throws MarkTaken, with a sentence on who has it; Error with one sentence.
   */
  claimMark(mark: string): MarkClaim;
  /** Starts the writer as a process of its own by exec. */
  startWriterProcess(): WriterLink;
  /** Connects to a writer that somebody else started (a unit of its own). */
  connectWriter(socketPath: string): WriterLink;
  /** The kernel's words for an errno: "Network is unreachable". */
  errorText(errno: number): string;
  readonly processId: number;
  /** CPU that this process has used so far. */
  cpuMicros(): { readonly user: number; readonly system: number };
}
