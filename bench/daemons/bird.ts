import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon, ReflectorSettings } from "./daemon.ts";
import { firstLine, lacks } from "./tools.ts";

/** BIRD 2: one protocol for each range; `direct` gives the next hops that reflected routes resolve by. */
export const bird: Daemon = {
  kind: "bird",
  label: "BIRD",
  version: () => firstLine("bird", ["--version"]),
  missing: () => lacks("bird"),
  unfit: () => null,
  prepare(settings, folder) {
    const file = join(folder, "bird.conf");
    writeFileSync(file, configuration(settings));
    return { argv: ["bird", "-f", "-c", file, "-s", join(folder, "bird.ctl"), "-P", join(folder, "bird.pid")] };
  },
};

const configuration = (s: ReflectorSettings): string => `
router id ${s.routerId};
protocol device { scan time 3600; }
protocol direct { ipv4; ipv6; }
filter incoming {
${Array.from({ length: s.policyStatements }, (_, i) => `  if (64998, ${i + 1}) ~ bgp_community then reject;`).join("\n")}
  accept;
}
${s.ranges
  .map(
    (range) => `
filter to_${range.name} {
  if source != RTS_BGP then reject;
  ${range.keepBack ? `if (${range.keepBack.replace(":", ",")}) ~ bgp_community then reject;` : ""}
  accept;
}
protocol bgp ${range.name} {
  local ${s.address} as ${s.as};
  neighbor range ${range.prefix} as ${s.as};
  dynamic name "${range.name}_";
  passive;
  rr client;
  rr cluster id ${s.routerId};
  hold time ${s.holdTimeSeconds};
  ipv${s.family} { import filter incoming; export filter to_${range.name}; ${s.addPath ? "add paths tx;" : ""} };
}`,
  )
  .join("\n")}
`;
