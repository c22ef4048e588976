/** Hands whole messages to a socket; `taken` is called once when the kernel has them all. At most one outstanding. */
export interface BulkWriter {
  writeBulk(chunks: readonly Uint8Array[], taken: () => void): void;
}

interface Waiting {
  readonly chunks: readonly Uint8Array[];
  readonly taken: () => void;
}

/**
 * One socket, several writers: a peer is in one update group for each family, and each group hands over one write at a time.
 * They take turns.
 */
export class Outbox {
  readonly #writer: BulkWriter;
  readonly #waiting: Waiting[] = [];
  #busy = false;

  constructor(writer: BulkWriter) {
    this.#writer = writer;
  }

  write(chunks: readonly Uint8Array[], taken: () => void): void {
    if (this.#busy) this.#waiting.push({ chunks, taken });
    else this.#send({ chunks, taken });
  }

  #send({ chunks, taken }: Waiting): void {
    this.#busy = true;
    this.#writer.writeBulk(chunks, () => {
      this.#busy = false;
      const next = this.#waiting.shift();
      if (next !== undefined) this.#send(next);
      taken();
    });
  }
}
