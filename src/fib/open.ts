import { InsideLink, MemoryWriter } from "../fib-writer/inside-link.ts";
import { RouteWriter } from "../fib-writer/route-writer.ts";
import { KernelMirror } from "../kernel/mirror.ts";
import type { FibOs } from "../kernel/os-port.ts";
import type { KernelReader } from "../kernel/reader.ts";
import type { Clock } from "../lib/clock.ts";
import { Hasher } from "../lib/hash.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { type Random, systemRandom } from "../lib/random.ts";
import { FibClient } from "./fib-client.ts";
import type { FibPort } from "./fib-port.ts";
import { NoFib, NoReader } from "./no-fib.ts";

/**
 * The FIB room: from "these routes are best" to "packets go that way", and back from what the kernel does to whoever
 * must know.
 *
 * ```
 * speaker ─ set, remove, retarget ─► FibClient ── bytes (protocol.ts) ──► RouteWriter ── rtnetlink ──► kernel
 *                                       ▲ want beside held                (here, or a process of its own)   │
 *                                       └──────────── KernelMirror ◄── events, dumps ───────────────────────┘
 * nexthop, tunnels, workloads ◄── links, addresses, others' routes ──┘
 * ```
 *
 * Invariants. A route is ours if protocol, table and metric are ours; nothing else is ever changed. The client alone
 * remembers; the writer is a pen. At most `WINDOW` records are unanswered; what waits is one entry per prefix, so a
 * prefix that changes a thousand times is written once, with its last intent. Nothing here blocks: a turn writes at
 * most 512 routes, a reading takes at most eight datagrams a turn.
 */

/** Everything that makes one FIB different from another. */
export interface FibOptions {
  /** kernel: written by rtnetlink. memory: the same behaviour without writing. none: nothing is kept at all. */
  readonly mode: "kernel" | "memory" | "none";
  /** Route table, 1 to 2^32-1; 254 is main. */
  readonly table: number;
  /** RTPROT_* that marks our routes, 5 to 255; 186 is bgp. */
  readonly protocol: number;
  /** RTA_PRIORITY of our routes. */
  readonly metric: number;
  readonly nexthopObjects: boolean;
  /** Where the writer lives: in this process, in a child started by exec, or behind a socket that somebody else serves. */
  readonly writer: "inside" | "process" | { readonly socket: string };
  readonly clock: Clock;
  /** The machine (`openFibOs` of src/os); null in the modes "none" and "memory" where netlink can't be had. */
  readonly os: FibOs | null;
  readonly log?: Log;
  /** For the secret of the hash by which prefixes are found; the system's by default. */
  readonly random?: Random;
}

export interface OpenedFib {
  readonly fib: FibPort;
  /** The kernel's own state: in mode "none" of links and addresses alone, without netlink nothing. */
  readonly reader: KernelReader;
}

/** Opens the FIB and the reader. Problems with the kernel reject `fib.ready` or become failed rows; nothing is thrown. */
export function openFib(options: FibOptions): OpenedFib {
  const { mode, os, clock } = options;
  const log = options.log ?? silentLog;
  const hasher = new Hasher(options.random ?? systemRandom);
  if (mode === "none") return watchLinks(os, clock, hasher, log);
  const scope = { table: options.table, protocol: options.protocol, metric: options.metric };
  const kernel = mode === "kernel";
  const mirror =
    os === null
      ? null
      : new KernelMirror({
          os,
          clock,
          scope: kernel ? scope : null,
          table: options.table,
          hasher,
          nexthopObjects: kernel && options.nexthopObjects,
        });
  const connect = () => {
    if (!kernel) return new InsideLink((answers) => new MemoryWriter(answers));
    if (os === null) throw new Error("Cannot write kernel routes: netlink is not available on this machine");
    if (options.writer === "process") return os.startWriterProcess();
    if (options.writer !== "inside") return os.connectWriter(options.writer.socket);
    return new InsideLink(
      (answers) =>
        new RouteWriter(
          {
            openNetlink: () => os.openNetlink(),
            claimMark: (mark) => os.claimMark(mark),
            processId: os.processId,
            cpuMicros: () => os.cpuMicros(),
          },
          answers,
        ),
    );
  };
  const fib = new FibClient({
    scope,
    clock,
    log,
    hasher,
    mirror,
    connect,
    nexthopObjects: kernel && options.nexthopObjects,
    synchronous: !kernel || options.writer === "inside",
    errorText: (errno) => os?.errorText(errno) ?? `error ${errno}`,
  });
  fib.start();
  return { fib, reader: mirror ?? new NoReader() };
}

/** A pure reflector has links and own addresses all the same; the routes of the machine, which may be many, are left alone. */
function watchLinks(os: FibOs | null, clock: Clock, hasher: Hasher, log: Log): OpenedFib {
  if (os === null) return { fib: new NoFib(), reader: new NoReader() };
  const mirror = new KernelMirror({ os, clock, hasher, scope: null, table: null, nexthopObjects: false });
  try {
    mirror.open(null);
  } catch (error) {
    log.event("warn", "links-unwatched", unwatched(error));
    return { fib: new NoFib(), reader: new NoReader() };
  }
  return { fib: new NoFib(mirror), reader: mirror };
}

/** What it means that netlink can't be had; for a FIB without it. */
export const unwatched = (error: unknown): string =>
  `${error instanceof Error ? error.message : String(error)}: links and own addresses are not watched, so that a link that goes down is noticed by the hold timer only`;
