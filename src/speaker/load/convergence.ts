/** Delays in seconds, counted in buckets as Prometheus wants them: plain numbers, read when scraped. */
export class DelayHistogram {
  /** Upper bounds in seconds; one more bucket is open. */
  static readonly bounds: readonly number[] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ];
  /** Delays by bucket, not cumulative. */
  readonly buckets: number[] = new Array<number>(DelayHistogram.bounds.length + 1).fill(0);
  count = 0;
  sumSeconds = 0;

  record(seconds: number): void {
    let i = 0;
    while (i < DelayHistogram.bounds.length && seconds > DelayHistogram.bounds[i]!) i++;
    this.buckets[i]!++;
    this.count++;
    this.sumSeconds += seconds;
  }
}

/** Calls back once when everything that waits now has arrived. */
interface Destination {
  /** Whether anything waits. */
  readonly pending: number;
  mark(stamp: number): void;
}

/**
 * How long news takes: from the read that carried an UPDATE until its last byte is with the socket of every member that keeps up,
 * and until the kernel has answered. News that is decided together is measured together, from the oldest of it.
 */
export class Convergence {
  readonly toPeers = new DelayHistogram();
  readonly toFib = new DelayHistogram();
  readonly #now: () => number;
  #since = -1;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** An UPDATE was read. */
  heard(): void {
    if (this.#since < 0) this.#since = this.#now();
  }

  /** Everything heard so far is decided, and waits in these update groups and, if `barrier` is given, for the kernel. */
  decided(groups: Iterable<Destination>, barrier: ((done: () => void) => void) | null): void {
    const since = this.#since;
    if (since < 0) return;
    this.#since = -1;
    for (const group of groups) if (group.pending > 0) group.mark(since);
    barrier?.(() => this.toFib.record((this.#now() - since) / 1000));
  }

  /** A group has handed everything over that was heard at `stamp`. */
  delivered(stamp: number): void {
    this.toPeers.record((this.#now() - stamp) / 1000);
  }
}
