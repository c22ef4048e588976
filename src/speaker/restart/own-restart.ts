import { tryParseAddress } from "../../lib/address.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { type Family, type FamilyName, families, familyFromName, familyName } from "../../lib/family.ts";
import type { Log } from "../../lib/log.ts";
import type { Agreed } from "../../session/agreed.ts";
import type { Peer } from "../peer.ts";

/** Where the journal is kept; `null` from `read`: there is none. Neither throws. */
export interface JournalStore {
  read(): string | null;
  write(text: string): void;
}

/** Peers that had told us everything, by address: for whom to wait after a restart. */
interface Journal {
  readonly version: 1;
  readonly peers: Readonly<Record<string, readonly FamilyName[]>>;
}

export interface OwnRestartParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: JournalStore;
  /** Longest wait for End-of-RIB. */
  readonly deferralMs: number;
  /** Whether forwarding went on meanwhile: kernel routes were adopted, or none are written here at all. */
  forwarding(family: Family): boolean;
  /** Whether this speaker may still wait for a peer of that address. */
  isExpected(address: string): boolean;
  /** Every neighbor that may tell us something in that family, where no journal knows; null: members of a range may, too. */
  listed(family: Family): readonly string[] | null;
  /** Route selection of a family begins: everyone expected has told everything or restarts itself, or the time is up. */
  select(family: Family): void;
  /** Kernel routes of before that nobody has told again may go: everyone expected has told everything, or the time is up. */
  sweep(family: Family): void;
}

/** Changes of the journal are written together. */
const JOURNAL_EVERY_MS = 1000;

/**
 * Coming back after a restart of our own (RFC 4724 §4.1, as restarting speaker). With earlier state, selection in each family
 * waits for the End-of-RIB of those peers who had told us everything before, at most for the deferral time; until then
 * nothing is decided, nothing advertised, and kernel routes of before stay as they are. Without earlier state nothing waits.
 *
 * A peer that restarts itself isn't waited for with that, or the two would wait for each other. But its packets go on all the
 * while, as ours did: kernel routes that nobody has told again yet stay until it has told everything, too.
 */
export class OwnRestart {
  readonly #parts: OwnRestartParts;
  /** By family: peers whose End-of-RIB is awaited; null: selection runs. */
  readonly #awaited: (Set<string> | null)[] = families.map(() => null);
  readonly #told = new Map<string, Set<Family>>();
  /**
   * By family: peers that had told everything before the restart and have not since; null: nothing of before is left. Not the
   * same as who is awaited: a peer that has restarted itself isn't (RFC 4724 §4.1). Kernel routes of before stay for their sake,
   * and should we go again before they have told us, the next start is to know them.
   */
  readonly #owing: (Set<string> | null)[] = families.map(() => null);
  #timer: Timer | null = null;
  /** When the wait is over at the latest. */
  #until = 0;
  #journalTimer: Timer | null = null;
  #returning = false;
  /** There was earlier state at the start. */
  #restarted = false;

  constructor(parts: OwnRestartParts) {
    this.#parts = parts;
  }

  /** Whether we are coming back: the R bit of our OPENs. */
  get returning(): boolean {
    return this.#returning;
  }

  /** Whether packets of a family were forwarded on through a restart of ours: the F bit of the first OPEN to each peer. */
  forwards(family: Family): boolean {
    return this.#restarted && this.#parts.forwarding(family);
  }

  defers(family: Family): boolean {
    return this.#awaited[family] !== null;
  }

