/** A read behind the end of the bytes: thrown by ByteReader and turned into the protocol's own error by whoever reads. */
export class TruncatedError extends Error {
  constructor(wanted: number, found: number) {
    super(`wanted ${wanted} more octets, found ${found}`);
  }
}

/** Four octets as a number, the most significant first. */
export const wordAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

/** Reads big-endian numbers from a window of bytes; every read checks the bounds. */
export class ByteReader {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Octets left to read. */
  get length(): number {
    return this.end - this.position;
  }

  u8(): number {
    return this.bytes[this.#advance(1)]!;
  }

  u16(): number {
    const at = this.#advance(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u32(): number {
    const at = this.#advance(4);
    return wordAt(this.bytes, at);
  }

  /** A view of the next `length` octets; copy what you keep. */
  view(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A reader of the next `length` octets alone. */
  sub(length: number): ByteReader {
    const at = this.#advance(length);
    return new ByteReader(this.bytes, at, at + length);
  }

  #advance(count: number): number {
    const at = this.position;
    if (count > this.end - at) throw new TruncatedError(count, this.end - at);
    this.position = at + count;
    return at;
  }
}

/** Writes big-endian numbers into bytes that grow as needed. */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  raw(source: Uint8Array, start = 0, end = source.length): void {
    const at = this.reserve(end - start);
    for (let i = start, to = at; i < end; i++, to++) this.bytes[to] = source[i]!;
  }

  /** Overwrites two octets that were written before. */
  patchU16(at: number, value: number): void {
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  /** Makes room for `count` octets and returns where they start. */
  reserve(count: number): number {
    const at = this.length;
    const wanted = at + count;
    if (wanted > this.bytes.length) {
      const grown = new Uint8Array(Math.max(wanted, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
    }
    this.length = wanted;
    return at;
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}
