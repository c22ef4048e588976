import { Encoder, encodeAttributes, type Marks } from "./encode.ts";
import type { AttributeSet, Table } from "./table.ts";
import { parseUpdate, type UpdateSink } from "./update.ts";

/** Numbers for (attributes, next hop): equal numbers mean equal routes. 0 is "no route". */
export class Classes {
  readonly #numbers = new Map<number, number>();
  readonly #samples: string[] = ["no route"];

  /** The class of a path attribute section as received. NEXT_HOP and MP attributes count by the next hop alone. */
  of(bytes: Uint8Array, start: number, end: number, nextHopStart: number, nextHopEnd: number): number {
    let [a, b] = [0x811c9dc5, 0x2545f491];
    for (let at = start; at < end; ) {
      const extended = (bytes[at]! & 0x10) !== 0;
      const code = bytes[at + 1]!;
      const value = at + (extended ? 4 : 3);
      at = value + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
      if (code === 3 || code === 14 || code === 15) continue;
      if (code === 4 && isZero(bytes, value, at)) continue; // FRR adds a MED of 0 where none was: they mean the same
      // Added up per attribute, so that their order does not matter.
      let hash = Math.imul(code + 1, 0x9e3779b1);
      for (let i = value; i < at; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
      a = (a + hash) | 0;
      b = (b + Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)) | 0;
    }
    for (let i = nextHopStart; i < nextHopEnd; i++) {
      a = Math.imul(a ^ bytes[i]!, 0x01000193);
      b = Math.imul(b ^ bytes[i]!, 0x01000199);
    }
    const key = (a >>> 0) * 0x200000 + (b >>> 11);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#samples.length;
    this.#numbers.set(key, number);
    const hex = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString("hex");
    this.#samples.push(`next hop ${hex(nextHopStart, nextHopEnd)}, attributes ${hex(start, end)}`);
    return number;
  }

  /** The class that routes of `set` must have after a reflector passed them on. */
  expect(set: AttributeSet, marks: Marks): number {
    const e = new Encoder(512);
    encodeAttributes(e, set, marks);
    const attributesEnd = e.length;
    e.raw(marks.nextHop);
    return this.of(e.bytes, 0, attributesEnd, attributesEnd, e.length);
  }

  describe(number: number): string {
    return this.#samples[number]!;
  }
}

/** What clients must hold: the class of each prefix, and who it comes from (nobody is sent their own). */
export interface Expectation {
  readonly table: Table;
  readonly classes: Classes;
  /** By prefix number; 0 = must not be there. */
  readonly wanted: Int32Array;
  /** By prefix number: the client that the route is from, which must not hold it. */
  readonly owner: Int32Array;
}

/** What one client holds, against what it must hold. */
export class View implements UpdateSink {
  readonly expectation: Expectation;
  readonly #self: number;
  readonly #selfId: Uint8Array;
  readonly #held: Int32Array;
  #class = 0;
  /** Prefixes held wrongly, or missing. */
  wrong = 0;
  /** Prefixes that are no part of the table. */
  strangers = 0;
  announced = 0;
  withdrawn = 0;
  updates = 0;
  /** When the last prefix became right. */
  rightSinceMs = 0;
  #nowMs = 0;
  /** Called for each announcement and withdrawal when set. */
  onRoute: ((id: number, announced: boolean, atMs: number) => void) | null = null;

  constructor(expectation: Expectation, self: number, selfId: Uint8Array) {
    this.expectation = expectation;
    this.#self = self;
    this.#selfId = selfId;
    this.#held = new Int32Array(expectation.wanted.length);
    this.rebase();
  }

  /** Counts anew after the expectation has changed. */
  rebase(): void {
    const { wanted } = this.expectation;
    this.wrong = 0;
    for (let id = 0; id < wanted.length; id++) if (this.#held[id] !== this.#wanted(id)) this.wrong++;
  }

  update(bytes: Uint8Array, start: number, end: number, addPath: boolean, atMs: number): void {
    this.#nowMs = atMs;
    this.updates++;
    parseUpdate(bytes, start, end, addPath, this);
  }

  attributes(bytes: Uint8Array, start: number, end: number, nextHopStart: number, nextHopEnd: number): void {
    // A route that comes back to its originator is dropped there (RFC 4456 §8): to hold nothing is right.
    this.#class = isFrom(bytes, start, end, this.#selfId)
      ? 0
      : this.expectation.classes.of(bytes, start, end, nextHopStart, nextHopEnd);
  }

  announce(high: number, low: number, length: number): void {
    this.announced++;
    this.#hold(this.expectation.table.prefixes.find(high, low, length), this.#class, true);
  }

  withdraw(high: number, low: number, length: number): void {
    this.withdrawn++;
    this.#hold(this.expectation.table.prefixes.find(high, low, length), 0, false);
  }

  /** Of the wrong prefixes those that should be held, but are not. */
  get missing(): number {
    let count = 0;
    for (let id = 0; id < this.#held.length; id++) if (this.#held[id] === 0 && this.#wanted(id) !== 0) count++;
    return count;
  }

  /** The first prefix that is held but should not be, or not so; empty when there is none. */
  complaint(): string {
    const { table, wanted, classes } = this.expectation;
    for (let id = 0; id < wanted.length; id++) {
      if (this.#held[id] === this.#wanted(id) || this.#held[id] === 0) continue;
      const { high, low, lengths } = table.prefixes;
      const prefix = `${high[id]!.toString(16)}${low[id]! ? low[id]!.toString(16) : ""}/${lengths[id]}`;
      return `prefix ${prefix}: wanted ${classes.describe(this.#wanted(id))}; holds ${classes.describe(this.#held[id]!)}`;
    }
    return "";
  }

  #wanted(id: number): number {
    return this.expectation.owner[id] === this.#self ? 0 : this.expectation.wanted[id]!;
  }

  #hold(id: number, now: number, announced: boolean): void {
    if (id < 0) {
      this.strangers++;
      return;
    }
    const wanted = this.#wanted(id);
    const was = this.#held[id]!;
    this.#held[id] = now;
    if (was !== wanted) this.wrong--;
    if (now !== wanted) this.wrong++;
    else if (was !== wanted) this.rightSinceMs = this.#nowMs;
    this.onRoute?.(id, announced, this.#nowMs);
  }
}

/** Whether ORIGINATOR_ID (9) is there and is `id`. */
function isFrom(bytes: Uint8Array, start: number, end: number, id: Uint8Array): boolean {
  for (let at = start; at < end; ) {
    const extended = (bytes[at]! & 0x10) !== 0;
    const value = at + (extended ? 4 : 3);
    if (bytes[at + 1] === 9) return id.every((octet, i) => bytes[value + i] === octet);
    at = value + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!);
  }
  return false;
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}
