import type { FibPort } from "../../fib/fib-port.ts";
import { families } from "../../lib/family.ts";
import type { Peer } from "../peer.ts";
import type { OwnRestart } from "./own-restart.ts";

export interface StartOverParts {
  readonly restart: OwnRestart;
  readonly fib: FibPort;
  readonly peers: Iterable<Peer>;
  /** Whether everything that selection is to look at was decided. */
  decided(): boolean;
}

/**
 * The moment at which a start is over: selection isn't deferred any more, every kernel route that was wanted then is answered, and
 * every session that came up was told its End-of-RIB. From then on another node may go: it stays so until the daemon ends, whatever
 * comes and goes. Neighbors that are down aren't waited for: nobody knows whether they come.
 */
export class StartOver {
  readonly #parts: StartOverParts;
  #begun = false;
  #asked = false;
  #answered = false;
  #over = false;

  constructor(parts: StartOverParts) {
    this.#parts = parts;
  }

  /** Listening and dialling. */
  get begun(): boolean {
    return this.#begun;
  }

  begin(): void {
    this.#begun = true;
  }

  /** Asked each second, and whenever somebody wants to know. */
  get reached(): boolean {
    if (this.#over) return true;
    const { restart, fib, decided } = this.#parts;
    if (!this.#begun || families.some((family) => restart.defers(family)) || !decided()) return false;
    if (!this.#asked) {
      this.#asked = true;
      fib.barrier(() => {
        this.#answered = true;
      });
    }
    this.#over = this.#answered && this.untold.length === 0;
    return this.#over;
  }

  /** Sessions that are up and have not been told all that there was when they came up. */
  get untold(): Peer[] {
    return [...this.#parts.peers].filter(isUntold);
  }
}

function isUntold({ live }: Peer): boolean {
  if (live === null) return false;
  return live.agreed.families.some((family) => {
    const membership = live.memberships[family];
    return membership === undefined || membership.member.ending === "end-of-rib";
  });
}
