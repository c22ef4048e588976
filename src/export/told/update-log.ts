/**
 * Who a run of messages is for, as one number: everybody, everybody but the peer with source `s`, or that peer alone.
 * Source ids are small and not negative.
 */
export const ALL = -1;
export const except = (source: number): number => source;
export const only = (source: number): number => -2 - source;

const FIRST_CHUNK = 4096;
/** Chunks double up to this size, so that a speaker with ten routes stays small and one with a million writes big pieces. */
const MAX_CHUNK = 256 * 1024;
/** With 31 bits, epochs of this length last for 35 terabytes. */
const EPOCH_OCTETS = 16 * 1024;

/**
 * A piece of a log: messages back to back, and runs of messages with the same audience. Filled bytes never change. Chunks
 * are linked forward only, so one that every reader has left behind is garbage by itself.
 */
export class Chunk {
  /** Epoch of the log when the chunk was begun: its bytes were told in this epoch or a later one. */
  readonly epoch: number;
  /** Octets of the log before this chunk. */
  readonly origin: number;
  readonly bytes: Buffer;
  /** For catch-ups: the first entry that these bytes may speak of. */
  position = 0;
  filled = 0;
  messages = 0;
  next: Chunk | null = null;
  /** One element per run: where it ends, who it is for, messages up to its end. */
  readonly ends: number[] = [];
  readonly audiences: number[] = [];
  readonly counts: number[] = [];
  /** Bit `s & 31` is set if a run treats source `s` differently from others; all bits if a run is for one peer alone. */
  concerns = 0;

  constructor(epoch: number, origin: number, size: number) {
    this.epoch = epoch;
    this.origin = origin;
    this.bytes = Buffer.allocUnsafeSlow(size);
  }
}

/** Bytes for one peer, in whole messages. Peers at the same place share it. */
export interface Batch {
  readonly buffers: readonly Uint8Array[];
  readonly bytes: number;
  readonly messages: number;
}

/** Where a reader stands in a log; always between two messages. */
export class Cursor {
  chunk: Chunk;
  offset: number;
  /** Messages of the chunk before `offset`. */
  messages: number;
  /** No run before this one ends behind `offset`. */
  run: number;

  constructor(chunk: Chunk, offset: number, messages: number, run: number) {
    this.chunk = chunk;
    this.offset = offset;
    this.messages = messages;
    this.run = run;
  }

  /** Octets of the log that lie behind the reader. */
  get position(): number {
    return this.chunk.origin + this.offset;
  }

  copy(): Cursor {
    return new Cursor(this.chunk, this.offset, this.messages, this.run);
  }
}

/** The append-only log of encoded messages that the members of a group share, each with its own cursor. */
export class Log {
  /**
   * Stamp of what is told now. A reader that stops in a chunk has missed nothing that was told before the chunk's epoch, so
   * "everything since that epoch" brings it up to date.
   */
  epoch = 1;
  #tail = new Chunk(1, 0, 0);
  /** Octets of the log before this epoch. */
  #epochFrom = 0;
  #nextSize: number;
  #batch: Batch | null = null;
  #batchFrom: Chunk | null = null;
  #batchOffset = 0;
  #batchTotal = 0;
  #batchConcerns = 0;
  readonly #batchEnd: Cursor;

  /** `exact`: chunks have the size of what is appended, for a log that is written once in big pieces. */
  constructor(exact = false) {
    this.#nextSize = exact ? 0 : FIRST_CHUNK;
    this.#batchEnd = this.end();
  }

  /** Octets ever appended. */
  get total(): number {
    return this.#tail.origin + this.#tail.filled;
  }

