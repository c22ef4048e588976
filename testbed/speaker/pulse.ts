import { Patience } from "../pace.ts";

/** Something has happened somewhere: whoever waits for a state looks again. One for all peers of a room, so that nothing polls. */
export class Pulse {
  readonly #waiting = new Set<() => void>();

  beat(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Whether `holds` became true within the time, which lasts longer on a busy machine. */
  until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const patience = new Patience(withinMs / 1000);
    return this.#look(holds, Math.min(250, withinMs), () => patience.over);
  }

  /** Lets the time pass as it is, unless it has no sense any more. */
  async rest(ms: number, unless: () => boolean = () => false): Promise<void> {
    await this.#look(unless, ms, () => true);
  }

  /** Looks at every beat, and every `ms` whether it is over. */
  #look(holds: () => boolean, ms: number, over: () => boolean): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (answer: boolean) => {
        clearInterval(timer);
        this.#waiting.delete(look);
        resolve(answer);
      };
      const look = () => {
        if (holds()) finish(true);
      };
      const timer = setInterval(() => {
        const answer = holds(); // asked once more: it may be true without a beat
        if (answer || over()) finish(answer);
      }, ms);
      this.#waiting.add(look);
    });
  }
}
