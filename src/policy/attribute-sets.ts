import type { KernelMarks } from "../lib/kernel-marks.ts";
import type { PathAttributes } from "../wire/attribute/types.ts";

/** What policies need of the attribute store. Set ids are positive; 0 is none. */
export interface AttributeSets {
  /** By set id: a number that changes when the id is given to another set, so that an answer about the old one is not taken for it. */
  readonly generation: Uint32Array;
  /** By set id: the id of its next hop. */
  readonly nextHop: Uint32Array;
  view(set: number): PathAttributes;
  /**
   * Whether a set has none of these ASes in its AS_PATH, neither of these ids as ORIGINATOR_ID and in CLUSTER_LIST, no
   * GRACEFUL_SHUTDOWN and no OTC. Absent, or false without reason: the set is decoded and looked at.
   */
  isUnremarkable?(set: number, asns: readonly number[], originatorId: number, clusterId: number): boolean;
  /** The id of an equal set, or a new one. Nobody holds it until it is retained. */
  intern(attributes: PathAttributes, nextHop: number): number;
}

/** What policies need of the next-hop table. */
export interface NextHopIds {
  /** Counted: what is interned is to be released. */
  intern(words: readonly number[], linkLocal: readonly number[] | null): number;
  /** Counts an id that is held already once more. */
  retain(id: number): void;
  release(id: number): void;
  words(id: number): readonly number[];
  marks(id: number): KernelMarks | null;
  /** The same next hop with these marks over those that it has; counted. */
  marked(id: number, marks: KernelMarks): number;
}
