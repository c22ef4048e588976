import type { MemberPort } from "../export-ports.ts";

/** Hands whole messages to a socket; `taken` is called once when the kernel has them all. At most one outstanding. */
export interface BulkWriter {
  writeBulk(chunks: readonly Uint8Array[], taken: () => void, messages: number): void;
}

interface Waiting {
  readonly chunks: readonly Uint8Array[];
  readonly taken: () => void;
  readonly messages: number;
}

/**
 * One socket, several writers: a peer is in one update group for each family, and each group hands over one write at a time.
 * They take turns.
 */
export class Outbox implements MemberPort {
  readonly source: number;
  readonly #writer: BulkWriter;
  /** Null for as long as nobody had to wait, which most never do. */
  #waiting: Waiting[] | null = null;
  #busy = false;

  constructor(source: number, writer: BulkWriter) {
    this.source = source;
    this.#writer = writer;
  }

  write(chunks: readonly Uint8Array[], taken: () => void, messages: number): void {
    if (!this.#busy) {
      this.#send(chunks, taken, messages);
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push({ chunks, taken, messages });
  }

  #send(chunks: readonly Uint8Array[], taken: () => void, messages: number): void {
    this.#busy = true;
    const done = () => {
      this.#busy = false;
      const next = this.#waiting?.shift();
      if (next !== undefined) this.#send(next.chunks, next.taken, next.messages);
      taken();
    };
    this.#writer.writeBulk(chunks, done, messages);
  }
}
