import { setTimeout as delay } from "node:timers/promises";

/** Thrown by a probe (or anything it calls) whose answer is not there yet: `until` shows it when the time is over. */
export class NotYet extends Error {}

export interface UntilOptions {
  /** Deadline; generous, because it costs nothing when things go well. */
  withinSeconds?: number;
  /** Called at every try: throws when waiting on has no sense, for example because a daemon has ended. */
  abort?: () => void;
}

/**
 * Asks the real thing again and again until it says yes, and returns its answer. A probe says "not yet" by returning
 * undefined, null, false or an empty list, or by throwing. Waiting for a state is never done by sleeping.
 * @throws after the deadline, with what was waited for and what was seen last.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const seconds = options.withinSeconds ?? 30;
  const deadline = Date.now() + seconds * 1000;
  let last = "nothing";
  for (;;) {
    try {
      const answer = await probe();
      const empty = answer === undefined || answer === null || answer === false;
      if (!empty && !(Array.isArray(answer) && answer.length === 0)) return answer as never;
      last = String(JSON.stringify(answer));
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    options.abort?.();
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s until ${what}; last seen: ${last}`);
    await delay(100);
  }
}

/**
 * The opposite: the probe holds now and goes on holding for so long. For things that must not happen, where there is
 * no event to wait for; the time is chosen by what could happen in it (a timer that is configured that short).
 */
export async function holds(what: string, seconds: number, probe: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (!(await probe())) throw new Error(`it stopped being so: ${what}`);
    await delay(200);
  }
}
