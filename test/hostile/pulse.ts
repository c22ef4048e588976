/** Something has happened somewhere: whoever waits for a state looks again. One for all peers of a room, so that nothing polls. */
export class Pulse {
  readonly #waiting = new Set<() => void>();

  beat(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Whether `holds` became true within the time. */
  until(holds: () => boolean, withinMs: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (answer: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(answer);
      };
      const look = () => {
        if (holds()) finish(true);
      };
      const timer = setTimeout(() => finish(holds()), withinMs);
      this.#waiting.add(look);
    });
  }
}
