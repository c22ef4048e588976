import { type ChildProcess, spawn } from "node:child_process";
import type { Host } from "../lab.ts";

/** A daemon running in the foreground inside a host, with all that it printed. */
export class Daemon {
  readonly title: string;
  readonly #child: ChildProcess;
  readonly #output: string[] = [];
  #ended: string | null = null;
  #stopping = false;

  constructor(host: Host, name: string, command: readonly string[], environment: Record<string, string> = {}) {
    this.title = `${name} on ${host.name}`;
    this.#child = spawn("ip", ["netns", "exec", host.namespace, ...command], {
      cwd: host.directory,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding("utf8").on("data", (text: string) => this.#output.push(text));
    this.#child.on("error", (error) => {
      this.#ended = error.message;
    });
    this.#child.on("exit", (code, signal) => {
      this.#ended = signal ?? `exit code ${code}`;
    });
    host.lab.adopt(this);
  }

  get output(): string {
    return this.#output.join("");
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** How it ended, null while it runs. */
  get ended(): string | null {
    return this.#ended;
  }

  /** @throws if it ended without being asked to. */
  check(): void {
    if (this.#ended !== null && !this.#stopping)
      throw new Error(`${this.title} has ended (${this.#ended}): ${this.output.slice(-2000)}`);
  }

  /** Sends a signal; with one that ends it, returns when it has ended. Stopped processes are woken for it first. */
  async signal(name: "SIGTERM" | "SIGKILL" | "SIGINT"): Promise<void> {
    this.#stopping = true;
    if (this.#ended !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(name);
    await gone;
  }

  /** Holds the process still, as a machine that hangs: its sockets stay open and the kernel goes on answering TCP. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** SIGHUP: most daemons read their configuration again. */
  hangUp(): void {
    this.#child.kill("SIGHUP");
  }

  /** For cleaning up, at once. */
  killNow(): void {
    this.#stopping = true;
    this.#child.kill("SIGKILL");
  }
}
