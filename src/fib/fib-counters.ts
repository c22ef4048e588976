import type { KernelMirror } from "../kernel/mirror.ts";
import type { FibCounters } from "./fib-port.ts";
import type { Flight } from "./flight.ts";
import type { WriteQueue } from "./write-queue.ts";

const operation = () => ({ ok: 0, failed: 0, overridden: 0 });

/** All at zero; what others count is asked of them. */
export const createCounters = (queue: WriteQueue, flight: Flight, mirror: KernelMirror | null): FibCounters => ({
  installed: 0,
  operations: { add: operation(), replace: operation(), delete: operation() },
  repaired: 0,
  adopted: 0,
  swept: 0,
  get resyncs() {
    return mirror?.resyncs ?? 0;
  },
  writerRestarts: 0,
  get queued() {
    return queue.length;
  },
  get unanswered() {
    return flight.next - flight.unanswered;
  },
});
