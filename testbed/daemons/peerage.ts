import { request } from "node:http";
import { join } from "node:path";
import type { FibRow, NeighborDetail, NeighborSummary, PathRow, RouteRow, Summary } from "../../src/view/model.ts";
import { CommandError, run } from "../command.ts";
import type { Host } from "../lab.ts";
import { stretched } from "../pace.ts";
import { NotYet } from "../wait.ts";
import { Daemon } from "./daemon.ts";

/** The compiled program of this checkout. */
export const program = join(import.meta.dirname, "../../src/main.js");

/** A daemon that has been silent for so long will not answer. */
const silenceMs = stretched(30_000);

/** Where a scenario starts the daemon in another way than an operator would. */
export interface PeerageOptions {
  /** Words before the command: `prlimit --nofile=64`, a shell that redirects. */
  readonly wrap?: readonly string[];
  readonly environment?: Record<string, string>;
}

/** Our own daemon on a host, started as an operator would and asked through its control socket. */
export class Peerage {
  readonly host: Host;
  readonly #config: string;
  readonly #options: PeerageOptions;
  daemon: Daemon;

  constructor(host: Host, config: string, options: PeerageOptions = {}) {
    this.host = host;
    this.#options = options;
    this.#config = join(host.directory, "peerage.yaml");
    this.configure(config);
    this.daemon = this.#launch();
  }

  get socket(): string {
    return join(this.host.directory, "peerage.sock");
  }

  #launch(path = program): Daemon {
    const { wrap = [], environment = {} } = this.#options;
    const command = [...wrap, process.execPath, "--enable-source-maps", path, "run", "-c", this.#config];
    return new Daemon(this.host, "peerage", command, environment);
  }

  /** Writes the configuration; a running daemon reads it with `reload`. */
  configure(config: string): void {
    this.host.file("peerage.yaml", `${config}\ncontrol: {socket: ${this.socket}}\n`);
  }

  /** Waits for the line with "ready" that the daemon prints when its sockets listen. */
  async start(): Promise<this> {
    await this.host.lab.until(`peerage on ${this.host.name} is ready`, () => /\bready\b/.test(this.daemon.output));
    return this;
  }

  /** Starts it again after it was stopped; `path`: from another place, as an upgrade does. */
  async restart(path = program): Promise<this> {
    this.daemon = this.#launch(path);
    return this.start();
  }

  /** The command line, as a user types it. @throws CommandError for another exit code than 0. */
  cli(...words: string[]): Promise<string> {
    return run([process.execPath, program, ...words, "--socket", this.socket]);
  }

  /** Asks the control socket directly: what the command line does, without starting a process for each look. */
  get(path: string, method: "GET" | "POST" = "GET"): Promise<any> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.socket, path, method, timeout: silenceMs }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => {
          if (response.statusCode !== 200) return reject(new CommandError(`${path}: ${response.statusCode} ${text}`));
          resolve(JSON.parse(text));
        });
      });
      call.on("timeout", () => call.destroy(new NotYet(`${path}: no answer in ${silenceMs / 1000} s`)));
      call.on("error", reject);
      call.end();
    });
  }

  summary(): Promise<Summary> {
    return this.get("/summary");
  }

  /** Has the configuration file read again. @throws CommandError with every mistake in it. */
  reload(): Promise<unknown> {
    return this.get("/reload", "POST");
  }

  /** Like `peerage wait converged`: all is decided, told and written. A restart from here on is no second one in a row. */
  async converged(): Promise<boolean> {
    const { ready, pending } = await this.get("/readiness");
    if (!ready || pending.length > 0) throw new NotYet(pending.join("; "));
    return true;
  }

  /** `peerage reset ADDRESS [--soft in|out]`. */
  reset(address: string, soft?: "in" | "out"): Promise<unknown> {
    return this.get(`/reset/${encodeURIComponent(address)}${soft === undefined ? "" : `?soft=${soft}`}`, "POST");
  }

  async neighbor(address: string): Promise<NeighborDetail> {
    return (await this.get(`/neighbor/${encodeURIComponent(address)}`)).neighbors[0];
  }

  async neighborRow(address: string): Promise<NeighborSummary | undefined> {
    return (await this.summary()).neighbors.find((row) => row.address === address);
  }

  async established(...addresses: string[]): Promise<boolean> {
    const { neighbors } = await this.summary();
    for (const address of addresses) {
      const row = neighbors.find((neighbor) => neighbor.address === address);
      if (row?.state !== "Established")
        throw new NotYet(`${address}: ${row?.state}, ${row?.lastError?.text ?? "no error"}`);
    }
    return true;
  }

  async routes(query = ""): Promise<RouteRow[]> {
    return (await this.get(`/route${query}`)).routes;
  }

  /** All paths of exactly this prefix, the best first. */
  async paths(prefix: string): Promise<readonly PathRow[]> {
    const rows = await this.routes(`?prefix=${encodeURIComponent(prefix)}`);
    return rows.find((row) => row.prefix === prefix)?.paths ?? [];
  }

  async best(prefix: string): Promise<PathRow | undefined> {
    return (await this.paths(prefix)).find((path) => path.best);
  }

  async received(address: string): Promise<RouteRow[]> {
    return (await this.get(`/received/${encodeURIComponent(address)}`)).routes;
  }

  async advertised(address: string): Promise<RouteRow[]> {
    return (await this.get(`/advertised/${encodeURIComponent(address)}`)).routes;
  }

  async fib(): Promise<FibRow[]> {
    return (await this.get("/fib")).routes;
  }
}
