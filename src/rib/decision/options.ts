/** What an operator may choose about the decision. */
export interface DecisionOptions {
  /** Compare MED whatever the neighbor AS. Default false: RFC 4271 §9.1.2.2 c. */
  readonly alwaysCompareMed: boolean;
  /**
   * Default true: MED removes every path that another of the same neighbor AS beats, before later steps are looked at, as
   * RFC 4271 §9.1.2.2 says; the result doesn't depend on what came first. False: paths are compared pair by pair in the
   * order in which they happen to stand, as routers of old did.
   */
  readonly deterministicMed: boolean;
  /**
   * What multipath asks of AS_PATHs beyond equal length, which the decision has asked already. "length" (default): no more,
   * as BIRD, and FRR with `bestpath as-path multipath-relax`: racks with an AS each are the very case. "neighbor-as": the
   * same first AS, as FRR asks of eBGP paths without that option.
   */
  readonly multipathAsPath: "length" | "neighbor-as";
}

export const defaultDecision: DecisionOptions = {
  alwaysCompareMed: false,
  deterministicMed: true,
  multipathAsPath: "length",
};
