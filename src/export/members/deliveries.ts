/** Marks that wait at once; more are let go, the earliest stay. */
const MOST = 64;

/** A member as far as deliveries look at it. */
export interface Follower {
  /** Serial of the last mark that it has passed or never had to. */
  passed: number;
}

interface Mark {
  readonly stamp: number;
  /** Reached when this many changes were evaluated. */
  readonly evaluated: number;
  /** Octet of the log behind what was said; -1 while changes wait. */
  position: number;
  serial: number;
  waiting: number;
}

/**
 * How long changes take to reach all members: a mark is set when a change comes in, gets its place in the log when the
 * change is encoded, and is done when every member that follows the log has handed that place to its socket. Members that
 * join, lag or leave meanwhile don't count.
 */
export class Deliveries {
  readonly #delivered: (stamp: number) => void;
  readonly #marks: Mark[] = [];
  #serial = 0;

  constructor(delivered: (stamp: number) => void) {
    this.#delivered = delivered;
  }

  get serial(): number {
    return this.#serial;
  }

  mark(stamp: number, evaluated: number): void {
    const last = this.#marks.at(-1);
    if (last !== undefined && last.position < 0 && last.evaluated === evaluated) return;
    if (this.#marks.length < MOST) this.#marks.push({ stamp, evaluated, position: -1, serial: 0, waiting: 0 });
  }

  /** Gives marks whose changes are encoded their place. `isBehind`: whether a member has yet to hand that place on. */
  place<F extends Follower>(
    evaluated: number,
    position: number,
    members: readonly F[],
    isBehind: (member: F) => boolean,
  ): void {
    if (this.#marks.length === 0) return;
    for (const mark of this.#marks) {
      if (mark.position >= 0) continue;
      if (mark.evaluated > evaluated) break;
      mark.position = position;
      mark.serial = ++this.#serial;
      for (const member of members) {
        if (isBehind(member)) mark.waiting++;
        else member.passed = mark.serial;
      }
    }
    this.#finish();
  }

  /** A member has handed everything before `position` to its socket. */
  pass(member: Follower, position: number): void {
    if (member.passed === this.#serial) return;
    for (const mark of this.#marks) {
      if (mark.position < 0 || mark.position > position) break;
      if (mark.serial <= member.passed) continue;
      mark.waiting--;
      member.passed = mark.serial;
    }
    this.#finish();
  }

  /** A member no longer follows the log. */
  leave(member: Follower): void {
    this.pass(member, Number.POSITIVE_INFINITY);
    member.passed = this.#serial;
  }

  #finish(): void {
    while (this.#marks.length > 0 && this.#marks[0]!.position >= 0 && this.#marks[0]!.waiting === 0)
      this.#delivered(this.#marks.shift()!.stamp);
  }
}
