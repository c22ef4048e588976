import type { ConfigDiff } from "../config/diff.ts";
import type { Config } from "../config/model.ts";
import { parseIpv4 } from "../lib/address.ts";
import type { Random } from "../lib/random.ts";
import { type DecisionOptions, defaultDecision } from "../rib/decision/options.ts";
import { Rib } from "../rib/rib.ts";
import type { NextHopTable } from "../rib/rib-ports.ts";
import { LOCAL_SOURCE, type SourceInfo } from "../rib/source-table.ts";

/** What the config's `router` says to the RIB: who we are, and how best paths are chosen. */
export function ribOf(config: Config, random: Random, nextHops: NextHopTable): Rib {
  return new Rib({
    random,
    nextHops,
    local: { as: config.router.as, routerId: parseIpv4(config.router.routerId) },
    decision: decisionOptions(config),
  });
}

/** Takes on what of it is different. */
export function adoptRouter(rib: Rib, config: Config, { router }: ConfigDiff): void {
  const effects = new Set(router.map((change) => change.effect));
  if (effects.has("restart")) rib.sources.update(LOCAL_SOURCE, localSource(config));
  if (effects.has("decision")) for (const table of rib.tables) table.setDecision(decisionOptions(config));
}

const localSource = ({ router }: Config): SourceInfo => ({
  kind: "local",
  client: false,
  remoteAs: router.as,
  routerId: parseIpv4(router.routerId),
  address: [],
  peer: "self",
  name: "",
});

function decisionOptions({ router }: Config): DecisionOptions {
  return { ...defaultDecision, ...router.bestPath };
}
