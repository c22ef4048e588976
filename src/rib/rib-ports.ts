import type { Family } from "../lib/family.ts";

/** What the RIB needs from above, as interfaces that are handed in. */

/**
 * Next hops as small counted ids. Id 0 is the next hop of own routes: always reachable, at metric 0.
 * The columns grow: read the property again after an `intern`.
 */
export interface NextHopTable {
  /** 1 where a route with this next hop may be used, by id. */
  readonly reachable: Uint8Array;
  /** IGP metric, by id. */
  readonly metric: Uint32Array;
  /**
   * The id of a next hop, counted once more. `words`: one for IPv4, four for IPv6. `linkLocal`: the second address of a
   * 32-octet next hop (RFC 2545). `scope`: what a link-local address (interface index) or one on 127/8 (-1) means nothing without; else 0.
   */
  intern(words: readonly number[], linkLocal: readonly number[] | null, scope?: number): number;
  /** Counts an id that is held already once more. */
  retain(id: number): void;
  release(id: number): void;
  /** Routes with this next hop are there from now on; counted, as `retain` counts those who know the id. */
  use(id: number): void;
  /** One holder of such routes less: what was set up for the next hop outside goes with the last, whoever still knows the id. */
  unuse(id: number): void;
  words(id: number): readonly number[];
  linkLocal(id: number): readonly number[] | null;
}

/** Import policy and the checks of RFC 4271 §9.1.2, as the RIB sees them. */
export interface ImportPort {
  /**
   * The attribute set under which a received path takes part in the decision; 0 rejects it. Depends on nothing but its
   * arguments until the owner calls `RouteTable.reevaluate`. The answer need not be retained: the table does.
   * `stale`: the path has not been announced again since `markStale`; less than 0 then removes it (RFC 9494 §4.2, NO_LLGR).
   */
  evaluate(family: Family, prefixId: number, source: number, received: number, stale: boolean): number;
}

/** Accepts every path as it came: for tests, and for sources without a policy. */
export const acceptAll: ImportPort = { evaluate: (_family, _prefix, _source, received) => received };

/** Somebody who acts on the Loc-RIB: an update group, the FIB feed. */
export interface Consumer {
  /** Called in `flush`, once per changed prefix. Must not announce or withdraw. */
  changed(prefixId: number): void;
}
