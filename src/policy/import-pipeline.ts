import { formatIpv4 } from "../lib/address.ts";
import { Memo } from "../lib/columns/memo.ts";
import { Community } from "../lib/communities.ts";
import type { PrefixWords } from "../lib/prefix-words.ts";
import { withCommunity } from "../wire/attribute/communities.ts";
import type { PathAttributes } from "../wire/attribute/types.ts";
import type { RoleName } from "../wire/capability/role.ts";
import type { AttributeSets } from "./attribute-sets.ts";
import type { PolicySource } from "./definition.ts";
import type { Policy, PolicyTrace } from "./policy.ts";

/** What the way in depends on; peers with equal settings may share one pipeline. */
export interface ImportSettings {
  readonly peerKind: "internal" | "external";
  /** AS numbers that are ours towards this peer: found in an AS_PATH more than `allowasIn` times, they make a loop. */
  readonly ownAsns: readonly number[];
  readonly allowasIn: number;
  readonly routerId: number;
  readonly clusterId: number;
  /** Our role towards the peer (RFC 9234 §3.1); null: OTC is carried untouched. */
  readonly role: RoleName | null;
  readonly remoteAs: number;
  /** Null: none configured. Then iBGP accepts and eBGP rejects (RFC 8212 §3). */
  readonly policy: Policy | null;
  /** Whether 0.0.0.0/0 and ::/0 are turned away before any policy: for dynamic clients. */
  readonly refuseDefaultRoute: boolean;
}

interface Check {
  readonly name: string;
  readonly fails: (attributes: PathAttributes) => string | null;
}

/**
 * The way in of one peer, from the attribute set that was received to the one that takes part in the decision, or to 0.
 * Loops first (RFC 4271 §9.1.2, RFC 4456 §8), then what the RFCs say of communities, then the operator's policy.
 */
export class ImportPipeline {
  readonly settings: ImportSettings;
  readonly #sets: AttributeSets;
  readonly #checks: readonly Check[];
  readonly #checked = new Memo();

  constructor(settings: ImportSettings, sets: AttributeSets) {
    this.settings = settings;
    this.#sets = sets;
    this.#checks = [
      { name: "as-path-loop", fails: (attributes) => this.#asLoop(attributes) },
      { name: "own-originator-id", fails: (attributes) => this.#originatorLoop(attributes) },
      { name: "own-cluster-id", fails: (attributes) => this.#clusterLoop(attributes) },
      { name: "route-leak", fails: (attributes) => this.#leak(attributes) },
    ];
  }

  /** The attribute set to use, or 0 if the route is rejected. */
  evaluate(received: number, source: PolicySource, prefixes: PrefixWords, id: number): number {
    let checked = this.#checked.get(this.#sets, received);
    if (checked < 0) {
      checked = this.#check(received);
      this.#checked.putSet(this.#sets, received, checked);
    }
    if (checked === 0) return 0;
    const { policy, refuseDefaultRoute, peerKind } = this.settings;
    if (refuseDefaultRoute && prefixes.length(id) === 0) return 0;
    if (policy === null) return peerKind === "internal" ? checked : 0;
    return policy.evaluate(checked, source, prefixes, id);
  }

  explain(received: number, source: PolicySource, prefixes: PrefixWords, id: number): PolicyTrace {
    const say = (verdict: "accept" | "reject", name: string, reason: string, result: number): PolicyTrace => ({
      verdict,
      name,
      line: null,
      reason,
      steps: [reason],
      result,
    });
    const reject = (name: string, reason: string) => say("reject", name, reason, 0);
    const attributes = this.#sets.view(received);
    for (const check of this.#checks) {
      const reason = check.fails(attributes);
      if (reason !== null) return reject(check.name, reason);
    }
    const { policy, refuseDefaultRoute, peerKind } = this.settings;
    if (refuseDefaultRoute && prefixes.length(id) === 0)
      return reject("default-route", "a dynamic neighbor may not announce a default route unless it is allowed to");
    if (policy !== null) return policy.explain(this.#check(received), source, prefixes, id);
    if (peerKind === "external")
      return reject("ebgp-without-policy", "an eBGP session without an import policy accepts nothing (RFC 8212)");
    return say("accept", "default", "an iBGP session without an import policy accepts", this.#check(received));
  }

  #check(received: number): number {
    const { peerKind, role, remoteAs, ownAsns, routerId, clusterId } = this.settings;
    // Most sets needn't be decoded to know that they pass as they are.
    if (role === null && this.#sets.isUnremarkable?.(received, ownAsns, routerId, clusterId)) return received;
    const attributes = this.#sets.view(received);
    for (const check of this.#checks) if (check.fails(attributes) !== null) return 0;
    let adjusted = attributes;
    // RFC 8326 §4.2: the path is about to go away, so anything else is better.
    if (peerKind === "external" && attributes.communities.includes(Community.GracefulShutdown))
      adjusted = { ...adjusted, localPref: 0 };
    // RFC 7999 §3.2: what asks that packets be dropped stays in this AS; a policy, which comes later, may lift it.
    if (peerKind === "external" && leavesAsBlackhole(attributes.communities))
      adjusted = { ...adjusted, communities: withCommunity(attributes.communities, Community.NoExport) };
    // RFC 9234 §5: from here on the route may go to customers only.
    if (attributes.onlyToCustomer === null && (role === "customer" || role === "peer" || role === "rs-client"))
      adjusted = { ...adjusted, onlyToCustomer: remoteAs };
    return adjusted === attributes ? received : this.#sets.intern(adjusted, this.#sets.nextHop[received]!);
  }

  #asLoop(attributes: PathAttributes): string | null {
    const { ownAsns, allowasIn } = this.settings;
    let found = 0;
    for (const segment of attributes.asPath) for (const as of segment.asns) if (ownAsns.includes(as)) found++;
    return found > allowasIn
      ? `own AS ${ownAsns.join(" or ")} stands ${found === 1 ? "once" : `${found} times`} in the AS_PATH, ${allowasIn} allowed (RFC 4271 §9.1.2)`
      : null;
  }

  #originatorLoop({ originatorId }: PathAttributes): string | null {
    return originatorId === this.settings.routerId
      ? `ORIGINATOR_ID ${formatIpv4(originatorId)} is our own router-id: we sent this route (RFC 4456 §8)`
      : null;
  }

  #clusterLoop({ clusterList }: PathAttributes): string | null {
    return clusterList.includes(this.settings.clusterId)
      ? `our CLUSTER_ID ${formatIpv4(this.settings.clusterId)} is in the CLUSTER_LIST: this cluster reflected it before (RFC 4456 §8)`
      : null;
  }

  /** RFC 9234 §5, the way in. */
  #leak({ onlyToCustomer }: PathAttributes): string | null {
    const { role, remoteAs } = this.settings;
    if (onlyToCustomer === null) return null;
    if (role === "provider" || role === "rs-server")
      return `a customer may not send a route marked "only to customers" by AS ${onlyToCustomer} (RFC 9234 §5)`;
    return role === "peer" && onlyToCustomer !== remoteAs
      ? `a peer may not pass on a route marked "only to customers" by AS ${onlyToCustomer} (RFC 9234 §5)`
      : null;
  }
}

const leavesAsBlackhole = (communities: readonly number[]): boolean =>
  communities.includes(Community.Blackhole) &&
  !communities.includes(Community.NoExport) &&
  !communities.includes(Community.NoAdvertise);
