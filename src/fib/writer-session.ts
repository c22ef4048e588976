import { FrameReader, type WriterAnswers } from "../fib-writer/protocol.ts";
import { decodeAnswer } from "../fib-writer/protocol-decode.ts";
import { RequestWriter } from "../fib-writer/protocol-encode.ts";
import type { WriterLink } from "../kernel/os-port.ts";
import type { WriterStats } from "../kernel/records.ts";
import * as nl from "../kernel/rtnetlink/constants.ts";
import type { RouteScope } from "../kernel/rtnetlink/route.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Flight } from "./flight.ts";
import type { WriteTurns } from "./write-turns.ts";
import { WriterWatch } from "./writer-watch.ts";

/** To the next attempt; twice as long each time that no writer said welcome. */
const RECONNECT_MS = 250;
const RECONNECT_MOST_MS = 10_000;
/** Before the first welcome somebody waits for the start. */
const RECONNECT_AT_START_MS = 1000;

export interface WriterSessionOptions {
  readonly scope: RouteScope;
  readonly clock: Clock;
  /** Starts or finds the writer. @throws Error with one sentence. */
  connect(): WriterLink;
  errorText(errno: number): string;
  readonly turns: WriteTurns;
  readonly flight: Flight;
  readonly log: Log;
  /** Whether answers come before `send` returns: such a writer can't hang alone. */
  readonly synchronous: boolean;
}

/** What becomes of the writer and of what it was told. */
export interface WriterEvents {
  /** A writer is there; events that bear this port id are its own. */
  welcome(portId: number): void;
  done(sequence: number): void;
  failed(sequence: number, errno: number, text: string): void;
  /** It is gone, with one sentence on why, or may not write (`taken`: another process does); false if no other one is wanted. */
  lost(reason: string, taken: boolean): boolean;
}

/** The connection to the writer: made, greeted, and made again when it ends. */
export class WriterSession {
  /** Requests are written here and leave with `flush`. */
  readonly out = new RequestWriter();
  readonly #options: WriterSessionOptions;
  readonly #stats: ((stats: WriterStats | null) => void)[] = [];
  readonly #watch: WriterWatch | null;
  #link: WriterLink | null = null;
  #greeted = false;
  #everGreeted = false;
  #closed = false;
  #reconnect = RECONNECT_MS;

  constructor(options: WriterSessionOptions) {
    this.#options = options;
    const { clock, log, flight, synchronous } = options;
    const owes = () => !this.#greeted || flight.next > flight.unanswered || this.#stats.length > 0;
    this.#watch = synchronous ? null : new WriterWatch(clock, log, owes);
  }

  /** Why nothing is written although a writer is there, in words; null: it answers. */
  get trouble(): string | null {
    return this.#watch?.trouble ?? null;
  }

  /** Starts or finds the writer, and again whenever it ends. */
  connect(events: WriterEvents): void {
    if (this.#closed) return;
    let link: WriterLink;
    try {
      link = this.#options.connect();
    } catch (error) {
      this.#lost(events, null, error instanceof Error ? error.message : String(error));
      return;
    }
    this.#link = link;
    this.#greeted = false;
    this.#options.turns.blocked = false;
    const frames = new FrameReader((frame) => decodeAnswer(frame, this.#answers(events, link)));
    link.onData((chunk) => {
      if (link !== this.#link) return;
      try {
        frames.push(chunk);
        if (link === this.#link) this.#watch?.heard();
      } catch (error) {
        link.close();
        this.#lost(events, link, `The kernel writer does not keep to its protocol: ${(error as Error).message}`);
      }
    });
    link.onDrain(() => {
      if (link !== this.#link) return;
      this.#options.turns.blocked = false;
      this.#options.turns.ask();
    });
    link.onClose((reason) => this.#lost(events, link, reason));
    this.out.clear();
    this.out.hello(this.#options.scope);
    this.flush();
  }

  /** Sends what was written. */
  flush(): void {
    if (this.out.length === 0) return;
    const more = this.#link?.send(this.out.view()) ?? true;
    this.out.clear();
    if (this.#link !== null) this.#watch?.asked();
    if (!more) this.#options.turns.blocked = true;
  }

  /** What the writer did so far; null if it ends before it answers, or hangs. */
  stats(): Promise<WriterStats | null> {
    if (this.trouble !== null) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#stats.push(resolve);
      this.out.askStats();
      this.flush();
    });
  }

  close(hung: boolean): void {
    this.#closed = true;
    this.#watch?.gone();
    this.#link?.close(hung);
    this.#link = null;
    this.#tellStats(null);
  }

  #answers(events: WriterEvents, link: WriterLink): WriterAnswers {
    const { errorText } = this.#options;
    return {
      welcome: (_version, portId) => {
        this.#greeted = this.#everGreeted = true;
        this.#reconnect = RECONNECT_MS;
        events.welcome(portId);
      },
      refused: (errno, text) => {
        link.close();
        const taken = errno === nl.EADDRINUSE;
        this.#lost(events, link, errno === 0 || taken ? text : `${text}: ${errorText(errno)}`, taken);
      },
      done: (sequence) => events.done(sequence),
      failed: (sequence, errno, text) => events.failed(sequence, errno, text),
      stats: (stats) => this.#tellStats(stats),
    };
  }

  #tellStats(stats: WriterStats | null): void {
    for (const listener of this.#stats.splice(0)) listener(stats);
  }

  #lost(events: WriterEvents, link: WriterLink | null, reason: string, taken = false): void {
    if (link !== this.#link || this.#closed) return;
    this.#link = null;
    this.#watch?.gone();
    this.#options.turns.blocked = false;
    this.out.clear();
    this.#tellStats(null);
    if (!events.lost(reason, taken)) return;
    this.#options.clock.setTimer(this.#reconnect, () => this.connect(events));
    this.#reconnect = Math.min(2 * this.#reconnect, this.#everGreeted ? RECONNECT_MOST_MS : RECONNECT_AT_START_MS);
  }
}
