import { isLinkLocal } from "../lib/address.ts";
import { ByteWriter } from "../lib/bytes.ts";
import { ByteSlabs } from "../lib/columns/byte-slabs.ts";
import { IdIndex } from "../lib/columns/id-index.ts";
import { IdQueue } from "../lib/columns/id-queue.ts";
import type { Hasher } from "../lib/hash.ts";
import { decodeCanonical, encodeCanonical } from "../wire/attribute/canonical.ts";
import { Canonicalizer } from "../wire/attribute/canonicalizer.ts";
import { decodeAttributes, type Reach } from "../wire/attribute/decode.ts";
import type { AttributeFault } from "../wire/attribute/fault.ts";
import { readMpNextHop } from "../wire/attribute/mp.ts";
import type { NextHop, PathAttributes } from "../wire/attribute/types.ts";
import type { CodecContext } from "../wire/context.ts";
import type { UpdateLayout } from "../wire/message/update-layout.ts";
import { AttributeColumns, AttributeFlag } from "./attribute-columns.ts";
import { namesAny } from "./attribute-scan.ts";
import { RawTable, RawText } from "./raw-table.ts";
import type { NextHopTable } from "./rib-ports.ts";

/** `AttributeStore.resolve`: treat the routes as withdrawn (RFC 7606 §2). */
export const WITHDRAW = -1;

/** Unused sets that are kept in case they come back, however few are in use. */
const KEEP_AT_LEAST = 256;
/** And how many octets they may take. */
const KEEP_BYTES = 4 << 20;
/** Sets for which columns are worth shortening. */
const SHORTEN_BELOW = 8192;
/** Ways in which one set may have arrived that are remembered: permutations of its communities, say. */
const RAWS_PER_SET = 8;
/** Bounds of what is remembered of attribute sections that were found wanting. */
const FAULTY_ENTRIES = 256;
const FAULTY_BYTES = 256 << 10;

/** What a set costs beside its octets, which are kept as they came and in canonical form: columns, a raw entry, two indexes. */
const OCTETS_BESIDE = 120;

interface KnownContext {
  readonly codec: CodecContext;
  /** Interface index of a session over link-local addresses, below 0 for one over 127/8, else 0. */
  readonly scope: number;
}

/**
 * Attribute sets, interned in two tables.
 *
 * The first knows the octets as they arrived, keyed with all that their meaning depends on (codec context, next hop): found
 * there, a set costs a hash and a comparison, and is neither decoded nor judged again. The second knows canonical sets
 * (sorted, normalised flags, 4-octet AS, next hop as an id beside the octets): equal means same id, so the RIB compares
 * numbers. Sets are counted by those who hold them.
 *
 * Nothing is freed at once. A set that nobody holds waits in a queue, with its raw entries, in case it comes back, and goes
 * when `sweep` finds too many of them. (What is set up outside for its next hop doesn't wait: `NextHopTable.unuse`.) So an id from `resolve` or `intern` is good until the next `sweep` without having
 * been retained.
 */
export class AttributeStore extends AttributeColumns {
  readonly #nextHops: NextHopTable;
  readonly #hasher: Hasher;
  readonly #slabs = new ByteSlabs();
  readonly #raws = new RawTable(this.#slabs);
  readonly #canonical = new IdIndex();
  readonly #contexts: KnownContext[] = [];
  readonly #contextIds = new Map<string, number>();
  /** Sets that may be unused, the longest so first. */
  readonly #idle = new IdQueue();
  /** Raw entries with the verdict to withdraw, the oldest first. */
  readonly #faulty = new IdQueue();
  #faultyBytes = 0;
  readonly #faultsOf = new Map<number, readonly AttributeFault[]>();
  #lastFaults: readonly AttributeFault[] = none;
  readonly #text = new RawText();
  readonly #canonicalizer = new Canonicalizer();
  readonly #scratch = new ByteWriter();
  #fresh = 1;
  /** The last generation given to any id: none is ever given twice. */
  #generation = 0;
  /** With no fewer sets than this in use there's no point in looking whether columns can be shortened. */
  #shortenBelow = SHORTEN_BELOW;
  #freed = 0;
  #live = 0;

  constructor(nextHops: NextHopTable, hasher: Hasher) {
    super();
    this.#nextHops = nextHops;
    this.#hasher = hasher;
  }

  /** Sets that are known, unused ones included. */
  get size(): number {
    return this.#live;
  }

  /** Every set id is below this. */
  get limit(): number {
    return this.#fresh;
  }

  /** Raw entries. */
  get rawSize(): number {
    return this.#raws.size;
  }