  /** Peers that are waited for, with families. */
  get waitingFor(): readonly string[] {
    return families.flatMap((family) =>
      [...(this.#awaited[family] ?? [])].map((address) => `${address} ${familyName(family)}`),
    );
  }

  get #whom(): string {
    return this.waitingFor.length === 0
      ? "peers have"
      : `${this.waitingFor.join(", ")} ${this.waitingFor.length === 1 ? "has" : "have"}`;
  }

  /** Peers for whose sake kernel routes of before stay although selection has begun, with families. */
  get keepingFor(): readonly string[] {
    return families.flatMap((family) =>
      this.defers(family) ? [] : [...(this.#owing[family] ?? [])].map((address) => `${address} ${familyName(family)}`),
    );
  }

  /** Nothing of before is left in a family, or never was. */
  isOver(family: Family): boolean {
    return this.#owing[family] === null;
  }

  /** What holds selection back in a family, in words; null: nothing does. */
  explain(family: Family): string | null {
    if (!this.defers(family)) return null;
    const left = Math.max(0, Math.ceil((this.#until - this.#parts.clock.now()) / 1000));
    return `nothing is decided yet: we are back after a restart, until ${this.#whom} told all routes, or at most for ${left} s more`;
  }

  /** Looks for earlier state; `adopted`: routes of before were found in the kernel. */
  begin(adopted: boolean): void {
    const { clock, log, deferralMs, isExpected, listed } = this.#parts;
    const journal = readJournal(this.#parts.journal, this.#parts.log);
    if (journal === null && !adopted) return;
    this.#restarted = true;
    this.#returning = true;
    for (const family of families) {
      const expected = journal === null ? listed(family) : before(journal, family).filter(isExpected);
      // Kernel routes without a journal, and members of ranges: nobody knows who is to come, so the whole time is taken.
      if (expected !== null && expected.length === 0) continue;
      this.#awaited[family] = new Set(expected);
      this.#owing[family] = new Set(expected);
    }
    if (families.every((family) => !this.defers(family))) {
      this.#returning = false;
      return;
    }
    log.event(
      "info",
      "restart",
      `back after a restart: nothing is decided until ${this.#whom} told all routes, or ${deferralMs / 1000} s have passed`,
    );
    this.#until = clock.now() + deferralMs;
    this.#timer = clock.setTimer(deferralMs, () => {
      const late = this.waitingFor;
      if (late.length > 0) log.event("warn", "restart-late", `no longer waiting for ${late.join(", ")}`);
      const kept = this.keepingFor;
      if (kept.length > 0)
        log.event("warn", "sweep-late", `kernel routes of before the restart no longer stay for ${kept.join(", ")}`);
      for (const family of families) this.#owing[family]?.clear();
      for (const family of families) {
        this.#select(family);
        this.#settle(family);
      }
    });
  }

  /** A session is up: a peer that has restarted itself, or doesn't carry a family, isn't waited for (RFC 4724 §4.1). */
  established(peer: Peer, agreed: Agreed): void {
    for (const family of families) {
      if (!agreed.families.includes(family)) this.#done(peer.address, family);
      else if (agreed.gracefulRestart?.restarting) this.#arrived(peer.address, family);
    }
  }

  endOfRib(peer: Peer, family: Family): void {
    const told = this.#told.get(peer.address) ?? new Set();
    if (!told.has(family)) {
      this.#told.set(peer.address, told.add(family));
      this.#touchJournal();
    }
    this.#done(peer.address, family);
  }

  /** Nothing of a peer is left here, though it may come back: a restart of ours that begins from now on need not wait for it. */
  lost(peer: Peer): void {
    if (this.#told.delete(peer.address)) this.#touchJournal();
  }

  /** A peer is gone for good. */
  forget(peer: Peer): void {
    const owed = families.some((family) => this.#owing[family]?.has(peer.address));
    if (this.#told.delete(peer.address) || owed) this.#touchJournal();
    for (const family of families) this.#done(peer.address, family);
  }

  /** Lets go of timers. */
  abandon(): void {
    this.#timer?.cancel();
    this.#journalTimer?.cancel();
  }

  /** Writes what is left to write. With `leave` there's nothing to come back to. */
  stop(leave: boolean): void {
    this.abandon();
    if (leave) {
      this.#told.clear();
      this.#owing.fill(null);
      this.#awaited.fill(null);
    }
    this.#writeJournal();
  }

  /** A peer owes us nothing any more in a family. */
  #done(address: string, family: Family): void {
    const owed = this.#owing[family]?.delete(address) ?? false;
    this.#arrived(address, family);
    if (owed) this.#settle(family);
  }

  #arrived(address: string, family: Family): void {
    const awaited = this.#awaited[family];
    if (awaited?.delete(address) && awaited.size === 0) this.#select(family);
  }

  #select(family: Family): void {
    if (this.#awaited[family] === null) return;
    this.#awaited[family] = null;
    if (families.every((each) => !this.defers(each))) {
      this.#returning = false;
      const kept = this.keepingFor;
      const more = kept.length === 0 ? "" : `; kernel routes that nobody has told yet stay for ${kept.join(", ")}`;
      this.#parts.log.event("info", "restart-over", `the restart is over: routes are decided and told${more}`);
    }
    this.#parts.select(family);
  }

  /** Selection runs and nobody owes us anything: what is left in the kernel of before goes. */
  #settle(family: Family): void {
    if (this.defers(family) || this.#owing[family]?.size !== 0) return;
    this.#owing[family] = null;
    if (families.every((each) => this.isOver(each))) this.#timer?.cancel();
    this.#parts.sweep(family);
  }

  #touchJournal(): void {
    this.#journalTimer ??= this.#parts.clock.setTimer(JOURNAL_EVERY_MS, () => this.#writeJournal());
  }

  #writeJournal(): void {
    this.#journalTimer = null;
    const peers: Record<string, FamilyName[]> = {};
    for (const family of families) {
      // Who still owes us everything is waited for after the next restart too, should it come before this one is over.
      const told = [...this.#told].filter(([, known]) => known.has(family)).map(([address]) => address);
      for (const address of new Set([...told, ...(this.#owing[family] ?? [])]))
        peers[address] = [...(peers[address] ?? []), familyName(family)];
    }
    const journal: Journal = { version: 1, peers };
    this.#parts.journal.write(`${JSON.stringify(journal)}\n`);
  }
}

/** Who had told everything in a family. */
const before = ({ peers }: Journal, family: Family): string[] =>
  Object.entries(peers)
    .filter(([, told]) => told.includes(familyName(family)))
    .map(([address]) => address);

/** The journal of before; null if there's none, or nothing that can be understood, which is said: then nothing is waited for. */
function readJournal(store: JournalStore, log: Log): Journal | null {
  const text = store.read();
  if (text === null) return null;
  const say = (what: string) => log.event("warn", "journal", `The journal of before is left out: ${what}`);
  let journal: Partial<Journal>;
  try {
    journal = JSON.parse(text) as Partial<Journal>;
  } catch {
    say("it isn't JSON");
    return null;
  }
  const { version, peers } = journal ?? {};
  if (version !== 1 || typeof peers !== "object" || peers === null) {
    say("it is of another version, or no journal at all");
    return null;
  }
  const entries = Object.entries(peers);
  const known = entries.filter(([address, told]) => isAddress(address) && areFamilies(told));
  if (known.length < entries.length)
    say(`${entries.length - known.length} of its ${entries.length} entries are no peers`);
  return known.length === 0 ? null : { version, peers: Object.fromEntries(known) };
}

const isAddress = (text: string): boolean => tryParseAddress(text.split("%")[0]!) !== undefined;

const areFamilies = (told: unknown): boolean =>
  Array.isArray(told) && told.every((name) => familyFromName(String(name)) !== undefined);
