import type { ByteSlabs } from "../lib/columns/byte-slabs.ts";
import { IdIndex } from "../lib/columns/id-index.ts";
import { PAGE_BITS, PAGE_MASK, RecordPages } from "../lib/columns/record-pages.ts";
import type { Hasher } from "../lib/hash.ts";

const STRIDE = 6;
const HASH = 0;
const LOCATION = 1;
const LENGTH = 2;
const TARGET = 3;
const NEXT = 4;
const KEY = 5;

/**
 * An attribute section as it arrived, without the MP attributes: up to four pieces of a message. The same octets cut at
 * other places are another text (with a set of their own, or an entry more of the same one). Reused for every UPDATE.
 */
export class RawText {
  bytes: Uint8Array = new Uint8Array(0);
  /** What the octets mean depends on this: the codec context and from where the next hop comes. */
  key = 0;
  length = 0;
  hash = 0;
  pieces = 0;
  readonly starts = [0, 0, 0, 0];
  readonly ends = [0, 0, 0, 0];

  begin(bytes: Uint8Array, key: number): void {
    this.bytes = bytes;
    this.key = key;
    this.pieces = 0;
    this.length = 0;
  }

  add(start: number, end: number): void {
    if (end <= start) return;
    this.starts[this.pieces] = start;
    this.ends[this.pieces++] = end;
    this.length += end - start;
  }

  seal(hasher: Hasher): void {
    let hash = this.key;
    for (let i = 0; i < this.pieces; i++) hash = hasher.bytes(this.bytes, this.starts[i]!, this.ends[i]!, hash);
    this.hash = hash;
  }
}

/**
 * The first of the two attribute tables: from octets as received, under their context, to what they were found to mean.
 * `target` is the canonical set, or 0 where the verdict was to treat the routes as withdrawn. Entries of one set are
 * chained, so that they go when the set goes; they don't hold it.
 */
export class RawTable {
  readonly #records = new RecordPages(STRIDE);
  readonly #slabs: ByteSlabs;
  readonly #index = new IdIndex();

  constructor(slabs: ByteSlabs) {
    this.#slabs = slabs;
  }

  get size(): number {
    return this.#records.live;
  }

  get bytes(): number {
    return this.#records.bytes + this.#index.bytes;
  }

  /** The entry of a text, or 0. */
  find(text: RawText): number {
    const { hash } = text;
    const pages = this.#records.pages;
    for (let id = this.#index.first(hash); id !== 0; id = this.#index.next()) {
      const page = pages[id >>> PAGE_BITS]!;
      const at = (id & PAGE_MASK) * STRIDE;
      if (page[at + HASH] !== hash || page[at + KEY] !== text.key || page[at + LENGTH] !== text.length) continue;
      if (this.#equal(page[at + LOCATION]!, text)) return id;
    }
    return 0;
  }

  /** Keeps a text that isn't there yet. */
  add(text: RawText, target: number, next: number): number {
    const id = this.#records.allocate();
    const location = this.#slabs.allocate(text.length);
    const copy = this.#slabs.page(location);
    let to = this.#slabs.offset(location);
    for (let i = 0; i < text.pieces; i++)
      for (let from = text.starts[i]!, end = text.ends[i]!; from < end; from++) copy[to++] = text.bytes[from]!;
    const page = this.#records.pages[id >>> PAGE_BITS]!;
    const at = (id & PAGE_MASK) * STRIDE;
    page[at + HASH] = text.hash;
    page[at + LOCATION] = location;
    page[at + LENGTH] = text.length;
    page[at + TARGET] = target;
    page[at + NEXT] = next;
    page[at + KEY] = text.key;
    this.#index.insert(text.hash, id);
    return id;
  }

  /** Forgets an entry; returns the next one of its chain. */
  remove(id: number): number {
    const next = this.#word(id, NEXT);
    this.#index.remove(this.#word(id, HASH), id);
    this.#slabs.free(this.#word(id, LOCATION));
    this.#records.free(id);
    return next;
  }

  target(id: number): number {
    return this.#word(id, TARGET);
  }

  next(id: number): number {
    return this.#word(id, NEXT);
  }

  length(id: number): number {
    return this.#word(id, LENGTH);
  }

  /** Cuts a chain behind its entry number `length` and forgets the rest. */
  cutChain(first: number, length: number): void {
    let id = first;
    for (let i = 1; i < length && id !== 0; i++) id = this.#word(id, NEXT);
    if (id === 0) return;
    let rest = this.#word(id, NEXT);
    this.#records.pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * STRIDE + NEXT] = 0;
    while (rest !== 0) rest = this.remove(rest);
  }

  #word(id: number, word: number): number {
    return this.#records.pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * STRIDE + word]!;
  }

  #equal(location: number, text: RawText): boolean {
    const kept = this.#slabs.page(location);
    let at = this.#slabs.offset(location);
    const { bytes } = text;
    for (let i = 0; i < text.pieces; i++)
      for (let from = text.starts[i]!, end = text.ends[i]!; from < end; from++, at++)
        if (kept[at] !== bytes[from]) return false;
    return true;
  }
}
