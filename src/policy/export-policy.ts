import type { PrefixWords } from "../lib/prefix-words.ts";
import type { PolicySource } from "./definition.ts";
import type { Policy, PolicyTrace } from "./policy.ts";

/** What the way out of one group of peers depends on. */
export interface ExportSettings {
  readonly peerKind: "internal" | "external";
  /** Null: none configured. Then iBGP advertises and eBGP doesn't (RFC 8212 §3). */
  readonly policy: Policy | null;
  /** The last step for what was accepted, e.g. marking everything before leaving (RFC 8326); null: none. */
  readonly finish: ((set: number) => number) | null;
}

/**
 * The operator's export policy as an update group asks for it: by attribute set, prefix id and source id. It is the
 * `ExportPolicyPort` of the export room, whom this room does not know.
 */
export class ExportPolicy {
  readonly #settings: ExportSettings;
  readonly #prefixes: PrefixWords;
  readonly #sourceOf: (source: number) => PolicySource;
  #trail = 0;
  /** Whether the prefix plays a part: if not, one answer serves all prefixes with the same attributes and source. */
  readonly usesPrefix: boolean;

  constructor(settings: ExportSettings, prefixes: PrefixWords, sourceOf: (source: number) => PolicySource) {
    this.#settings = settings;
    this.#prefixes = prefixes;
    this.#sourceOf = sourceOf;
    this.usesPrefix = settings.policy?.usesPrefix ?? false;
  }

  /** So many more routes were judged as the last one: with the same attributes, from the same source. */
  repeated(routes: number): void {
    this.#settings.policy?.count(this.#trail, routes);
  }

  /** The attribute set to advertise, or 0. */
  evaluate(set: number, prefixId: number, source: number): number {
    const { policy, peerKind, finish } = this.#settings;
    const verdict =
      policy === null
        ? peerKind === "internal"
          ? set
          : 0
        : policy.evaluate(set, this.#sourceOf(source), this.#prefixes, prefixId);
    if (policy !== null) this.#trail = policy.trail;
    return verdict === 0 || finish === null ? verdict : finish(verdict);
  }

  /** The deciding policy and line, for people. */
  explain(
    set: number,
    prefixId: number,
    source: number,
  ): Pick<PolicyTrace, "line" | "reason"> & { readonly name: string | null } {
    const { policy, peerKind } = this.#settings;
    if (policy === null) {
      const reason =
        peerKind === "internal"
          ? "an iBGP session without an export policy advertises"
          : "an eBGP session without an export policy advertises nothing (RFC 8212)";
      return { name: null, line: null, reason };
    }
    return policy.explain(set, this.#sourceOf(source), this.#prefixes, prefixId);
  }
}
