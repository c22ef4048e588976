import type { Config, LimitsConfig } from "../../config/model.ts";
import type { ExportPolicyPort } from "../../export/export-ports.ts";
import type { LocalAddresses } from "../../kernel/local-addresses.ts";
import { parseIpv4 } from "../../lib/address.ts";
import type { Family } from "../../lib/family.ts";
import { LOOPBACK_SCOPE } from "../../nexthop/next-hop-tracker.ts";
import { ExportPolicy } from "../../policy/export-policy.ts";
import type { Agreed } from "../../session/agreed.ts";
import { type LiveSession, type Peer, policySourceOf } from "../peer.ts";
import { lastResort } from "../restart/drain.ts";
import type { Tables } from "../tables.ts";
import { groupKey, ownSide } from "./peer-group-key.ts";
import type { PolicyCache } from "./policy-cache.ts";
import type { OwnSide } from "./policy-definitions.ts";

export interface RuleParts {
  readonly config: () => Config;
  readonly tables: Tables;
  readonly policyCache: PolicyCache;
  readonly local: LocalAddresses;
  /** The last step of what is advertised; changes when the speaker drains. */
  finish(): ((set: number) => number) | null;
}

/**
 * By which rules a session is read, judged and told: worked out from what both sides agreed on and from today's config, which may be
 * newer than their OPENs. Asked when the session comes up, and again after each reload.
 */
export class SessionRules {
  readonly #parts: RuleParts;

  constructor(parts: RuleParts) {
    this.#parts = parts;
  }

  /** What others may make us spend, by today's config. */
  get limits(): LimitsConfig {
    return this.#parts.config().limits;
  }

  /** Our addresses on the session, by today's config and as the kernel has them now. */
  ownOf(peer: Peer, agreed: Agreed): OwnSide {
    return ownSide(this.#parts.config(), peer.identity, agreed, this.#parts.local);
  }

  /** Has the policies of a peer compiled, in slices, before they are taken on: one may be a hundred thousand lines long. */
  *preparing(peer: Peer, agreed: Agreed): Generator<undefined, void> {
    const { config, policyCache } = this.#parts;
    const { importPolicy, exportPolicy } = peer.settings;
    const own = this.ownOf(peer, agreed);
    for (const names of [importPolicy, exportPolicy])
      if (names !== null) yield* policyCache.preparing(config(), names, own);
  }

  /** Takes on the policies of today's config, for what comes in. True if that changes anything. */
  usePolicies(peer: Peer, agreed: Agreed): boolean {
    const { settings } = peer;
    const { policyCache, local } = this.#parts;
    const config = this.#parts.config();
    const before = peer.pipeline;
    const pipeline = policyCache.pipeline(
      config,
      {
        peerKind: settings.kind,
        ownAsns: [...new Set([config.router.as, settings.localAs])],
        allowasIn: settings.allowAsIn,
        routerId: parseIpv4(config.router.routerId),
        clusterId: parseIpv4(config.router.clusterId),
        role: settings.role,
        remoteAs: agreed.remoteAs,
        refuseDefaultRoute: peer.identity.dynamic && settings.importPolicy === null,
      },
      settings.importPolicy,
      this.ownOf(peer, agreed),
    );
    const source = policySourceOf(peer.identity, local.linkOf(agreed.localAddress, agreed.remoteAddress));
    const sourceChanged = JSON.stringify(source) !== JSON.stringify(peer.policySource);
    if (sourceChanged) peer.policySource = source;
    peer.pipeline = pipeline;
    return !policyCache.equal(before, pipeline) || sourceChanged;
  }

  /** The update group that the peer belongs to in one family, and the policy of what goes out as that group asks for it. */
  groupOf(
    peer: Peer,
    agreed: Agreed,
    family: Family,
  ): { key: ReturnType<typeof groupKey>; policy: () => ExportPolicyPort } {
    const { identity, settings } = peer;
    const { policyCache, tables, finish } = this.#parts;
    const config = this.#parts.config();
    const own = this.ownOf(peer, agreed);
    const { draining } = peer.admin;
    const text = `${policyCache.text(config, settings.exportPolicy, own)}${draining ? ", draining" : ""}`;
    return {
      key: groupKey(config, identity, agreed, family, own, text),
      // Of today's config and settings, as the key is: the group may outlive this peer's place in it, and a reload's policies.
      policy: () =>
        new ExportPolicy(
          {
            peerKind: settings.kind,
            policy: policyCache.policy(config, settings.exportPolicy, own),
            finish: finish() ?? (draining ? lastResort(tables.store) : null),
          },
          tables.byFamily[family]!.prefixes,
          (source) => tables.policySource(source),
        ),
    };
  }

  /** How UPDATEs are read: as agreed, and by what today's config says. */
  readingOf(peer: Peer, agreed: Agreed): Pick<LiveSession, "codec" | "context"> {
    const { tables, local } = this.#parts;
    const { dropAttributes, enforceFirstAs } = peer.settings;
    const before = agreed.codec;
    const asAgreed =
      before.enforceFirstAs === enforceFirstAs &&
      before.dropAttributes.size === dropAttributes.length &&
      dropAttributes.every((code) => before.dropAttributes.has(code));
    const codec = asAgreed ? before : { ...before, dropAttributes: new Set(dropAttributes), enforceFirstAs };
    return { codec, context: tables.store.context(codec, scopeOf(agreed, local)) };
  }
}

/** What a next hop without a meaning of its own means on this session: on its link, or on the loopback that it runs on. */
function scopeOf({ localAddress, remoteAddress }: Agreed, local: LocalAddresses): number {
  if (localAddress.startsWith("127.")) return LOOPBACK_SCOPE;
  return localAddress.toLowerCase().startsWith("fe80:") ? local.interfaceOf(localAddress, remoteAddress) : 0;
}
