import { ApiError, ControlClient } from "../../api/client.ts";
import { ConfigErrors, formatPlace } from "../../config/errors.ts";
import { loadConfig } from "../../config/load.ts";
import type { Config } from "../../config/model.ts";
import { escapedJson, escapeText } from "../../lib/escape.ts";
import type { FibRow, Summary } from "../../view/model.ts";
import { socketOf } from "../daemon-commands.ts";
import { type CliIo, Exit } from "../io.ts";
import { plural, unhealthyNeighbors } from "../text/summary.ts";
import { configChecks } from "./config-checks.ts";
import * as host from "./host-checks.ts";
import { type Finding, fail, type HostProbe, ok, thisProbe, warn } from "./probe.ts";

export interface DoctorOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly socket?: string;
}

/** `peerage doctor`: everything on this host that could keep a speaker from working; 3 if something does. */
export async function doctor(options: DoctorOptions, io: CliIo, probe: HostProbe = thisProbe()): Promise<number> {
  const findings = await examine(options, io, probe);
  const healthy = findings.every((finding) => finding.status !== "fail");
  await io.out(options.json ? `${escapedJson({ healthy, checks: findings })}\n` : format(findings));
  return healthy ? Exit.done : Exit.unhealthy;
}

async function examine(options: DoctorOptions, io: CliIo, probe: HostProbe): Promise<Finding[]> {
  const { config, findings } = read(options.config);
  const daemon = await askDaemon(options, config, io);
  const situation: host.Situation = { probe, config, running: daemon.running };
  return [
    ...findings,
    ...(config ? configChecks(config, probe) : []),
    host.nodeVersion(situation),
    host.capabilities(situation),
    ...(await host.ports(situation)),
    ...host.forwarding(situation),
    ...host.reversePathFilter(situation),
    ...host.mtu(situation),
    ...host.ipv6(situation),
    ...host.optionMemory(situation),
    ...host.openFiles(situation),
    ...host.tcpCounters(situation),
    ...host.time(situation),
    ...daemon.findings,
  ];
}

function read(file: string | undefined): { config: Config | null; findings: Finding[] } {
  if (file === undefined) return { config: null, findings: [] };
  try {
    return { config: loadConfig(file), findings: [] };
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error;
    const findings = error.errors.map(({ place, message }) =>
      fail(
        "config",
        `${formatPlace(place)}: ${message}`,
        "the daemon would refuse this file; see docs/configuration.md",
      ),
    );
    return { config: null, findings };
  }
}

/** What a running daemon says of itself; without one there is nothing to say. */
async function askDaemon(
  options: DoctorOptions,
  config: Config | null,
  io: CliIo,
): Promise<{ running: boolean; findings: Finding[] }> {
  // A config names the daemon it is about, unless somebody says otherwise.
  const named = options.socket !== undefined || io.environment("PEERAGE_SOCKET");
  const client = new ControlClient(config && !named ? config.control.socket : socketOf(options, io));
  try {
    const summary = await client.get<Summary>("/summary");
    const { routes } = await client.get<{ routes: FibRow[] }>("/fib");
    return {
      running: true,
      findings: [...neighborFindings(summary), ...restartFindings(summary), ...fibFindings(routes)],
    };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { running: false, findings: [warn("daemon", error.message, "start it: peerage run -c FILE")] };
  }
}

function neighborFindings(summary: Summary): Finding[] {
  const down = unhealthyNeighbors(summary);
  if (down.length === 0)
    return [ok("daemon", `A daemon is running, with ${plural(summary.neighbors.length, "neighbor")} established`)];
  return down.map((text) => warn("neighbors", text, "`peerage neighbor ADDR` tells more"));
}

const restartFindings = ({ router }: Summary): Finding[] =>
  router.waiting === null
    ? []
    : [warn("restart", `Now ${router.waiting}`, "wait; see docs/graceful-restart.md and router.selection-deferral")];

/** Routes that are not in the kernel, in a few sentences. */
function fibFindings(routes: readonly FibRow[]): Finding[] {
  const findings: Finding[] = [];
  const overridden = new Map<string, FibRow[]>();
  const failed = new Map<string, FibRow[]>();
  const note = (groups: Map<string, FibRow[]>, key: string, row: FibRow) =>
    groups.set(key, [...(groups.get(key) ?? []), row]);
  for (const row of routes) {
    if (row.state === "overridden") note(overridden, row.owner ?? "another owner", row);
    if (row.state === "failed") note(failed, row.error ?? "the kernel didn't say why", row);
  }
  for (const [owner, rows] of overridden)
    findings.push(
      warn(
        "kernel",
        `${some(rows)}: the kernel has a route of ${owner} in our place`,
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

function format(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map((finding) => finding.name.length));
  const lines = findings.flatMap(({ status, name, text, remedy }) => [
    `${status.padEnd(4)}  ${name.padEnd(width)}  ${escapeText(text)}`,
    ...(remedy === null ? [] : [`${" ".repeat(width + 8)}${escapeText(remedy)}`]),
  ]);
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  return `${lines.join("\n")}\n\n${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} wrong\n`;
}
