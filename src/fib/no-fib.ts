import type { DevicePort } from "../kernel/device-port.ts";
import type { KernelEvents, KernelLink, KernelReader } from "../kernel/reader.ts";
import type { FibCounters, FibPort, FibRow } from "./fib-port.ts";

/** Reads links and addresses, and hears of them from then on. */
interface LinkWatch {
  resync(done: () => void): void;
  close(): void;
}

const noKernel = "there is no kernel FIB here (kernel.fib is none)";

/** `kernel.fib: none`, a pure reflector: intents go nowhere and cost nothing. Links and addresses are watched where that can be done. */
export class NoFib implements FibPort {
  readonly ready: Promise<void>;
  readonly #watch: LinkWatch | null;

  constructor(watch: LinkWatch | null = null) {
    this.#watch = watch;
    this.ready = new Promise((resolve) => (watch === null ? resolve() : watch.resync(resolve)));
  }

  readonly counters: FibCounters = {
    installed: 0,
    operations: {
      add: { ok: 0, failed: 0, overridden: 0 },
      replace: { ok: 0, failed: 0, overridden: 0 },
      delete: { ok: 0, failed: 0, overridden: 0 },
    },
    repaired: 0,
    adopted: 0,
    swept: 0,
    resyncs: 0,
    writerRestarts: 0,
    queued: 0,
    unanswered: 0,
  };

  readonly writerTrouble = null;

  readonly devices: DevicePort = {
    vxlan: (_device, answer) => answer(noKernel, 0),
    vxlanChange: (_change, answer) => answer(noKernel, 0),
    linkSetting: (_ifindex, _mtu, _remove, answer) => answer(noKernel, 0),
    neighbour: (_operation, _remote, answer) => answer(noKernel, 0),
    onWriter: () => () => {},
  };

  openGroup(): number {
    return 1;
  }
  adopted(): number {
    return 0;
  }
  barrier(done: () => void): void {
    done();
  }
  rows(): Iterable<FibRow> {
    return [];
  }
  list(): FibRow[] {
    return [];
  }
  row(): undefined {}
  writerStats(): Promise<null> {
    return Promise.resolve(null);
  }
  async close(): Promise<void> {
    this.#watch?.close();
  }
  retarget(): void {}
  releaseGroup(): void {}
  want(): void {}
  set(): void {}
  remove(): void {}
  sweep(): void {}
  onResult(): void {}
}

/** A reader that knows nothing and stays quiet. */
export class NoReader implements KernelReader {
  readonly links: ReadonlyMap<number, KernelLink> = new Map();

  subscribe(events: KernelEvents): () => void {
    events.synced?.();
    return () => {};
  }

  linkByName(): undefined {}

  neighbours(_ifindex: number, done: (entries: readonly []) => void): void {
    done([]);
  }
}
