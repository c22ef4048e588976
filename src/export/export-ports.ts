import type { Family } from "../lib/family.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";
import type { AttributeSets as PolicySets } from "../policy/attribute-sets.ts";

/**
 * What an update group needs of others. `RouteTable`, `AttributeStore`, `SourceTable` and `NextHopTable` of the RIB have these
 * shapes; only what is used here is named, so that a reader sees how much that is.
 */

/** Prefixes by id. A pinned id keeps meaning the same prefix. */
export interface Prefixes extends PrefixWords {
  /** All ids in use are below. */
  readonly limit: number;
  /** The next id in use behind this one (0 to begin), or 0. */
  next(prefixId: number): number;
  retain(prefixId: number): void;
  release(prefixId: number): void;
}

/** The Loc-RIB of one family. */
/** The paths of a prefix that has very many, each change of which has a number. */
export interface ManyPaths {
  readonly size: number;
  /** The number that the next change will have. */
  readonly end: number;
  /** Whether a path is one of these now. */
  holds(path: number): boolean;
  /** Paths that came, changed or went since a change of this number; null: all must be looked at. */
  since(change: number): readonly number[] | null;
}

export interface Routes {
  readonly family: Family;
  readonly prefixes: Prefixes;
  /** While true nothing is decided, so that End-of-RIB has to wait (RFC 4724 §4.1). */
  readonly deferred: boolean;
  /** Prefixes that wait for their decision. */
  readonly pending: number;
  /** Attribute set of the best path under the import policy; 0 if there is none. */
  bestAttributes(prefixId: number): number;
  /** Source of the best path; meaningless without one. */
  bestSource(prefixId: number): number;
  /**
   * The best usable paths, the best first: fills `out` and returns how many, at most `max`. For ADD-PATH. A path keeps
   * its number as long as it lives, so the number is its path id on the wire.
   */
  rank(prefixId: number, out: Int32Array, max?: number): number;
  /** All usable paths in no particular order, as far as `out` goes; returns how many there are. */
  usablePaths(prefixId: number, out: Int32Array): number;
  isUsable(path: number): boolean;
  /** Where a prefix has very many paths: which of them are new. */
  manyPaths(prefixId: number): ManyPaths | undefined;
  pathAttributes(path: number): number;
  pathSource(path: number): number;
}

/** Interned attribute sets. The arrays grow: never keep one across an `intern`. */
export interface AttributeSets extends PolicySets {
  readonly flags: Uint16Array;
  readonly med: Uint32Array;
  /** Canonical bytes of a set stand in `chunk(id)` from `start(id)` to `end(id)`. */
  chunk(id: number): Uint8Array;
  start(id: number): number;
  end(id: number): number;
  retain(id: number): void;
  release(id: number): void;
}

/** Next hops by id; id 0 is "our own route". */
export interface NextHops {
  words(id: number): readonly number[];
}

/** Where paths come from. */
export interface Sources {
  info(id: number): SourceFacts | undefined;
}

export interface SourceFacts {
  readonly kind: "local" | "internal" | "external";
  /** Whether the peer is a client of ours (RFC 4456 §6). */
  readonly client: boolean;
  /** BGP identifier of the peer: ORIGINATOR_ID of what it did not get by reflection. */
  readonly routerId: number;
}

/** What a policy changed on purpose, so that the mechanical rules leave it alone. */
export const PolicySet = { MED: 1, NEXT_HOP: 2 } as const;

/** The operator's export policy, RFC 8212's default deny included. */
export interface ExportPolicyPort {
  /** False: the verdict depends on attribute set and source alone, and is asked once for a run of prefixes. */
  readonly usesPrefix: boolean;
  /** The attribute set to send, or 0 to send nothing. Must not depend on anything else until `ExportGroup.reevaluate`. */
  evaluate(attributes: number, prefixId: number, source: number): number;
  /** The last answer of `evaluate` was used for so many more routes without asking. */
  repeated?(routes: number): void;
  /** `PolicySet` bits of the last accepting `evaluate`. Absent: what differs from the set that went in was set. */
  readonly modified?: number;
  /** For people: the policy and line that rejected or accepted. */
  explain?(attributes: number, prefixId: number, source: number): PolicyAnswer;
}

/** What decided about one route. */
export interface PolicyAnswer {
  /** Of the policy; null where there's none, and a rule of ours speaks. */
  readonly name: string | null;
  /** Of the term; null where no term decided. */
  readonly line: number | null;
  /** In words. */
  readonly reason: string;
}

/** A peer as its group sees it. */
export interface MemberPort {
  /** The source id under which the peer's own routes stand in the RIB. */
  readonly source: number;
  /**
   * Hands bytes to the socket. They are shared with other members and never change. `taken` is called once, maybe before
   * `write` returns, when the kernel has taken all. There is at most one outstanding write per member.
   */
  write(chunks: readonly Uint8Array[], taken: () => void, messages: number): void;
}

/** What a group tells its owner. All are called from `flush`, from `changed` or from a `taken`. */
export interface GroupEvents {
  /** There is work: call `flush` in this turn of the loop or the next. Not repeated until `flush` was called. */
  wake(): void;
  /**
   * A route does not go to this group although the rules allow it: once per prefix until that changes, but "no-next-hop" for
   * the first one only. `ExportGroup.withheld` has the numbers.
   */
  withheld?(prefixId: number, reason: WithheldReason): void;
  /** Everything that was pending at `ExportGroup.mark(stamp)` was handed to the sockets of all members that keep up. */
  delivered?(stamp: number): void;
  /** A member lags too far behind and left the log, or has caught up again. */
  lagging?(source: number, lagging: boolean): void;
}

/** Why a route that the rules allow is not sent: it outgrew the message, or there's no next hop to send it with. */
export type WithheldReason = "too-big" | "no-next-hop";
