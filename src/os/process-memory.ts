import { totalmem } from "node:os";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What the machine says about the memory of this process; the speaker room's `MemoryPort`. */
export class ProcessMemory {
  #gc: (() => void) | null = null;

  /** Octets that this process may have: of its control group, else of the machine. */
  get available(): number {
    const constrained = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
    return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  }

  /** Octets of the engine's heap and of the buffers outside of it. What nobody uses any more counts until it is collected. */
  used(): number {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }

  /** How full the engine's own heap is, 0 to 1: at 1 the process ends, whatever the machine has left. */
  heapShare(): number {
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    return used_heap_size / heap_size_limit;
  }

  /** A full garbage collection. Takes milliseconds, as there is little on the heap. */
  collect(): void {
    if (this.#gc === null) {
      setFlagsFromString("--expose-gc");
      this.#gc = runInNewContext("gc") as () => void;
    }
    this.#gc();
  }
}
