import type { RequestWriter } from "../fib-writer/protocol-encode.ts";
import type { DeviceAnswer, DevicePort } from "../kernel/device-port.ts";
import type { Operation, RemoteVtep, VxlanChange, VxlanDevice } from "../kernel/records.ts";
import type { Flight } from "./flight.ts";
import type { WriteTurns } from "./write-turns.ts";

/** Requests that are written and not forgotten yet. */
const KEPT = 1024;

/** Changes of devices and of their entries; they wait for a writer, and go before routes. */
export class DeviceRequests implements DevicePort {
  readonly #out: RequestWriter;
  readonly #turns: WriteTurns;
  #waiting: { write(sequence: number): void; answer: DeviceAnswer }[] = [];
  /** How many of them were written. */
  #written = 0;
  readonly #listeners = new Set<() => void>();
  #open = false;

  constructor(out: RequestWriter, turns: WriteTurns) {
    this.#out = out;
    this.#turns = turns;
  }

  /** Requests that were not written yet. */
  get length(): number {
    return this.#waiting.length - this.#written;
  }

  vxlan(device: VxlanDevice, answer: DeviceAnswer): void {
    this.#ask((sequence) => this.#out.vxlan(sequence, device), answer);
  }

  vxlanChange(change: VxlanChange, answer: DeviceAnswer): void {
    this.#ask((sequence) => this.#out.vxlanChange(sequence, change), answer);
  }

  linkSetting(ifindex: number, mtu: number, remove: boolean, answer: DeviceAnswer): void {
    this.#ask((sequence) => this.#out.linkSetting(sequence, ifindex, mtu, remove), answer);
  }

  neighbour(operation: Operation, remote: RemoteVtep, answer: DeviceAnswer): void {
    this.#ask((sequence) => this.#out.neighbour(sequence, operation, remote), answer);
  }

  onWriter(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#open) listener();
    return () => void this.#listeners.delete(listener);
  }

  /** A writer is ready, or there is none any more. */
  opened(open: boolean): void {
    this.#open = open;
    if (open) for (const listener of this.#listeners) listener();
  }

  write(flight: Flight): void {
    while (this.length > 0 && flight.room > 0) {
      const { write, answer } = this.#waiting[this.#written++]!;
      write(flight.other(answer));
    }
    if (this.#written < Math.max(KEPT, this.length)) return;
    this.#waiting = this.#waiting.slice(this.#written);
    this.#written = 0;
  }

  #ask(write: (sequence: number) => void, answer: DeviceAnswer): void {
    this.#waiting.push({ write, answer });
    this.#turns.ask();
  }
}
