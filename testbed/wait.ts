import { Patience, stretched } from "./pace.ts";

/** Thrown by a condition (or anything it calls) whose answer is not there yet: its text is shown as the last state seen. */
export class NotYet extends Error {}

export interface WaitOptions {
  /** Seconds of a quiet machine; generous, because they cost nothing when things go well. */
  readonly withinSeconds?: number;
  /** Between two looks. Unless given they follow at once in the beginning, and ten times a second in the end. */
  readonly everyMs?: number;
  /** The state to show when the time is over, where the condition itself says no more than "false". */
  readonly seen?: () => unknown;
  /** Called at every look: throws when waiting on has no sense, for example because a daemon has ended. */
  readonly abort?: () => void;
}

/** A look that is not back so long after the end of the time (or as long as that was) is not waited for. */
const GRACE_SECONDS = 10;

type Answer<T> = Exclude<T, undefined | null | false>;

/**
 * The one way in which tests wait: looks again and again until the condition says yes, and returns its answer. It says "not yet"
 * by undefined, null, false or an empty list, or by throwing.
 * @throws after the deadline, with what was waited for, how long, and what was seen last.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Answer<T>> {
  const patience = new Patience(options.withinSeconds ?? 30);
  let last = "nothing";
  let over = false;
  // Beside the looks, as one of them may never come back.
  let watch: NodeJS.Timeout | undefined;
  const stuck = new Promise<null>((resolve) => {
    let grace: Patience | null = null;
    watch = setInterval(() => {
      over ||= patience.over;
      if (!over) return;
      grace ??= new Patience(Math.min(GRACE_SECONDS, patience.seconds));
      if (grace.over) resolve(null);
    }, 250);
  });
  try {
    for (let gapMs = 1; ; gapMs = Math.min(100, gapMs * 2)) {
      const wasOver = over; // before the look: the last one is made when the time is over
      const look = await Promise.race([lookAt(condition), stuck]);
      if (look !== null && "answer" in look) return look.answer;
      last = look === null ? `${last}, and the last look did not come back` : look.seen;
      options.abort?.();
      if (look === null || wasOver) break;
      await pause(options.everyMs ?? gapMs);
    }
  } finally {
    clearInterval(watch);
  }
  if (options.seen !== undefined) last = text(options.seen());
  throw new Error(`waited ${patience.spent} until ${what}; last seen: ${last}`);
}

async function lookAt<T>(condition: () => T | Promise<T>): Promise<{ answer: Answer<T> } | { seen: string }> {
  try {
    const answer = await condition();
    const empty = answer === undefined || answer === null || answer === false;
    if (!empty && !(Array.isArray(answer) && answer.length === 0)) return { answer: answer as Answer<T> };
    return { seen: text(answer) };
  } catch (error) {
    return { seen: error instanceof Error ? error.message : String(error) };
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : String(JSON.stringify(value)));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The opposite: what holds now goes on holding for so long. For things that must not happen, where there is no event to wait for;
 * the time is chosen by what could happen in it (a timer that is configured that short). On a busy machine it lasts longer.
 */
export async function holds(what: string, seconds: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = stretched(seconds * 5); looks >= 0; looks--) {
    if (!(await condition())) throw new Error(`it stopped being so: ${what}`);
    await pause(200);
  }
}

/**
 * Time that is told and never judged: it can be put into a sentence, and there is no number to compare. Figures that are promised
 * are measured by `npm run bench`, on a machine that does nothing else.
 */
export class Stopwatch {
  readonly #started = performance.now();

  toString(): string {
    return `${(performance.now() - this.#started).toFixed(0)} ms`;
  }
}
