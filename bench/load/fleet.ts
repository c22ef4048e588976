import { KEEPALIVE } from "./encode.ts";
import type { Session } from "./session.ts";
import type { Sys } from "./sys.ts";

/** What this process has used so far. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** All sessions of the generator and the loop that serves them. Time is monotonic milliseconds. */
export class Fleet {
  readonly sessions: Session[] = [];
  readonly #sys: Sys;
  #timers: { atMs: number; run: () => void }[] = [];
  #now = performance.now();
  /** When something last arrived or left. */
  activeAtMs = 0;
  /** The process's CPU seconds at that time without `asideCpu`: what comes after is waiting, or looking at what arrived. */
  activeAtCpu = 0;
  /** CPU seconds that are no part of generating load. */
  asideCpu = 0;

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  get nowMs(): number {
    return performance.now();
  }

  after(delayMs: number, run: () => void): void {
    this.#timers.push({ atMs: this.nowMs + delayMs, run });
    this.#timers.sort((a, b) => a.atMs - b.atMs);
  }

  /** KEEPALIVEs on every session, for as long as the loop runs. */
  keepAlive(everyMs: number): void {
    this.after(everyMs, () => {
      for (const session of this.sessions) if (session.state === "established") session.send(KEEPALIVE);
      this.keepAlive(everyMs);
    });
  }

  /** One turn: due timers, then what is ready within `waitMs`. */
  turn(waitMs: number): void {
    this.#now = this.nowMs;
    while (this.#timers.length > 0 && this.#timers[0]!.atMs <= this.#now) this.#timers.shift()!.run();
    const untilTimer = this.#timers.length > 0 ? this.#timers[0]!.atMs - this.nowMs : waitMs;
    const count = this.#sys.poll(Math.min(waitMs, untilTimer), this.#ready);
    if (count === 0) return;
    this.activeAtMs = this.nowMs;
    this.activeAtCpu = cpuSeconds() - this.asideCpu;
  }

  /** Runs until `done`; false if `timeoutMs` passed first. */
  until(done: () => boolean, timeoutMs: number): boolean {
    const deadline = this.nowMs + timeoutMs;
    while (!done()) {
      if (this.nowMs > deadline) return false;
      this.turn(10);
    }
    return true;
  }

  /** Runs until nothing has moved for `quietMs`; false if `timeoutMs` passed first. */
  untilQuiet(quietMs: number, timeoutMs: number): boolean {
    const deadline = this.nowMs + timeoutMs;
    this.activeAtMs = this.nowMs;
    for (;;) {
      this.turn(quietMs / 4);
      const now = this.nowMs;
      if (now - this.activeAtMs >= quietMs) return true;
      if (now > deadline) return false;
    }
  }

  /**
   * Brings `sessions` up, at most `width` at a time (listen backlogs of some daemons are tiny); a refused or stuck one is tried again.
   * @throws Error when they are not all up within `timeoutMs`.
   */
  establish(sessions: readonly Session[], width: number, timeoutMs: number): void {
    const waiting = [...sessions];
    let open: { session: Session; sinceMs: number }[] = [];
    let lastReason = "";
    const done = () => {
      const now = this.nowMs;
      open = open.filter(({ session, sinceMs }) => {
        if (session.state === "established") return false;
        if (session.state !== "closed" && now - sinceMs < 30_000) return true;
        lastReason = session.closeReason || "no answer";
        session.close("stuck");
        session.state = "idle";
        this.after(200, () => waiting.push(session));
        return false;
      });
      while (open.length < width && waiting.length > 0) {
        const session = waiting.shift()!;
        session.connect();
        open.push({ session, sinceMs: now });
      }
      return sessions.every((s) => s.state === "established");
    };
    if (this.until(done, timeoutMs)) return;
    const up = sessions.filter((s) => s.state === "established").length;
    throw new Error(
      `only ${up} of ${sessions.length} sessions came up in ${timeoutMs / 1000} s (last failure: ${lastReason})`,
    );
  }

  /** Connects one after the other, `gapMs` apart, in the background; one that is refused, or stuck for 30 s, is tried again after 200 ms. */
  connectApart(sessions: readonly Session[], gapMs: number): void {
    const connect = (session: Session) => {
      let over = false;
      session.onClosed = () => {
        over = true;
        if (session.establishedAtMs > 0) return;
        session.state = "idle";
        this.after(200, () => connect(session));
      };
      session.connect();
      this.after(30_000, () => {
        if (!over && session.state !== "established") session.close("stuck");
      });
    };
    const startMs = this.nowMs;
    const next = (index: number): void => {
      // Late timers catch up: what counts is the rate.
      for (let i = index; i < sessions.length; i++) {
        const waitMs = startMs + i * gapMs - this.nowMs;
        if (waitMs > 0) {
          this.after(waitMs, () => next(i));
          return;
        }
        connect(sessions[i]!);
      }
    };
    next(0);
  }

  readonly #ready = (tag: number, events: number): void => {
    this.sessions[tag]!.ready(events, this.nowMs);
  };
}
