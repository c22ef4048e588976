import { existsSync } from "node:fs";

/** What a scenario or a trial may need besides Node and `ip`, and the file that shows that it is there. */
const tools = {
  frr: "/usr/lib/frr/bgpd",
  bird: "/usr/sbin/bird",
  gobgp: "/usr/bin/gobgpd",
  openbgpd: "/usr/sbin/bgpctl",
  ping: "/usr/bin/ping",
  bgpdump: "/usr/bin/bgpdump",
} as const;

export type Tool = keyof typeof tools;

/** Why hosts of namespaces with these tools can't be had here, or null. */
export function obstacle(needs: readonly Tool[]): string | null {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (!["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].some((file) => existsSync(file))) return "ip is not installed";
  const missing = needs.filter((tool) => !existsSync(tools[tool]));
  return missing.length === 0 ? null : `not installed: ${missing.join(", ")}`;
}
