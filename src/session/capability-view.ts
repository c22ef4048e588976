import { type Family, families, familyName } from "../lib/family.ts";
import { capabilityCode, capabilityName, formatCapability } from "../wire/capability/table.ts";
import type { Capability, CapabilityKind } from "../wire/capability/types.ts";
import type { Agreed, CapabilitiesView, CapabilityView } from "./agreed.ts";

/** Both OPENs and what came of them in words; `agreed` is null while there is nothing to agree on yet. */
export function describeCapabilities(
  sent: readonly Capability[],
  received: readonly Capability[],
  agreed: Agreed | null,
): CapabilitiesView {
  const host = received.find((capability) => capability.kind === "fqdn");
  return {
    sent: sent.map(inWords),
    received: received.map(inWords),
    used: agreed === null ? [] : inUse(sent, agreed),
    peerHostName: host === undefined ? null : host.domain === "" ? host.host : `${host.host}.${host.domain}`,
  };
}

function inWords(capability: Capability): CapabilityView {
  const name = capabilityName(capability);
  const text = formatCapability(capability);
  // The wire room writes "NAME: parameters", or the name alone.
  const value = text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text === name ? "" : text;
  return { code: capabilityCode(capability), name, value };
}

/** Of what we sent, what the peer's OPEN made real. */
function inUse(sent: readonly Capability[], agreed: Agreed): CapabilityView[] {
  const { codec } = agreed;
  const names = (list: readonly { readonly family: Family }[]) =>
    list.map(({ family }) => familyName(family)).join(", ");
  const addPath = families
    .filter((family) => codec.addPathSend[family] || codec.addPathReceive[family])
    .map((family) => {
      const modes = [codec.addPathSend[family] ? "send" : "", codec.addPathReceive[family] ? "receive" : ""];
      return `${familyName(family)} ${modes.filter((mode) => mode !== "").join(" and ")}`;
    });
  const restart = agreed.gracefulRestart;
  /** By kind: null = not in use, else the parameters that hold. */
  const values: Partial<Record<CapabilityKind, string | null>> = {
    "route-refresh": agreed.routeRefresh ? "" : null,
    "extended-next-hop": codec.extendedNextHop ? "ipv4-unicast with IPv6 next hops" : null,
    "extended-message": codec.maxSend > 4096 ? `${codec.maxSend} octets` : null,
    role: agreed.remoteRole === null ? null : "both sides fit",
    "graceful-restart":
      restart === null
        ? null
        : `restart time ${restart.restartTimeSeconds} s, ${names(restart.families) || "no family"}`,
    "four-octet-as": codec.fourOctetAs ? "" : null,
    "add-path": addPath.length === 0 ? null : addPath.join(", "),
    "enhanced-route-refresh": agreed.enhancedRouteRefresh ? "" : null,
    "long-lived-graceful-restart":
      agreed.longLived.length === 0
        ? null
        : agreed.longLived.map(({ family, staleSeconds }) => `${familyName(family)} ${staleSeconds} s`).join(", "),
  };
  return sent.flatMap((capability): CapabilityView[] => {
    const view = inWords(capability);
    if (capability.kind === "multiprotocol")
      return capability.family !== undefined && agreed.families.includes(capability.family) ? [view] : [];
    const value = values[capability.kind];
    return value === undefined || value === null ? [] : [{ ...view, value }];
  });
}
