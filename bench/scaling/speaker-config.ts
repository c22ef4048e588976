import { parseConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/model.ts";
import { addressOf, type PlannedNode, RANGE } from "./plan.ts";

export const PORT = 1790;

const policies = JSON.parse(`{
  "all": [{"then": "accept"}],
  "told-all": [{"then": "accept"}],
  "told-own": [{"match": {"learned-from": "external"}, "then": "reject"}, {"then": "accept"}]
}`);

/**
 * The config of a planned node, as an operator would write it: whom it dials, and a range for the others. Of its neighbors one is read,
 * the others are that one with another address: to parse half a million is no part of what is measured.
 */
export function speakerConfig(node: PlannedNode): Config {
  const neighbors = node.dials.slice(0, 1).map((index) => ({
    address: addressOf(index),
    port: PORT,
    "local-address": node.address,
    "peer-group": "others",
  }));
  const others =
    node.externalPeers === "none"
      ? { "remote-as": "internal" }
      : { "remote-as": "external", "import-policy": ["all"], "export-policy": [node.externalPeers.replace(" ", "-")] };
  // JSON is YAML, too.
  const text = JSON.stringify({
    router: { as: node.as, "router-id": node.address, listen: { address: [node.address], port: PORT } },
    kernel: { fib: "none" },
    "peer-groups": {
      others: { ...others, "graceful-restart": false, timers: { "connect-retry": 1 } },
      clients: { "remote-as": "internal", "graceful-restart": false, "route-reflector-client": true },
    },
    policies,
    neighbors,
    "dynamic-neighbors": [
      { range: RANGE, "peer-group": node.reflector ? "clients" : "others" },
      ...node.expects.map((index) => ({ range: `${addressOf(index)}/32`, "peer-group": "others" })),
    ],
    originate: node.routes.map((prefix) => ({ prefix })),
  });
  const config = parseConfig(text, `node-${node.index}.yaml`);
  return {
    ...config,
    neighbors: node.dials.map((index) => ({ ...config.neighbors[0]!, address: addressOf(index) })),
  };
}
