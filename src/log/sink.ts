/**
 * Where lines leave. A log must never hold up or end a router: the pipe behind stdout may be stuck, its reader gone, the
 * disk full. So the queue is bounded and lossy, one write is under way at a time, errors are swallowed, and lines that
 * were lost are counted and reported as soon as it flows again.
 */
export interface LineSink {
  /** Takes a line without its newline; never throws, never waits. */
  write(line: string): void;
  /** Lines lost so far. */
  readonly dropped: number;
  /** Writes out what is queued, as far as that works before the time is up. */
  close(deadlineMs: number): Promise<void>;
}

/** Writes bytes somewhere and calls back once, with the error if there was one; never throws. */
export type RawWriter = (bytes: Buffer, done: (error: Error | null) => void) => void;

export interface SinkOptions {
  /** Bytes that may wait; what comes then is dropped. */
  readonly maxQueued?: number;
  /** The line that says how many were lost. */
  readonly lost: (count: number) => string;
}

const DEFAULT_MAX_QUEUED = 1 << 20;
/** Bytes of one write: large enough to be cheap, small enough to lose little with it. */
const MAX_BATCH = 64 * 1024;

export class BoundedSink implements LineSink {
  readonly #writer: RawWriter;
  readonly #lost: (count: number) => string;
  readonly #maxQueued: number;
  #queue: Buffer[] = [];
  #queued = 0;
  #writing = false;
  #dropped = 0;
  /** Dropped but not reported yet. */
  #unreported = 0;
  #idle: (() => void)[] = [];

  constructor(writer: RawWriter, options: SinkOptions) {
    this.#writer = writer;
    this.#lost = options.lost;
    this.#maxQueued = options.maxQueued ?? DEFAULT_MAX_QUEUED;
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#queued + bytes.length > this.#maxQueued) {
      this.#drop(1);
      return;
    }
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (!this.#writing) this.#next();
  }

  async close(deadlineMs: number): Promise<void> {
    if (!this.#writing) return;
    let timer: NodeJS.Timeout | undefined;
    const flushed = new Promise<void>((resolve) => this.#idle.push(resolve));
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([flushed, deadline]);
    clearTimeout(timer);
  }

  #drop(count: number): void {
    this.#dropped += count;
    this.#unreported += count;
  }

  /** Hands over as many lines as fit into one write. */
  #next(): void {
    const batch: Buffer[] = [];
    let size = 0;
    while (this.#queue.length > batch.length && (size === 0 || size + this.#queue[batch.length]!.length <= MAX_BATCH)) {
      size += this.#queue[batch.length]!.length;
      batch.push(this.#queue[batch.length]!);
    }
    if (batch.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    this.#queue = this.#queue.slice(batch.length);
    this.#queued -= size;
    this.#writing = true;
    // Said before the next lines that get through: that is where the gap is.
    const reported = this.#unreported;
    if (reported > 0) batch.unshift(Buffer.from(`${this.#lost(reported)}\n`));
    let answered = false;
    this.#writer(Buffer.concat(batch), (error) => {
      if (answered) return;
      answered = true;
      this.#writing = false;
      if (error === null) this.#unreported -= reported;
      else this.#drop(batch.length - (reported > 0 ? 1 : 0));
      this.#next();
    });
  }
}