  /** Octets held. */
  get bytes(): number {
    return this.columnBytes + this.#slabs.bytes + this.#raws.bytes + this.#canonical.bytes;
  }

  /** Octets that a set costs, divided among all who hold it. */
  share(id: number): number {
    return (OCTETS_BESIDE + 2 * this.octets[id]!) / Math.max(1, this.references[id]!);
  }

  /**
   * The id of a codec context; equal contexts share it, and what was learned under it. `scope` tells what a
   * next hop without a meaning of its own means: the interface index of a session over link-local addresses, or
   * LOOPBACK_SCOPE (below 0) for a session over 127.0.0.0/8; 0 for all others.
   */
  context(codec: CodecContext, scope = 0): number {
    const { peerKind, fourOctetAs, extendedNextHop, dropAttributes, localAs, remoteAs, enforceFirstAs, limits } = codec;
    const key = JSON.stringify([
      peerKind,
      fourOctetAs,
      extendedNextHop,
      [...dropAttributes].sort((a, b) => a - b),
      localAs,
      enforceFirstAs && peerKind === "external" ? remoteAs : 0,
      codec.rejectAsSets ?? false,
      limits ?? null,
      scope,
    ]);
    let id = this.#contextIds.get(key);
    if (id === undefined) {
      id = this.#contexts.length;
      this.#contexts.push({ codec, scope });
      this.#contextIds.set(key, id);
    }
    return id;
  }

  /**
   * The set that the announcements of an UPDATE have, WITHDRAW if they are to be treated as withdrawn.
   * @throws NotificationError where RFC 7606 ends the session.
   */
  resolve(contextId: number, bytes: Uint8Array, layout: UpdateLayout, reach: Exclude<Reach, "none">): number {
    this.#lastFaults = none;
    if (layout.error !== null) {
      this.#lastFaults = [layout.error];
      return WITHDRAW;
    }
    const text = this.#text;
    const mp = reach === "mp-reach";
    // The length of the next hop is part of the key, or else octets might move between it and the first attribute.
    text.begin(bytes, ((contextId << 8) | (mp ? 0x80 | layout.reachNextHopLength : 0)) >>> 0);
    if (mp) text.add(layout.reachNextHopStart, layout.reachNextHopStart + layout.reachNextHopLength);
    if (layout.hasMp) addAroundMp(text, layout);
    else text.add(layout.attributesStart, layout.attributesEnd);
    text.seal(this.#hasher);
    const raw = this.#raws.find(text);
    if (raw === 0) return this.#learn(contextId, bytes, layout, reach);
    const target = this.#raws.target(raw);
    if (target !== 0) return target;
    this.#lastFaults = this.#faultsOf.get(raw) ?? none;
    return WITHDRAW;
  }

  /** What the last `resolve` found wrong, for a log line. Discarded attributes are told once, when the octets are new. */
  lastFaults(): readonly AttributeFault[] {
    return this.#lastFaults;
  }

  #learn(contextId: number, bytes: Uint8Array, layout: UpdateLayout, reach: Exclude<Reach, "none">): number {
    const { codec, scope } = this.#contexts[contextId]!;
    const plain = this.#canonicalizer;
    let hop: NextHop;
    let octets: { readonly bytes: Uint8Array; readonly length: number } = plain;
    if (plain.run(bytes, layout, codec, reach)) {
      hop = reach === "mp-reach" ? readMpNextHop(bytes, layout) : { words: [plain.nextHop], linkLocal: null };
    } else {
      const { attributes, faults } = decodeAttributes(bytes, layout, codec, reach);
      this.#lastFaults = faults;
      if (attributes === null) {
        this.#rememberFaulty(this.#raws.add(this.#text, 0, 0), faults);
        return WITHDRAW;
      }
      hop = attributes.nextHop!;
      octets = this.#encode(attributes);
    }
    const nextHop = this.#nextHops.intern(hop.words, hop.linkLocal, scope === 0 ? 0 : scopeOf(hop.words, scope));
    const id = this.#internBytes(octets.bytes, 0, octets.length, nextHop);
    this.#nextHops.release(nextHop);
    const first = this.firstRaw[id]!;
    this.firstRaw[id] = this.#raws.add(this.#text, id, first);
    if (first !== 0) this.#raws.cutChain(this.firstRaw[id]!, RAWS_PER_SET);
    return id;
  }

  #rememberFaulty(raw: number, faults: readonly AttributeFault[]): void {
    this.#faulty.push(raw);
    this.#faultyBytes += this.#raws.length(raw);
    this.#faultsOf.set(raw, faults);
    while (this.#faulty.length > FAULTY_ENTRIES || (this.#faultyBytes > FAULTY_BYTES && this.#faulty.length > 1))
      this.#forgetOldestFaulty();
  }

