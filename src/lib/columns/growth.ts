/**
 * When parallel columns grow: one at a time, spread over the last quarter of what there is room for, so that no step copies more than one
 * of them. Copied all at once, the columns of a million sets stopped the loop for 40 ms.
 */
export class Growth {
  readonly #columns: number;
  #capacity: number;
  /** Columns that have grown beyond `#capacity` already. */
  #grown = 0;
  /** The first id for which something has to grow. */
  next = 0;

  /** @param capacity elements that each column has now. */
  constructor(columns: number, capacity: number) {
    this.#columns = columns;
    this.#capacity = capacity;
    this.#plan();
  }

  /** Has columns grown until `id` is a valid index of all. Ids come in order, so that it is mostly one, or none. */
  reach(id: number, grow: (column: number, length: number) => void): void {
    while (id >= this.next) {
      grow(this.#grown++, this.#capacity * 2);
      if (this.#grown === this.#columns) {
        this.#capacity *= 2;
        this.#grown = 0;
      }
      this.#plan();
    }
  }

  #plan(): void {
    const last = this.#capacity >>> 2;
    this.next = this.#capacity - last + Math.floor((last * this.#grown) / this.#columns);
  }
}

/** A longer or shorter copy of a column. Only the columns of a `Growth`, and what can't become long, grow so; all others are in pages. */
export function resized<A extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(column: A, length: number): A {
  const copy = new (column.constructor as new (length: number) => A)(length);
  copy.set(column.length > length ? column.subarray(0, length) : column);
  return copy;
}
