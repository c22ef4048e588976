import { resized } from "../../lib/columns/growth.ts";
import { Family } from "../../lib/family.ts";
import type { Prefixes } from "../export-ports.ts";
import type { Encoder } from "./encoder.ts";
import type { OutSets } from "./out-sets.ts";
import { except, type Log } from "./update-log.ts";

const FIRST = 64;
/** Encoded octets that are handed to the log at a time. */
const PIECE = 64 * 1024;

/**
 * Collects what is to be said and says it packed: withdrawals first, by audience; then announcements by attribute set, those
 * of one source together so that they make one run. Items are chained through arrays, nothing is allocated per route.
 */
export class Packer {
  readonly #encoder: Encoder;
  readonly #sets: OutSets;
  readonly #prefixes: Prefixes;
  readonly #ipv4: boolean;
  readonly #addPath: boolean;
  // Items, from 1 on: prefix, path id, next item of the same chain. No more than a slice of work puts in.
  #prefix = new Uint32Array(FIRST);
  #pathId = new Uint32Array(0);
  #next = new Uint32Array(FIRST);
  #count = 0;
  /** Sets with announcements, in the order of their first one. */
  readonly #announced: number[] = [];
  #sources = 0;
  #lastSource = -1;
  // Chains of withdrawals: audience, first and last item.
  readonly #audiences: number[] = [];
  readonly #heads: number[] = [];
  readonly #tails: number[] = [];
  readonly #chainOf = new Map<number, number>();
  #lastChain = -1;
  // Runs in the encoder's bytes that the log has not taken yet.
  readonly #ends: number[] = [];
  readonly #runAudiences: number[] = [];
  readonly #messages: number[] = [];

  constructor(encoder: Encoder, sets: OutSets, prefixes: Prefixes, addPath: boolean) {
    this.#encoder = encoder;
    this.#sets = sets;
    this.#prefixes = prefixes;
    this.#ipv4 = prefixes.family === Family.Ipv4Unicast;
    this.#addPath = addPath;
    if (addPath) this.#pathId = new Uint32Array(FIRST);
  }

  /** Announcements and withdrawals that wait for `flush`. */
  get size(): number {
    return this.#count;
  }

  /** Gives back what a large batch has grown; between batches. */
  trim(): void {
    if (this.#prefix.length <= FIRST * 16) return;
    this.#prefix = new Uint32Array(FIRST);
    this.#next = new Uint32Array(FIRST);
    if (this.#addPath) this.#pathId = new Uint32Array(FIRST);
    this.#encoder.out.bytes = new Uint8Array(1024);
  }

  /** To everybody but the set's own source. */
  announce(set: number, prefixId: number, pathId: number): void {
    const item = this.#item(prefixId, pathId);
    const sets = this.#sets;
    if (sets.head[set] === 0) {
      sets.head[set] = item;
      this.#announced.push(set);
      const source = sets.source[set]!;
      if (source !== this.#lastSource) {
        this.#lastSource = source;
        this.#sources++;
      }
    } else this.#next[sets.tail[set]!] = item;
    sets.tail[set] = item;
  }

  withdraw(audience: number, prefixId: number, pathId: number): void {
    const item = this.#item(prefixId, pathId);
    let chain = this.#lastChain;
    if (chain < 0 || this.#audiences[chain] !== audience) {
      chain = this.#chainOf.get(audience) ?? -1;
      if (chain < 0) {
        chain = this.#audiences.length;
        this.#chainOf.set(audience, chain);
        this.#audiences.push(audience);
        this.#heads.push(item);
        this.#tails.push(item);
        this.#lastChain = chain;
        return;
      }
      this.#lastChain = chain;
    }
    this.#next[this.#tails[chain]!] = item;
    this.#tails[chain] = item;
  }

  /** Encodes everything collected into the log; with null it is forgotten: nobody listens. */
  flush(log: Log | null): void {
    if (this.#count === 0) return;
    if (log !== null) {
      for (let i = 0; i < this.#audiences.length; i++) this.#withdrawChain(log, i);
      // Sets of one source next to each other: fewer, longer runs.
      if (this.#sources > 1) {
        const { source } = this.#sets;
        this.#announced.sort((a, b) => source[a]! - source[b]!);
      }
      for (const set of this.#announced) this.#announceSet(log, set);
      this.#commit(log);
    }
    for (const set of this.#announced) this.#sets.head[set] = 0;
    this.#announced.length = 0;
    this.#sources = 0;
    this.#lastSource = -1;
    this.#audiences.length = this.#heads.length = this.#tails.length = 0;
    this.#chainOf.clear();
    this.#lastChain = -1;
    this.#count = 0;
  }

  #withdrawChain(log: Log, chain: number): void {
    const { writer, out } = this.#encoder;
    const audience = this.#audiences[chain]!;
    for (let item = this.#heads[chain]!; item !== 0; ) {
      writer.startUnreach();
      item = this.#fill(item);
      this.#endMessage(log, audience, out.length);
    }
  }

  #announceSet(log: Log, set: number): void {
    const encoder = this.#encoder;
    const audience = except(this.#sets.source[set]!);
    encoder.begin(set);
    for (let item = this.#sets.head[set]!; item !== 0; ) {
      encoder.startReach();
      item = this.#fill(item);
      this.#endMessage(log, audience, encoder.out.length);
    }
  }

  /** Puts items into the open message until it is full; returns the first that is not in it. */
  #fill(from: number): number {
    const { writer, out } = this.#encoder;
    const prefixes = this.#prefixes;
    const before = out.length;
    let item = from;
    while (item !== 0) {
      const prefix = this.#prefix[item]!;
      const pathId = this.#addPath ? this.#pathId[item]! : 0;
      const length = prefixes.length(prefix);
      const taken = this.#ipv4
        ? writer.add4(prefixes.word(prefix, 0), length, pathId)
        : writer.add6(
            prefixes.word(prefix, 0),
            prefixes.word(prefix, 1),
            prefixes.word(prefix, 2),
            prefixes.word(prefix, 3),
            length,
            pathId,
          );
      if (!taken) break;
      item = this.#next[item]!;
    }
    if (out.length === before)
      throw new Error("a message without room for one prefix was begun: the size check is wrong");
    writer.finish();
    return item;
  }

  #endMessage(log: Log, audience: number, end: number): void {
    const last = this.#ends.length - 1;
    if (last >= 0 && this.#runAudiences[last] === audience) {
      this.#ends[last] = end;
      this.#messages[last]!++;
    } else {
      this.#ends.push(end);
      this.#runAudiences.push(audience);
      this.#messages.push(1);
    }
    if (end >= PIECE) this.#commit(log);
  }

  #commit(log: Log): void {
    const { out } = this.#encoder;
    if (out.length === 0) return;
    log.append(out.bytes, out.length, this.#ends, this.#runAudiences, this.#messages);
    this.#ends.length = this.#runAudiences.length = this.#messages.length = 0;
    out.clear();
  }

  #item(prefixId: number, pathId: number): number {
    const item = ++this.#count;
    if (item >= this.#prefix.length) {
      this.#prefix = resized(this.#prefix, item * 2);
      this.#next = resized(this.#next, item * 2);
      if (this.#addPath) this.#pathId = resized(this.#pathId, item * 2);
    }
    this.#prefix[item] = prefixId;
    this.#next[item] = 0;
    if (this.#addPath) this.#pathId[item] = pathId;
    return item;
  }
}
