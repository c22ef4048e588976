import type { LimitsConfig } from "../../config/model.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Job } from "../../lib/work-loop.ts";
import type { Rib } from "../../rib/rib.ts";
import { Weigher } from "../../rib/weigher.ts";
import { CeaseError, cease } from "../../wire/errors.ts";
import type { Peer } from "../peer.ts";
import type { Admission } from "./admission.ts";
import type { BackPressure } from "./back-pressure.ts";

/** What the machine says about this process's memory. */
export interface MemoryPort {
  /** Octets that the process may have: of its control group, else of the machine. */
  readonly available: number;
  /** Octets in use, tables and heap. */
  used(): number;
  /** How full the engine's own heap is, 0 to 1. */
  heapShare(): number;
  /** Gives back what nobody uses, so that `used` is true afterwards. Expensive: asked for before somebody has to pay. */
  collect(): void;
}

/** What the guard watches, and whom it may touch. */
export interface MemoryParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly rib: Rib;
  readonly admission: Admission;
  readonly backPressure: BackPressure;
  readonly port: MemoryPort | null;
  readonly limits: () => LimitsConfig;
  readonly peers: Iterable<Peer>;
}

/** Of what the process may have, the part that `memory: auto` takes. */
const AUTO_SHARE = 0.75;
/** Parts of the budget: no new sessions; the heaviest isn't read; the heaviest goes. Each ends a little below where it began. */
const REFUSE = 0.85;
const HOLD = 0.92;
const END = 1;
const BACK = 0.05;
/** Somebody who was ended for memory stays away for so long. */
export const MEMORY_REST_MS = 60_000;
/** And whoever isn't read any more has so long before it comes to that, or to the next one. */
const PATIENCE_MS = 1_000;
/** Not reading somebody frees nothing: after so long the heaviest goes, before one after the other is no longer read, for ever. */
const STANDSTILL_MS = 10_000;
/** Tables that have shrunk to less than half, by so many octets at least, and have not moved since: worth a collection. */
const SHRUNK_OCTETS = 32 * 2 ** 20;

/** What is no table has grown by so much since the last collection: answers leave garbage, and nothing presses the engine to look at it ... */
const GARBAGE_OCTETS = 24 * 2 ** 20;
/** ... once no more than this has come in a second. */
const QUIET_OCTETS = 2 ** 20;
const QUIET_MS = 1_000;

/** What has been taken away needs time to be gone before the next one is looked at. */
const GRACE_MS = 5_000;

/**
 * Keeps the process within its memory, and each peer within its share. Near the budget new sessions are refused; nearer still the
 * heaviest peer is no longer read, so that TCP makes it wait (its hold clock stands still meanwhile); at the budget the
 * heaviest goes, with Cease / Out of Resources (RFC 4486 §3), and comes back a minute later; so it does when not being read has not helped. Who is the heaviest is found out by
 * weighing (`Weigher`), never by counting along. A peer that is beyond its own budget is not read, then goes.
 */
export class MemoryGuard implements Job {
  readonly step = 1024;
  readonly #parts: MemoryParts;
  readonly #weigher: Weigher;
  #holds = false;
  /** The most that the tables held since the last collection, and what they held a tick ago. */
  #highest = 0;
  #before = 0;
  /** The least that anything else held since the last collection, what it held a second ago, and when that was. */
  #leastBeside = Number.POSITIVE_INFINITY;
  #besideBefore = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #endedAt = Number.NEGATIVE_INFINITY;
  readonly #heldAt = new WeakMap<Peer, number>();
  #lastHeldAt = Number.NEGATIVE_INFINITY;
  /** Sessions that were ended, ever. */
  ended = 0;

  constructor(parts: MemoryParts) {
    this.#parts = parts;
    this.#weigher = new Weigher(parts.rib);
  }

  /** Octets; infinite without a budget. */
  get budget(): number {
    const { port, limits } = this.#parts;
    const { memory } = limits();
    if (memory === "auto") return port === null ? Number.POSITIVE_INFINITY : port.available * AUTO_SHARE;
    return memory === "none" ? Number.POSITIVE_INFINITY : memory;
  }

  get used(): number {
    return this.#parts.port?.used() ?? this.#parts.rib.bytes;
  }

  /** New sessions are not wanted at the moment. */
  get refuses(): boolean {
    return !this.#parts.admission.open;
  }

