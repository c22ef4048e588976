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
  /** Gateways: by what it is looked up. */
  key: string | null;
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
  /** Gateways: the groups of routes whose roots have it as a member. */
  readonly users: Set<FibGroup>;
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
  /** How many groups of the kernel contain a gateway, by its id; a group may be read before its gateways. */
  readonly #carriers = new Map<number, number>();
  /** Groups in the kernel that are nobody's root, by their members. */
  readonly #unclaimed = new Map<string, Set<Entry>>();
  /** What may have to be written, in the order that the kernel needs (`rankOf`). */
  readonly #dirty: readonly Set<Entry>[] = [new Set(), new Set(), new Set(), new Set()];
  readonly #protocol: number;
  readonly #turns: WriteTurns;
  #came = new Set<number>();
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

  /** Something is to be written, or was and is to be told of. */
  get dirty(): boolean {
    return this.#came.size > 0 || this.#dirty.some((entries) => entries.size > 0);
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
    for (const member of members) member.gateway.users.add(group);
    const before = this.#roots.get(group);
    let entry = before?.entry;
    if (entry === undefined || (entry.held === null && !entry.inFlight)) {
      const adopted = this.#adoptable(objectKey(groupOf(members)));
      if (adopted !== undefined) {
        if (entry !== undefined) this.#drop(entry);
        entry = adopted;
      }
    }
    entry ??= this.#create(false);
    this.#roots.set(group, { entry, members });
    this.#rootById.set(entry.id, group);
    this.#index(entry);
    if (before !== undefined) {
      const stay = new Set(members.map(({ gateway }) => gateway));
      for (const { gateway } of before.members) if (!stay.has(gateway)) this.#leave(gateway, group);
    }
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
    this.#unmark(root.entry);
    this.#index(root.entry);
    for (const { gateway } of root.members) this.#leave(gateway, group);
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
    const writes: NexthopWrite[] = [];
    for (const entries of this.#dirty)
      for (const entry of entries) {
        if (writes.length >= most) return writes;
        entries.delete(entry);
        const write = this.#write(entry);
        if (write !== null) writes.push(write);
      }
    return writes;
  }

  #write(entry: Entry): NexthopWrite | null {
    if (entry.inFlight) {
      entry.again = true;
      return null;
    }
    const wanted = entry.want === null ? null : objectKey(entry.want);
    if (wanted === entry.held) {
      if (wanted === null) this.#drop(entry);
      else this.#index(entry);
      return null;
    }
    // the kernel would take it out of its groups, and the last one takes the routes with it: asked again when it is in none
    if (wanted === null && this.#carriers.has(entry.id)) return null;
    entry.inFlight = true;
    this.#index(entry);
    const operation = wanted === null ? Operation.Delete : entry.held === null ? Operation.Create : Operation.Replace;
    return { id: entry.id, operation, object: entry.want };
  }

  /** The roots that were made since the last time: they may carry routes now. */
  takeCome(): ReadonlySet<number> {
    const came = this.#came;
    if (came.size > 0) this.#came = new Set();
    return came;
  }

  /** The kernel's answer on a write: null if it was done. */
  answered(write: NexthopWrite, trouble: string | null): void {
    const entry = this.#entries.get(write.id);
    if (entry === undefined) return;
    entry.inFlight = false;
    entry.trouble = trouble;
    if (trouble === null) this.#hold(entry, write.object);
    else if (write.operation === Operation.Delete) this.#hold(entry, null); // it was gone already
    if (entry.again) {
      entry.again = false;
      this.#mark(entry);
    }
    if (entry.want === null && entry.held === null && !this.#isDirty(entry)) this.#drop(entry);
    if (entry.gateway) {
      // a group goes without a member that can't be made
      for (const group of entry.users) this.#refresh(group);
    } else if (trouble === null && write.operation === Operation.Create) {
      this.#came.add(write.id);
      this.#turns.ask();
    }
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
    const groups = new Set<FibGroup>();
    for (const entry of this.#entries.values()) {
      if (entry.trouble === null) continue;
      entry.trouble = null;
      this.#mark(entry);
      for (const group of entry.users) groups.add(group);
    }
    for (const group of groups) this.#refresh(group);
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
        entry.key = key;
        const fresh = this.#gateways.get(key);
        if (fresh === undefined || (fresh.held === null && !fresh.inFlight)) this.#gateways.set(key, entry);
      }
    }
    entry.seen = true;
    if (entry.inFlight) return;
    this.#hold(entry, nexthop.object);
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
    this.#hold(entry, null);
    if (entry.want !== null) this.#mark(entry);
    else if (entry.users.size === 0 && !this.#rootById.has(entry.id)) this.#drop(entry);
  }

  /** Forgets an object that neither we want nor the kernel has. */
  #drop(entry: Entry): void {
    this.#unmark(entry);
    this.#entries.delete(entry.id);
    this.#rootById.delete(entry.id);
    this.#index(entry);
    if (entry.key !== null && this.#gateways.get(entry.key) === entry) this.#gateways.delete(entry.key);
  }

  /** The kernel has this of it now; null: nothing. */
  #hold(entry: Entry, object: NexthopObject | null): void {
    const key = object === null ? null : objectKey(object);
    if (key === entry.held) {
      this.#index(entry);
      return;
    }
    for (const id of entry.gateway ? [] : membersOf(entry.held)) this.#carry(id, -1);
    this.#unindex(entry);
    entry.held = key;
    for (const id of entry.gateway ? [] : membersOf(key)) this.#carry(id, 1);
    this.#index(entry);
  }

  /** A group of the kernel has come to contain the gateway, or ceased to. */
  #carry(id: number, by: 1 | -1): void {
    const count = (this.#carriers.get(id) ?? 0) + by;
    if (count > 0) {
      this.#carriers.set(id, count);
      return;
    }
    this.#carriers.delete(id);
    const gateway = this.#entries.get(id);
    if (gateway !== undefined && gateway.want === null && gateway.held !== null) this.#mark(gateway);
  }

  /** Keeps `#unclaimed` true of the entry. */
  #index(entry: Entry): void {
    if (entry.gateway || entry.held === null) return;
    const free =
      !this.#rootById.has(entry.id) && !entry.inFlight && !this.#isDirty(entry) && this.#entries.has(entry.id);
    if (!free) {
      this.#unindex(entry);
      return;
    }
    const known = this.#unclaimed.get(entry.held);
    if (known !== undefined) known.add(entry);
    else this.#unclaimed.set(entry.held, new Set([entry]));
  }

  #unindex(entry: Entry): void {
    if (entry.held === null) return;
    const known = this.#unclaimed.get(entry.held);
    if (known?.delete(entry) === true && known.size === 0) this.#unclaimed.delete(entry.held);
  }

  #create(gateway: boolean, id = this.#freshId()): Entry {
    const entry: Entry = {
      id,
      gateway,
      key: null,
      want: null,
      held: null,
      inFlight: false,
      again: false,
      trouble: null,
      seen: true,
      users: new Set(),
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
      entry.key = key;
      this.#gateways.set(key, entry);
    }
    if (entry.want === null) {
      entry.want = { kind: "gateway", hop: { ...hop, weight: 1 } };
      this.#mark(entry);
    }
    return entry;
  }

  #leave(gateway: Entry, group: FibGroup): void {
    gateway.users.delete(group);
    if (gateway.users.size > 0) return;
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

  #adoptable(key: string): Entry | undefined {
    for (const entry of this.#unclaimed.get(key) ?? []) return entry;
    return undefined;
  }

  #mark(entry: Entry): void {
    this.#unmark(entry);
    this.#dirty[rankOf(entry)]!.add(entry);
    this.#index(entry);
    this.#turns.ask();
  }

  #unmark(entry: Entry): void {
    for (const entries of this.#dirty) entries.delete(entry);
  }

  #isDirty(entry: Entry): boolean {
    return this.#dirty.some((entries) => entries.has(entry));
  }
}

/** Gateways before groups, and what goes last: groups before their members. */
function rankOf({ gateway, want }: Entry): 0 | 1 | 2 | 3 {
  if (want === null) return gateway ? 3 : 2;
  return want.kind === "gateway" ? 0 : 1;
}

/** The numbers in the key of a group. */
const membersOf = (key: string | null): number[] =>
  key === null ? [] : key.split(" ").map((member) => Number(member.slice(0, member.indexOf("*"))));

const groupOf = (members: readonly { gateway: Entry; weight: number }[]): NexthopObject => ({
  kind: "group",
  members: members.map((member) => ({ id: member.gateway.id, weight: member.weight })),
});