  #forgetOldestFaulty(): void {
    const oldest = this.#faulty.shift();
    this.#faultyBytes -= this.#raws.length(oldest);
    this.#faultsOf.delete(oldest);
    this.#raws.remove(oldest);
  }

  /** The id of an equal set, or a new one. `nextHop` is counted by the set itself; `attributes.nextHop` is ignored. */
  intern(attributes: PathAttributes, nextHop: number): number {
    const { bytes, length } = this.#encode(attributes);
    return this.#internBytes(bytes, 0, length, nextHop);
  }

  #encode(attributes: PathAttributes): ByteWriter {
    this.#scratch.clear();
    encodeCanonical(attributes, this.#scratch);
    return this.#scratch;
  }

  /** The same set with another next hop. */
  withNextHop(id: number, nextHop: number): number {
    return this.#internBytes(this.chunk(id), this.start(id), this.end(id), nextHop);
  }

  #internBytes(bytes: Uint8Array, start: number, end: number, nextHop: number): number {
    const hash = this.#hasher.bytes(bytes, start, end, nextHop);
    for (let id = this.#canonical.first(hash); id !== 0; id = this.#canonical.next())
      if (this.hash[id] === hash && this.nextHop[id] === nextHop && this.#holds(id, bytes, start, end)) return id;
    const id = this.#allocate();
    const location = this.#slabs.allocate(end - start);
    const page = this.#slabs.page(location);
    for (let from = start, to = this.#slabs.offset(location); from < end; from++, to++) page[to] = bytes[from]!;
    this.location[id] = location;
    this.octets[id] = end - start;
    this.hash[id] = hash;
    this.nextHop[id] = nextHop;
    this.references[id] = 0;
    this.firstRaw[id] = 0;
    this.generation[id] = ++this.#generation;
    this.#nextHops.retain(nextHop);
    this.describe(id, bytes, start, end);
    this.#canonical.insert(hash, id);
    this.queued[id] = 1;
    this.#idle.push(id);
    return id;
  }

  #holds(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.octets[id] !== end - start) return false;
    const page = this.chunk(id);
    for (let from = start, at = this.start(id); from < end; from++, at++) if (page[at] !== bytes[from]) return false;
    return true;
  }

  #allocate(): number {
    this.#live++;
    if (this.#live > SHORTEN_BELOW) this.#shortenBelow = SHORTEN_BELOW;
    const id = this.#freed;
    if (id !== 0) {
      this.#freed = this.hash[id]!;
      return id;
    }
    this.ensure(this.#fresh);
    return this.#fresh++;
  }

  /** Counts one more holder. */
  retain(id: number): void {
    if (this.references[id]!++ === 0) this.#nextHops.use(this.nextHop[id]!);
  }

  /** One holder less. Nothing is freed before `sweep`. */
  release(id: number): void {
    const left = this.references[id]! - 1;
    if (left < 0) throw new Error(`attribute set ${id} was released more often than retained`);
    this.references[id] = left;
    if (left > 0) return;
    this.#nextHops.unuse(this.nextHop[id]!);
    if (this.queued[id] === 0) {
      this.queued[id] = 1;
      this.#idle.push(id);
    }
  }

  /** How many hold a set; for tests. */
  holders(id: number): number {
    return this.references[id]!;
  }

  /**
   * Frees sets that nobody holds, the longest unused first, but for some that are kept in case they come back. Looks at
   * `budget` sets at most; true when there's nothing left to do. Cheap to ask when nothing is.
   */
  sweep(budget: number): boolean {
    return this.#sweepTo(budget, this.#keep());
  }

  /** Frees every set that nobody holds, and all that is remembered of faulty ones: after a peer with many routes has left. */
  trim(budget: number): boolean {
    while (this.#faulty.length > 0) this.#forgetOldestFaulty();
    return this.#sweepTo(budget, 0);
  }

  #sweepTo(budget: number, keep: number): boolean {
    let left = budget;
    while (this.#idle.length > keep) {
      if (left-- <= 0) return false;
      const id = this.#idle.shift();
      this.queued[id] = 0;
      if (this.references[id] === 0) this.#free(id);
    }
    if (this.#fresh <= SHORTEN_BELOW || this.#live >= Math.min(this.#shortenBelow, this.#fresh >>> 3)) return true;
    // Most sets have gone. Those that still wait stand in the way, being the latest.
    if (this.#idle.length > 0) return this.#sweepTo(left, 0);
    this.#shorten();
    return true;
  }

  /** Gives back the part of the columns behind the last id in use. */
  #shorten(): void {
    let used = this.#fresh;
    while (used > 1 && this.octets[used - 1] === 0) used--;
    this.#shortenBelow = this.#live >>> 1;
    if (!this.shorten(used)) return;
    this.#fresh = used;
    this.#freed = 0;
    for (let id = used - 1; id > 0; id--) {
      if (this.octets[id] !== 0) continue;
      this.hash[id] = this.#freed;
      this.#freed = id;
    }
  }

  /** Sets that may wait in the queue: an eighth of those in use, but not many large ones. */
  #keep(): number {
    const wanted = Math.max(KEEP_AT_LEAST, this.#live >>> 3);
    const octetsEach = this.#slabs.bytes / (this.#live + 1);
    return Math.min(wanted, Math.ceil(KEEP_BYTES / (octetsEach + 1)));
  }

  #free(id: number): void {
    for (let raw = this.firstRaw[id]!; raw !== 0; ) raw = this.#raws.remove(raw);
    this.#canonical.remove(this.hash[id]!, id);
    this.#slabs.free(this.location[id]!);
    this.#nextHops.release(this.nextHop[id]!);
    this.generation[id] = ++this.#generation;
    this.octets[id] = 0; // tells a free id from one in use: no set is empty, ORIGIN is always there
    this.hash[id] = this.#freed;
    this.#freed = id;
    this.#live--;
  }

  /** The octets of a set stand in `chunk(id)` from `start(id)` to `end(id)`, until the set is freed. */
  chunk(id: number): Uint8Array {
    return this.#slabs.page(this.location[id]!);
  }

  start(id: number): number {
    return this.#slabs.offset(this.location[id]!);
  }

  end(id: number): number {
    return this.#slabs.offset(this.location[id]!) + this.octets[id]!;
  }

  /**
   * Whether there's nothing in a set that the checks on the way in could stumble over: none of `asns` in AS_PATH, not this
   * ORIGINATOR_ID, not this id in CLUSTER_LIST (RFC 4271 §9.1.2, RFC 4456 §8), no GRACEFUL_SHUTDOWN, no OTC. Nearly all
   * sets are so, and needn't be decoded to know it.
   */
  isUnremarkable(id: number, asns: readonly number[], originatorId: number, clusterId: number): boolean {
    const { GRACEFUL_SHUTDOWN, BLACKHOLE, HAS_ONLY_TO_CUSTOMER } = AttributeFlag;
    if ((this.flags[id]! & (GRACEFUL_SHUTDOWN | BLACKHOLE | HAS_ONLY_TO_CUSTOMER)) !== 0) return false;
    if (this.originatorId[id] === originatorId && originatorId !== 0) return false;
    return !namesAny(this.chunk(id), this.start(id), this.end(id), asns, clusterId);
  }

  /** The set decoded, with its next hop: for policy and views. */
  view(id: number): PathAttributes {
    const attributes = decodeCanonical(this.chunk(id), this.start(id), this.end(id));
    const nextHop = this.nextHop[id]!;
    if (nextHop === 0) return attributes;
    return {
      ...attributes,
      nextHop: { words: this.#nextHops.words(nextHop), linkLocal: this.#nextHops.linkLocal(nextHop) },
    };
  }
}

const none: readonly AttributeFault[] = [];

const isLoopback = (words: readonly number[]): boolean => words.length === 1 && words[0]! >>> 24 === 127;

/** The scope counts for link-local addresses, or for 127/8, and for no other: those are shared by all sessions. */
const scopeOf = (words: readonly number[], scope: number): number => {
  const scoped = scope > 0 ? isLinkLocal(words) : isLoopback(words);
  return scoped ? scope : 0;
};

/** The attribute section without MP_REACH_NLRI and MP_UNREACH_NLRI. */
const addAroundMp = (text: RawText, layout: UpdateLayout): void => {
  let { reachAttributeStart: start, reachAttributeEnd: end } = layout;
  let { unreachAttributeStart: otherStart, unreachAttributeEnd: otherEnd } = layout;
  if (otherStart >= 0 && (start < 0 || otherStart < start)) {
    [start, otherStart] = [otherStart, start];
    [end, otherEnd] = [otherEnd, end];
  }
  let at = layout.attributesStart;
  if (start >= 0) {
    text.add(at, start);
    at = end;
  }
  if (otherStart >= 0) {
    text.add(at, otherStart);
    at = otherEnd;
  }
  text.add(at, layout.attributesEnd);
};
