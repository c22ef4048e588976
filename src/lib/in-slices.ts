import type { Clock } from "./clock.ts";

/** What a piece of long work may cost in one turn. */
const SLICE_MS = 3;

/**
 * Carries work to its end that stops by itself (`yield`) wherever it may be cut: as much as fits into a few milliseconds, then a turn of the
 * loop. Under virtual time all of it fits.
 */
export function inSlices<T>(clock: Clock, work: Generator<unknown, T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      const start = clock.now();
      try {
        do {
          const { done, value } = work.next();
          if (done) {
            resolve(value as T);
            return;
          }
        } while (clock.now() - start < SLICE_MS);
      } catch (error) {
        reject(error);
        return;
      }
      clock.defer(turn);
    };
    turn();
  });
}

/** The same in one go, for whoever has nobody to wait for. */
export function atOnce<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value as T;
  }
}
