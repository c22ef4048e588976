/** Signals that would end a process that has nothing better to do with them. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type EndingSignal = (typeof ENDING)[number];

/**
 * Takes signals from the first line of the program on: what a daemon does with one is known only after a good hundred files have
 * been read, and until then a SIGHUP would kill it without a word. Whoever is ready for them takes over; a command that isn't a
 * daemon lets go, and then the first that came does what it always does.
 */
export class EarlySignals {
  readonly #process: NodeJS.Process;
  readonly #came: EndingSignal[] = [];
  #handle: (signal: EndingSignal) => void = (signal) => this.#came.push(signal);
  readonly #listeners = ENDING.map((signal) => [signal, () => this.#handle(signal)] as const);

  constructor(process: NodeJS.Process) {
    this.#process = process;
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  /** From now on, and for those that have come already. */
  takeOver(handle: (signal: EndingSignal) => void): void {
    this.#handle = handle;
    for (const signal of this.#came.splice(0)) handle(signal);
  }

  letGo(): void {
    for (const [signal, listener] of this.#listeners) this.#process.off(signal, listener);
    const [first] = this.#came;
    if (first !== undefined) this.#process.kill(this.#process.pid, first);
  }
}
