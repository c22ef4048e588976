import type { FibTarget } from "../kernel/records.ts";
import { type FibHop, type NexthopObject, Operation } from "../kernel/records.ts";
import type { ParsedNexthop } from "../kernel/rtnetlink/nexthop.ts";
import type { FibGroup } from "./fib-port.ts";
import { canonicalTarget, hopKey } from "./targets.ts";
import type { WriteTurns } from "./write-turns.ts";

/** Ids of ours start here, far from those that `ip nexthop` and FRR count up from 1. */
const FIRST_NEXTHOP_ID = 0x50000000;

interface Entry {
  readonly id: number;
  /** A gateway, or a group of gateways. */
  readonly gateway: boolean;
  /** What it is to be; null = it isn't needed any more. */
  want: NexthopObject | null;
  /** Key of what the kernel has; null = nothing. */
  held: string | null;
  inFlight: boolean;
  /** Changed while it was in flight. */
  again: boolean;
  /** Why the kernel did not take it. */
  trouble: string | null;
  /** Seen by the reading that runs. */
  seen: boolean;
  /** Gateways: the roots that have it as a member. */
  users: number;
}

interface Root {
  readonly entry: Entry;
  readonly members: { readonly gateway: Entry; readonly weight: number }[];
}

/** A record to be written. */
export interface NexthopWrite {
  readonly id: number;
  readonly operation: Operation;
  readonly object: NexthopObject | null;
}

const objectKey = (object: NexthopObject): string =>
  object.kind === "gateway"
    ? hopKey({ ...object.hop, weight: 1 })
    : object.members.map((member) => `${member.id}*${member.weight}`).join(" ");

/**
 * Nexthop objects (`kernel.nexthop-objects`). Each group of routes has one nexthop group in the kernel, its root, even
 * for a single hop: a group can change its members in place, a plain object can't become a group. So one message moves
 * every route behind it. Gateways are shared between roots. Want stands beside held here as it does for routes.
 *
 * The kernel deletes a gateway whose link loses its carrier, takes it out of its groups, and deletes a group that has
 * become empty with all its routes, silently; what a reading finds missing is made again when the link is back.
 */
export class NexthopObjects {
  readonly #entries = new Map<number, Entry>();
  readonly #gateways = new Map<string, Entry>();
  readonly #roots = new Map<FibGroup, Root>();
  readonly #rootById = new Map<number, FibGroup>();
  readonly #dirty = new Set<Entry>();
  readonly #protocol: number;
  readonly #turns: WriteTurns;
  #nextId = FIRST_NEXTHOP_ID;

  constructor(protocol: number, turns: WriteTurns) {
    this.#protocol = protocol;
    this.#turns = turns;
  }

