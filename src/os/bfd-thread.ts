import { Worker } from "node:worker_threads";
import type { BfdNeighbor, BfdPort, BfdStatus, FromThread, ToThread } from "../bfd/port.ts";

/** Beyond that a stop doesn't wait for the thread's last packets. */
const CLOSE_MS = 500;

type Listener = Parameters<BfdPort["listen"]>[0];

/** BFD in a thread of this process, which begins with the first session that is wanted. */
export class BfdThread implements BfdPort {
  readonly #program: URL;
  readonly #wanted = new Map<string, BfdNeighbor>();
  readonly #status = new Map<string, BfdStatus>();
  #dropped: ReadonlyMap<string, number> = new Map();
  #worker: Worker | null = null;
  #closed: (() => void) | null = null;
  #listener: Listener = { changed() {}, trouble() {} };

  /** @param program the thread's own file */
  constructor(program: URL) {
    this.#program = program;
  }

  listen(to: Listener): void {
    this.#listener = to;
  }

  set(address: string, neighbor: BfdNeighbor): void {
    this.#wanted.set(address, neighbor);
    this.#post({ type: "set", address, neighbor });
  }

  remove(address: string): void {
    if (!this.#wanted.delete(address)) return;
    this.#status.delete(address);
    this.#post({ type: "remove", address });
  }

  status(address: string): BfdStatus | undefined {
    return this.#status.get(address);
  }

  dropped(): ReadonlyMap<string, number> {
    return this.#dropped;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#wanted.clear();
    const over = new Promise<void>((resolve) => {
      this.#closed = resolve;
      setTimeout(resolve, CLOSE_MS).unref();
    });
    worker.postMessage({ type: "close" } satisfies ToThread);
    await over;
    this.#worker = null;
    await worker.terminate();
  }

  #post(message: ToThread): void {
    this.#worker ??= this.#begin();
    this.#worker.postMessage(message);
  }

  #begin(): Worker {
    const worker = new Worker(this.#program);
    worker.on("message", (message: FromThread) => this.#heard(message));
    // A thread that fails begins again with all that is wanted; its sessions count as down until they are up again.
    worker.on("error", (error) => {
      this.#listener.trouble(`BFD failed and begins again: ${error instanceof Error ? error.message : String(error)}`);
      if (this.#worker !== worker) return;
      this.#worker = null;
      for (const [address, neighbor] of this.#wanted) this.#post({ type: "set", address, neighbor });
    });
    worker.unref();
    return worker;
  }

  #heard(message: FromThread): void {
    if (message.type === "closed") this.#closed?.();
    else if (message.type === "trouble") this.#listener.trouble(message.text);
    else if (message.type === "dropped") this.#dropped = message.counts;
    else if (this.#wanted.has(message.address)) {
      this.#status.set(message.address, message.status);
      this.#listener.changed(message.address, message.status);
    }
  }
}
