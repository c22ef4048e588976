import type { Clock } from "../../lib/clock.ts";
import type { Log, LogFields, LogLevel } from "../../lib/log.ts";

/** So many lines of one kind about one peer at once, and then one in each pause. */
const BURST = 20;
const PAUSE_MS = 10_000;
/** Peers and kinds that are remembered; the one unheard of longest is forgotten first. */
const MAX_KEPT = 10_000;

interface Account {
  left: number;
  /** Up to when `left` was filled up. */
  filledAt: number;
  /** Lines that were not written since the last one that was. */
  silent: number;
}

/**
 * How much of the log one peer may have: whoever sends a faulty UPDATE, a ROUTE-REFRESH or an OPEN a thousand times a second would
 * otherwise fill a disk, and hide what others have to say. By address, so that a member of a range that leaves and comes back begins
 * no new account.
 */
export class LogBudget implements Log {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();
  readonly #owner: string | null;

  /** @param owner whose account all lines are on; null: each is on that of the `peer` that it names, if it names one. */
  constructor(log: Log, clock: Clock, owner: string | null = null) {
    this.#log = log;
    this.#clock = clock;
    this.#owner = owner;
  }

  event(level: LogLevel, name: string, message: string, fields: LogFields = {}): void {
    const owner = this.#owner ?? fields.peer;
    const before = level === "debug" || typeof owner !== "string" ? 0 : this.#spend(owner, name);
    if (before >= 0) this.#log.event(level, name, message, before > 0 ? { ...fields, before } : fields);
  }

  /** How many lines like this one were kept back before it; -1 if this one is to be kept back, too. */
  #spend(peer: string, name: string): number {
    const key = `${name} ${peer}`;
    const now = this.#clock.now();
    const account = this.#accounts.get(key) ?? { left: BURST, filledAt: now, silent: 0 };
    this.#accounts.delete(key);
    if (this.#accounts.size >= MAX_KEPT) this.#accounts.delete(this.#accounts.keys().next().value!);
    this.#accounts.set(key, account);
    const pauses = Math.floor((now - account.filledAt) / PAUSE_MS);
    account.left = Math.min(BURST, account.left + pauses);
    account.filledAt += pauses * PAUSE_MS;
    if (account.left === 0) {
      account.silent++;
      return -1;
    }
    account.left--;
    const { silent } = account;
    account.silent = 0;
    return silent;
  }
}
