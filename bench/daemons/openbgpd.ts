import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon, ReflectorSettings } from "./daemon.ts";
import { lacks } from "./tools.ts";

/** OpenBGPD; its three processes count together. */
export const openbgpd: Daemon = {
  kind: "openbgpd",
  label: "OpenBGPD",
  version: () => "OpenBGPD (Debian's openbgpd package)",
  missing: () => lacks("bgpd"),
  unfit: () => null,
  prepare(settings, folder) {
    const file = join(folder, "openbgpd.conf");
    writeFileSync(file, configuration(settings, folder), { mode: 0o600 });
    return { argv: ["bgpd", "-d", "-f", file] };
  },
};

const configuration = (s: ReflectorSettings, folder: string): string => `
AS ${s.as}
router-id ${s.routerId}
holdtime ${s.holdTimeSeconds}
listen on ${s.address}
fib-update no
socket "${join(folder, "bgpd.sock")}"
${s.ranges
  .map(
    ({ name, prefix }) => `group "${name}" {
  remote-as ${s.as}
  route-reflector ${s.routerId}
  neighbor ${prefix} {
    passive
    announce IPv${s.family} unicast
    ${s.addPath ? "announce add-path send all" : ""}
  }
}`,
  )
  .join("\n")}
allow from any
${Array.from({ length: s.policyStatements }, (_, i) => `deny from any community 64998:${i + 1}`).join("\n")}
allow to any
${s.ranges.map(({ name, keepBack }) => (keepBack ? `deny to group "${name}" community ${keepBack}` : "")).join("\n")}
`;
