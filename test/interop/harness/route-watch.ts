import { Daemon } from "./daemon.ts";
import type { Host } from "./lab.ts";

/** Listens to the kernel of a host (`ip monitor`) and remembers each deleted route, however short its absence was. */
export class RouteWatch {
  readonly #monitor: Daemon;

  constructor(host: Host) {
    this.#monitor = new Daemon(host, "ip monitor", ["ip", "monitor", "route"]);
  }

  /** Lines of routes to `prefix` that were deleted since the start. A replaced route is not deleted. */
  deleted(prefix: string): string[] {
    return this.#monitor.output.split("\n").filter((line) => line.startsWith("Deleted ") && line.includes(prefix));
  }
}
