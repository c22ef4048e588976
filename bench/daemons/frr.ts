import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon, ReflectorSettings } from "./daemon.ts";
import { firstLine } from "./tools.ts";

const BGPD = "/usr/lib/frr/bgpd";

/** FRR's bgpd alone (no zebra: next hops are not tracked). `coalesceMs` null keeps its default of a second and more. */
export const frr = (coalesceMs: number | null): Daemon => ({
  kind: "frr",
  label: coalesceMs === null ? "FRR" : `FRR (coalesce-time ${coalesceMs})`,
  version: () => firstLine(BGPD, ["--version"]),
  missing: () => (existsSync(BGPD) ? null : `${BGPD} is not installed`),
  unfit: () => null,
  prepare(settings, folder) {
    const file = join(folder, "bgpd.conf");
    writeFileSync(file, configuration(settings, coalesceMs));
    const argv = [
      BGPD,
      "-S",
      "-Z",
      "-n",
      "-f",
      file,
      "-i",
      join(folder, "bgpd.pid"),
      "-P",
      "0",
      "--limit-fds",
      "20000",
    ];
    return { argv: [...argv, "--vty_socket", folder, "--log", `file:${join(folder, "frr.log")}`] };
  },
});

const configuration = (s: ReflectorSettings, coalesceMs: number | null): string => `
${s.ranges
  .filter(({ keepBack }) => keepBack)
  .map(
    ({ name, keepBack }) => `bgp community-list standard back_${name} permit ${keepBack}
route-map to_${name} deny 10
 match community back_${name}
exit
route-map to_${name} permit 20
exit`,
  )
  .join("\n")}
${Array.from(
  { length: s.policyStatements },
  (_, i) => `bgp community-list standard in_${i} permit 64998:${i + 1}
route-map incoming deny ${i + 1}
 match community in_${i}
exit`,
).join("\n")}
${s.policyStatements > 0 ? "route-map incoming permit 1000\nexit" : ""}
router bgp ${s.as}
 bgp router-id ${s.routerId}
 bgp cluster-id ${s.routerId}
 no bgp default ipv4-unicast
 no bgp network import-check
${coalesceMs === null ? "" : ` coalesce-time ${coalesceMs}`}
${s.ranges
  .map(
    ({ name, prefix }) => ` neighbor ${name} peer-group
 neighbor ${name} remote-as ${s.as}
 neighbor ${name} timers ${Math.floor(s.holdTimeSeconds / 3)} ${s.holdTimeSeconds}
 neighbor ${name} advertisement-interval 0
 bgp listen range ${prefix} peer-group ${name}`,
  )
  .join("\n")}
 bgp listen limit 5000
 address-family ipv${s.family} unicast
${s.ranges
  .map(
    ({ name, keepBack }) => `  neighbor ${name} activate
  neighbor ${name} route-reflector-client
${s.addPath ? `  neighbor ${name} addpath-tx-all-paths` : ""}
${s.policyStatements > 0 ? `  neighbor ${name} route-map incoming in` : ""}
${keepBack ? `  neighbor ${name} route-map to_${name} out` : ""}`,
  )
  .join("\n")}
 exit-address-family
exit
`;
