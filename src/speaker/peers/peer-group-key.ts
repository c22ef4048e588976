import type { Config } from "../../config/model.ts";
import type { GroupKey } from "../../export/group-key.ts";
import type { LocalAddresses } from "../../kernel/local-addresses.ts";
import { addressFamily, parseAddress, parseIpv4 } from "../../lib/address.ts";
import { Family } from "../../lib/family.ts";
import type { Agreed } from "../../session/agreed.ts";
import type { PeerIdentity } from "../peer.ts";
import type { OwnSide } from "./policy-definitions.ts";

/**
 * Our addresses on a session: its own local address, and for the other family the one on the same interface, else the
 * router's. But an IPv6 address for IPv4 where that is agreed (RFC 8950) and the interface has none: the router's is on no
 * link that the peer is on, and one that is directly connected would not resolve it.
 */
export function ownSide(config: Config, identity: PeerIdentity, agreed: Agreed, local: LocalAddresses): OwnSide {
  const words = parseAddress(agreed.localAddress.split("%")[0]!);
  const ifindex = local.interfaceOf(agreed.localAddress, agreed.remoteAddress);
  const addresses = ([0, 1] as const).map((family) => {
    if (addressFamily(words) === family) return words;
    const beside = local.on(ifindex, family);
    if (beside !== null) return beside;
    if (family === Family.Ipv4Unicast && agreed.codec.extendedNextHop) return words;
    const routers = family === Family.Ipv4Unicast ? config.router.address : config.router.address6;
    return routers === null ? null : parseAddress(routers);
  });
  return { localAs: identity.settings.localAs, addresses };
}

/** The update group that a session belongs to for one family. `exportPolicy` is the text of what its policy does. */
export function groupKey(
  config: Config,
  identity: PeerIdentity,
  agreed: Agreed,
  family: Family,
  own: OwnSide,
  exportPolicy: string,
): GroupKey {
  const { settings } = identity;
  const external = settings.kind === "external";
  const routerAs = config.router.as;
  const ipv4 = own.addresses[0]?.length === 1 ? own.addresses[0][0]! : null;
  // Only those that are sent: another one of the other kind makes no other group.
  const sends6 = family === Family.Ipv6Unicast || (ipv4 === null && agreed.codec.extendedNextHop);
  const longLived = agreed.longLived.some((entry) => entry.family === family);
  return {
    family,
    peerKind: settings.kind,
    prependAs: external ? (settings.localAs === routerAs ? [routerAs] : [settings.localAs, routerAs]) : [],
    client: settings.routeReflectorClient,
    clusterId: parseIpv4(config.router.clusterId),
    fourOctetAs: agreed.codec.fourOctetAs,
    addPath: agreed.codec.addPathSend[family]
      ? settings.addPath.send === "all"
        ? Number.POSITIVE_INFINITY
        : settings.addPath.send
      : 0,
    extendedNextHop: agreed.codec.extendedNextHop,
    maxMessage: agreed.codec.maxSend,
    longLived: longLived ? "yes" : external ? "withhold" : "no-export",
    nextHop: settings.nextHop === "default" ? (external ? "self" : "unchanged") : settings.nextHop,
    self4: family === Family.Ipv4Unicast ? ipv4 : null,
    self6: sends6 ? (own.addresses[1] ?? null) : null,
    role: settings.role,
    exportPolicy,
    advertisementIntervalSeconds: settings.timers.advertisementIntervalSeconds,
  };
}
