import type { DeviceAnswer } from "../kernel/device-port.ts";
import type { Operation } from "../kernel/records.ts";
import type { TargetId } from "./targets.ts";

/**
 * Records that may be unanswered at a time: bounds the writer's queue, whatever is wanted, and how long a single change waits
 * behind what was sent before it (about 20 ms). Four frames are enough to keep the writer busy. A power of two.
 */
export const WINDOW = 1024;

/** Hears how a route's record ended. */
export type Landed = (key: number, operation: Operation, target: TargetId) => void;

/**
 * The records that were sent and not answered yet, in columns by sequence number. Numbers are 32 bits wide on the wire
 * and count on here.
 */
export class Flight {
  /** Number of the next record. */
  next = 1;
  /** Number of the oldest that is not answered. */
  unanswered = 1;
  readonly #keys = new Uint32Array(WINDOW);
  readonly #targets = new Uint32Array(WINDOW);
  /** 0 where the record is no route, or was answered as failed. */
  readonly #operations = new Uint8Array(WINDOW);
  readonly #others = new Map<number, DeviceAnswer>();

  /** Records that may still be sent. */
  get room(): number {
    return WINDOW - (this.next - this.unanswered);
  }

  /** A route's record leaves. */
  route(key: number, operation: Operation, target: TargetId): void {
    const slot = this.next++ & (WINDOW - 1);
    this.#keys[slot] = key;
    this.#targets[slot] = target;
    this.#operations[slot] = operation;
  }

  /** Another record leaves; its number. */
  other(answer: DeviceAnswer): number {
    this.#operations[this.next & (WINDOW - 1)] = 0;
    this.#others.set(this.next, answer);
    return this.next++;
  }

  /** Everything up to this number was answered; what had not failed has succeeded. */
  done(sequence: number, landed: Landed): void {
    const last = this.#number(sequence);
    while (this.unanswered <= last) {
      const number = this.unanswered++;
      const slot = number & (WINDOW - 1);
      if (this.#operations[slot] !== 0) this.#land(slot, landed);
      else if (this.#others.size > 0) this.#answer(number, null, 0);
    }
  }

  /** One record failed. */
  failed(sequence: number, errno: number, reason: string, landed: Landed): void {
    const number = this.#number(sequence);
    if (number < this.unanswered) return;
    const slot = number & (WINDOW - 1);
    if (this.#operations[slot] !== 0) this.#land(slot, landed);
    else this.#answer(number, reason, errno);
  }

  /** The writer is gone: nothing will be answered any more. */
  lost(reason: string, landed: Landed): void {
    const others = [...this.#others.values()];
    this.#others.clear();
    for (const answer of others) answer(reason, 0);
    this.done(this.next - 1, landed);
  }

  /** Our number of one on the wire; 0 for one that is not in flight. */
  #number(sequence: number): number {
    const number = this.unanswered + ((sequence - this.unanswered) >>> 0);
    return number < this.next ? number : 0;
  }

  #land(slot: number, landed: Landed): void {
    const operation = this.#operations[slot] as Operation;
    this.#operations[slot] = 0;
    landed(this.#keys[slot]!, operation, this.#targets[slot]!);
  }

  #answer(number: number, trouble: string | null, errno: number): void {
    const answer = this.#others.get(number);
    this.#others.delete(number);
    answer?.(trouble, errno);
  }
}
