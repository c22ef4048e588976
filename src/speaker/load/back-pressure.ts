import type { Clock } from "../../lib/clock.ts";

/** A session that can be left unread for a while; its hold clock stands still meanwhile. */
export interface Readable {
  pauseReading(): void;
  resumeReading(): void;
}

/** What reading UPDATEs may cost in one turn of the loop. */
const TURN_MS = 5;
/** Prefixes that wait for their decision: above the first nothing is read, until it is below the second. */
const FULL = 1 << 17;
const ROOM = 1 << 16;
/** Chunks (64 KiB at most) between two looks at the memory that they take. */
const LOOK_AFTER = 64;
/** Sessions that are read on in one turn, at most. */
const WIDEST = 64;

/**
 * Back pressure on what comes in. A socket that has data is read up to 2 MiB in one turn of the loop, and a hundred of them may have
 * it at once: keepalives, timers and the command line would wait for all of that. So reading has a share of each turn. Whoever
 * delivers a chunk when that is used up is paused and read on in a later turn, in order of arrival; who sends little never is.
 * And when more prefixes wait for their decision than a bound, nobody who sends UPDATEs is read, so that memory doesn't
 * depend on how fast somebody sends: TCP tells them.
 *
 * Apart from that a session may be held for reasons of memory (`hold`): it is read on when it is released.
 */
export class BackPressure {
  readonly #clock: Clock;
  readonly #backlog: () => number;
  readonly #look: () => void;
  #chunks = 0;
  /** Paused, in order; a session is in here once. */
  readonly #waiting = new Set<Readable>();
  readonly #held = new Set<Readable>();
  /** The turn in which chunks have been read: when it began; below 0 between turns. */
  #began = -1;
  #scheduled = false;
  #full = false;
  #width = 4;
  /** Times that somebody was paused. */
  pauses = 0;

  /** @param backlog how many prefixes wait for a decision that is going to be made. @param look called now and then while much comes in. */
  constructor(clock: Clock, backlog: () => number, look: () => void = () => {}) {
    this.#look = look;
    this.#clock = clock;
    this.#backlog = backlog;
  }

  /** Sessions that are not read at the moment. */
  get paused(): number {
    return this.#waiting.size + this.#held.size;
  }

  /** A chunk with UPDATEs of this session has been read. */
  chunkRead(session: Readable): void {
    if (++this.#chunks % LOOK_AFTER === 0) this.#look();
    const now = this.#clock.now();
    if (this.#began < 0) {
      this.#began = now;
      this.#schedule();
    }
    if (!this.#full && this.#backlog() > FULL) this.#full = true;
    if (this.#held.has(session) || (!this.#full && now - this.#began < TURN_MS)) return;
    if (this.#waiting.has(session)) return;
    this.#waiting.add(session);
    this.pauses++;
    session.pauseReading();
  }

  /** Not read until `release`. */
  hold(session: Readable): void {
    if (this.#held.has(session)) return;
    this.#held.add(session);
    this.#waiting.delete(session);
    session.pauseReading();
  }

  release(session: Readable): void {
    if (this.#held.delete(session)) session.resumeReading();
  }

  releaseAll(): void {
    for (const session of [...this.#held]) this.release(session);
  }

  isHeld(session: Readable): boolean {
    return this.#held.has(session);
  }

  /** The session is over. */
  forget(session: Readable): void {
    this.#waiting.delete(session);
    this.#held.delete(session);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#scheduled = false;
    const spent = this.#began < 0 ? 0 : this.#clock.now() - this.#began;
    this.#began = -1;
    if (this.#waiting.size === 0) return;
    if (this.#full && this.#backlog() < ROOM) this.#full = false;
    if (!this.#full) {
      this.#width = spent > 2 * TURN_MS ? Math.max(1, this.#width >>> 1) : Math.min(WIDEST, this.#width + 1);
      let left = this.#width;
      for (const session of this.#waiting) {
        if (left-- === 0) break;
        this.#waiting.delete(session);
        session.resumeReading();
      }
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}
