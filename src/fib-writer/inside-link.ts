import type { WriterLink } from "../kernel/os-port.ts";
import type { WriterStats } from "../kernel/records.ts";
import { FrameReader, PROTOCOL_VERSION, type WriterAnswers, type WriterRequests } from "./protocol.ts";
import { decodeRequest } from "./protocol-decode.ts";
import { AnswerWriter } from "./protocol-encode.ts";

/** A writer in this process: the same bytes as to a process of its own, answered before `send` returns. */
export class InsideLink implements WriterLink {
  readonly #writer: WriterRequests & { close(): void };
  readonly #answers = new AnswerWriter();
  readonly #frames = new FrameReader((frame) => decodeRequest(frame, this.#writer));
  #onData: (chunk: Uint8Array) => void = () => {};

  constructor(make: (answers: WriterAnswers) => WriterRequests & { close(): void }) {
    this.#writer = make(this.#answers);
  }

  send(bytes: Uint8Array): boolean {
    this.#frames.push(bytes);
    if (this.#answers.length > 0) {
      const answers = this.#answers.view().slice();
      this.#answers.clear();
      this.#onData(answers);
    }
    return true;
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#onData = listener;
  }

  onDrain(): void {}
  onClose(): void {}

  close(): void {
    this.#writer.close();
  }
}

/** A kernel that takes everything and keeps nothing: what stands behind `kernel.fib: memory`. */
export class MemoryWriter implements WriterRequests {
  readonly #answers: WriterAnswers;
  #last = 0;

  constructor(answers: WriterAnswers) {
    this.#answers = answers;
  }

  hello(): void {
    this.#answers.welcome(PROTOCOL_VERSION, 0, 0);
  }

  route(sequence: number): void {
    this.#last = sequence;
  }

  routesEnd(): void {
    this.#answers.done(this.#last);
  }

  nexthop(sequence: number): void {
    this.#answers.done(sequence);
  }

  vxlan(sequence: number): void {
    this.#answers.done(sequence);
  }

  vxlanChange(sequence: number): void {
    this.#answers.done(sequence);
  }

  linkSetting(sequence: number): void {
    this.#answers.done(sequence);
  }

  neighbour(sequence: number): void {
    this.#answers.done(sequence);
  }

  askStats(): void {
    const nothing: WriterStats = { userCpuMicros: 0, systemCpuMicros: 0, records: 0, sends: 0 };
    this.#answers.stats(nothing);
  }

  target(): void {}
  forgetTarget(): void {}
  close(): void {}
}
