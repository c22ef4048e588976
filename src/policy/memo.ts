import type { AttributeSets } from "./attribute-sets.ts";

const UNKNOWN = -1;

/**
 * A remembered number per attribute set, in arrays as long as the highest id asked. An answer counts only while the id still
 * means the same set; an answer that is itself a set id counts only while that one does, too.
 */
export class Memo {
  #values = new Int32Array(0);
  #generations = new Uint32Array(0);
  /** Generation of the set that the answer names; empty in a memo of plain numbers. */
  #answerGenerations = new Uint32Array(0);

  /** The number remembered, or -1. */
  get(sets: AttributeSets, set: number): number {
    if (set >= this.#values.length) return UNKNOWN;
    const value = this.#values[set]!;
    if (value < 0 || this.#generations[set] !== sets.generation[set]) return UNKNOWN;
    const namesSet = value > 0 && this.#answerGenerations.length > 0;
    return namesSet && this.#answerGenerations[set] !== sets.generation[value] ? UNKNOWN : value;
  }

  /** Remembers a plain number, 0 or more. */
  put(sets: AttributeSets, set: number, value: number): void {
    if (set >= this.#values.length) this.#grow(set + 1);
    this.#values[set] = value;
    this.#generations[set] = sets.generation[set]!;
  }

  /** Remembers the id of a set, or 0. */
  putSet(sets: AttributeSets, set: number, answer: number): void {
    this.put(sets, set, answer);
    if (set >= this.#answerGenerations.length)
      this.#answerGenerations = extended(this.#answerGenerations, this.#values.length);
    this.#answerGenerations[set] = sets.generation[answer]!;
  }

  #grow(wanted: number): void {
    const size = Math.max(16, wanted + (wanted >>> 1));
    const values = new Int32Array(size).fill(UNKNOWN);
    values.set(this.#values);
    this.#values = values;
    this.#generations = extended(this.#generations, size);
  }
}

function extended(array: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(size);
  grown.set(array);
  return grown;
}
