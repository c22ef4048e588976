import { formatPlace } from "../../config/errors.ts";
import { meshCost } from "../../config/mesh-cost.ts";
import type { Config } from "../../config/model.ts";
import { families, familyName } from "../../lib/family.ts";
import { type Finding, fail, type HostProbe, ok, warn } from "./probe.ts";

/** What a configuration means on this host. */
export function configChecks(config: Config, probe: HostProbe): Finding[] {
  return [
    ...config.warnings.map(({ place, message }) =>
      warn("config", `${formatPlace(place)}: ${message}`, "see docs/configuration.md"),
    ),
    ...ownAddresses(config, probe),
    ...openRanges(config),
    ...sharedCluster(config),
    ...meshSize(config),
    ok("config", `${config.file} is valid`),
  ];
}

function ownAddresses(config: Config, probe: HostProbe): Finding[] {
  const here = new Set(probe.addresses());
  const own = [config.router.address, config.router.address6].filter((address) => address !== null);
  const sources = config.neighbors.flatMap((peer) => (peer.localAddress === null ? [] : [peer.localAddress]));
  return [...new Set([...own, ...sources])]
    .filter((address) => !here.has(address))
    .map((address) =>
      fail(
        "addresses",
        `This host has no address ${address}, but the config says so`,
        "correct router.address or local-address, or the inventory",
      ),
    );
}

/** Any host of a range may connect: what it may send should have a bound. */
function openRanges(config: Config): Finding[] {
  const findings: Finding[] = [];
  for (const range of config.dynamicNeighbors) {
    const open = families
      .filter((family) => range.families[family] && !range.families[family].maximumPrefix)
      .map(familyName);
    if (open.length > 0)
      findings.push(
        warn(
          "maximum-prefix",
          `Any member of the range ${range.range} may send any number of prefixes (${open.join(", ")})`,
          "set maximum-prefix in its address-families",
        ),
      );
    if (
      range.password === null &&
      range.ttlSecurity === null &&
      range.importPolicy === null &&
      range.kind === "internal"
    )
      findings.push(
        warn(
          "open-range",
          `Any host in ${range.range} may announce any prefix`,
          "set an import-policy for the range, and a password where the network doesn't filter",
        ),
      );
  }
  return findings;
}

/** A reflector whose clients see just one of two that share a cluster-id loses their routes. */
function sharedCluster(config: Config): Finding[] {
  if (config.router.clusterId === config.router.routerId || !isReflector(config)) return [];
  return [
    warn(
      "cluster-id",
      `The cluster-id ${config.router.clusterId} may be shared: reflectors with the same one ignore what the other reflected`,
      "every client must then peer with all of them; otherwise leave it out",
    ),
  ];
}

/** What a mesh costs; one above `mesh-warn-above` has its warning already. */
function meshSize({ topology, inventory }: Config): Finding[] {
  const nodes = inventory?.nodes.length ?? 0;
  return topology.mode === "mesh" && nodes > 1 && nodes <= topology.meshWarnAbove
    ? [ok("topology", meshCost(nodes))]
    : [];
}

const isReflector = (config: Config): boolean =>
  [...config.neighbors, ...config.dynamicNeighbors].some((peer) => peer.routeReflectorClient);
