import type { Sys } from "./sys.ts";

/** Memory for what is read, touched before the clock runs: page faults would count against the generator. */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly #free: Uint8Array[] = [];
  /** Where a message that lies across chunks is put together. */
  readonly torn = new Uint8Array(65535);

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
  }

  /** Prepares `bytes` of memory in all. */
  prepare(bytes: number): void {
    for (let have = this.#free.length * this.chunkBytes; have < bytes; have += this.chunkBytes)
      this.#free.push(new Uint8Array(this.chunkBytes).fill(1));
  }

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.chunkBytes);
  }

  give(chunk: Uint8Array): void {
    this.#free.push(chunk);
  }
}

/** One message as found in a recording; `bytes` is only valid during the call. */
export type OnMessage = (type: number, bytes: Uint8Array, bodyStart: number, bodyEnd: number, atMs: number) => void;

/**
 * All that one session received, and when: bytes are read into chunks and looked at later, so that while the clock runs a read costs no
 * more than its system call. Each read leaves its end and its time; a message arrived when the read that completed it did.
 */
export class Recording {
  readonly #pool: ChunkPool;
  readonly #chunks: Uint8Array[] = [];
  readonly #chunkEnds: number[] = []; // octets used, of chunks that are full
  #fill = 0;
  bytes = 0;
  reads = 0;
  #readEnds = new Float64Array(16);
  #readTimes = new Float64Array(16);
  #parsedBytes = 0;
  #parsedReads = 0;
  #at = 0; // in the first chunk

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** One read; octets, 0 at the end, -1 for none. */
  readFrom(sys: Sys, fd: number, nowMs: number): number {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.length - this.#fill < chunk.length >> 3) {
      if (chunk !== undefined) this.#chunkEnds.push(this.#fill);
      chunk = this.#pool.take();
      this.#chunks.push(chunk);
      this.#fill = 0;
    }
    const got = sys.receive(fd, this.#fill === 0 ? chunk : chunk.subarray(this.#fill));
    if (got <= 0) return got;
    this.#fill += got;
    this.bytes += got;
    this.#noteRead(nowMs);
    return got;
  }

  get unparsed(): number {
    return this.bytes - this.#parsedBytes;
  }

  /** Hands over every complete message that was not yet. */
  parse(on: OnMessage): void {
    while (this.next(on));
  }

  /** Hands over one message; false when there is none yet. Gives chunks that are done back. */
  next(on: OnMessage): boolean {
    if (this.unparsed < 19) return false;
    const header = this.#window(19);
    const length = (header.bytes[header.at + 16]! << 8) | header.bytes[header.at + 17]!;
    if (length < 19) throw new Error(`a message of ${length} octets: the stream is broken`);
    if (this.unparsed < length) return false;
    const { bytes, at } = this.#window(length);
    this.#skip(length);
    on(bytes[at + 18]!, bytes, at + 19, at + length, this.#timeOfParsed());
    return true;
  }

  /** `length` octets in one piece. */
  #window(length: number): { bytes: Uint8Array; at: number } {
    const first = this.#chunks[0]!;
    if (this.#endOf(0) - this.#at >= length) return { bytes: first, at: this.#at };
    let [index, at] = [0, this.#at];
    for (let filled = 0; filled < length; index++, at = 0) {
      const part = this.#chunks[index]!.subarray(at, Math.min(this.#endOf(index), at + length - filled));
      this.#pool.torn.set(part, filled);
      filled += part.length;
    }
    return { bytes: this.#pool.torn, at: 0 };
  }

  #skip(length: number): void {
    this.#parsedBytes += length;
    this.#at += length;
    while (this.#chunks.length > 1 && this.#at >= this.#endOf(0)) {
      this.#at -= this.#endOf(0);
      this.#chunkEnds.shift();
      this.#pool.give(this.#chunks.shift()!);
    }
  }

  #endOf(index: number): number {
    return index < this.#chunkEnds.length ? this.#chunkEnds[index]! : this.#fill;
  }

  #timeOfParsed(): number {
    while (this.#readEnds[this.#parsedReads]! < this.#parsedBytes) this.#parsedReads++;
    return this.#readTimes[this.#parsedReads]!;
  }

  #noteRead(nowMs: number): void {
    if (this.reads === this.#readEnds.length) {
      const grow = (old: Float64Array) => {
        const grown = new Float64Array(old.length * 2);
        grown.set(old);
        return grown;
      };
      this.#readEnds = grow(this.#readEnds);
      this.#readTimes = grow(this.#readTimes);
    }
    this.#readEnds[this.reads] = this.bytes;
    this.#readTimes[this.reads++] = nowMs;
  }
}
