import type { BfdPort } from "../bfd/port.ts";
import type { KernelConfig } from "../config/model.ts";
import type { OpenedFib } from "../fib/open.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { Network } from "../session/transport.ts";
import type { MemoryPort } from "./load/memory-guard.ts";
import type { JournalStore } from "./restart/own-restart.ts";

/** The outside world of one speaker. */
export interface SpeakerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly log: Log;
  openFib(kernel: KernelConfig): OpenedFib;
  /** Absent: the tables' own octets are all that is known. */
  readonly memory?: MemoryPort;
  /** Absent: neighbors' `bfd` does nothing. */
  readonly bfd?: BfdPort;
  /** What is to be known after a restart. */
  readonly journal: JournalStore;
}
