const FIRST = 64;

/** First in, first out, for ids; grows with what waits in it and shrinks when it has run empty. */
export class IdQueue {
  #ring = new Uint32Array(FIRST);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(id: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = id;
    this.#length++;
  }

  /** The oldest id; 0 if there's none. */
  shift(): number {
    if (this.#length === 0) return 0;
    const id = this.#ring[this.#head]!;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    if (--this.#length === 0 && this.#ring.length > 16_384) {
      this.#ring = new Uint32Array(FIRST);
      this.#head = 0;
    }
    return id;
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Uint32Array(old.length * 2);
    ring.set(old.subarray(this.#head));
    ring.set(old.subarray(0, this.#head), old.length - this.#head);
    this.#ring = ring;
    this.#head = 0;
  }
}
