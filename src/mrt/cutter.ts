import { wordAt } from "../lib/bytes.ts";
import { MRT_HEADER, type MrtFault, type RawRecord } from "./record.ts";

/**
 * No record is larger than this: the largest honest ones hold a route of some thousand peers. What claims more is damage, and no
 * memory is put by for it.
 */
export const MAX_RECORD = 16 << 20;

/** Types that RFC 6396 knows, old ones among them; another number may be new, or no record at all. */
const KNOWN = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 32, 33, 48, 49]);

/** Cuts a file into records as it is read; holds one record at most. */
export class RecordCutter {
  readonly #onRecord: (record: RawRecord) => void;
  /** The beginning of a record that isn't whole yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #held = 0;
  /** Where `#rest` begins in the file. */
  #offset = 0;
  #fault: MrtFault | null = null;

  constructor(onRecord: (record: RawRecord) => void) {
    this.#onRecord = onRecord;
  }

  /** Why nothing more can be read: where the next record begins isn't known. Null: all is well. */
  get fault(): MrtFault | null {
    return this.#fault;
  }

  push(chunk: Uint8Array): void {
    if (this.#fault !== null) return;
    let bytes = chunk;
    let at = 0;
    if (this.#held > 0) {
      at = this.#complete(chunk);
      if (this.#held > 0) return;
    }
    while (bytes.length - at >= MRT_HEADER) {
      const size = this.#sizeAt(bytes, at);
      if (size < 0) return;
      if (bytes.length - at < size) break;
      this.#emit(bytes, at, size);
      at += size;
    }
    if (at === bytes.length) return;
    bytes = bytes.subarray(at);
    this.#rest = new Uint8Array(Math.max(bytes.length, MRT_HEADER));
    this.#rest.set(bytes);
    this.#held = bytes.length;
  }

  /** The file is over. */
  end(): void {
    if (this.#fault !== null || this.#held === 0) return;
    const wanted = this.#held < MRT_HEADER ? MRT_HEADER : sizeOf(this.#rest, 0);
    const what = this.#held < MRT_HEADER ? "the header of a record" : "a record";
    this.#fault = {
      offset: this.#offset,
      text: `the file ends inside ${what}: wanted ${wanted} octets, found ${this.#held}`,
    };
  }

  /** Goes on with what is held; returns how much of the chunk that took. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    if (this.#held < MRT_HEADER) at = this.#take(chunk, at, MRT_HEADER);
    if (this.#held < MRT_HEADER) return at;
    const size = this.#sizeAt(this.#rest, 0);
    if (size < 0) return chunk.length;
    at = this.#take(chunk, at, size);
    if (this.#held < size) return at;
    const record = this.#rest;
    this.#held = 0;
    this.#rest = new Uint8Array(0);
    this.#emit(record, 0, size);
    return at;
  }

  #take(chunk: Uint8Array, from: number, wanted: number): number {
    const count = Math.min(wanted - this.#held, chunk.length - from);
    if (this.#held + count > this.#rest.length) {
      // Doubled, never as large as the header claims: what isn't there costs nothing.
      const grown = new Uint8Array(Math.min(wanted, Math.max(this.#rest.length * 2, this.#held + count)));
      grown.set(this.#rest.subarray(0, this.#held));
      this.#rest = grown;
    }
    this.#rest.set(chunk.subarray(from, from + count), this.#held);
    this.#held += count;
    return from + count;
  }

  /** Size of the record at `at`, or -1: there's none. */
  #sizeAt(bytes: Uint8Array, at: number): number {
    const type = (bytes[at + 4]! << 8) | bytes[at + 5]!;
    const size = sizeOf(bytes, at);
    if (size <= MAX_RECORD && (KNOWN.has(type) || size <= 65536)) return size;
    this.#held = 0;
    this.#fault = {
      offset: this.#offset,
      text: `no MRT record begins here: type ${type} with ${size - MRT_HEADER} octets; where the next one would isn't known`,
    };
    return -1;
  }

  #emit(bytes: Uint8Array, at: number, size: number): void {
    const offset = this.#offset;
    this.#offset += size;
    this.#onRecord({
      offset,
      seconds: wordAt(bytes, at),
      type: (bytes[at + 4]! << 8) | bytes[at + 5]!,
      subtype: (bytes[at + 6]! << 8) | bytes[at + 7]!,
      bytes,
      start: at + MRT_HEADER,
      end: at + size,
    });
  }
}

const sizeOf = (bytes: Uint8Array, at: number): number => MRT_HEADER + wordAt(bytes, at + 8);
