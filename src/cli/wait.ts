import { ApiError, ControlClient } from "../api/client.ts";
import type { Clock } from "../lib/clock.ts";
import type { Readiness } from "../view/model.ts";

/** What `peerage wait` may wait for. */
export type Goal = "ready" | "converged";

export interface WaitParts {
  readonly clock: Clock;
  /** How the daemon stands, if it says so within that time. @throws ApiError */
  ask(withinMs: number): Promise<Readiness>;
}

/** What it has come to. */
export type Waited =
  | { readonly done: true; readonly readiness: Readiness }
  /** `there`: a daemon was there when the time was over. `left`: what was waited for then, in words. */
  | { readonly done: false; readonly there: boolean; readonly left: readonly string[] };

/** How long nothing may be under way and nothing have happened before everything counts as converged. */
const QUIET_MS = 1000;
const LOOK_MS = 100;

/** There is no daemon: it may be about to start. */
const absent: ReadonlySet<string> = new Set(["ENOENT", "ECONNREFUSED"]);
/** It is there and busy with something else, such as its end. */
const silent: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT"]);

/** Asks the daemon on this socket. */
export const askDaemon = (socket: string) => (withinMs: number) =>
  new ControlClient(socket, Math.max(1, Math.ceil(withinMs))).get<Readiness>("/readiness");

/** Looks until the goal is reached or the time is over; a daemon that isn't there yet is waited for. @throws ApiError */
export async function waitUntil(goal: Goal, timeoutMs: number, { clock, ask }: WaitParts): Promise<Waited> {
  const end = clock.now() + timeoutMs;
  const quiet = new Quiet();
  for (;;) {
    const asked = clock.now();
    const last = asked >= end;
    let there = true;
    let left: readonly string[];
    try {
      // A last look at the end of the time has a moment of its own.
      const readiness = await ask(Math.max(QUIET_MS, end - asked));
      if (goal === "ready" ? readiness.ready : quiet.lasts(readiness, asked, clock.now()))
        return { done: true, readiness };
      left = goal === "ready" ? readiness.reasons : quiet.reasons(readiness);
    } catch (error) {
      quiet.broken();
      if (!(error instanceof ApiError) || !isPassing(error)) throw error;
      there = !absent.has(error.code);
      left = error.errors.map(({ message }) => message);
    }
    if (last) return { done: false, there, left };
    await new Promise<void>((resolve) => {
      clock.setTimer(Math.max(0, Math.min(LOOK_MS, end - clock.now())), resolve);
    });
  }
}

/** Whether asking again may help. */
const isPassing = ({ status, code }: ApiError): boolean => status === 503 || absent.has(code) || silent.has(code);

/** Nothing under way, look after look, and nothing that came and went between two looks. */
class Quiet {
  #since: number | null = null;
  #changes = -1;

  /** @param asked when the look began @param answered when its answer was there */
  lasts({ ready, pending, changes }: Readiness, asked: number, answered: number): boolean {
    if (!ready || pending.length > 0) {
      this.broken();
      return false;
    }
    if (this.#since === null || this.#changes !== changes) {
      this.#since = answered;
      this.#changes = changes;
    }
    return asked - this.#since >= QUIET_MS;
  }

  broken(): void {
    this.#since = null;
  }

  reasons({ pending }: Readiness): readonly string[] {
    return pending.length > 0 ? pending : ["something changed within the last second"];
  }
}
