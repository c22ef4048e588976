import type { Clock } from "../lib/clock.ts";
import type { NetlinkSocket } from "./os-port.ts";
import { answerErrno, answerSequence } from "./rtnetlink/answer.ts";
import * as nl from "./rtnetlink/constants.ts";
import { eachMessage, MessageBuffer } from "./rtnetlink/message.ts";

/** Datagrams read per turn of the loop: one holds up to 32 KB of a dump, some 300 routes. */
const DATAGRAMS_PER_TURN = 8;
/** Dumps of one kind that are tried when each is interrupted by changes (NLM_F_DUMP_INTR). */
const MAX_ATTEMPTS = 5;

/** One request for a dump and what to do with its rows. */
export interface DumpJob {
  append(out: MessageBuffer, sequence: number): void;
  row(type: number, flags: number, bytes: Uint8Array, start: number, end: number): void;
  done(errno: number): void;
}

/** Asks the kernel for dumps, one after the other, and reads the answers in slices. */
export class DumpQueue {
  readonly #socket: NetlinkSocket;
  readonly #clock: Clock;
  readonly #jobs: DumpJob[] = [];
  readonly #request = new MessageBuffer(256);
  #sequence = 1;
  #interrupted = false;
  #attempts = 0;
  #closed = false;
  /** A job is under way. */
  running = false;

  constructor(socket: NetlinkSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  add(job: DumpJob): void {
    this.#jobs.push(job);
    if (this.running) return;
    this.running = true;
    this.#ask();
  }

  /** What is added in `add` runs in one piece: what its own jobs ask for comes behind the last of them. */
  together(add: () => void): void {
    if (this.running) {
      add();
      return;
    }
    this.running = true;
    add();
    this.#ask();
  }

  /** Something to do when the jobs before it are done. */
  step(run: () => void): void {
    this.add({ append: () => {}, row: () => {}, done: run });
  }

  close(): void {
    this.#closed = true;
    this.#jobs.length = 0;
    this.#socket.close();
  }

  /** Sends the request of the first job, or finishes it at once if it has none. */
  #ask(): void {
    const job = this.#jobs[0];
    if (job === undefined || this.#closed) {
      this.running = false;
      return;
    }
    this.#request.clear();
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#interrupted = false;
    job.append(this.#request, this.#sequence);
    if (this.#request.length === 0) {
      this.#finish(0);
      return;
    }
    const errno = this.#socket.send(this.#request.bytes, this.#request.length);
    if (errno !== 0) this.#finish(errno);
    else this.#read();
  }

  #finish(errno: number): void {
    this.#attempts = 0;
    this.#jobs.shift()!.done(errno);
    this.#ask();
  }

  #read(): void {
    const socket = this.#socket;
    for (let i = 0; i < DATAGRAMS_PER_TURN; i++) {
      const length = socket.receive();
      if (length < 0) {
        this.#finish(-length);
        return;
      }
      if (length === 0) {
        // an answer is there when send() returns; should one be late, wait for it without spinning
        this.#clock.setTimer(1, () => this.#continue());
        return;
      }
      let errno = -1;
      eachMessage(socket.buffer, length, (type, flags, start, end) => {
        if (answerSequence(socket.buffer, start) !== this.#sequence) return;
        if ((flags & nl.NLM_F_DUMP_INTR) !== 0) this.#interrupted = true;
        if (type === nl.NLMSG_DONE || type === nl.NLMSG_ERROR) errno = answerErrno(socket.buffer, start);
        else this.#jobs[0]!.row(type, flags, socket.buffer, start, end);
      });
      if (errno >= 0) {
        // the table changed meanwhile and rows may be missing: once more, but not for ever
        if (this.#interrupted && this.#attempts++ < MAX_ATTEMPTS) this.#ask();
        else this.#finish(errno);
        return;
      }
    }
    this.#clock.defer(() => this.#continue());
  }

  #continue(): void {
    if (!this.#closed) this.#read();
  }
}
