import { Daemon } from "../../../testbed/daemons/daemon.ts";
import type { Host } from "../../../testbed/lab.ts";

/** Listens to the kernel of a host (`ip monitor`) and remembers each deleted route, however short its absence was. */
export class RouteWatch {
  readonly #host: Host;
  readonly #monitor: Daemon;
  #marks = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#monitor = new Daemon(host, "ip monitor", ["ip", "monitor", "route"]);
  }

  /** Lines of routes to `prefix` that were deleted since the start. A replaced route is not deleted. */
  deleted(prefix: string): string[] {
    return this.#monitor.output.split("\n").filter((line) => line.startsWith("Deleted ") && line.includes(prefix));
  }

  /**
   * Everything heard until now, the marks left out. A mark of ours (a route in table 999) is made and waited for, so that
   * nothing is under way any more: the kernel tells everybody in order.
   */
  async heard(): Promise<string[]> {
    const mark = `blackhole 198.18.0.${++this.#marks} table 999`;
    await this.#host.lab.until("the monitor has heard the mark", async () => {
      for (const verb of ["add", "del"]) await this.#host.run("ip", "route", verb, ...mark.split(" "));
      return this.#monitor.output.includes(`Deleted ${mark}`);
    });
    return this.#monitor.output.split("\n").filter((line) => line !== "" && !line.includes("table 999"));
  }

  /** Listens no longer. */
  end(): Promise<void> {
    return this.#monitor.signal("SIGTERM");
  }
}