  /** A cursor behind everything that is in the log. */
  end(): Cursor {
    const { filled, messages, ends } = this.#tail;
    return new Cursor(this.#tail, filled, messages, Math.max(0, ends.length - 1));
  }

  /** Begins a new epoch and returns it: what is told from now on can be told from all before. */
  bump(): number {
    return ++this.epoch;
  }

  /** Before something is told: a new epoch if this one is a chunk or some octets long. Not each time: epochs have 31 bits. */
  begin(): void {
    if (this.#tail.epoch < this.epoch && this.total - this.#epochFrom < EPOCH_OCTETS) return;
    this.#epochFrom = this.total;
    this.epoch++;
  }

  /** Lets go of the last chunk: the next one is small again. True if it did; then cursors at the end are to be taken anew. */
  rest(): boolean {
    if (this.#tail.bytes.length <= FIRST_CHUNK) return false;
    this.#roll(0);
    this.#nextSize = FIRST_CHUNK;
    this.#batch = null;
    this.#batchFrom = null;
    this.#batchEnd.chunk = this.#tail;
    return true;
  }

  /** For catch-ups: what is appended next speaks of entries from `position` on. */
  startAt(position: number): void {
    if (this.#tail.filled > 0) this.#roll(0);
    this.#tail.position = position;
  }

  #roll(size: number): void {
    const tail = this.#tail;
    const chunk = new Chunk(this.epoch, this.total, size);
    chunk.position = tail.position;
    tail.next = chunk;
    this.#tail = chunk;
  }

  /**
   * Copies `length` octets, whole messages, into the log. The runs are parallel arrays: end of each within `bytes`,
   * audience, messages in it.
   */
  append(bytes: Uint8Array, length: number, ends: number[], audiences: number[], counts: number[]): void {
    if (this.#tail.bytes.length - this.#tail.filled < length) {
      this.#roll(Math.max(length, this.#nextSize));
      this.#nextSize = Math.min(MAX_CHUNK, this.#nextSize * 2);
    }
    const chunk = this.#tail;
    const base = chunk.filled;
    chunk.bytes.set(length === bytes.length ? bytes : bytes.subarray(0, length), base);
    for (let i = 0; i < ends.length; i++) {
      const audience = audiences[i]!;
      chunk.messages += counts[i]!;
      const last = chunk.ends.length - 1;
      if (last >= 0 && chunk.audiences[last] === audience) {
        chunk.ends[last] = base + ends[i]!;
        chunk.counts[last] = chunk.messages;
        continue;
      }
      chunk.ends.push(base + ends[i]!);
      chunk.audiences.push(audience);
      chunk.counts.push(chunk.messages);
      if (audience >= 0) chunk.concerns |= 1 << (audience & 31);
      else if (audience < ALL) chunk.concerns = -1;
    }
    chunk.filled = base + length;
  }

  /**
   * What the reader with this source is to get next, about `limit` octets, and moves its cursor behind it; null if there
   * is nothing more for it.
   */
  read(cursor: Cursor, source: number, limit: number): Batch | null {
    if (cursor.chunk === this.#tail && cursor.offset === this.#tail.filled) return null;
    if (
      this.#batchFrom !== cursor.chunk ||
      this.#batchOffset !== cursor.offset ||
      this.#batchTotal !== this.total ||
      this.#batch === null
    )
      this.#prepare(cursor, limit);
    if ((this.#batchConcerns & (1 << (source & 31))) !== 0) return this.#pick(cursor, source, limit);
    const end = this.#batchEnd;
    cursor.chunk = end.chunk;
    cursor.offset = end.offset;
    cursor.messages = end.messages;
    cursor.run = end.run;
    return this.#batch!.bytes === 0 ? null : this.#batch;
  }

  /** Makes the batch that all readers at this place get whom no run concerns. */
  #prepare(cursor: Cursor, limit: number): void {
    const buffers: Uint8Array[] = [];
    let bytes = 0;
    let messages = 0;
    let concerns = 0;
    let chunk = cursor.chunk;
    let offset = cursor.offset;
    let before = cursor.messages;
    for (;;) {
      const length = chunk.filled - offset;
      if (length > 0) {
        buffers.push(chunk.bytes.subarray(offset, chunk.filled));
        bytes += length;
        messages += chunk.messages - before;
        concerns |= chunk.concerns;
        offset = chunk.filled;
      }
      before = chunk.messages;
      const next: Chunk | null = chunk.next;
      if (next === null || (bytes > 0 && bytes + next.filled > limit)) break;
      chunk = next;
      offset = 0;
      before = 0;
    }
    this.#batch = { buffers, bytes, messages };
    this.#batchFrom = cursor.chunk;
    this.#batchOffset = cursor.offset;
    this.#batchTotal = this.total;
    this.#batchConcerns = concerns;
    const end = this.#batchEnd;
    end.chunk = chunk;
    end.offset = offset;
    end.messages = before;
    end.run = Math.max(0, chunk.ends.length - 1);
  }

  /** The slow way: run by run. */
  #pick(cursor: Cursor, source: number, limit: number): Batch | null {
    const buffers: Uint8Array[] = [];
    let bytes = 0;
    let messages = 0;
    for (;;) {
      const { chunk } = cursor;
      let from = cursor.offset;
      let to = from;
      for (; cursor.run < chunk.ends.length; cursor.run++) {
        const end = chunk.ends[cursor.run]!;
        if (end <= cursor.offset) continue;
        const audience = chunk.audiences[cursor.run]!;
        const mine = audience >= 0 ? audience !== source : audience === ALL || audience === only(source);
        if (mine) {
          if (to !== cursor.offset) {
            if (to > from) buffers.push(chunk.bytes.subarray(from, to));
            from = cursor.offset;
          }
          bytes += end - cursor.offset;
          messages += chunk.counts[cursor.run]! - cursor.messages;
          to = end;
        }
        cursor.offset = end;
        cursor.messages = chunk.counts[cursor.run]!;
      }
      if (to > from) buffers.push(chunk.bytes.subarray(from, to));
      if (cursor.run > 0) cursor.run--;
      if (chunk.next === null || (bytes > 0 && bytes + chunk.next.filled > limit)) break;
      cursor.chunk = chunk.next;
      cursor.offset = 0;
      cursor.messages = 0;
      cursor.run = 0;
    }
    return bytes === 0 ? null : { buffers, bytes, messages };
  }
}
