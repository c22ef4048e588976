import type { Inventory } from "../config/model.ts";
import { formatPrefix, maskWord, type Prefix, parsePrefix } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { OriginatedRoute, OriginatedRoutes, Owner } from "./originated-routes.ts";

/** A route to be announced at run time. */
export interface Announcement extends OriginatedRoute {
  /** Seconds after which it is taken back; null: it stays. */
  readonly forSeconds: number | null;
}

/** Prefixes in one go. */
const SLICE = 64;

/** What can't be announced or withdrawn, each with its reason. None of what came with it was. */
export class Refused extends Error {
  readonly faults: readonly { readonly prefix: string; readonly reason: string }[];

  constructor(faults: Refused["faults"]) {
    super(faults.map(({ prefix, reason }) => `${prefix}: ${reason}`).join("\n"));
    this.faults = faults;
  }
}

/**
 * Routes that an operator, or a program of theirs, announces while the speaker runs: until they are withdrawn, their time is over,
 * or the speaker ends. They survive reloads. All of one request or none of it: it is looked at first, then carried out, in slices.
 */
export class Announcements {
  readonly #routes: OriginatedRoutes;
  readonly #clock: Clock;
  readonly #limit: () => number;
  readonly #inventory: () => Inventory | null;
  /** By prefix: the second in which it ends; null: never. */
  readonly #ends = new Map<string, number | null>();
  /** By second: what ends then. */
  readonly #due = new Map<number, Set<string>>();
  #swept: number;

  constructor(parts: {
    readonly routes: OriginatedRoutes;
    readonly clock: Clock;
    readonly limit: () => number;
    readonly inventory: () => Inventory | null;
  }) {
    this.#routes = parts.routes;
    this.#clock = parts.clock;
    this.#limit = parts.limit;
    this.#inventory = parts.inventory;
    this.#swept = this.#now();
  }

  get size(): number {
    return this.#ends.size;
  }

  has(prefix: string): boolean {
    return this.#ends.has(prefix);
  }

  /** @param force also what the inventory gives to another node @throws Refused */
  *announce(announcements: readonly Announcement[], force: boolean): Generator<undefined, void> {
    yield* this.#check(announcements, force);
    let done = 0;
    for (const { forSeconds, ...route } of announcements) {
      const prefix = textOf(route.prefix);
      this.#forgetEnd(prefix);
      const end = forSeconds === null ? null : this.#now() + forSeconds;
      this.#ends.set(prefix, end);
      if (end !== null) {
        const due = this.#due.get(end) ?? new Set();
        this.#due.set(end, due.add(prefix));
      }
      this.#routes.add("announce", route);
      if (++done % SLICE === 0) yield;
    }
  }

  /** @throws Refused if one of them wasn't announced: what config or workloads originate is withdrawn there. */
  *withdraw(prefixes: readonly Prefix[]): Generator<undefined, void> {
    const faults: { prefix: string; reason: string }[] = [];
    let done = 0;
    for (const prefix of prefixes) {
      const text = textOf(prefix);
      if (++done % SLICE === 0) yield;
      if (this.#ends.has(text)) continue;
      const owner = this.#routes.ownersOf(prefix)[0];
      const reason =
        owner === undefined ? "is not announced" : `was not announced by command: it comes from ${ownerText(owner)}`;
      faults.push({ prefix: text, reason });
    }
    if (faults.length > 0) throw new Refused(faults);
    for (const prefix of prefixes) {
      this.#takeBack(textOf(prefix));
      if (++done % SLICE === 0) yield;
    }
  }

  /** Takes back what is over. Called each second. */
  tick(): boolean {
    const now = this.#now();
    let any = false;
    if (this.#due.size > 0)
      for (let second = this.#swept; second <= now; second++) {
        for (const prefix of this.#due.get(second) ?? []) {
          this.#takeBack(prefix);
          any = true;
        }
        this.#due.delete(second);
      }
    this.#swept = now;
    return any;
  }

  *#check(announcements: readonly Announcement[], force: boolean): Generator<undefined, void> {
    const faults: { prefix: string; reason: string }[] = [];
    const others = force ? new Blocks() : yield* this.#blocksOfOthers();
    const asked = new Set<string>();
    let added = 0;
    let looked = 0;
    for (const { prefix } of announcements) {
      const text = textOf(prefix);
      const owner = this.#routes.ownersOf(prefix).find((each) => each !== "announce");
      const other = others.ownerOf(prefix);
      if (asked.has(text)) faults.push({ prefix: text, reason: "stands there twice" });
      else if (owner !== undefined)
        faults.push({ prefix: text, reason: `is originated already, by ${ownerText(owner)}` });
      else if (other !== undefined)
        faults.push({
          prefix: text,
          reason: `belongs to ${other} by the inventory; --force takes it all the same`,
        });
      asked.add(text);
      if (!this.#ends.has(text)) added++;
      if (++looked % SLICE === 0) yield;
    }
    if (faults.length > 0) throw new Refused(faults);
    const limit = this.#limit();
    if (this.size + added > limit)
      throw new Refused([
        {
          prefix: textOf(announcements[0]!.prefix),
          reason: `${this.size + added} routes would be announced, and limits.announced is ${limit}`,
        },
      ]);
  }

  *#blocksOfOthers(): Generator<undefined, Blocks> {
    const blocks = new Blocks();
    const inventory = this.#inventory();
    let read = 0;
    for (const node of inventory?.nodes ?? []) {
      if (node === inventory?.self) continue;
      for (const block of node.blocks) {
        blocks.add(parsePrefix(block), node.name);
        if (++read % SLICE === 0) yield;
      }
    }
    return blocks;
  }

  #takeBack(prefix: string): void {
    this.#forgetEnd(prefix);
    this.#ends.delete(prefix);
    this.#routes.remove("announce", parsePrefix(prefix));
  }

  #forgetEnd(prefix: string): void {
    const end = this.#ends.get(prefix) ?? null;
    if (end !== null) this.#due.get(end)?.delete(prefix);
  }

  /** Whole seconds, by the clock that never jumps. */
  #now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

/** Blocks and whose they are: a prefix is looked for once for each length that there is, however many blocks have it. */
class Blocks {
  readonly #owners = new Map<string, string>();
  readonly #lengths = new Set<number>();

  add(block: Prefix, node: string): void {
    this.#owners.set(textOf(block), node);
    this.#lengths.add(block.length);
  }

  /** Whose block the prefix is, or lies in. */
  ownerOf({ family, words, length }: Prefix): string | undefined {
    for (const shorter of this.#lengths) {
      if (shorter > length) continue;
      const masked = words.map((word, i) => (word & maskWord(shorter - 32 * i)) >>> 0);
      const owner = this.#owners.get(textOf({ family, words: masked, length: shorter }));
      if (owner !== undefined) return owner;
    }
    return undefined;
  }
}

const textOf = (prefix: Prefix): string => formatPrefix(prefix);

/** For people. */
const ownerText = (owner: Owner): string =>
  ({ config: "the config", workload: "a workload", announce: "command" })[owner];
