import { foreignRoute } from "../../lib/route-owner.ts";
import type { Clash, FibRow, NeighborSummary, Summary, TunnelRow } from "../../view/model.ts";
import { plural, unhealthyNeighbors } from "../text/summary.ts";
import { type Finding, fail, ok, warn } from "./probe.ts";

/** What a running daemon says of itself, and of what its neighbors tell it. */
export const daemonFindings = (
  summary: Summary,
  routes: readonly FibRow[],
  tunnels: readonly TunnelRow[],
  clashes: readonly Clash[],
): Finding[] => [
  ...neighborFindings(summary),
  ...sharedRouterIds(summary),
  ...clashes.map(clashFinding),
  ...restartFindings(summary),
  ...fibFindings(routes),
  ...tunnels.map(tunnelFinding),
];

/** Neighbors in our AS with one router-id: over IPv4 and IPv6 a router has two sessions, so each is looked at alone. */
function sharedRouterIds({ router, neighbors }: Summary): Finding[] {
  const groups = new Map<string, NeighborSummary[]>();
  for (const neighbor of neighbors) {
    const { address, remoteAs, remoteRouterId, state } = neighbor;
    if (state !== "Established" || remoteAs !== router.as || remoteRouterId === null) continue;
    const key = `${address.includes(":") ? 6 : 4} ${remoteRouterId}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [neighbor]);
    else group.push(neighbor);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) =>
      warn(
        "router-id",
        `${and(group.map(({ address }) => address))} have the same router-id ${group[0]!.remoteRouterId}: each drops the other's routes, unless they are one router`,
        "give each router a router-id of its own",
      ),
    );
}

function clashFinding({ kind, from, originator, count, prefixes }: Clash): Finding {
  const some = count > prefixes.length ? `${prefixes.join(", ")} and ${count - prefixes.length} more` : and(prefixes);
  switch (kind) {
    case "own-originator":
      return warn(
        "router-id",
        `${plural(count, "route")} from ${from} rejected since their ORIGINATOR_ID ${originator} is our router-id, but they aren't ours (${some})`,
        "does another node use our router-id? give one of the two another",
      );
    case "own-prefix":
      return warn(
        "same-prefix",
        `${some} ${count === 1 ? "is" : "are"} ours and also announced by ${originator} (heard from ${from})`,
        "give one of the two another block, unless both are meant to announce it",
      );
    case "two-clients":
      return warn(
        "same-prefix",
        `${some} ${count === 1 ? "is" : "are"} announced by ${from} and by ${originator}, by each as its own`,
        "give one of the two another block, unless both are meant to announce it",
      );
  }
}

const and = (list: readonly string[]): string =>
  list.length < 2 ? list.join("") : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;

function neighborFindings(summary: Summary): Finding[] {
  const down = unhealthyNeighbors(summary);
  if (down.length === 0)
    return [ok("daemon", `A daemon is running, with ${plural(summary.neighbors.length, "neighbor")} established`)];
  return down.map((text) => warn("neighbors", text, "`peerage neighbor ADDR` tells more"));
}

/** What the daemon has yet to come to by itself. */
function restartFindings({ router: { waiting, readiness } }: Summary): Finding[] {
  const { reasons, writer } = readiness;
  const findings: Finding[] = [];
  if (waiting !== null)
    findings.push(
      warn("restart", `Now ${waiting}`, "wait; see docs/graceful-restart.md and router.selection-deferral"),
    );
  if (writer !== null)
    findings.push(
      fail(
        "kernel-writer",
        `Nothing is written into the kernel: ${writer}`,
        "see what its process does: `ps -o pid,stat,wchan -C node`, and let it go on (SIGCONT)",
      ),
    );
  for (const reason of reasons)
    if (reason !== waiting && reason !== writer)
      findings.push(warn("ready", `Not everything is done: ${reason}`, "`peerage wait ready` waits for it"));
  return findings;
}

/** A tunnel that can't be used takes its routes with it; one that is only otherwise than configured may lose packets. */
function tunnelFinding({ device, usable, problem }: TunnelRow): Finding {
  if (problem === null) return ok("tunnels", `${device} is as configured`);
  const text = `Tunnel ${device}: ${problem}`;
  return usable
    ? warn("tunnels", text, "undo it, or `peerage reload`: it is set as configured then")
    : fail("tunnels", text, "no packet goes through it; see docs/kernel.md, Tunnels");
}

/** Routes that are not in the kernel, in a few sentences. */
function fibFindings(routes: readonly FibRow[]): Finding[] {
  const findings: Finding[] = [];
  const overridden = new Map<string, FibRow[]>();
  const failed = new Map<string, FibRow[]>();
  const note = (groups: Map<string, FibRow[]>, key: string, row: FibRow) =>
    groups.set(key, [...(groups.get(key) ?? []), row]);
  for (const row of routes) {
    if (row.state === "overridden") note(overridden, foreignRoute(row.owner), row);
    if (row.state === "failed") note(failed, row.error ?? "the kernel didn't say why", row);
  }
  for (const [owner, rows] of overridden)
    findings.push(
      warn(
        "kernel",
        `${some(rows)}: the kernel has ${owner} in our place`,
        "remove one of the two, or give ours another kernel.metric",
      ),
    );
  for (const [error, rows] of failed)
    findings.push(
      fail(
        "kernel",
        `${some(rows)}: the kernel refused the route (${error})`,
        "`peerage explain PREFIX` shows how its next hop resolves",
      ),
    );
  const contested = routes.filter((row) => row.contested !== undefined);
  if (contested.length > 0)
    findings.push(
      warn(
        "kernel",
        `${some(contested)}: ${contested[0]!.contested}`,
        "see with `ip monitor route` who does that; give the other tool, or kernel.protocol and kernel.metric here, other values",
      ),
    );
  if (findings.length === 0) findings.push(ok("kernel", `${plural(routes.length, "route")} in the kernel as wanted`));
  return findings;
}

const some = (rows: readonly FibRow[]): string =>
  rows.length > 3
    ? `${rows
        .slice(0, 3)
        .map((row) => row.prefix)
        .join(", ")} and ${rows.length - 3} more`
    : rows.map((row) => row.prefix).join(", ");
