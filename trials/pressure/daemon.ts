import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cpuMsOf, memoryOf } from "../../testbed/process.ts";
import { scrape } from "../scrape.ts";

const program = fileURLToPath(new URL("../../src/main.js", import.meta.url));
const stalls = fileURLToPath(new URL("stalls.js", import.meta.url));
const run = promisify(execFile);

export interface DaemonOptions {
  readonly metricsPort: number;
  /** Open files that the process may have (`ulimit -n`). */
  readonly openFiles?: number;
  /** Look for what the event loop stands still for (stalls.ts). */
  readonly watchStalls?: boolean;
}

const configOf = (yaml: string, directory: string, { metricsPort }: DaemonOptions): string => `${yaml}
telemetry: {metrics: {listen: "127.0.0.1:${metricsPort}"}, log: {level: info}}
control: {socket: ${join(directory, "sock")}}
`;

/** The daemon as it is shipped, in a process of its own. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #options: DaemonOptions;
  log = "";
  exitCode: number | null = null;

  private constructor(child: ChildProcess, directory: string, options: DaemonOptions) {
    this.#child = child;
    this.#directory = directory;
    this.#options = options;
    child.stdout!.on("data", (text: Buffer) => {
      this.log += text.toString();
    });
    child.stderr!.on("data", (text: Buffer) => {
      this.log += text.toString();
    });
    child.on("exit", (code) => {
      this.exitCode = code ?? -1;
    });
  }

  /** Starts it with this config (less `telemetry` and `control`) and waits until it listens. */
  static async start(yaml: string, options: DaemonOptions): Promise<Daemon> {
    const directory = mkdtempSync(join(tmpdir(), "pressure-"));
    writeFileSync(join(directory, "bgp.yaml"), configOf(yaml, directory, options));
    return Daemon.#launch(directory, options);
  }

  static async #launch(directory: string, options: DaemonOptions): Promise<Daemon> {
    const file = join(directory, "bgp.yaml");
    const command = `${options.openFiles === undefined ? "" : `ulimit -n ${options.openFiles}; `}exec "$0" "$@"`;
    const child = spawn("/bin/sh", ["-c", command, process.execPath, program, "run", "-c", file], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: options.watchStalls ? { ...process.env, NODE_OPTIONS: `--import ${stalls}` } : process.env,
    });
    const daemon = new Daemon(child, directory, options);
    process.once("exit", () => daemon.remove());
    favour(child.pid!);
    await until("the daemon is ready", () => daemon.log.includes("ready") || daemon.exitCode !== null, 15_000);
    if (daemon.exitCode !== null) throw new Error(`the daemon did not start:\n${daemon.log}`);
    return daemon;
  }

  /** One series of the metrics, labels and all: `bgp_event_loop_lag_seconds{quantile="0.99"}`. */
  metric(...series: string[]): Promise<number[]> {
    return scrape(`http://127.0.0.1:${this.#options.metricsPort}/metrics`, series);
  }

  /** A command of the command line, as JSON. */
  async ask(...command: string[]): Promise<unknown> {
    const { stdout } = await run(
      process.execPath,
      [program, ...command, "--json", "--socket", join(this.#directory, "sock")],
      {
        maxBuffer: 1 << 28,
      },
    );
    return JSON.parse(stdout);
  }

  /** The longest time that the loop stood still, in words; forgets those before. */
  longestStall(): string {
    const found = [...this.log.matchAll(/^stall (\d+) (\d+) (\d+) (\d+)$/gm)].map((match) =>
      match.slice(1).map(Number),
    );
    this.log = this.log.replaceAll(/^stall .*\n/gm, "");
    const [longest] = found.sort((a, b) => b[0]! - a[0]!);
    if (longest === undefined) return "none of 40 ms or more";
    const [ms, ran, waited, collected] = longest;
    return `${ms} ms, of which it ran ${ran} and waited ${waited} for a CPU; garbage collection ${collected} ms (${found.length} of 40 ms or more)`;
  }

  get controlSocket(): string {
    return join(this.#directory, "sock");
  }

  /** Resident memory in MiB. */
  get residentMib(): number {
    return memoryOf(this.#child.pid!).now / 1024;
  }

  /** The most that it ever was, in MiB. */
  get peakMib(): number {
    return memoryOf(this.#child.pid!).peak / 1024;
  }

  /** CPU seconds, user and system. */
  get cpuSeconds(): number {
    return cpuMsOf(this.#child.pid!) / 1000;
  }

  /** Has the config read again (SIGHUP): no command line has to start first. */
  hangUp(): void {
    this.#child.kill("SIGHUP");
  }

  /** Another config, for `hangUp` or for the next start. */
  configure(yaml: string): void {
    writeFileSync(join(this.#directory, "bgp.yaml"), configOf(yaml, this.#directory, this.#options));
  }

  /** Starts it again after it has ended, where it was: with the journal that it left. */
  again(): Promise<Daemon> {
    return Daemon.#launch(this.#directory, this.#options);
  }

  async stop(): Promise<void> {
    await this.end();
    this.remove();
  }

  /** Ends it by SIGTERM, and says how long that took in seconds; what it left stays. */
  async end(): Promise<number> {
    if (this.exitCode === null) this.#child.kill("SIGTERM");
    return until("the daemon has stopped", () => this.exitCode !== null, 15_000);
  }

  /** However the program ends: nothing is left behind. */
  remove(): void {
    if (this.exitCode === null) this.#child.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What else this machine does is none of the daemon's doing: gives its scheduler group a larger share, where that is allowed. */
function favour(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, "-15");
  } catch {
    // then the figures are those of a busy machine
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits, and says how long it took in seconds. @throws Error when the time runs out. */
export async function until(what: string, done: () => boolean | Promise<boolean>, ms = 60_000): Promise<number> {
  const begin = performance.now();
  while (!(await done())) {
    if (performance.now() - begin > ms) throw new Error(`gave up waiting until ${what}`);
    await pause(10);
  }
  return (performance.now() - begin) / 1000;
}
