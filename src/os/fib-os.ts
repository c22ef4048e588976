import { spawn } from "node:child_process";
import { connect as connectSocket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { FibOs, WriterLink } from "../kernel/os-port.ts";
import { assertLittleEndian } from "../kernel/rtnetlink/message.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { claimMark } from "./mark-lock.ts";
import { RouteNetlinkEvents, RouteNetlinkSocket } from "./netlink.ts";

/** The machine for the FIB room. @throws Error with one sentence if netlink can't be had here at all. */
export function openFibOs(): FibOs {
  if (process.platform !== "linux") throw new Error(`Cannot speak netlink on ${process.platform}: only Linux has it`);
  assertLittleEndian();
  const libc: Libc = loadLibc();
  return {
    openNetlink: () => new RouteNetlinkSocket(libc),
    openNetlinkEvents: (routes) => new RouteNetlinkEvents(libc, routes),
    claimMark: (mark) => claimMark(libc, mark),
    startWriterProcess,
    connectWriter,
    errorText: (errno) => libc.strerror(errno),
    processId: process.pid,
    cpuMicros: () => process.cpuUsage(),
  };
}

/** The writer's main file beside this build: compiled, or as it stands where Node strips types. */
export function writerProgram(): string {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../fib-writer-main.${suffix}`, import.meta.url));
}

function startWriterProcess(): WriterLink {
  const child = spawn(process.execPath, [writerProgram()], { stdio: ["pipe", "pipe", "inherit"] });
  const link = new StreamLink(child.stdin, child.stdout, () => child.kill("SIGKILL"));
  child.on("error", (error) => link.ended(`The kernel writer could not be started: ${error.message}`));
  child.on("exit", (code, signal) =>
    link.ended(`The kernel writer process ended with ${signal === null ? `code ${code}` : signal}`),
  );
  return link;
}

function connectWriter(path: string): WriterLink {
  const socket = connectSocket(path);
  const link = new StreamLink(socket, socket, () => socket.destroy());
  socket.on("error", (error) => link.ended(`The kernel writer at ${path} is not reachable: ${error.message}`));
  socket.on("close", () => link.ended(`The kernel writer at ${path} closed the connection`));
  return link;
}

/** A byte stream to a writer as a link; whatever goes wrong is told once. */
class StreamLink implements WriterLink {
  readonly #input: Writable;
  readonly #kill: () => void;
  #onClose: ((reason: string) => void) | null = null;
  #reason: string | null = null;
  readonly #output: Readable;

  constructor(input: Writable, output: Readable, kill: () => void) {
    this.#input = input;
    this.#output = output;
    this.#kill = kill;
    input.on("error", () => {}); // EPIPE: the end of the process tells more
  }

  send(bytes: Uint8Array): boolean {
    if (this.#reason !== null) return false;
    return this.#input.write(bytes.slice());
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#output.on("data", listener);
  }

  onDrain(listener: () => void): void {
    this.#input.on("drain", listener);
  }

  onClose(listener: (reason: string) => void): void {
    this.#onClose = listener;
    if (this.#reason !== null) listener(this.#reason);
  }

  close(hung = false): void {
    this.#onClose = null;
    // A writer that hangs is not waited for, and must not write what it was told when its routes may be another's.
    if (hung) {
      this.#kill();
      return;
    }
    this.#input.end();
    setTimeout(() => this.#reason === null && this.#kill(), 2000).unref();
  }

  ended(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#onClose?.(reason);
  }
}
