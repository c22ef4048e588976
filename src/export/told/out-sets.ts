import { Column } from "../../lib/columns/column.ts";
import { Growth, resized } from "../../lib/columns/growth.ts";

/** Columns start with room for this many. */
const FIRST = 16;

/** What a group has to know of an attribute set to be sent: `OutSets.add` asks once per set. */
export type Judge = (set: number) => number;

/**
 * What is sent, apart from the prefix: an attribute set together with everything else that the group's bytes depend on and
 * that is not in the key, namely the source and its ORIGINATOR_ID, where the route was learned, and what policy set on
 * purpose. Each combination has one number per group, 0 is none: "told" and "now" are compared as two numbers, and a set's
 * prefixes are collected by it. The facts are kept here so that they outlive the session they came from.
 */
export class OutSets {
  attributes = new Uint32Array(FIRST);
  source = new Uint32Array(FIRST);
  /** ORIGINATOR_ID if the attributes have none and the route is reflected; 0: not reflected. */
  originator = new Uint32Array(FIRST);
  /** See rules.ts. */
  traits = new Uint8Array(FIRST);
  /** `Outcome.Sent`, or why this set can't be sent to this group at all. */
  verdict = new Uint8Array(FIRST);
  /** Scratch of the packer: first and last item of the set's chain, 0 = empty. */
  head = new Uint32Array(FIRST);
  tail = new Uint32Array(FIRST);
  #references = new Uint32Array(FIRST);
  #next = new Uint32Array(FIRST);
  /** By attribute set: the first of its OutSets. Nearly always there is one. */
  readonly #first = new Column(Uint32Array);
  readonly #growth = new Growth(COLUMNS, FIRST);
  #free = 0;
  #end = 1;
  /** Sets in use. */
  size = 0;
  readonly #retain: (attributes: number) => void;
  readonly #release: (attributes: number) => void;
  readonly #judge: Judge;

  constructor(retain: (attributes: number) => void, release: (attributes: number) => void, judge: Judge) {
    this.#retain = retain;
    this.#release = release;
    this.#judge = judge;
  }

  /** The set's number, with one reference for the caller. */
  acquire(attributes: number, source: number, originator: number, traits: number): number {
    for (let set = this.#first.get(attributes); set !== 0; set = this.#next[set]!)
      if (this.source[set] === source && this.originator[set] === originator && this.traits[set] === traits) {
        this.#references[set]!++;
        return set;
      }
    return this.#add(attributes, source, originator, traits);
  }

  retain(set: number): void {
    this.#references[set]!++;
  }

  release(set: number): void {
    if (--this.#references[set]! === 0) this.#remove(set);
  }

  #add(attributes: number, source: number, originator: number, traits: number): number {
    let set = this.#free;
    if (set !== 0) this.#free = this.#next[set]!;
    else {
      set = this.#end++;
      if (set >= this.#growth.next) this.#growth.reach(set, this.#growColumn);
    }
    this.size++;
    this.attributes[set] = attributes;
    this.source[set] = source;
    this.originator[set] = originator;
    this.traits[set] = traits;
    this.head[set] = 0;
    this.#references[set] = 1;
    this.#next[set] = this.#first.get(attributes);
    this.#first.set(attributes, set);
    this.#retain(attributes);
    this.verdict[set] = this.#judge(set);
    return set;
  }

  #remove(set: number): void {
    const attributes = this.attributes[set]!;
    if (this.#first.get(attributes) === set) this.#first.set(attributes, this.#next[set]!);
    else {
      let before = this.#first.get(attributes);
      while (this.#next[before] !== set) before = this.#next[before]!;
      this.#next[before] = this.#next[set]!;
    }
    this.#next[set] = this.#free;
    this.#free = set;
    this.size--;
    this.#release(attributes);
  }

  readonly #growColumn = (column: number, length: number): void => {
    switch (column) {
      case 0:
        this.attributes = resized(this.attributes, length);
        return;
      case 1:
        this.source = resized(this.source, length);
        return;
      case 2:
        this.originator = resized(this.originator, length);
        return;
      case 3:
        this.head = resized(this.head, length);
        return;
      case 4:
        this.tail = resized(this.tail, length);
        return;
      case 5:
        this.#references = resized(this.#references, length);
        return;
      case 6:
        this.#next = resized(this.#next, length);
        return;
      case 7:
        this.traits = resized(this.traits, length);
        return;
      default:
        this.verdict = resized(this.verdict, length);
    }
  };
}

const COLUMNS = 9;