  /** Whether a target can be an object: blackholes and routes straight onto a link stay plain. */
  static suits(target: FibTarget): boolean {
    return (
      target.type === "unicast" &&
      target.nextHops.length > 0 &&
      target.nextHops.every((hop) => hop.via !== null && hop.ifindex !== 0)
    );
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  /**
   * The id of the root that routes of this group use. It stays the same when the hops change. Before anything was
   * written for the group, a root of an earlier run with equal members is taken over.
   */
  root(group: FibGroup, target: FibTarget): number {
    const members = canonicalTarget(target).nextHops.map((hop) => ({
      gateway: this.#gateway(hop),
      weight: hop.weight,
    }));
    for (const member of members) member.gateway.users++;
    const before = this.#roots.get(group);
    let entry = before?.entry;
    if (entry === undefined || (entry.held === null && !entry.inFlight)) {
      const adopted = this.#unclaimed(objectKey(groupOf(members)));
      if (adopted !== undefined) {
        if (entry !== undefined) this.#drop(entry);
        entry = adopted;
      }
    }
    entry ??= this.#create(false);
    this.#roots.set(group, { entry, members });
    this.#rootById.set(entry.id, group);
    for (const member of before?.members ?? []) this.#leave(member.gateway);
    this.#refresh(group);
    return entry.id;
  }

  /** The group means something that is no object any more, or is closed. Its root goes when no route uses it. */
  release(group: FibGroup): void {
    const root = this.#roots.get(group);
    if (root === undefined) return;
    this.#roots.delete(group);
    this.#rootById.delete(root.entry.id);
    root.entry.want = null;
    this.#dirty.delete(root.entry);
    for (const member of root.members) this.#leave(member.gateway);
  }

  /** No route, wanted or held, uses this root any more. */
  unused(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || this.#rootById.has(id)) return;
    entry.want = null;
    this.#mark(entry);
  }

  /** What to write now, at most `most`, in the order that the kernel needs; each is in flight until `answered`. */
  take(most: number): NexthopWrite[] {
    const rank = (entry: Entry) => {
      const object = entry.want;
      if (object === null) return entry.gateway ? 3 : 2; // groups go before their members
      return object.kind === "gateway" ? 0 : 1;
    };
    const writes: NexthopWrite[] = [];
    for (const entry of [...this.#dirty].sort((a, b) => rank(a) - rank(b))) {
      if (writes.length >= most) break;
      this.#dirty.delete(entry);
      if (entry.inFlight) {
        entry.again = true;
        continue;
      }
      const wanted = entry.want === null ? null : objectKey(entry.want);
      if (wanted === entry.held) {
        if (wanted === null) this.#drop(entry);
        continue;
      }
      // the kernel would take it out of its groups, and the last one takes the routes with it
      if (wanted === null && entry.gateway && this.#carries(entry)) continue;
      entry.inFlight = true;
      const operation = wanted === null ? Operation.Delete : entry.held === null ? Operation.Create : Operation.Replace;
      writes.push({ id: entry.id, operation, object: entry.want });
    }
    return writes;
  }

  /** The kernel's answer on a write: null if it was done. Returns the roots that may carry routes from now on. */
  answered(write: NexthopWrite, trouble: string | null): number[] {
    const entry = this.#entries.get(write.id);
    if (entry === undefined) return [];
    entry.inFlight = false;
    entry.trouble = trouble;
    if (trouble === null) entry.held = write.object === null ? null : objectKey(write.object);
    else if (write.operation === Operation.Delete) entry.held = null; // it was gone already
    if (entry.again) {
      entry.again = false;
      this.#mark(entry);
    }
    if (entry.want === null && entry.held === null && !this.#dirty.has(entry)) this.#drop(entry);
    if (entry.gateway) {
      // a group goes without a member that can't be made
      for (const [group, root] of this.#roots)
        if (root.members.some((member) => member.gateway === entry)) this.#refresh(group);
      return [];
    }
    for (const each of this.#entries.values())
      if (each.gateway && each.want === null && each.held !== null) this.#mark(each); // perhaps in no group any more
    return trouble === null && write.operation === Operation.Create ? [write.id] : [];
  }

  /** Whether routes can be put on the root; if not, why. Undefined for ids that are not ours. */
  trouble(id: number): string | null | undefined {
    const group = this.#rootById.get(id);
    const entry = this.#entries.get(id);
    if (group === undefined || entry === undefined) return undefined;
    if (entry.held !== null || entry.inFlight) return null;
    const member = this.#roots.get(group)!.members.find((each) => each.gateway.trouble !== null);
    return member?.gateway.trouble ?? entry.trouble ?? null;
  }

  /** Tries again what failed. */
  retry(): void {
    for (const entry of this.#entries.values()) {
      if (entry.trouble === null) continue;
      entry.trouble = null;
      this.#mark(entry);
    }
    for (const group of this.#roots.keys()) this.#refresh(group);
  }

  /** Deletes what an earlier run left and nobody took over; `used` says which roots still carry routes. */
  collect(used: (id: number) => boolean): void {
    for (const entry of this.#entries.values()) {
      if (entry.want !== null || entry.held === null) continue;
      if (entry.gateway || !used(entry.id)) this.#mark(entry);
    }
  }

  /** Everything is to go, groups first; the routes are gone already. */
  removeAll(): void {
    for (const group of [...this.#roots.keys()]) this.release(group);
    for (const entry of this.#entries.values()) {
      entry.want = null;
      if (entry.held !== null) this.#mark(entry);
    }
  }

  /** The writer is gone: what was in flight is looked at anew after the reading. */
  forgetFlights(): void {
    for (const entry of this.#entries.values())
      if (entry.inFlight) {
        entry.inFlight = false;
        this.#mark(entry);
      }
  }

  // --- what the kernel tells ---

  readingBegins(): void {
    for (const entry of this.#entries.values()) entry.seen = false;
  }

  /** One of the kernel's objects; others' are passed over. */
  seen(nexthop: ParsedNexthop): void {
    if (nexthop.protocol !== this.#protocol || nexthop.id < FIRST_NEXTHOP_ID || nexthop.object === null) return;
    let entry = this.#entries.get(nexthop.id);
    if (entry === undefined) {
      entry = this.#create(nexthop.object.kind === "gateway", nexthop.id);
      if (entry.gateway) {
        const key = objectKey(nexthop.object);
        const fresh = this.#gateways.get(key);
        if (fresh === undefined || (fresh.held === null && !fresh.inFlight)) this.#gateways.set(key, entry);
      }
    }
    entry.seen = true;
    if (entry.inFlight) return;
    entry.held = objectKey(nexthop.object);
    if (entry.want !== null && objectKey(entry.want) !== entry.held) this.#mark(entry);
  }

  /** True if it was one of ours: then routes may be gone as well. */
  gone(nexthop: ParsedNexthop): boolean {
    const entry = this.#entries.get(nexthop.id);
    if (entry === undefined) return false;
    this.#lost(entry);
    return true;
  }

  readingEnds(): void {
    for (const entry of this.#entries.values())
      if (!entry.seen && !entry.inFlight && entry.held !== null) this.#lost(entry);
  }

  #lost(entry: Entry): void {
    entry.held = null;
    if (entry.want !== null) this.#mark(entry);
    else if (entry.users === 0 && !this.#rootById.has(entry.id)) this.#drop(entry);
  }

  /** Forgets an object that neither we want nor the kernel has. */
  #drop(entry: Entry): void {
    this.#dirty.delete(entry);
    this.#entries.delete(entry.id);
    if (this.#rootById.has(entry.id)) this.#rootById.delete(entry.id);
    for (const [key, gateway] of this.#gateways) if (gateway === entry) this.#gateways.delete(key);
  }

  /** Whether a group that the kernel has contains this gateway. */
  #carries(gateway: Entry): boolean {
    for (const entry of this.#entries.values())
      if (!entry.gateway && entry.held?.split(" ").some((member) => member.startsWith(`${gateway.id}*`)) === true)
        return true;
    return false;
  }

  #create(gateway: boolean, id = this.#freshId()): Entry {
    const entry: Entry = {
      id,
      gateway,
      want: null,
      held: null,
      inFlight: false,
      again: false,
      trouble: null,
      seen: true,
      users: 0,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  #freshId(): number {
    while (this.#entries.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #gateway(hop: FibHop): Entry {
    const key = hopKey({ ...hop, weight: 1 });
    let entry = this.#gateways.get(key);
    if (entry === undefined) {
      entry = this.#create(true);
      this.#gateways.set(key, entry);
    }
    if (entry.want === null) {
      entry.want = { kind: "gateway", hop: { ...hop, weight: 1 } };
      this.#mark(entry);
    }
    return entry;
  }

  #leave(gateway: Entry): void {
    if (--gateway.users > 0) return;
    gateway.want = null;
    this.#mark(gateway);
  }

  /** Brings what a root is to be up to date with which of its members can be made. */
  #refresh(group: FibGroup): void {
    const root = this.#roots.get(group)!;
    const able = root.members.filter((member) => member.gateway.trouble === null);
    root.entry.want = groupOf(able.length > 0 ? able : root.members);
    if (able.length > 0) this.#mark(root.entry);
  }

  #unclaimed(key: string): Entry | undefined {
    for (const entry of this.#entries.values())
      if (entry.held === key && !this.#rootById.has(entry.id) && !entry.inFlight && !this.#dirty.has(entry))
        return entry;
    return undefined;
  }

  #mark(entry: Entry): void {
    this.#dirty.add(entry);
    this.#turns.ask();
  }
}

const groupOf = (members: readonly { gateway: Entry; weight: number }[]): NexthopObject => ({
  kind: "group",
  members: members.map((member) => ({ id: member.gateway.id, weight: member.weight })),
});
