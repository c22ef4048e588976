import type { DeviceRequests } from "./device-requests.ts";
import type { Flight } from "./flight.ts";
import type { NexthopObjects } from "./nexthop-objects.ts";
import type { Ticket, WriteQueue } from "./write-queue.ts";

interface Barrier {
  waiting: Ticket;
  answered: number;
  stage: number;
  readonly done: () => void;
}

/** Who waits until the kernel has answered all that was asked before. */
export class Barriers {
  readonly #queue: WriteQueue;
  readonly #flight: Flight;
  readonly #devices: DeviceRequests;
  readonly #objects: NexthopObjects | null;
  readonly #barriers: Barrier[] = [];

  constructor(queue: WriteQueue, flight: Flight, devices: DeviceRequests, objects: NexthopObjects | null) {
    this.#queue = queue;
    this.#flight = flight;
    this.#devices = devices;
    this.#objects = objects;
  }

  /** Whether something that is no route has not been sent yet. */
  get #othersWait(): boolean {
    return this.#devices.length > 0 || this.#objects?.dirty === true;
  }

  add(done: () => void): void {
    this.#barriers.push({ waiting: this.#queue.ticket(), answered: this.#flight.next, stage: 0, done });
  }

  /** Something was taken or answered. Two rounds: what was in flight and changed meanwhile is queued again when its answer comes. */
  check(): void {
    for (let i = 0; i < this.#barriers.length; ) {
      const barrier = this.#barriers[i]!;
      const waits = !this.#queue.passed(barrier.waiting) || this.#flight.unanswered < barrier.answered;
      if (waits || this.#othersWait) {
        i++;
        continue;
      }
      if (barrier.stage === 0) {
        barrier.stage = 1;
        barrier.waiting = this.#queue.ticket();
        barrier.answered = this.#flight.next;
        continue;
      }
      this.#barriers.splice(i, 1);
      barrier.done();
    }
  }
}
