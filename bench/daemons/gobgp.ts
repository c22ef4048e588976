import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon, ReflectorSettings } from "./daemon.ts";
import { firstLine, lacks } from "./tools.ts";

/** GoBGP with a peer group for each range. */
export const gobgp: Daemon = {
  kind: "gobgp",
  label: "GoBGP",
  version: () => firstLine("gobgpd", ["--version"]),
  missing: () => lacks("gobgpd"),
  unfit: (s) =>
    s.policyStatements > 0 || s.ranges.some((range) => range.keepBack)
      ? "its policies are global: no groups with policies of their own here"
      : null,
  prepare(settings, folder) {
    const file = join(folder, "gobgpd.toml");
    writeFileSync(file, configuration(settings));
    return { argv: ["gobgpd", "-f", file, "--pprof-disable", "--api-hosts", "127.0.0.1:50051", "-l", "error"] };
  },
};

const configuration = (s: ReflectorSettings): string => `
[global.config]
  as = ${s.as}
  router-id = "${s.routerId}"
  local-address-list = ["${s.address}"]
${s.ranges
  .map(
    ({ name, prefix }) => `
[[peer-groups]]
  [peer-groups.config]
    peer-group-name = "${name}"
    peer-as = ${s.as}
  [peer-groups.timers.config]
    hold-time = ${s.holdTimeSeconds}
    keepalive-interval = ${Math.floor(s.holdTimeSeconds / 3)}
  [peer-groups.transport.config]
    passive-mode = true
  [peer-groups.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "${s.routerId}"
  [[peer-groups.afi-safis]]
    [peer-groups.afi-safis.config]
      afi-safi-name = "ipv${s.family}-unicast"
${s.addPath ? "    [peer-groups.afi-safis.add-paths.config]\n      send-max = 64" : ""}

[[dynamic-neighbors]]
  [dynamic-neighbors.config]
    prefix = "${prefix}"
    peer-group = "${name}"`,
  )
  .join("\n")}
`;
