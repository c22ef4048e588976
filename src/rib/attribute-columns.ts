import * as octets from "../lib/bytes.ts";
import { Growth, resized } from "../lib/columns/growth.ts";
import { Community } from "../lib/communities.ts";
import { asPath } from "../wire/attribute/as-path.ts";
import { clusterList } from "../wire/attribute/cluster-list.ts";
import { communities } from "../wire/attribute/communities.ts";
import { extendedCommunities } from "../wire/attribute/extended-communities.ts";
import * as header from "../wire/attribute/header.ts";
import { DEFAULT_LOCAL_PREF, localPref } from "../wire/attribute/local-pref.ts";
import { med } from "../wire/attribute/med.ts";
import { onlyToCustomer } from "../wire/attribute/only-to-customer.ts";
import { origin } from "../wire/attribute/origin.ts";
import { originatorId } from "../wire/attribute/originator-id.ts";
import * as table from "../wire/attribute/table.ts";
import { SegmentType } from "../wire/attribute/types.ts";

const { codeAt, endAt, valueAt } = header;
const { wordAt } = octets;
const { isKnown } = table;
const { code: ORIGIN } = origin;
const { code: AS_PATH } = asPath;
const { code: MED } = med;
const { code: LOCAL_PREF } = localPref;
const { code: COMMUNITIES } = communities;
const { code: ORIGINATOR_ID } = originatorId;
const { code: CLUSTER_LIST } = clusterList;
const { code: EXTENDED_COMMUNITIES } = extendedCommunities;
const { code: ONLY_TO_CUSTOMER } = onlyToCustomer;

/** Bits of `AttributeStore.flags`: what the hot path asks of a set. */
export const AttributeFlag = {
  /** Well-known communities: RFC 1997. */
  NO_EXPORT: 1 << 0,
  NO_ADVERTISE: 1 << 1,
  NO_EXPORT_SUBCONFED: 1 << 2,
  /** RFC 8326. */
  GRACEFUL_SHUTDOWN: 1 << 3,
  /** RFC 9494 §3. */
  LLGR_STALE: 1 << 4,
  NO_LLGR: 1 << 5,
  /** RFC 7999. */
  BLACKHOLE: 1 << 6,
  /** An AS_SET or AS_CONFED_SET in AS_PATH. */
  HAS_AS_SET: 1 << 7,
  HAS_MED: 1 << 8,
  HAS_LOCAL_PREF: 1 << 9,
  HAS_ORIGINATOR_ID: 1 << 10,
  HAS_CLUSTER_LIST: 1 << 11,
  HAS_COMMUNITIES: 1 << 12,
  HAS_EXTENDED_COMMUNITIES: 1 << 13,
  /** Attributes that we don't implement. */
  HAS_UNKNOWN: 1 << 14,
  /** OTC, RFC 9234 §5. */
  HAS_ONLY_TO_CUSTOMER: 1 << 15,
} as const;

const FIRST_SETS = 64;

/**
 * What the hot path asks of attribute sets, one element per set id; element 0 stands for "none". The arrays grow: never
 * keep one across an `intern` or `resolve`.
 */
export class AttributeColumns {
  /** LOCAL_PREF, `DEFAULT_LOCAL_PREF` where the set has none (see HAS_LOCAL_PREF). */
  localPref = new Uint32Array(FIRST_SETS);
  /** MULTI_EXIT_DISC, 0 where the set has none (see HAS_MED). */
  med = new Uint32Array(FIRST_SETS);
  /** First AS of AS_PATH; 0 for an empty path or one that starts with a set: what MED is compared within. */
  neighborAs = new Uint32Array(FIRST_SETS);
  /** 0 where the set has none. */
  originatorId = new Uint32Array(FIRST_SETS);
  /** Next-hop id; counted by the set. */
  nextHop = new Uint32Array(FIRST_SETS);
  /** ASes in AS_PATH: an AS_SET counts 1, confederation segments 0 (RFC 4271 §9.1.2.2 a, RFC 5065 §5.3). */
  asPathLength = new Uint16Array(FIRST_SETS);
  clusterListLength = new Uint16Array(FIRST_SETS);
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  origin = new Uint8Array(FIRST_SETS);
  /** `AttributeFlag` bits. */
  flags = new Uint16Array(FIRST_SETS);
  /** Changes whenever the id is given to another set: (id, generation) names a set for ever. */
  generation = new Uint32Array(FIRST_SETS);
  // Bookkeeping of the store.
  /** References. */
  protected references = new Uint32Array(FIRST_SETS);
  /** Where the canonical octets are, and how many. */
  protected location = new Uint32Array(FIRST_SETS);
  protected octets = new Uint32Array(FIRST_SETS);
  protected hash = new Uint32Array(FIRST_SETS);
  /** First raw entry that stands for the set. */
  protected firstRaw = new Uint32Array(FIRST_SETS);
  /** 1 in the queue of those that may be unused. */
  protected queued = new Uint8Array(FIRST_SETS);

  #growth = new Growth(columnNames.length, FIRST_SETS);

