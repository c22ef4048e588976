import type { FibPort } from "../../../src/fib/fib-port.ts";
import { type FibOptions, openFib } from "../../../src/fib/open.ts";
import type { FibOs } from "../../../src/kernel/os-port.ts";
import type { KernelReader } from "../../../src/kernel/reader.ts";
import type { FibHop, FibTarget } from "../../../src/kernel/records.ts";
import { parseAddress, parsePrefix } from "../../../src/lib/address.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { openFibOs } from "../../../src/os/fib-os.ts";
import type { Host } from "../../../testbed/lab.ts";
import { inNamespace } from "../../../testbed/namespace.ts";

const base = {
  mode: "kernel",
  table: 254,
  protocol: 186,
  metric: 32,
  nexthopObjects: false,
  clock: systemClock,
} as const;

export const hop = (via: string | null, ifindex: number, onlink = false, weight = 1): FibHop => ({
  via: via === null ? null : parseAddress(via),
  ifindex,
  onlink,
  weight,
});
export const through = (...nextHops: FibHop[]): FibTarget => ({ type: "unicast", nextHops });
/** A FIB that lives in the host's namespace. */
export class Room {
  readonly host: Host;
  readonly fib: FibPort;
  readonly reader: KernelReader;

  constructor(host: Host, options: Partial<FibOptions> & Pick<FibOptions, "writer">) {
    this.host = host;
    const machine = openFibOs();
    const inside = <T>(body: () => T) => inNamespace(host.namespace, body);
    const os: FibOs = {
      ...machine,
      openNetlink: () => inside(() => machine.openNetlink()),
      openNetlinkEvents: () => inside(() => machine.openNetlinkEvents()),
      claimMark: (mark) => inside(() => machine.claimMark(mark)),
      startWriterProcess: () => inside(() => machine.startWriterProcess()), // the one that is started again, too
    };
    const opened = openFib({ ...base, os, ...options });
    this.fib = opened.fib;
    this.reader = opened.reader;
  }

  /** Number of a device. */
  dev(name: string): number {
    return this.reader.linkByName(name)!.ifindex;
  }

  set(prefix: string, target: FibTarget): void {
    this.fib.set({ ...parsePrefix(prefix), ...target });
  }

  remove(prefix: string): void {
    this.fib.remove(parsePrefix(prefix));
  }

  row(prefix: string) {
    return this.fib.row(parsePrefix(prefix));
  }

  /** When the kernel has answered. */
  answered(): Promise<void> {
    return new Promise((done) => this.fib.barrier(done));
  }

  /** The lines of `ip route`. */
  async ip(...command: string[]): Promise<string[]> {
    const text = await this.host.run("ip", ...command);
    return text
      .split("\n")
      .map((line) => line.trim().replaceAll(/\s+/g, " "))
      .filter((line) => line !== "");
  }
}
