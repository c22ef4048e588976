import type { Config } from "../../config/model.ts";
import type { AttributeSets, NextHopIds } from "../../policy/attribute-sets.ts";
import { ImportPipeline, type ImportSettings } from "../../policy/import-pipeline.ts";
import { Policy } from "../../policy/policy.ts";
import { type OwnSide, policyDefinitions } from "./policy-definitions.ts";

/**
 * Compiled policies and ways in, shared among all peers for whom they come out equal: what a policy remembers about an
 * attribute set then serves them all. Equal means equal text, so a reload that changes nothing here compiles nothing.
 */
export class PolicyCache {
  readonly #sets: AttributeSets;
  readonly #nextHops: NextHopIds;
  #policies = new Map<string, Policy>();
  #pipelines = new Map<string, ImportPipeline>();
  readonly #texts = new WeakMap<ImportPipeline, string>();

  constructor(sets: AttributeSets, nextHops: NextHopIds) {
    this.#sets = sets;
    this.#nextHops = nextHops;
  }

  /** What the named policies say for this side, as text: equal text, equal verdicts. Null stands for no policy. */
  text(config: Config, names: readonly string[] | null, own: OwnSide): string {
    if (names === null) return "none";
    const definitions = JSON.stringify(policyDefinitions(config, names, own), leaveOutPlaces);
    return `${names.join(",")} as ${own.localAs} ${definitions}`;
  }

  policy(config: Config, names: readonly string[] | null, own: OwnSide): Policy | null {
    if (names === null) return null;
    const text = this.text(config, names, own);
    let policy = this.#policies.get(text);
    if (policy === undefined) {
      policy = new Policy(policyDefinitions(config, names, own), this.#sets, this.#nextHops);
      this.#policies.set(text, policy);
    }
    return policy;
  }

  /** The way in under these settings; the same object for equal ones. */
  pipeline(
    config: Config,
    wanted: Omit<ImportSettings, "policy">,
    names: readonly string[] | null,
    own: OwnSide,
  ): ImportPipeline {
    // Only a role asks for the AS: else a peer of a range that comes with another one each time would leave one behind each time.
    const settings = wanted.role === null ? { ...wanted, remoteAs: 0 } : wanted;
    const text = JSON.stringify([settings, this.text(config, names, own)]);
    let pipeline = this.#pipelines.get(text);
    if (pipeline === undefined) {
      pipeline = new ImportPipeline({ ...settings, policy: this.policy(config, names, own) }, this.#sets);
      this.#pipelines.set(text, pipeline);
      this.#texts.set(pipeline, text);
    }
    return pipeline;
  }

  /** Whether two ways in come to the same verdicts, though one may be from before a reload. */
  equal(one: ImportPipeline | null, other: ImportPipeline | null): boolean {
    return one === other || (one !== null && other !== null && this.#texts.get(one) === this.#texts.get(other));
  }

  /** Forgets everything; whoever still uses a policy keeps it. After a reload, so that `explain` names today's lines. */
  clear(): void {
    this.#policies = new Map();
    this.#pipelines = new Map();
  }
}

/** A term that moved to another line is still the same. */
const leaveOutPlaces = (key: string, value: unknown): unknown =>
  key === "place" || key === "line" ? undefined : value;