  /** Sees to it that `id` is a valid index. */
  protected ensure(id: number): void {
    if (id >= this.#growth.next) this.#growth.reach(id, this.#growColumn);
  }

  readonly #growColumn = (column: number, length: number): void => this.#resize(columnNames[column]!, length);

  #resize(name: (typeof columnNames)[number], length: number): void {
    (this as Record<string, unknown>)[name] = resized(this[name], length);
  }

  /** Gives back what lies behind the first `used` elements, if that is most of it. Whether it was. */
  protected shorten(used: number): boolean {
    let capacity = FIRST_SETS;
    while (capacity < used * 2) capacity *= 2;
    if (capacity * 2 > this.queued.length) return false;
    for (const name of columnNames) this.#resize(name, capacity);
    this.#growth = new Growth(columnNames.length, capacity);
    return true;
  }

  /** Octets of the columns. */
  protected get columnBytes(): number {
    return columnNames.reduce((sum, name) => sum + this[name].byteLength, 0);
  }

  /** Reads the columns of a set out of its canonical octets. */
  protected describe(id: number, bytes: Uint8Array, start: number, end: number): void {
    this.localPref[id] = DEFAULT_LOCAL_PREF;
    this.med[id] = 0;
    this.neighborAs[id] = 0;
    this.originatorId[id] = 0;
    this.asPathLength[id] = 0;
    this.clusterListLength[id] = 0;
    this.origin[id] = 0;
    let flags = 0;
    for (let at = start, next = 0; at < end; at = next) {
      const code = codeAt(bytes, at);
      const value = valueAt(bytes, at);
      next = endAt(bytes, at, value);
      switch (code) {
        case ORIGIN:
          this.origin[id] = bytes[value]!;
          break;
        case AS_PATH:
          flags |= this.#describePath(id, bytes, value, next);
          break;
        case LOCAL_PREF:
          this.localPref[id] = wordAt(bytes, value);
          flags |= AttributeFlag.HAS_LOCAL_PREF;
          break;
        case COMMUNITIES:
          flags |= AttributeFlag.HAS_COMMUNITIES;
          for (let i = value; i < next; i += 4)
            if (bytes[i] === 0xff && bytes[i + 1] === 0xff) flags |= wellKnown(wordAt(bytes, i));
          break;
        case MED:
          this.med[id] = wordAt(bytes, value);
          flags |= AttributeFlag.HAS_MED;
          break;
        case ORIGINATOR_ID:
          this.originatorId[id] = wordAt(bytes, value);
          flags |= AttributeFlag.HAS_ORIGINATOR_ID;
          break;
        case CLUSTER_LIST:
          this.clusterListLength[id] = (next - value) >>> 2;
          flags |= AttributeFlag.HAS_CLUSTER_LIST;
          break;
        case EXTENDED_COMMUNITIES:
          flags |= AttributeFlag.HAS_EXTENDED_COMMUNITIES;
          break;
        case ONLY_TO_CUSTOMER:
          flags |= AttributeFlag.HAS_ONLY_TO_CUSTOMER;
          break;
        default:
          if (!isKnown(code)) flags |= AttributeFlag.HAS_UNKNOWN;
      }
    }
    this.flags[id] = flags;
  }

  #describePath(id: number, bytes: Uint8Array, start: number, end: number): number {
    let flags = 0;
    let length = 0;
    let neighbor = -1;
    for (let at = start; at < end; ) {
      const type = bytes[at]!;
      const count = bytes[at + 1]!;
      if (type === SegmentType.Sequence) {
        length += count;
        if (neighbor < 0) neighbor = wordAt(bytes, at + 2);
      } else if (type === SegmentType.Set) {
        length++;
        if (neighbor < 0) neighbor = 0;
      }
      if (type === SegmentType.Set || type === SegmentType.ConfedSet) flags |= AttributeFlag.HAS_AS_SET;
      at += 2 + count * 4;
    }
    if (neighbor > 0) this.neighborAs[id] = neighbor;
    this.asPathLength[id] = Math.min(length, 0xffff);
    return flags;
  }
}

/** Grown in this order; `queued` is the last. */
const columnNames = [
  "localPref",
  "med",
  "neighborAs",
  "originatorId",
  "nextHop",
  "asPathLength",
  "clusterListLength",
  "origin",
  "flags",
  "generation",
  "references",
  "location",
  "octets",
  "hash",
  "firstRaw",
  "queued",
] as const;

const wellKnown = (community: number): number => {
  switch (community) {
    case Community.NoExport:
      return AttributeFlag.NO_EXPORT;
    case Community.NoAdvertise:
      return AttributeFlag.NO_ADVERTISE;
    case Community.NoExportSubconfed:
      return AttributeFlag.NO_EXPORT_SUBCONFED;
    case Community.GracefulShutdown:
      return AttributeFlag.GRACEFUL_SHUTDOWN;
    case Community.LlgrStale:
      return AttributeFlag.LLGR_STALE;
    case Community.NoLlgr:
      return AttributeFlag.NO_LLGR;
    case Community.Blackhole:
      return AttributeFlag.BLACKHOLE;
    default:
      return 0;
  }
};