  /** About once a second, and while much comes in. True if there is something to weigh, which `run` then does. */
  tick(): boolean {
    const { rib } = this.#parts;
    this.#giveBack(rib.bytes);
    let share = this.#share();
    if (share >= HOLD && !this.#holds) {
      this.#parts.port?.collect();
      share = this.#share();
    }
    this.#parts.admission.open = !this.#settle("refuse", this.refuses, share, REFUSE);
    this.#holds = this.#settle("hold", this.#holds, share, HOLD);
    if (this.#weigher.busy) return true;
    // No single peer can have more than all have together.
    if (!this.#holds && rib.bytes <= this.#perPeer) {
      this.#parts.backPressure.releaseAll();
      return false;
    }
    this.#weigher.begin();
    return true;
  }

  /** After a big peer has gone, or long answers have, the engine holds on to what is free: nothing presses it to look. */
  #giveBack(bytes: number): void {
    this.#highest = Math.max(this.#highest, bytes);
    const shrunk = bytes < this.#highest / 2 && this.#highest - bytes > SHRUNK_OCTETS && bytes === this.#before;
    this.#before = bytes;
    if (!shrunk && !this.#isGarbage(this.used - bytes)) return;
    this.#highest = bytes;
    this.#parts.port?.collect();
    this.#leastBeside = this.used - bytes;
    this.#besideBefore = this.#leastBeside;
  }

  /** Whether what is held beside the tables has grown by much, and rests. */
  #isGarbage(beside: number): boolean {
    const now = this.#parts.clock.now();
    if (now - this.#lookedAt < QUIET_MS) return false;
    this.#lookedAt = now;
    this.#leastBeside = Math.min(this.#leastBeside, beside);
    const rests = beside - this.#besideBefore < QUIET_OCTETS;
    this.#besideBefore = beside;
    return rests && beside - this.#leastBeside > GARBAGE_OCTETS;
  }

  run(units: number): boolean {
    if (!this.#weigher.busy) return true;
    if (!this.#weigher.step(units)) return false;
    this.#act();
    return true;
  }

  get #perPeer(): number {
    const { memoryPerPeer } = this.#parts.limits();
    return memoryPerPeer === "none" ? Number.POSITIVE_INFINITY : memoryPerPeer;
  }

  #share(): number {
    const { port } = this.#parts;
    const budget = this.budget;
    const ofBudget = budget === Number.POSITIVE_INFINITY ? 0 : this.used / budget;
    return this.#parts.limits().memory === "none" ? ofBudget : Math.max(ofBudget, port?.heapShare() ?? 0);
  }

  #settle(stage: "refuse" | "hold", before: boolean, share: number, above: number): boolean {
    const now = share >= (before ? above - BACK : above);
    if (now !== before) {
      const sentence = {
        refuse: now ? "new sessions are refused" : "new sessions are welcome again",
        hold: now ? "the heaviest peer is no longer read" : "all peers are read again",
      }[stage];
      this.#parts.log.event(
        now ? "warn" : "info",
        "memory",
        `memory is at ${percent(share)} of its budget: ${sentence}`,
        {
          used: this.used,
          budget: this.budget,
        },
      );
    }
    return now;
  }

  /** The weights are known. */
  #act(): void {
    const { backPressure, clock } = this.#parts;
    const heaviest = [...this.#parts.peers]
      .filter((peer) => peer.live !== null && peer.source !== 0)
      .sort((a, b) => this.#weigher.octets(b.source) - this.#weigher.octets(a.source));
    for (const peer of heaviest) {
      const over = this.#weigher.octets(peer.source) > this.#perPeer;
      if (!over) break;
      if (!backPressure.isHeld(peer.session)) this.#hold(peer);
      else if (clock.now() - this.#heldAt.get(peer)! >= PATIENCE_MS) this.#end(peer, "is beyond its own budget");
    }
    if (!this.#holds) {
      for (const peer of heaviest)
        if (this.#weigher.octets(peer.source) <= this.#perPeer) backPressure.release(peer.session);
      return;
    }
    if (clock.now() - this.#endedAt < GRACE_MS) return;
    if (this.#share() >= END) {
      this.#parts.port?.collect();
      const [first] = heaviest;
      if (first?.live != null && this.#share() >= END) this.#end(first, "is the heaviest, and memory has run out");
      return;
    }
    const [first] = heaviest;
    if (
      first !== undefined &&
      backPressure.isHeld(first.session) &&
      clock.now() - this.#heldAt.get(first)! >= STANDSTILL_MS
    ) {
      this.#end(first, "is the heaviest, and memory has stayed short while it wasn't read");
      return;
    }
    if (clock.now() - this.#lastHeldAt < PATIENCE_MS) return;
    const next = heaviest.find((peer) => peer.live !== null && !backPressure.isHeld(peer.session));
    if (next !== undefined && this.#weigher.octets(next.source) > 0) this.#hold(next);
  }

  #hold(peer: Peer): void {
    const octets = this.#weigher.octets(peer.source);
    this.#lastHeldAt = this.#parts.clock.now();
    this.#heldAt.set(peer, this.#lastHeldAt);
    this.#parts.backPressure.hold(peer.session);
    this.#say(`${peer.address} is not read for now: its routes take ${mebibytes(octets)}`, peer, octets);
  }

  #end(peer: Peer, why: string): void {
    const octets = this.#weigher.octets(peer.source);
    this.ended++;
    this.#endedAt = this.#parts.clock.now();
    this.#say(`the session with ${peer.address} ends: it ${why} (${mebibytes(octets)} of routes)`, peer, octets);
    const { memory, memoryPerPeer } = this.#parts.limits();
    peer.rest = { why: "memory", limits: { memory, memoryPerPeer } };
    peer.session.fail(cease(CeaseError.OutOfResources), MEMORY_REST_MS);
  }

  #say(message: string, peer: Peer, octets: number): void {
    this.#parts.log.event("warn", "memory", message, { peer: peer.address, octets: Math.round(octets) });
  }
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const mebibytes = (octets: number): string => `${(octets / 2 ** 20).toFixed(1)} MiB`;
