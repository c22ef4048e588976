import type { Clock } from "../lib/clock.ts";
import type { Job } from "../lib/work-loop.ts";
import type { ExportGroup } from "./export-group.ts";
import type { ExportPolicyPort, MemberPort } from "./export-ports.ts";
import { type GroupKey, keyText } from "./group-key.ts";
import type { Member } from "./members/member.ts";

/** How the groups of one speaker are made and hooked up with its tables. */
export interface GroupFactory {
  create(key: GroupKey, policy: ExportPolicyPort): ExportGroup;
  /** The group is to hear of changed prefixes from now on, or no longer. */
  connect(group: ExportGroup): void;
  disconnect(group: ExportGroup): void;
}

/** A peer's place in a group. */
export interface Membership {
  readonly group: ExportGroup;
  readonly member: Member;
}

interface Entry {
  readonly group: ExportGroup;
  /** Makes the policy port anew: what is done last may have changed. */
  readonly policy: () => ExportPolicyPort;
  readonly intervalMs: number;
  members: number;
  nextDrainAt: number;
}

/** All update groups by key; a group lives as long as it has members. */
export class UpdateGroups implements Job {
  readonly #factory: GroupFactory;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #entryOf = new Map<ExportGroup, [string, Entry]>();
  #closing: ExportGroup[] = [];

  constructor(factory: GroupFactory, clock: Clock) {
    this.#factory = factory;
    this.#clock = clock;
  }

  get groups(): Iterable<ExportGroup> {
    return this.#entryOf.keys();
  }

  join(key: GroupKey, policy: () => ExportPolicyPort, port: MemberPort): Membership {
    const entry = this.#entry(key, policy);
    entry.members++;
    return { group: entry.group, member: entry.group.join(port) };
  }

  /** Into the group of another key: the peer is told the difference. Nothing happens if the key is the same. */
  move(from: Membership, key: GroupKey, policy: () => ExportPolicyPort): Membership {
    if (this.#entryOf.get(from.group)?.[0] === keyText(key)) return from;
    const entry = this.#entry(key, policy);
    entry.members++;
    const member = entry.group.moveFrom(from.group, from.member);
    this.#left(from.group);
    return { group: entry.group, member };
  }

  leave({ group, member }: Membership): void {
    group.leave(member);
    this.#left(group);
  }

  /** Sends what has changed, in all groups; `units` is for each. */
  run(units: number): boolean {
    let done = true;
    const now = this.#clock.now();
    for (const entry of this.#entries.values()) {
      const drain = entry.intervalMs === 0 || now >= entry.nextDrainAt;
      if (!entry.group.flush(units, drain)) done = false;
      else if (drain) entry.nextDrainAt = now + entry.intervalMs;
    }
    // A group that members moved away from lives until they have heard the difference.
    this.#closing = this.#closing.filter((group) => !group.close(units));
    // One that still has readers of the difference says itself when they are done.
    return done && this.#closing.every((group) => group.isNeeded);
  }

  /** What is done last to everything that is advertised has changed: the difference is told. */
  reevaluate(): void {
    for (const { group, policy } of this.#entries.values()) group.reevaluate(policy());
  }

  /** About once a second. True if an advertisement interval has something to send. */
  tick(): boolean {
    let waits = false;
    for (const { group, intervalMs } of this.#entries.values()) {
      group.tick();
      if (intervalMs > 0) waits = true;
    }
    return waits;
  }

  #entry(key: GroupKey, policy: () => ExportPolicyPort): Entry {
    const text = keyText(key);
    let entry = this.#entries.get(text);
    if (entry === undefined) {
      const group = this.#factory.create(key, policy());
      entry = { group, policy, intervalMs: key.advertisementIntervalSeconds * 1000, members: 0, nextDrainAt: 0 };
      this.#entries.set(text, entry);
      this.#entryOf.set(group, [text, entry]);
      this.#factory.connect(group);
    }
    return entry;
  }

  #left(group: ExportGroup): void {
    const [text, entry] = this.#entryOf.get(group)!;
    if (--entry.members > 0) return;
    this.#entries.delete(text);
    this.#entryOf.delete(group);
    this.#factory.disconnect(group);
    this.#closing.push(group);
  }
}
