import { totalmem } from "node:os";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Libc, loadLibc } from "./libc.ts";

/** What a process takes beside heap and buffers, a table of routes or not: program, engine, stacks, sockets, pages that are half empty. */
const BESIDE = 96 * 2 ** 20;

/** What a control group has is read from several files, and hardly ever changes. */
const READ_AGAIN_MS = 60_000;

/** What the machine says about the memory of this process; the speaker room's `MemoryPort`. */
export class ProcessMemory {
  #gc: (() => void) | null = null;
  #libc: Libc | null = null;
  #available = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  /**
   * Octets that heap and buffers of this process may have: what its control group has, else the machine, less what everything else takes.
   * In a group of 256 MB that is not nothing: with a budget of three quarters of all of it the kernel was there first.
   */
  get available(): number {
    const now = performance.now();
    if (now - this.#readAt < READ_AGAIN_MS) return this.#available;
    this.#readAt = now;
    this.#available = this.#read();
    return this.#available;
  }

  #read(): number {
    const constrained = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
    const all = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
    return Math.floor(all - Math.min(BESIDE, all / 3));
  }

  /** Octets of the engine's heap and of the buffers outside of it. What nobody uses any more counts until it is collected. */
  used(): number {
    // Not `process.memoryUsage`: it opens a file, and throws when there are no descriptors left.
    const { used_heap_size, external_memory } = getHeapStatistics();
    return used_heap_size + external_memory;
  }

  /** How full the engine's own heap is, 0 to 1: at 1 the process ends, whatever the machine has left. */
  heapShare(): number {
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    return used_heap_size / heap_size_limit;
  }

  /** A full garbage collection, and what it freed goes back to the system. Some tens of milliseconds, as there is little on the heap. */
  collect(): void {
    if (this.#gc === null) {
      setFlagsFromString("--expose-gc");
      this.#gc = runInNewContext("gc") as () => void;
    }
    this.#gc();
    this.#libc ??= libcOrNull();
    this.#libc?.mallocTrim?.(0);
  }
}

/** Without it memory is only given back less eagerly. */
function libcOrNull(): Libc | null {
  try {
    return loadLibc();
  } catch {
    return null;
  }
}
