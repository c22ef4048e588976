import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { FibOs } from "./os-port.ts";
import type { FibPort, KernelReader } from "./port.ts";

/** Everything that makes one FIB different from another. */
export interface FibOptions {
  /** kernel: written by rtnetlink. memory: the same behaviour without writing. none: nothing is kept at all. */
  readonly mode: "kernel" | "memory" | "none";
  /** Route table, 1 to 2^32-1; 254 is main. */
  readonly table: number;
  /** RTPROT_* that marks our routes; 186 is bgp. */
  readonly protocol: number;
  /** RTA_PRIORITY of our routes, 1 to 2^32-1. */
  readonly metric: number;
  readonly nexthopObjects: boolean;
  /** Where the writer lives: in this process, in a child started by exec, or behind a socket that somebody else serves. */
  readonly writer: "inside" | "process" | { readonly socket: string };
  readonly clock: Clock;
  /** The machine; null only in mode "none". */
  readonly os: FibOs | null;
  readonly log?: Log;
}

export interface OpenedFib {
  readonly fib: FibPort;
  /** In mode "none" a reader that knows nothing and never calls; otherwise the kernel's own state. */
  readonly reader: KernelReader;
}

/** Opens the FIB and the reader. Problems with the kernel reject `fib.ready`; nothing is thrown here. */
export function openFib(_options: FibOptions): OpenedFib {
  throw new Error("the FIB is not built yet");
}
