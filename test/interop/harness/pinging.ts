import { Daemon } from "../../../testbed/daemons/daemon.ts";
import type { Host } from "../../../testbed/lab.ts";
import { NotYet } from "../../../testbed/wait.ts";

/** A hundred pings a second from one host to an address, until it is told to stop; each that got no answer counts as lost. */
export class Pinging {
  readonly #host: Host;
  readonly #target: string;
  readonly #ping: Daemon;

  /** `source`: the address to ask from; the kernel's choice unless given. */
  constructor(host: Host, target: string, source?: string) {
    this.#host = host;
    this.#target = target;
    this.#ping = new Daemon(host, `ping ${target}`, [
      "ping",
      "-n",
      "-i",
      "0.01",
      ...(source === undefined ? [] : ["-I", source]),
      target,
    ]);
  }

  /** Numbers of the answered ones. */
  #answered(): number[] {
    return [...this.#ping.output.matchAll(/icmp_seq=(\d+) ttl/g)].map((match) => Number(match[1]));
  }

  /** Waits for some more answers: the way is open. */
  async flows(): Promise<void> {
    const before = this.#answered().length;
    await this.#host.lab.until(`${this.#host.name} hears from ${this.#target}`, () => {
      if (this.#answered().length >= before + 10) return true;
      // "No buffer space available": the kernel's neighbour table, one for all namespaces, is full (gc_thresh3)
      throw new NotYet(this.#ping.output.trim().split("\n").at(-1));
    });
  }

  /** Ends it when answers still come, so that a way that stayed shut is not overlooked: how many were sent, and lost. */
  async stop(): Promise<{ sent: number; lost: number }> {
    await this.flows();
    await this.#ping.signal("SIGINT");
    const answered = this.#answered();
    const sent = Math.max(...answered); // one that was on its way when it ended is neither
    return { sent, lost: sent - new Set(answered).size };
  }
}
