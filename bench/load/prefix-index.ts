/** Finds the number of a prefix: open addressing over columns. Words are (address, 0) for IPv4, the upper 64 bits for IPv6. */
export class PrefixIndex {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly lengths: Uint8Array;
  count = 0;
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** What was found last: tables are mostly sent in their order, and then the next one is no search. */
  #last = -1;

  constructor(capacity: number) {
    this.high = new Uint32Array(capacity);
    this.low = new Uint32Array(capacity);
    this.lengths = new Uint8Array(capacity);
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
  }

  /** The number of the prefix, from 0; -1 if it is unknown. */
  find(high: number, low: number, length: number): number {
    const next = this.#last + 1;
    if (this.high[next] === high && this.low[next] === low && this.lengths[next] === length && next < this.count)
      this.#last = next;
    else this.#last = this.#slots[this.#slot(high, low, length)]! - 1;
    return this.#last;
  }

  /** Whether the prefix was new; it then has the number `count - 1`. */
  add(high: number, low: number, length: number): boolean {
    const slot = this.#slot(high, low, length);
    if (this.#slots[slot] !== 0) return false;
    this.high[this.count] = high;
    this.low[this.count] = low;
    this.lengths[this.count] = length;
    this.#slots[slot] = ++this.count;
    return true;
  }

  #slot(high: number, low: number, length: number): number {
    let hash = Math.imul(high ^ Math.imul(length, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(low, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    for (let slot = (hash ^ (hash >>> 13)) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = this.#slots[slot]! - 1;
      if (id < 0 || (this.high[id] === high >>> 0 && this.low[id] === low >>> 0 && this.lengths[id] === length))
        return slot;
    }
  }
}
